// The examples' pages in windows of a real browser, which talk to each other.
//
//   node pages.mjs chat URL PICTURE
//   node pages.mjs scores URL PICTURE
//
// Says that it is done, and exits 0, if everything showed where it had to, and as often. The
// picture is of a window that only listened. What shows for a while only is awaited from before it
// can show.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";

import { launch } from "./browser.mjs";

const [example, url, picture] = process.argv.slice(2);
const PATIENCE_MS = 20_000;

const troubles = [];
const browser = await launch();

// A window of somebody else: nothing is shared with the others.
async function open(where, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => troubles.push(String(error)));
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && troubles.push(message.text()));
  page.on("request", (request) => new URL(request.url()).origin === new URL(where).origin || troubles.push(request.url()));
  await page.goto(where);
  return page;
}

const connected = (page) => page.locator("body[data-state=open]").waitFor();

// The same place by a network of its own, which can be taken away: the browser's offline alone
// leaves it the connections that it has.
async function network() {
  const sockets = new Set();
  let there = true;
  const { port: upstream, hostname } = new URL(url);
  const server = createServer((downstream) => {
    if (!there) return downstream.destroy();
    const socket = connect(Number(upstream), hostname);
    downstream.pipe(socket).pipe(downstream);
    for (const one of [downstream, socket]) {
      sockets.add(one);
      one.on("error", () => {});
      one.on("close", () => [downstream, socket].forEach((each) => each.destroy()));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    async take(page) {
      there = false;
      await page.context().setOffline(true);
      for (const socket of sockets) socket.destroy();
      await page.locator("body[data-state=lost]").waitFor();
    },
    async give(page) {
      there = true;
      await page.context().setOffline(false);
      await connected(page);
    },
    end: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

// Nothing is wider than a phone.
async function fits(page) {
  await page.setViewportSize({ width: 360, height: 640 });
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll("body *")]
      .filter((element) => element.tagName !== "PRE" && element.checkVisibility() && getComputedStyle(element).clipPath === "none")
      .filter((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
      .map((element) => `${element.tagName} ${element.className} ${element.id}`));
  assert.deepEqual(wide, []);
}

async function chat(away) {
  const ada = await open(url);
  const bo = await open(away.url);
  const texts = (page) => page.locator("#messages .text").allTextContents();
  const shows = (page, text) => page.locator("#messages .text").getByText(text, { exact: true }).waitFor();
  const say = async (page, text) => {
    await page.getByLabel("Your message").fill(text);
    await page.keyboard.press("Enter");
  };
  for (const [page, name] of [[ada, "Ada Adeyemi"], [bo, "Bo <i>Berg</i>"]]) {
    await connected(page);
    await shows(page, (await texts(page))[0]);
    await page.getByLabel("You are").fill(name);
  }

  // Somebody is typing, and that shows until it is said.
  const typing = bo.getByText("Ada Adeyemi is typing…").waitFor();
  await ada.getByLabel("Your message").pressSequentially("<b>hello</b>");
  await typing;
  await ada.keyboard.press("Enter");
  for (const page of [ada, bo]) await shows(page, "<b>hello</b>");
  await bo.locator("#typing:empty").waitFor({ state: "attached" });
  await say(bo, "x".repeat(500));
  for (const page of [ada, bo]) await shows(page, "x".repeat(500));
  await ada.locator("#messages .who").getByText("Bo <i>Berg</i>", { exact: true }).waitFor();
  for (const page of [ada, bo]) assert.equal(await page.locator(".text *, .who *").count(), 0, "it stays text");

  // What is written while one is away is there when they are back; so is what they could not send.
  await away.take(bo);
  await say(bo, "from afar");
  await bo.getByText("Not sent.").waitFor();
  for (const text of ["first", "second"]) await say(ada, text);
  await shows(ada, "second");
  await away.give(bo);
  await shows(bo, "second");
  await bo.getByRole("button", { name: "Try again" }).click();
  for (const page of [ada, bo]) await shows(page, "from afar");

  // Each once, in one order, and the same for whoever comes late.
  const said = ["<b>hello</b>", "x".repeat(500), "first", "second", "from afar"];
  const late = await open(url, { colorScheme: "dark" });
  await shows(late, "from afar");
  for (const page of [ada, bo, late]) assert.deepEqual((await texts(page)).slice(-said.length), said);
  const [all, unsent] = [await texts(ada), bo.locator("#unsent li")];
  for (const page of [bo, late]) assert.deepEqual(await texts(page), all);
  assert.equal(await unsent.count(), 0);
  await late.screenshot({ path: picture });
  await fits(late);
}

async function scores(away) {
  const board = await open(away.url, { reducedMotion: "reduce" });
  const operator = await open(`${url}operator.html`);
  const match = (page, id) => page.locator(`.match[data-id="${id}"]`);
  const score = (page, id, text) => match(page, id).locator(".goals").evaluateAll((goals) => goals.map((one) => one.textContent).join("-")).then((now) => now === text);
  const scoreIs = async (page, id, text) => {
    const end = Date.now() + PATIENCE_MS;
    while (!(await score(page, id, text))) {
      assert.ok(Date.now() < end, `${id} is not ${text}`);
      await page.waitForTimeout(10);
    }
  };
  const use = async (page, key) => {
    await page.getByLabel("The operator's key").fill(key);
    await page.keyboard.press("Enter");
  };
  const told = (page, id, fate) => match(page, id).locator(`.result[data-fate=${fate}]`);
  await connected(board);
  await scoreIs(board, 223, "2-0");

  // A key that is not known is refused, and another can be tried.
  await use(operator, "wrong");
  await operator.getByText("This key is not known.").waitFor();
  await use(operator, "whistle");
  await connected(operator);

  // A goal shows on the board, and on one that is opened later.
  let flash = match(board, 223).getByText("Goal!").waitFor();
  await operator.getByRole("button", { name: "Goal for Northfield" }).click();
  await flash;
  await told(operator, 223, "good").getByText('Saved as 3-0, and told: {"message":"OK"}').waitFor();
  await scoreIs(board, 223, "3-0");
  assert.equal(await match(board, 223).evaluate((card) => getComputedStyle(card).animationName), "none");
  await board.locator("#goals .value").getByText("3–0").waitFor();
  await board.screenshot({ path: picture });
  const late = await open(url);
  await connected(late);
  await scoreIs(late, 223, "3-0");
  assert.equal(await late.locator("#goals li").count(), 0);

  // The key of the board may not tell goals: the score is right all the same.
  const other = await open(`${url}operator.html`);
  await use(other, "board");
  await other.getByRole("button", { name: "Goal for Old Mill" }).click();
  await told(other, 222, "bad").getByText("GOAL was not told: 403").waitFor();
  await scoreIs(board, 222, "1-0");

  // What is taken back is no goal.
  await operator.getByRole("button", { name: "Take a goal of Northfield back" }).click();
  await told(operator, 223, "good").getByText("none is told").waitFor();
  await scoreIs(board, 223, "2-0");

  // What happened while the board was away shows when it is back: of all that, one more goal.
  await away.take(board);
  await operator.getByRole("button", { name: "Goal for Saint Elmo" }).click();
  await told(operator, 224, "good").waitFor();
  flash = match(board, 224).getByText("Goal!").waitFor();
  await away.give(board);
  await flash;
  await scoreIs(board, 224, "0-2");
  assert.deepEqual(await board.locator("#goals .value").allTextContents(), ["0–2", "3–0"]);
  for (const page of [board, operator]) await fits(page);
}

const away = await network();
try {
  await { chat, scores }[example](away);
  assert.deepEqual(troubles, []);
  console.log("done");
} finally {
  await browser.close();
  away.end();
}
