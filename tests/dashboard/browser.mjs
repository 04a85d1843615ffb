// The page of a dashboard in a browser, as a user would look at it.
//
// Usage: node browser.mjs PLAYWRIGHT PROGRAM TEST [FOLDER]
//   PLAYWRIGHT  where playwright-core is installed
//   PROGRAM     made_up_site
//   FOLDER      where screenshots go; without: none
import {spawn} from "node:child_process";
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {pathToFileURL} from "node:url";
import assert from "node:assert/strict";

const [playwright, program, wanted, folder] = process.argv.slice(2);
const {chromium} = await import(pathToFileURL(join(playwright, "node_modules/playwright-core/index.mjs")));

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const limit = 30_000;  // ms, for whatever must come

async function withPage(idle, size, test) {
  const server = spawn(program, [String(idle)], {stdio: ["pipe", "pipe", "inherit"]});
  const ended = new Promise(resolve => server.once("exit", resolve));
  const profile = mkdtempSync(join(tmpdir(), "dashboard-"));
  let browser;
  try {
    const url = String(await new Promise(resolve => server.stdout.once("data", resolve))).trim();
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags, viewport: size,
      colorScheme: "light",
    });
    const page = browser.pages()[0] ?? await browser.newPage();
    page.setDefaultTimeout(limit);
    const troubles = [];
    page.on("console", message => ["error", "warning"].includes(message.type()) && troubles.push(message.text()));
    page.on("pageerror", error => troubles.push(error.stack));
    page.on("request", request => new URL(request.url()).origin === new URL(url).origin ||
      troubles.push(`a request to ${request.url()}`));
    await page.goto(url);
    await page.locator("#live[data-status=live]").waitFor();
    await test(page, {url, server});
    assert.deepEqual(troubles, []);
  } finally {
    await browser?.close();
    server.stdin.end();
    await ended;
    rmSync(profile, {recursive: true, force: true});
  }
}

const desktop = {width: 1280, height: 800};
const phone = {width: 390, height: 780};
const rows = page => page.locator(".tasks .list .row:not([hidden])");
const named = (page, name) => rows(page).filter({has: page.locator(`.name .text`, {hasText: name})});
const shot = (page, name) => folder ? page.screenshot({path: join(folder, `dashboard-${name}.png`)}) : null;
// The name of the row that is on top.
const firstName = page => page.evaluate(() => [...document.querySelectorAll(".tasks .list .row:not([hidden])")]
  .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)[0]?.querySelector(".text").textContent);
