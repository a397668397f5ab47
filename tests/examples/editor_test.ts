/** The editor: two tabs that write in one text, one of them cut off and back. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Chromium, type Page } from "../helpers/chromium.ts";
import { ask } from "../helpers/http.ts";
import { next } from "../helpers/sockets.ts";
import { ExampleServer } from "./example.ts";
import { assertAccessible, focusOf, takePicture, textsOf, until } from "./pages.ts";

/** Types at the beginning or the end of the text. */
function type(page: Page, text: string, atStart = false): Promise<unknown> {
  const value = atStart
    ? `${JSON.stringify(text)} + area.value`
    : `area.value + ${JSON.stringify(text)}`;
  return page.evaluate(`{
    const area = document.getElementById("text");
    area.value = ${value};
    area.dispatchEvent(new Event("input"));
  }`);
}

const shows = (page: Page, text: string) =>
  until(page, `document.getElementById("text").value === ${JSON.stringify(text)}`);
const says = (page: Page, status: string) =>
  until(page, `document.getElementById("status").textContent === "${status}"`);

describe("the editor", () => {
  it("lets two tabs write in one text, also while one of them is cut off", async () => {
    await using server = await ExampleServer.start("examples/editor/server.ts");
    await using chromium = await Chromium.start();
    const url = `http://127.0.0.1:${server.port}/`;
    const [one, two] = [await chromium.open(url), await chromium.open(`${url}?two`)];
    await says(one, "connected");
    await says(two, "connected");
    await type(one, "Hello");
    await shows(two, "Hello");
    await type(two, ", world");
    await shows(one, "Hello, world");
    // By the keyboard: the button comes first, then the text.
    await two.press("Tab");
    assertEquals(await focusOf(two), "#toggle");
    await two.press("Enter");
    await says(two, "disconnected");
    assertEquals(await textsOf(two, "#toggle"), ["Connect"]);
    await type(one, "> ", true);
    await type(two, "!");
    await shows(one, "> Hello, world");
    await shows(two, "Hello, world!");
    await takePicture(chromium, two, "editor.png");
    await assertAccessible(chromium, two);
    await two.press("Enter");
    await shows(one, "> Hello, world!");
    await shows(two, "> Hello, world!");
    assertEquals(await textsOf(two, "#toggle"), ["Cut off"]);
    // The cursor stays where it was, at the end.
    assertEquals(await two.evaluate('document.getElementById("text").selectionStart'), 15);
    await two.press("Tab");
    assertEquals(await focusOf(two), "#text");
    await two.type("x");
    const isTyped = (page: Page) =>
      until(page, `document.getElementById("text").value.includes("x")`);
    await isTyped(two);
    await isTyped(one);
  });

  it("gives away nothing but its page and its modules, and has no text but one", async () => {
    await using server = await ExampleServer.start("examples/editor/server.ts");
    const statuses: number[] = [];
    for (
      const path of ["/", "/npm/yjs/dist/yjs.mjs", "/npm/lib0/math", "/npm/zod/index.js", "/x"]
    ) {
      statuses.push((await ask(server.port, { line: `GET ${path} HTTP/1.1` })).status);
    }
    assertEquals(statuses, [200, 200, 200, 404, 404]);
    const other = new WebSocket(`ws://127.0.0.1:${server.port}/other`);
    assertEquals((await next(other, "close")).wasClean, false);
  });
});
