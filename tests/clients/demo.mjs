// The demo's page in two windows of a real browser.
//
//   node demo.mjs URL PICTURE
//
// What is done in one window has to show in the other without a reload. Exits 0 if all of
// it did; the picture is of the window that only listened.
import { launch } from "./browser.mjs";

const [url, picture] = process.argv.slice(2);
const PATIENCE_MS = 20_000;

const browser = await launch();
try {
  const context = await browser.newContext({ viewport: { width: 1100, height: 820 } });
  context.setDefaultTimeout(PATIENCE_MS);
  const troubles = [];
  const open = async () => {
    const page = await context.newPage();
    page.on("pageerror", (error) => troubles.push(String(error)));
    page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
    await page.goto(url);
    await page.locator("body[data-state=open]").waitFor();
    await page.locator("#todos li").first().waitFor();
    return page;
  };
  const acting = await open();
  const listening = await open();
  // A reload would lose it.
  await listening.evaluate(() => { window.stayed = true; });

  const rows = listening.locator("#todos li");
  const row = (title) => listening.locator(`#todos li:has(input[aria-label="Done: ${title}"])`);
  const before = await rows.count();

  await acting.locator("#title").fill("<b>water the plants</b>");
  await acting.locator("#add button").click();
  await row("<b>water the plants</b>").waitFor();
  const id = await row("<b>water the plants</b>").getAttribute("data-id");
  const there = (page) => page.locator(`#todos li[data-id="${id}"]`);

  await there(acting).locator("input[type=checkbox]").check();
  await listening.locator(`#todos li.done[data-id="${id}"]`).waitFor();

  const title = there(acting).locator("input[type=text]");
  await title.fill("water the garden");
  await title.press("Enter");
  await row("water the garden").waitFor();

  await acting.locator("#wave").click();
  await listening.locator("#feed [data-event=publish]").waitFor();

  await there(acting).locator("button").click();
  await there(listening).waitFor({ state: "detached" });

  const names = await listening.locator("#feed .name").allTextContents();
  const expected = ["delete", "publish", "put", "put", "post"];
  if (names.join() !== expected.join()) throw new Error(`the feed shows ${names}`);
  const ids = await listening.locator("#feed .id").allTextContents();
  if (new Set(ids).size !== expected.length || ids.includes("")) throw new Error(`ids: ${ids}`);
  if (await rows.count() !== before) throw new Error("the list is not as before");
  if (!(await listening.evaluate(() => window.stayed))) throw new Error("it was reloaded");
  if (troubles.length > 0) throw new Error(troubles.join("\n"));
  await listening.screenshot({ path: picture });
} finally {
  await browser.close();
}
