// npm `cloudevents`, the official SDK, on what a stream tells.
//
//   node cloudevent.mjs TEXT...
//
// Prints a line for each text: what the SDK reads in it, or why it refuses it.
import { load, tell } from "./tools.mjs";

const { HTTP } = load("cloudevents");
for (const body of process.argv.slice(2)) {
  try {
    const event = HTTP.toEvent({ headers: { "content-type": "application/cloudevents+json" }, body });
    event.validate();
    tell({ event });
  } catch (error) {
    tell({ refused: String(error.message) });
  }
}
