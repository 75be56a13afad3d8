"use strict";
// The page's key, with the rights that tidings.yaml gives it.
var db = new db("chat", { realtime: true });

const HISTORY_MAX = 200;       // So many messages are read, and shown, when the page begins.
const READ_AGAIN_MS = 2_000;
const TYPING_EVERY_MS = 2_500; // So often others are told at most that somebody is typing here,
const TYPING_MS = 4_000;       // and so long they show it.
const SAME_MS = 5 * 60_000;    // Messages of one writer within this time stand together.
const $ = (id) => document.getElementById(id);
const random = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("");

// --- who writes here: one for each window, so that two of them can talk ---

const NAMES = ["Bo", "Cleo", "Dara", "Eli", "Finn", "Gus", "Hana", "Ines", "Jun", "Kai", "Lou", "Mara", "Nils", "Oda", "Pia", "Rio", "Sol", "Tove", "Uma", "Wim"];
const kept = (name, first) => {
  if (!sessionStorage.getItem(name)) sessionStorage.setItem(name, first);
  return sessionStorage.getItem(name);
};
const me = kept("me", random());
$("name").value = kept("name", NAMES[Math.floor(Math.random() * NAMES.length)]);
$("name").addEventListener("change", () => {
  $("name").value = $("name").value.trim() || sessionStorage.getItem("name");
  sessionStorage.setItem("name", $("name").value);
});

// --- what is heard ---

db.on("CONNECT", (error) => {
  if (error) return state("refused", `refused: ${error.message}`);
  state("open", "connected");
  // With the stream already open: what is written from here on is heard, so nothing falls between.
  readAll();
});
db.on("DISCONNECT", (error) => error || state("lost", "offline, coming back"));
db.on("RECONNECT", (error) => {
  if (error) return;
  state("open", "connected again");
  again($("state"), "back");
});
// What was missed follows RECONNECT by itself.
db.messages.on("POST", (error, eventdata) => error || show(eventdata.data));
// Unless it is too long ago, or what became of a write is not known: then it is read again.
db.messages.on("GAP", (error) => error || readAll());
db.messages.on("UNCERTAIN", (error) => error || readAll());
db.on("TYPING", (error, eventdata) => error || typing(eventdata.data));

function state(name, text) {
  document.body.dataset.state = name;
  $("state-text").textContent = text;
}

function again(element, animation) {
  element.classList.remove(animation);
  void element.offsetWidth;   // Begins the animation anew.
  element.classList.add(animation);
}

// --- the messages: what the API has, in the order of their ids, whichever way they come ---

const rows = new Map();   // id -> its row
let reading = false;
let wanted = false;

// One read at a time: an answer is never older than the one before it.
async function readAll() {
  wanted = true;
  if (reading) return;
  reading = true;
  while (wanted) {
    wanted = false;
    const before = new Set(rows.keys());
    const records = await history();
    if (!records) {
      wanted = true;
      await new Promise((later) => setTimeout(later, READ_AGAIN_MS));
      continue;
    }
    for (const record of records) before.delete(String(record.id));
    // What was heard while it was read is not in `before`, and stays.
    for (const id of before) remove(id);
    for (const record of records) show(record, "read");
    $("none").hidden = rows.size > 0;
    $("log").setAttribute("aria-busy", "false");
  }
  reading = false;
}

// The newest messages, the oldest of them first; null if there was no answer.
async function history() {
  try {
    const response = await fetch(`/messages?_sort=id&_order=desc&_limit=${HISTORY_MAX}`);
    return response.ok ? (await response.json()).reverse() : null;
  } catch {
    return null;
  }
}

function remove(id) {
  const next = rows.get(id).nextElementSibling;
  rows.get(id).remove();
  rows.delete(id);
  if (next) join(next);
}

// Twice the same is once: a message of one's own comes as an answer too.
function show(record, how = "heard") {
  if (record?.id === undefined) return;
  const id = String(record.id);
  const own = record.from !== undefined && record.from === me;
  if (record.key !== undefined) unsent.get(record.key)?.remove();
  unsent.delete(record.key);
  quiet(record.from);
  if (rows.has(id)) return;

  const follow = own || atEnd();
  const row = newRow(record, own);
  row.dataset.id = id;
  rows.set(id, row);
  let next = null;
  let last = $("messages").lastElementChild;
  for (; last && Number(last.dataset.id) > Number(id); last = last.previousElementSibling) next = last;
  $("messages").insertBefore(row, next);
  join(row);
  if (next) join(next);
  if (how === "heard") row.classList.add("told");
  $("none").hidden = true;
  if (follow) toEnd();
  else $("newer").hidden = false;
}

