"use strict";
// What both pages have in common: the matches as the API has them, and the state of the stream.
const READ_AGAIN_MS = 2_000;
const $ = (id) => document.getElementById(id);

// Shows the matches now, and whenever they may have changed.
function follow(db, show) {
  let reading = false;
  let wanted = false;

  // One read at a time, and of all of them, for they are few: an answer is never older than the
  // one before it, and the last is newer than all that was heard.
  async function read() {
    wanted = true;
    if (reading) return;
    reading = true;
    while (wanted) {
      wanted = false;
      const matches = await matchesNow();
      if (matches) {
        show(matches);
        $("matches").setAttribute("aria-busy", "false");
      } else {
        wanted = true;
        await new Promise((later) => setTimeout(later, READ_AGAIN_MS));
      }
    }
    reading = false;
  }

  db.on("CONNECT", (error) => {
    if (error) return state("refused", `refused: ${error.message}`);
    state("open", "live");
    // With the stream already open: what changes from here on is heard, so nothing falls between.
    read();
  });
  db.on("DISCONNECT", (error) => error || state("lost", "offline, coming back"));
  db.on("RECONNECT", (error) => {
    if (error) return;
    state("open", "live again");
    restart($("state"), "back");
  });
  // What was missed follows RECONNECT by itself; unless it is too long ago, or what became of a
  // write is not known.
  for (const event of ["PATCH", "GAP", "UNCERTAIN"]) db.matches.on(event, (error) => error || read());
}

async function matchesNow() {
  try {
    const response = await fetch("/matches?_sort=id");
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

function state(name, text) {
  document.body.dataset.state = name;
  $("state-text").textContent = text;
}

// Begins an animation anew.
function restart(element, animation) {
  element.classList.remove(animation);
  void element.offsetWidth;
  element.classList.add(animation);
}

// "3-0" -> [3, 0]
function goalsOf(score) {
  const [home, away] = String(score).split("-").map(Number);
  return [home || 0, away || 0];
}

// An element with a class and with what is in it; a text never becomes markup.
function part(element, name, ...inside) {
  const made = document.createElement(element);
  made.className = name;
  made.append(...inside.map((one) => (one instanceof Node ? one : String(one))));
  return made;
}

// The first letters of a name, in a colour of its own.
function crest(name) {
  const letters = name.split(/\s+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join("");
  const made = part("span", "crest", letters.toUpperCase());
  made.setAttribute("aria-hidden", "true");
  let hue = 0;
  for (const c of name) hue = (hue * 31 + c.codePointAt(0)) % 360;
  made.style.setProperty("--hue", hue);
  return made;
}
