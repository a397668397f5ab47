/**
 * Puppeteer over our client: `puppeteer_program.ts URL`, of a browser's DevTools. A program of its own, as
 * Puppeteer leaves timers behind.
 */

import process from "node:process";
import { browserAt } from "../../docs/recipes/puppeteer.ts";

const browser = await browserAt(process.argv[2]!);
const page = await browser.newPage();
await page.goto("data:text/html,<title>hello</title><p>page</p>");
const picture = await page.screenshot();
console.log(await page.title(), String.fromCharCode(...picture.slice(1, 4)));
await page.close();
const ended = new Promise((resolve) => browser.once("disconnected", resolve));
await browser.close();
await ended;
await browser.disconnect(); // of one that has gone
await new Promise((resolve) => setTimeout(resolve));
process.exit();