// Everything that somebody else wrote becomes text, and never markup.
function newRow(record, own) {
  const name = typeof record.name === "string" && record.name.trim() ? record.name.trim() : "somebody";
  const at = new Date(record.at);
  const row = document.createElement("li");
  row.classList.toggle("own", own);
  row.dataset.by = String(record.from ?? name);
  row.dataset.at = String(at.getTime());

  const face = part("span", "face", [...name][0].toUpperCase());
  face.setAttribute("aria-hidden", "true");
  face.style.setProperty("--hue", hue(row.dataset.by));
  const by = part("p", "by", "");
  const who = part("b", "who", own ? "You" : name);
  who.dir = "auto";
  by.append(who);
  if (!Number.isNaN(at.getTime())) {
    const today = at.toDateString() === new Date().toDateString();
    const time = part("time", "at", at.toLocaleString([], today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" }));
    time.dateTime = at.toISOString();
    by.append(" ", time);
  }
  const text = part("p", "text", typeof record.text === "string" ? record.text : JSON.stringify(record.text ?? ""));
  text.dir = "auto";
  row.append(face, by, text);
  return row;
}

function part(element, name, text) {
  const made = document.createElement(element);
  made.className = name;
  made.textContent = text;
  return made;
}

function hue(text) {
  let sum = 0;
  for (const c of text) sum = (sum * 31 + c.codePointAt(0)) % 360;
  return sum;
}

// Says whether a row belongs to the one above it.
function join(row) {
  const above = row.previousElementSibling;
  const near = above && !(Math.abs(Number(row.dataset.at) - Number(above.dataset.at)) > SAME_MS);
  row.classList.toggle("same", Boolean(near) && above.dataset.by === row.dataset.by);
}

// --- where the reader is ---

function atEnd() {
  return $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 60;
}

function toEnd() {
  $("log").scrollTop = $("log").scrollHeight;
}

// Where the window is made smaller, as by a keyboard, the end stays in sight.
let end = true;
new ResizeObserver(() => { if (end) toEnd(); }).observe($("log"));
$("log").addEventListener("scroll", () => {
  end = atEnd();
  if (end) $("newer").hidden = true;
});
$("newer").addEventListener("click", toEnd);

// --- what is written here ---

const unsent = new Map();   // key -> its row, until the message is heard or answered

$("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  typed = 0;
  const record = { key: random(), from: me, name: $("name").value.trim() || "somebody", text, at: new Date().toISOString() };
  const row = newRow(record, true);
  row.append(part("p", "fate", "sending"));
  unsent.set(record.key, row);
  $("unsent").append(row);
  toEnd();
  send(record, row);
});

async function send(record, row) {
  fate(row, "sending");
  try {
    const response = await fetch("/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(record),
    });
    if (!response.ok) throw new Error(`the API answered ${response.status}`);
    show(await response.json());
  } catch {
    // It may have been taken all the same: then it is heard, and this row goes.
    if (unsent.has(record.key)) fate(row, "Not sent.", () => send(record, row));
  }
}

function fate(row, text, repeat) {
  const line = row.querySelector(".fate");
  line.textContent = text;
  row.classList.toggle("failed", repeat !== undefined);
  if (!repeat) return;
  const button = part("button", "", "Try again");
  button.type = "button";
  button.addEventListener("click", repeat);
  line.append(" ", button);
  toEnd();
}

$("text").addEventListener("keydown", (event) => {
  // Enter within a word that is being composed belongs to that word.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("write").requestSubmit();
});

// --- who is typing ---

const typists = new Map();   // from -> {name, timer}
let typed = 0;

$("text").addEventListener("input", () => {
  if (Date.now() - typed < TYPING_EVERY_MS || !$("text").value.trim()) return;
  typed = Date.now();
  // Where it is not told, nothing is lost.
  db.publish("TYPING", { from: me, name: $("name").value.trim() }, () => {});
});

function typing(data) {
  if (typeof data?.from !== "string" || typeof data.name !== "string" || data.from === me) return;
  quiet(data.from);
  typists.set(data.from, { name: data.name.slice(0, 40), timer: setTimeout(quiet, TYPING_MS, data.from) });
  tellTypists();
}

function quiet(from) {
  if (!typists.has(from)) return;
  clearTimeout(typists.get(from).timer);
  typists.delete(from);
  tellTypists();
}

function tellTypists() {
  const names = [...typists.values()].map(({ name }) => name);
  if (names.length > 3) $("typing").textContent = "Several people are typing…";
  else $("typing").textContent = names.length === 0 ? "" : `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} typing…`;
}

$("about").addEventListener("keydown", (event) => {
  if (event.key === "Escape") $("about").open = false;
});
$("curl").textContent = [
  `curl -N '${location.origin}/realtime?apikey=chat'`,
  `curl ${location.origin}/messages -H 'Content-Type: application/json' -d '{"name":"curl","text":"hello"}'`,
].join("\n");
