/** What the tests of the examples' pages share: waiting for what a page shows, and pictures. */

import { assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { onDeno, ROOT } from "../helpers/programs.ts";
import type { Chromium, Page } from "../helpers/chromium.ts";
import { PICTURES } from "./example.ts";

/** How large a picture is, in CSS pixels. */
const SIZE = { width: 1200, height: 800, deviceScaleFactor: 1, mobile: false };

/** The rules of axe's that a page in other colours may break. */
const DARK = '{ runOnly: ["color-contrast", "link-in-text-block"] }';

/** Waits, in the page, until an expression is true of it; fails with what it shows instead. */
export async function until(page: Page, expression: string): Promise<void> {
  const shown = await page.evaluate<string | true>(`new Promise((resolve) => {
    const look = () => (${expression}) && resolve(true);
    const kinds = { subtree: true, childList: true, characterData: true, attributes: true };
    new MutationObserver(look).observe(document, kinds);
    setTimeout(() => resolve(document.body.innerText), 25_000);
    look();
  })`);
  if (shown !== true) throw new Error(`it is not so that ${expression}:\n${shown}`);
}

/** The lines of text that the elements have, each on one. */
export function textsOf(page: Page, selector: string): Promise<string[]> {
  return page.evaluate(`[...document.querySelectorAll(${JSON.stringify(selector)})].map(
    (element) => element.innerText.replaceAll(/\\s+/g, " ").trim())`);
}

/** How a page is shown: in which size, and light or dark. */
export async function emulate(
  browser: Chromium,
  page: Page,
  scheme: "light" | "dark",
): Promise<void> {
  const url = await page.evaluate<string>("location.href");
  const { targetInfos } = await browser.call("Target.getTargets");
  const infos = targetInfos as { url: string; targetId: string }[];
  const { targetId } = infos.find((target) => target.url === url)!;
  const { sessionId } = await browser.call("Target.attachToTarget", { targetId, flatten: true });
  const features = [{ name: "prefers-color-scheme", value: scheme }];
  await browser.call("Emulation.setDeviceMetricsOverride", SIZE, sessionId as string);
  await browser.call("Emulation.setEmulatedMedia", { features }, sessionId as string);
}

/**
 * Has axe look at the page, light and dark: it must find nothing wrong, and something to look at. In the dark it
 * looks at what depends on colours. A page is the same whoever serves it: the run on Deno has that.
 */
export async function assertAccessible(browser: Chromium, page: Page): Promise<void> {
  if (!onDeno) return;
  const axe = readFileSync(join(ROOT, "node_modules/axe-core/axe.min.js"), "utf8");
  await page.evaluate(`${axe}; undefined`);
  for (const [scheme, what, least] of [["light", "{}", 11], ["dark", DARK, 1]] as const) {
    await emulate(browser, page, scheme);
    const { passes, violations } = await page.evaluate<{ passes: number; violations: string[] }>(
      `axe.run(${what}).then(({ passes, violations }) => ({
        passes: passes.length,
        violations: violations.flatMap(({ id, help, nodes }) =>
          nodes.map(({ html }) => id + ": " + help + ": " + html)),
      }))`,
    );
    assertEquals(violations, [], `what axe says, ${scheme}`);
    assertEquals(passes >= least, true, `axe has looked at ${passes} rules only, ${scheme}`);
  }
}

/** What has the focus: `#id`, or the name of the element. */
export function focusOf(page: Page): Promise<string> {
  return page.evaluate(`((at) => at.id ? "#" + at.id : at.textContent.trim() || at.localName)(
    document.activeElement)`);
}

/** Takes pictures for the documentation, light and dark, where that is asked for: see `PICTURES`. */
export async function takePicture(browser: Chromium, page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return;
  for (const scheme of ["dark", "light"] as const) {
    await emulate(browser, page, scheme);
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 500))");
    const file = scheme === "dark" ? name.replace(".png", "_dark.png") : name;
    await page.screenshot(join(PICTURES, file));
  }
}

/** The least contrast of any text on the page to what is behind it (WCAG 2, 4.5 is enough). */
export function leastContrast(page: Page): Promise<{ ratio: number; text: string }> {
  return page.evaluate(`(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const parse = (colour) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      return [r, g, b, a / 255];
    };
    const luminance = ([r, g, b]) => [r, g, b].map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
      .reduce((sum, part, i) => sum + part * [0.2126, 0.7152, 0.0722][i], 0);
    const over = ([r, g, b, a = 1], back) => [r, g, b].map((part, i) => part * a + back[i] * (1 - a));
    let least = { ratio: 21, text: "" };
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node; node = walker.nextNode();) {
      const element = node.parentElement;
      const text = node.textContent.trim();
      if (text === "" || !element.checkVisibility() || element.closest("script")) continue;
      const line = [];
      for (let at = element; at; at = at.parentElement) line.unshift(getComputedStyle(at));
      let back = [255, 255, 255];
      let opacity = 1;
      for (const style of line) {
        back = over(parse(style.backgroundColor), back);
        opacity *= Number(style.opacity);
      }
      const style = line.at(-1);
      const colour = element instanceof SVGElement ? style.fill : style.color;
      const [r, g, b] = parse(colour);
      const [one, two] = [luminance(over([r, g, b, opacity], back)), luminance(back)];
      const ratio = (Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05);
      if (ratio < least.ratio) least = { ratio, text };
    }
    return least;
  })()`);
}
