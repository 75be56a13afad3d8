// The EventSource of Chromium on streams that lie in a file.
//
//   node parse-page.mjs FILE FOLDER
//
// FILE and what is printed are those of parse.mjs, without retries and faults: a page is told of
// neither. It hears only events whose name it knows: FILE has {"names": [...]} too. What the browser
// leaves is in FOLDER.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";

import { launch } from "./browser.mjs";
import { tell } from "./tools.mjs";

const [file, folder] = process.argv.slice(2);
const { names, streams } = JSON.parse(readFileSync(file, "utf8"));

const server = createServer(async (request, response) => {
  const pieces = streams[request.url.slice(1)];
  if (pieces === undefined) {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>page</title>");
    return;
  }
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  for (const piece of pieces) {
    response.write(Buffer.from(piece, "base64"));
    await setImmediate();
  }
  response.end();
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

// In the page. The stream's end is an error; without close() it would be opened again.
const heard = ([stream, names]) =>
  new Promise((done) => {
    const events = [];
    const source = new EventSource(`/${stream}`);
    for (const name of names) {
      source.addEventListener(name, (event) => events.push([event.type, event.data, event.lastEventId]));
    }
    source.addEventListener("error", () => {
      source.close();
      done(JSON.stringify(events));
    });
  });

process.env.TMPDIR = folder;
const browser = await launch();
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const told = [];
  for (const stream of streams.keys()) {
    told.push({ events: JSON.parse(await page.evaluate(heard, [stream, names])), retries: null });
  }
  tell(told);
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}
