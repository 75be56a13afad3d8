"use strict";
let connection;   // With the key that was entered last.

$("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  connection?.close();
  connection = new db($("key").value, { realtime: true });
  $("refused").textContent = "";
  state("connecting", "connecting");
  follow(connection, (matches) => matches.forEach(showMatch));
  connection.on("CONNECT", (error) => {
    $("panel").hidden = Boolean(error);
    if (!error) return;
    state("refused", "refused");
    $("refused").textContent = "This key is not known.";
  });
});

const rows = new Map();   // id -> {row, match, saving}

function showMatch(match) {
  const id = String(match.id);
  if (!rows.has(id)) rows.set(id, { row: newRow(id, match), saving: false });
  const known = rows.get(id);
  const { row } = known;
  known.match = match;
  for (const [n, side] of ["home", "away"].entries()) {
    const goals = goalsOf(match.score)[n];
    row.querySelector(`.${side} .goals`).textContent = goals;
    row.querySelector(`.${side} .less`).disabled = goals === 0;
  }
}

function newRow(id, match) {
  const side = (name) => {
    const more = button("more", "+", `Goal for ${match[name]}`, () => save(id, name, +1));
    const less = button("less", "−", `Take a goal of ${match[name]} back`, () => save(id, name, -1));
    return part("div", `side ${name}`, crest(match[name]), part("span", "team", match[name]), less, part("span", "goals"), more);
  };
  const result = part("p", "result");
  result.setAttribute("role", "status");
  const row = part("li", "match", part("p", "top", part("span", "place", match.place ?? "")), side("home"), side("away"), result);
  row.dataset.id = id;
  $("matches").append(row);
  return row;
}

function button(name, text, label, act) {
  const made = part("button", name, text);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}

// First the record, then the moment: no board flashes for a goal that is not in the score.
async function save(id, team, by) {
  const known = rows.get(id);
  if (known.saving) return;   // A second click would count from the same score.
  known.saving = true;
  await saveScore(id, known, team, by);
  known.saving = false;
}

async function saveScore(id, { match, row }, team, by) {
  const goals = goalsOf(match.score);
  goals[team === "home" ? 0 : 1] += by;
  const value = goals.join("-");
  result(row, "wait", `Saving ${value}`);
  try {
    const response = await fetch(`/matches/${encodeURIComponent(id)}`, {
      method: "PATCH",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ score: value }),
    });
    if (!response.ok) throw new Error(`the API answered ${response.status}`);
    // It is heard, too; but the next click must not count from the old score.
    showMatch(await response.json());
  } catch (error) {
    return result(row, "bad", `Not saved, as it seems: ${error.message}`);
  }
  if (by < 0) return result(row, "good", `Saved as ${value}. That is no goal, so none is told.`);
  tell(row, { match: match.id, value, team });
}

function tell(row, data) {
  result(row, "wait", `Saved as ${data.value}. Telling it`);
  connection.publish("GOAL", data, (error, answer) => {
    if (!error) return result(row, "good", `Saved as ${data.value}, and told: ${JSON.stringify(answer)}`);
    const why = error.status ? `${error.status}, ${error.message}` : error.message;
    result(row, "bad", `Saved as ${data.value}, but GOAL was not told: ${why} `, button("", "Tell it again", undefined, () => tell(row, data)));
  });
}

function result(row, fate, ...text) {
  const line = row.querySelector(".result");
  line.dataset.fate = fate;
  line.replaceChildren(...text);
}
