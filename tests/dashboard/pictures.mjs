// The pictures in docs/images, of examples/dashboard.
//
// Usage: node pictures.mjs PLAYWRIGHT PROGRAM FOLDER
import {spawn} from "node:child_process";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

const [playwright, program, folder] = process.argv.slice(2);
const {chromium} = await import(pathToFileURL(join(playwright, "node_modules/playwright-core/index.mjs")));

const server = spawn(program, ["--for", "120"], {stdio: ["ignore", "pipe", "inherit"]});
const line = String(await new Promise(resolve => server.stdout.once("data", resolve)));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
});
const page = await browser.newPage({viewport: {width: 1200, height: 760}, colorScheme: "light"});
const shot = name => page.screenshot({path: join(folder, `dashboard-${name}.png`)});
await page.goto(line.trim().split(" ").at(-1));
await page.locator(".tasks .row .text", {hasText: "delivery"}).waitFor();
await page.waitForTimeout(25_000);  // so that the curves have something to show
await page.locator(".tasks .row", {has: page.locator(".text", {hasText: "delivery"})}).first().click();
await page.waitForTimeout(600);
await shot("tasks");
await page.keyboard.press("Escape");
await page.keyboard.press("2");
await page.waitForTimeout(1000);
await shot("tree");
await page.keyboard.press("3");
await page.waitForTimeout(1000);
await shot("awaits");
await page.keyboard.press("t");
await page.keyboard.press("4");
await page.waitForTimeout(1500);
await shot("plots-dark");
await page.keyboard.press("1");
await page.setViewportSize({width: 390, height: 780});
await page.waitForTimeout(1000);
await shot("phone");
await browser.close();
server.kill();
