/** The chat: its server by itself, and its page in Chromium where that is. */

import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { system } from "../../scripts/setup.mjs";
import { Chromium, type Page } from "../helpers/chromium.ts";
import { EventLog, within } from "../helpers/client.ts";
import { RedisServer } from "../helpers/engines.ts";
import { ask } from "../helpers/http.ts";
import { HERE } from "../helpers/programs.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";
import { rawHandshake } from "../peers/raw.ts";
import { ExampleServer } from "./example.ts";
import { brief, Guest, urlFor } from "./guest.ts";
import {
  assertAccessible,
  emulate,
  focusOf,
  leastContrast,
  takePicture,
  textsOf,
  until,
} from "./pages.ts";

/** One for the tests of a suite, but for who is killed: pages share nothing with each other. */
let browser: Chromium;

const see = (page: Page, text: string) =>
  until(page, `document.querySelector("#log").innerText.includes(${JSON.stringify(text)})`);

const sayOn = (page: Page, text: string) =>
  page.evaluate(`document.querySelector("#text").value = ${JSON.stringify(text)};
    document.querySelector("#say").requestSubmit()`);

/**
 * Cuts a page off from one chat, and has it come back to another, or the same, and reload there.
 *
 * @param whenBack What is to make no difference to it when it is back.
 */
async function missesNothing(
  from: number,
  to: number,
  whenBack: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  await using gate = await TcpGate.listen(from);
  await using grace = await Guest.join(to, "Grace");
  await using page = await browser.open(`http://127.0.0.1:${gate.port}/?name=Ada`);
  await see(page, "Ada is here");
  await until(page, `document.querySelectorAll("#people li").length === 2`);
  assertEquals((await textsOf(page, "#people li")).sort(), ["A Ada (you)", "G Grace"]);
  await grace.say("Can you hear me?");
  await see(page, "Can you hear me?");

  // A break that the page does not know of yet: what is said into it has no answer.
  gate.state = "held";
  gate.target = to;
  await sayOn(page, "I hear you, and I am in a tunnel");
  await until(page, `document.querySelectorAll(".waiting").length === 1`);
  gate.reset();
  await grace.told(({ type }) => type === "cut off");
  for (const text of ["One", "Two", "Three"]) await grace.say(text);
  gate.state = "open";
  await see(page, "nothing is missing: 4 events since");
  await grace.told(({ text }) => text === "I hear you, and I am in a tunnel");
  await until(page, `document.querySelectorAll(".waiting").length === 0`);
  await whenBack();
  await sayOn(page, "Back again");
  await grace.told(({ text }) => text === "Back again");
  await see(page, "Back again");
  // Everybody is told what was said just before who said it is told so.
  await until(page, `document.querySelectorAll(".waiting").length === 0`);
  assertEquals(await textsOf(page, ".said p"), [
    "Can you hear me?",
    ...["One", "Two", "Three"],
    ...["I hear you, and I am in a tunnel", "Back again"],
  ]);
  // It went on from where it was, and was not told all anew.
  assertEquals(await page.evaluate(`document.querySelectorAll(".back").length`), 1);
  assertEquals(await textsOf(page, "#status"), ["Connected as Ada"]);
  await assertAccessible(browser, page);

  // A break after one that is over: it begins with a second again.
  gate.state = "held";
  const heard = grace.events.length + 1;
  gate.reset();
  await until(page, `document.querySelector("#status").innerText.includes("trying again in")`);
  assertEquals(await textsOf(page, "#status"), ["Not connected; trying again in 1 s"]);
  await grace.told(({ type }) => type === "cut off", heard);
  gate.state = "open";
  await see(page, "nothing is missing: 1 event since");

  await page.evaluate("void setTimeout(() => location.reload())");
  await grace.told(({ type, name }) => type === "left" && name === "Ada");
  await until(
    page,
    `performance.getEntriesByType("navigation")[0].type === "reload" &&
      document.querySelector("#log")?.innerText.includes("Back again")`,
  );
  assertEquals((await textsOf(page, ".said p")).length, 6);
  assertEquals(page.console, []);
}