async function until(what, is) {
  const end = Date.now() + limit;
  for (let last; ; ) {
    if (is(last = await what())) return last;
    assert.ok(Date.now() < end, `still ${last}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

const tests = {
  // The token leaves the address; a hung task, a blocked loop, a deadlock, each with its line.
  hung: () => withPage(300, desktop, async page => {
    assert.ok(!page.url().includes("token"), page.url());
    await named(page, "transfer-17").first().waitFor();
    assert.match(await named(page, "transfer-17").first().textContent(), /Lock\.acquire\(\).*transfer\.cpp:31/);
    const alerts = await page.locator("#alerts").textContent();
    assert.match(alerts, /Deadlock: 2 tasks wait for each other/);
    assert.match(alerts, /transfer-17.*transfer\.cpp:31.*transfer-18.*transfer\.cpp:34/);
    assert.match(alerts, /Loop images is blocked\s*for .*by\s*resize-3.*images\.cpp:48/);
    await named(page, "transfer-17").first().click();
    const details = page.locator("#details");
    assert.match(await details.textContent(), /handle_order.*orders\.cpp:77/);
    assert.match(await details.textContent(), /transfer-18.*has the lock/);
    await page.waitForTimeout(1500);  // so that the curves of the picture have a shape
    await shot(page, "hung");
    await page.keyboard.press("Escape");
    await details.waitFor({state: "hidden"});
  }),

  // failure 106: names are text.
  hostile: () => withPage(0, desktop, async page => {
    await page.locator("#text").fill("onerror");
    await until(() => rows(page).count(), n => n === 1);
    assert.match(await rows(page).first().textContent(), /<img src=x onerror=/);
    assert.match(await rows(page).first().textContent(), /<b>render<\/b>.*<i>page\.cpp:5/);
    assert.equal(await page.locator("img").count(), 1);  // the logo
    assert.notEqual(await page.title(), "owned");
    await page.locator("#text").fill("red");
    await until(() => firstName(page), name => name === "\\x1b[31mred\\x1b[0m \\u202egnp.exe");
    await page.locator("#text").fill("mega");
    await until(() => firstName(page), name => name.startsWith("MMMM") && name.length < 200);
  }),

  filter_and_sort: () => withPage(2000, desktop, async page => {
    await until(() => page.locator("#foot").textContent(), text => /400 tasks of 2,053/.test(text));
    await page.keyboard.press("/");
    await page.keyboard.type("images.cpp");
    await until(() => page.locator("#foot").textContent(), text => text === "4 tasks");
    await page.locator("[data-state=ready]").first().click();
    await until(() => page.locator("#foot").textContent(), text => text === "3 tasks");
    await page.locator("#states [data-state='']").click();
    await page.locator("#text").fill("connection-");
    await page.locator(".head .name").click();
    await until(() => firstName(page), name => name === "connection-0");
    await page.locator(".head .name").click();
    await until(() => firstName(page), name => name === "connection-1999");
    // Only what is visible is in the document.
    assert.ok(await page.locator(".tasks .row").count() < 60);
    await page.locator(".tasks .list").evaluate(list => list.scrollTop = 1e6);
    await named(page, "connection-1600").first().waitFor();
    assert.ok(await page.locator(".tasks .row").count() < 80);
  }),

  pause: () => withPage(0, desktop, async page => {
    const since = () => named(page, "resize-3").first().locator(".since .text").textContent();
    await named(page, "resize-3").first().waitFor();
    const before = await since();
    await until(since, now => now !== before);
    await page.locator("#pause").click();
    await page.locator("#live[data-status=paused]").waitFor();
    const then = await since();
    await page.waitForTimeout(1000);  // five looks
    assert.equal(await since(), then);
    await page.keyboard.press("p");
    await until(since, now => now !== then);
  }),

  dark: () => withPage(300, desktop, async page => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await ground();
    await page.emulateMedia({colorScheme: "dark"});
    const dark = await until(ground, colour => colour !== light);
    await page.locator("#theme").click();
    assert.equal(await ground(), light);
    await page.reload();  // it was chosen
    await rows(page).first().waitFor();
    assert.equal(await ground(), light);
    await page.keyboard.press("t");
    assert.equal(await ground(), dark);
    await page.waitForTimeout(2500);
    await shot(page, "dark");
  }),

  tree: () => withPage(100, desktop, async page => {
    await page.keyboard.press("2");
    const lines = page.locator(".tree .row:not([hidden])");
    await lines.filter({hasText: "waits in a circle"}).first().waitFor();
    assert.match(await lines.first().textContent(), /transfer-17/);
    await lines.filter({hasText: "worker-0"}).first().waitFor();
    await shot(page, "tree");
  }),

  awaits: () => withPage(30, desktop, async page => {
    await page.keyboard.press("3");
    const box = page.locator(".box", {hasText: "worker"}).first();
    await box.waitFor();
    const wide = async () => (await box.boundingBox()).width;
    const before = await wide();
    await page.waitForTimeout(800);
    await shot(page, "awaits");
    await box.click();
    await until(wide, width => width > before * 1.2);
    await page.locator("text=show all").click();
    await page.locator("text=tasks, now").click();
    await until(() => page.locator(".hint").textContent(), text => text === "83 tasks");
  }),

  plots: () => withPage(300, desktop, async page => {
    await page.keyboard.press("4");
    await until(() => page.locator(".plot").first().getAttribute("data-points"), n => Number(n) >= 40);
    // There is a curve: more than one colour, and not only grey ones.
    const colours = await page.locator("canvas").last().evaluate(canvas => {
      const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let coloured = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] > 200 && Math.abs(data[i] - data[i + 2]) > 60) ++coloured;
      }
      return coloured;
    });
    assert.ok(colours > 300, `${colours} pixels of a curve`);
    await shot(page, "plots");
  }),

  phone: () => withPage(300, phone, async page => {
    await rows(page).first().waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), phone.width);
    await named(page, "transfer-17").first().click();
    await page.locator("#details").waitFor();
    await page.keyboard.press("Escape");
    await page.waitForTimeout(1000);
    await shot(page, "phone");
  }),

  keys: () => withPage(10, desktop, async page => {
    await rows(page).first().waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("j");
    assert.equal(await page.locator("[aria-selected=true].row").count(), 1);
    await page.locator("#details:not([hidden])").waitFor();
    await page.keyboard.press("?");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({state: "hidden"});
  }),

  // The program ends, and the page says so.
  gone: () => withPage(10, desktop, async (page, {server}) => {
    await rows(page).first().waitFor();
    page.removeAllListeners("console");  // the browser reports that it cannot connect
    server.stdin.end();
    await page.locator("#live[data-status=disconnected]").waitFor();
    assert.match(await page.locator("#alerts").textContent(), /has ended/);
  }),
};

if (wanted === "--list") {
  console.log(Object.keys(tests).join(" "));
} else {
  await tests[wanted]();
}
