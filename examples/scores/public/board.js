"use strict";
// The board's key, with the rights that tidings.yaml gives it.
var db = new db("board", { realtime: true });

const GOAL_MS = 6_000;
const GOALS_MAX = 8;

const cards = new Map();   // id -> {card, match, timer}: the timer ends what a goal began.

follow(db, (matches) => {
  const there = new Set(matches.map(({ id }) => String(id)));
  for (const [id, { card }] of cards) {
    if (there.has(id)) continue;
    card.remove();
    cards.delete(id);
  }
  matches.forEach(showMatch);
});

db.on("GOAL", (error, eventdata) => error || goal(eventdata.data));

function showMatch(match) {
  const id = String(match.id);
  if (!cards.has(id)) cards.set(id, { card: newCard(id) });
  const known = cards.get(id);
  const { card, match: before } = known;
  known.match = match;
  card.querySelector(".place").textContent = match.place ?? "";
  for (const [n, side] of ["home", "away"].entries()) {
    const row = card.querySelector(`.${side}`);
    const name = String(match[side] ?? "");
    const [shown, goals] = [row.querySelector(".goals"), String(goalsOf(match.score)[n])];
    if (row.querySelector(".team").textContent !== name) {
      row.querySelector(".crest").replaceWith(crest(name));
      row.querySelector(".team").textContent = name;
    }
    if (shown.textContent === goals) continue;
    shown.textContent = goals;
    if (before) restart(shown, "turned");
  }
}

function newCard(id) {
  const side = (name) => part("div", `side ${name}`, crest(""), part("span", "team"), part("span", "goals"));
  const called = part("span", "called", "Goal!");
  called.hidden = true;
  const card = part("li", "match", part("p", "top", part("span", "place"), called), side("home"), side("away"));
  card.dataset.id = id;
  $("matches").append(card);
  return card;
}

// The score comes from the record: here is only the moment.
function goal(data) {
  const known = cards.get(String(data?.match));
  if (!known) return;
  const { match, card } = known;
  const called = card.querySelector(".called");
  called.hidden = false;
  for (const side of ["home", "away"]) card.querySelector(`.${side}`).classList.toggle("scored", data.team === side);
  restart(card, "goal");
  clearTimeout(known.timer);
  known.timer = setTimeout(() => {
    called.hidden = true;
    card.classList.remove("goal");
    for (const row of card.querySelectorAll(".scored")) row.classList.remove("scored");
  }, GOAL_MS);

  const time = part("time", "at", new Date().toLocaleTimeString([], { timeStyle: "short" }));
  const value = part("b", "value", String(data.value).replace("-", "–").slice(0, 12));
  $("goals").prepend(part("li", "told", value, part("span", "teams", `${match.home} – ${match.away}`), time));
  while ($("goals").children.length > GOALS_MAX) $("goals").lastElementChild.remove();
  $("no-goals").hidden = true;
}