describe("examples/chat/", () => {
  let chat: ExampleServer;
  let port = 0;

  beforeEach(async () => {
    chat = await ExampleServer.start("examples/chat/server.ts");
    port = chat.port;
  });
  afterEach(() => chat[Symbol.asyncDispose]());

  it("passes on what is said, tells who left and who was cut off, and stops on Ctrl-C", async () => {
    await using ada = await Guest.join(port, "Ada");
    await using grace = await Guest.join(port, "Grace");
    const linus = await within(rawHandshake(port, { line: "GET /?name=Linus HTTP/1.1" }));
    assertEquals(linus.status, 101);
    await ada.told(({ type, name }) => type === "joined" && name === "Linus");
    await grace.say("  Hello, <b>all</b>!  ");
    await ada.told(({ type }) => type === "said");
    await grace.ws.close();
    await ada.told(({ type }) => type === "left");
    linus.peer.reset();
    await ada.told(({ type }) => type === "cut off");
    await ada.told(({ names }) => names?.length === 1, 5);
    assertEquals(ada.events.slice(2).filter(({ type }) => type !== "people").map(brief), [
      "joined Ada",
      "joined Grace",
      "joined Linus",
      "said Grace Hello, <b>all</b>!",
      "left Grace",
      "cut off Linus",
    ]);
    assertEquals(ada.events.flatMap(({ names }) => names === undefined ? [] : [names]), [
      ["Ada"],
      ["Ada", "Grace"],
      ["Ada", "Grace", "Linus"],
      ["Ada", "Linus"],
      ["Ada"],
    ]);
    const { stderr } = await chat.stop();
    // What Deno says of an `authorize` that takes its time is among the known limits.
    const own = stderr.replace(/^Deno\.serve: request\.signal .*\n/m, "");
    assertMatch(own, /^Websocket connect failed: 127\.0\.0\.1:\d+ was lost\n$/);
    await ada.log.next("close");
    assertEquals(ada.log.closes, [{ code: 1001, reason: "server is going away" }]);
  });

  it("gives the second of one name a number", async () => {
    await using one = await Guest.join(port, "Ada");
    await using two = await Guest.join(port, "Ada");
    await using three = await Guest.join(port, " Ada ");
    assertEquals([one, two, three].map(({ welcome }) => welcome.you), ["Ada", "Ada 2", "Ada 3"]);
  });

  for (const name of ["", "  ", "twenty-five letters: abcd"]) {
    it(`refuses who has no name: "${name}"`, async () => {
      await using ws = createWebSocket();
      const log = new EventLog(ws);
      await within(ws.connect(urlFor(port, name)));
      await log.next("error");
      assertEquals(log.errors.map(({ data }) => data), ["400"]);
    });
  }

  it("remembers the last hundred events for those who come later, and no more", async () => {
    await using ada = await Guest.join(port, "Ada");
    for (let i = 0; i < 120; i++) await ada.say(`Message ${i}`);
    await ada.say("x".repeat(1500));
    const { text } = await ada.told(({ text }) => text?.startsWith("x"));
    assertEquals(text, "x".repeat(1000));
    await using late = await Guest.join(port, "Grace");
    const history = late.events.slice(2, -2).map(brief);
    assertEquals(history.length, 100);
    assertEquals(history.slice(0, 2), ["said Ada Message 21", "said Ada Message 22"]);
    assertEquals(late.events.slice(-2).map(brief), ["people", "joined Grace"]);
  });

  it("serves its page, and nothing else", async () => {
    const page = await ask(port, { line: "GET /?name=Ada HTTP/1.1" });
    assertEquals(page.status, 200);
    assertMatch(page.head, /^content-type: text\/html; charset=utf-8\r?$/im);
    const [, policy = ""] = /^content-security-policy: (.*?)\r?$/im.exec(page.head) ?? [];
    const closed = ["default-src", "base-uri", "form-action", "frame-ancestors"];
    assertEquals(closed.filter((name) => !policy.split("; ").includes(`${name} 'none'`)), []);
    const other = await ask(port, { line: "GET /server.ts HTTP/1.1" });
    assertEquals(other.status, 404);
  });

  if (Chromium.path !== undefined) {
    beforeAll(async () => {
      browser = await Chromium.start();
    });
    afterAll(() => browser[Symbol.asyncDispose]());

    it("is used by the keyboard alone, and axe finds nothing wrong with its door", async () => {
      await using page = await browser.open(`http://127.0.0.1:${port}/`);
      await assertAccessible(browser, page);
      assertEquals(await focusOf(page), "#name");
      await page.type("Ada");
      await page.press("Tab");
      assertEquals(await focusOf(page), "Come in");
      await page.press("Enter");
      await until(page, `document.activeElement.id === "text"`);
      assertEquals(await page.evaluate("location.search"), "?name=Ada"); // a reload comes in by itself
      await page.type("Hello by keys");
      await page.press("Enter");
      await see(page, "Hello by keys");
      assertEquals(await focusOf(page), "#text");
      await page.press("Tab");
      assertEquals(await focusOf(page), "Send");
    });

    it("shows what one says oneself once, at any moment", async () => {
      await using page = await browser.open(`http://127.0.0.1:${port}/?name=Ada`);
      await see(page, "Ada is here");
      await page.evaluate(`window.most = 0;
        new MutationObserver(() => {
          most = Math.max(most, document.querySelectorAll(".said").length);
        }).observe(document.querySelector("#log"), { childList: true, subtree: true });
        void 0`);
      await sayOn(page, "Hello?");
      await until(page, `document.querySelectorAll(".said:not(.waiting)").length === 1`);
      await sayOn(page, "Hello?");
      await until(page, `document.querySelectorAll(".said:not(.waiting)").length === 2`);
      await until(page, `document.querySelectorAll(".waiting").length === 0`);
      assertEquals(await page.evaluate("most"), 2);
    });

    it("misses nothing over a break and a reload, and says once what was said into the break", async () => {
      await missesNothing(port, port);
    });

    it("has two tabs talk, and the one sees that the other is cut off", async () => {
      await using margaret = await Guest.join(port, "Margaret");
      await using grace = await Guest.join(port, "Grace");
      const two = await Chromium.start();
      let killed: Promise<void> | undefined;
      try {
        const url = `http://127.0.0.1:${port}/`;
        const [adas, linus] = await Promise.all([browser.open(url), two.open(`${url}?name=Linus`)]);
        await using ada = adas;
        await see(linus, "Linus is here");
        await ada.evaluate(`document.querySelector("#name").value = "Ada";
          document.querySelector("#join").requestSubmit()`);
        await see(ada, "Ada is here");
        await see(linus, "Ada is here");

        await grace.say("Good morning! Who moves the sensors to the new gateway today?");
        await see(ada, "new gateway");
        await sayOn(ada, "Linus and I. He is on the train, so his line may drop.");
        await see(linus, "He is on the train");
        await sayOn(linus, "I am here! There is a tunnel in two minutes, though.");
        await see(ada, "a tunnel in two minutes");
        await sayOn(ada, "If it swallows you, we will see it at once.");
        await see(linus, "at once");
        await grace.say("I have to run. Back after lunch!");
        await see(linus, "Back after lunch!");
        await grace.ws.close();
        await see(ada, "Grace left");
        await see(linus, "Grace left");
        const people = await textsOf(linus, "#people li");
        assertEquals(people, ["M Margaret", "L Linus (you)", "A Ada"]);

        await (killed = two.kill());
        await see(ada, "Linus was cut off");
        await until(ada, `document.querySelectorAll("#people li").length === 2`);
        assertEquals(await textsOf(ada, "#people li"), ["M Margaret", "A Ada (you)"]);
        await sayOn(ada, "There he goes.");
        await margaret.say("That was quick. I had not even looked up.");
        await see(ada, "looked up.");

        const notes = await textsOf(ada, ".note span");
        assertEquals(notes.map((text) => text.replace(/ [\d:]+ [AP]M$/, "")), [
          "Margaret is here",
          "Grace is here",
          "Linus is here",
          "Ada is here",
          "Grace left",
          "Linus was cut off",
        ]);
        assertEquals(await ada.evaluate('document.querySelectorAll(".note.cut svg").length'), 1);
        assertEquals(ada.console, []);
        await takePicture(browser, ada, "chat.png");
        await sayOn(ada, "<img src=x onerror=alert(1)>");
        await see(ada, "<img src=x onerror=alert(1)>");

        await assertAccessible(browser, ada);
        for (const scheme of ["light", "dark"] as const) {
          await emulate(browser, ada, scheme);
          const { ratio, text } = await leastContrast(ada);
          assertGreater(ratio, 4.5, `the contrast of "${text}", ${scheme}`);
        }

        await chat.stop();
        await until(ada, `document.querySelector("#text").disabled`);
        assertMatch((await textsOf(ada, "#status"))[0]!, /^Not connected; trying again in \d+ s$/);
      } finally {
        if (killed === undefined) await two[Symbol.asyncDispose]();
      }
    });
  }
});

const installed = await system("redis-server");

describe("examples/chat/ with Redis", () => {
  if (Chromium.path === undefined || installed === undefined) return;

  beforeAll(async () => {
    browser = await Chromium.start();
  });
  afterAll(() => browser[Symbol.asyncDispose]());

  const start = ({ url }: RedisServer) =>
    ExampleServer.start("examples/chat/server.ts", {
      args: ["0", url],
      flags: HERE === "deno" ? ["-A", "--no-prompt"] : [],
    });

  it("misses nothing where it is cut off from one server and comes back to another", async () => {
    await using redis = await RedisServer.run();
    await using one = await start(redis);
    await using two = await start(redis);
    await missesNothing(one.port, two.port, () => one.stop());
    await two.stop();
  });

  it("says that what was said while Redis is away may not have been heard", async () => {
    await using redis = await RedisServer.run();
    await using chat = await start(redis);
    await using page = await browser.open(`http://127.0.0.1:${chat.port}/?name=Ada`);
    await see(page, "Ada is here");
    await redis.kill();
    await sayOn(page, "Anybody?");
    await see(page, "Perhaps nobody has heard this: Anybody?");
    assertEquals(await textsOf(page, ".said p"), []);
    await redis.start();
    await chat.stop();
  });
});
