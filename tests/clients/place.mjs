// A place where scripts of a test run: Node with the client of Tidings, Node with PocketBase's SDK,
// or a page in Chromium.
//
//   node place.mjs node URL_OF_CLIENT_MJS
//   node place.mjs page URL_OF_PAGE FOLDER
//   node place.mjs sdk URL_OF_SERVER
//
// Prints {"control": PORT} first, then what scripts `tell`, and {"uncaught": TEXT} for what nobody
// caught. At the port: POST /run, the body of an async function, answered with what it returns;
// POST /offline and /online for a page's network; POST /time, an instant at which a page's clock
// stands from then on, and /pass, the milliseconds by which it goes on. It ends on SIGTERM.
import { createServer } from "node:http";

import { launch } from "./browser.mjs";
import { load, tell } from "./tools.mjs";

const [kind, url, folder] = process.argv.slice(2);
const uncaught = (error) => tell({ uncaught: String(error?.message ?? error) });

async function node() {
  const text = await (await fetch(url)).text();
  const { restdb } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  Object.assign(globalThis, { restdb, tell });
  process.on("uncaughtException", uncaught);
  const AsyncFunction = (async () => {}).constructor;
  return { run: (body) => new AsyncFunction(body)() };
}

// As its documentation has it for Node: the SDK takes the EventSource that is there.
async function sdk() {
  globalThis.EventSource = load("eventsource").EventSource;
  const own = load("pocketbase");
  const PocketBase = own.default ?? own;
  Object.assign(globalThis, { pb: new PocketBase(url), PocketBase, tell });
  process.on("uncaughtException", uncaught);
  const AsyncFunction = (async () => {}).constructor;
  return { run: (body) => new AsyncFunction(body)() };
}

async function page() {
  // Whatever the browser leaves goes with the folder.
  process.env.TMPDIR = folder;
  const browser = await launch();
  process.on("SIGTERM", () => browser.close().finally(() => process.exit()));
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("pageerror", uncaught);
  await page.exposeFunction("tell", tell);
  await page.goto(url);
  let stopped = false;
  const stop = async () => {
    await page.clock.install({ time: 0 });
    // It can be stopped in the future only, and set to any time once it stands.
    await page.clock.pauseAt(3_600_000);
    stopped = true;
  };
  return {
    run: (body) => page.evaluate(`(async () => {${body}\n})()`),
    offline: () => context.setOffline(true),
    online: () => context.setOffline(false),
    time: async (instant) => {
      if (!stopped) await stop();
      await page.clock.setSystemTime(instant);
    },
    pass: (milliseconds) => page.clock.runFor(Number(milliseconds)),
  };
}

const commands = await { node, page, sdk }[kind]();
const control = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request.setEncoding("utf8")) body += piece;
  let told;
  try {
    told = { value: (await commands[request.url.slice(1)](body)) ?? null };
  } catch (error) {
    told = { thrown: String(error?.stack ?? error) };
  }
  const text = Buffer.from(JSON.stringify(told));
  response.writeHead(200, { "Content-Length": text.length, Connection: "close" }).end(text);
});
control.listen(0, "127.0.0.1", () => tell({ control: control.address().port }));
