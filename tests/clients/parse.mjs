// npm `eventsource-parser` on streams that lie in a file.
//
//   node parse.mjs FILE
//
// FILE: {"streams": [["BASE64", ...], ...]}, each stream in pieces. Prints the streams as they were
// heard, {"events": [[NAME, DATA, LAST_EVENT_ID], ...], "retries": [MILLISECONDS, ...]} each, with
// {"faults": [TEXT, ...]} of what the parser took for no line of a stream.
import { readFileSync } from "node:fs";

import { load, tell } from "./tools.mjs";

const { createParser } = load("eventsource-parser");
const { streams } = JSON.parse(readFileSync(process.argv[2], "utf8"));

const heard = (pieces) => {
  const events = [];
  const retries = [];
  const faults = [];
  let last = "";
  const parser = createParser({
    onEvent({ event, data, id }) {
      // It leaves to its user what the standard calls the last event ID.
      last = id ?? last;
      events.push([event ?? "message", data, last]);
    },
    onRetry: (milliseconds) => retries.push(milliseconds),
    onError: (error) => faults.push(error.message),
  });
  const decoder = new TextDecoder();
  for (const piece of pieces) parser.feed(decoder.decode(Buffer.from(piece, "base64"), { stream: true }));
  return { events, retries, faults };
};
tell(streams.map(heard));
