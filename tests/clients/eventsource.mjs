// npm `eventsource` 4 on a stream, as a server-side JavaScript program uses it.
//
//   node eventsource.mjs URL NAME...
//
// Prints a line for each opening, each loss and each event of one of the names, its data as JSON
// where it is that, until it is killed or the EventSource gives up. It comes back by itself after a loss.
import { load, tell } from "./tools.mjs";

const { EventSource } = load("eventsource");
const [url, ...names] = process.argv.slice(2);
const read = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
const source = new EventSource(url);
source.addEventListener("open", () => tell({ open: true }));
source.addEventListener("error", (error) => tell({ lost: true, closed: source.readyState === EventSource.CLOSED, code: error.code ?? null }));
for (const name of ["message", ...names]) {
  source.addEventListener(name, (event) => tell({ event: name, id: event.lastEventId, data: read(event.data) }));
}
