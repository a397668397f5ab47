/** The dashboard: what its server measures, and its page in Chromium where that is. */

import {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertMatch,
} from "@std/assert";
import { delay } from "@std/async";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { system } from "../../scripts/setup.mjs";
import { Chromium } from "../helpers/chromium.ts";
import { RedisServer } from "../helpers/engines.ts";
import { EventLog, within } from "../helpers/client.ts";
import { ask } from "../helpers/http.ts";
import { HERE } from "../helpers/programs.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { ExampleServer, PICTURES } from "./example.ts";
import { assertAccessible, emulate, leastContrast, takePicture, textsOf, until } from "./pages.ts";

interface Sample {
  at: number;
  connections: number;
  messagesPerSecond: number;
  roundTrip?: { median: number; slowest: number };
}

interface News {
  runtime?: string;
  size?: number;
  every?: number;
  samples: Sample[];
}

describe("examples/dashboard/", () => {
  let dashboard: ExampleServer;
  let port = 0;

  beforeEach(async () => {
    dashboard = await ExampleServer.start("examples/dashboard/server.ts");
    port = dashboard.port;
  });
  afterEach(() => dashboard[Symbol.asyncDispose]());

  it("tells its pages four times a second what it measures, and stops on Ctrl-C", async () => {
    const watch = new Stopwatch();
    await using page = createWebSocket();
    const log = new EventLog(page);
    await within(page.connect(`ws://127.0.0.1:${port}/samples`));
    for (let nth = 8;; nth++) {
      const [, data] = await log.next("message", nth);
      if (String(data).includes("roundTrip")) break; // the first Ping is sent after five seconds
    }
    const [hello, ...news] = log.messages.map((data) => JSON.parse(String(data)) as News);
    assertMatch(hello!.runtime!, /^(Deno|Bun)\/\d/);
    assertEquals([hello!.size, hello!.every], [120, 250]);

    const samples = news.flatMap(({ samples }) => samples);
    const [first, last] = [samples[0]!, samples.at(-1)!];
    assertGreater(last.at - first.at, 250 * (samples.length - 2));
    // The clients come one by one, and say more than a little, and this page is one of them.
    assertGreater(last.connections, first.connections);
    assertGreater(last.connections, 5);
    assertGreater(Math.max(...samples.map(({ messagesPerSecond }) => messagesPerSecond)), 10);
    const { median, slowest } = samples.find(({ roundTrip }) => roundTrip !== undefined)!
      .roundTrip!;
    assertGreater(median, 0);
    assertGreaterOrEqual(slowest, median);
    assertInTime(slowest, 2000, watch.short);

    // One that has left is told no more, or the console would say that it is not there.
    await using other = createWebSocket();
    await within(other.connect(`ws://127.0.0.1:${port}/samples`));
    await within(other.opened);
    await within(other[Symbol.asyncDispose]());
    await log.next("message", log.messages.length + 3);

    const { stderr } = await dashboard.stop();
    // A simulated client may just have knocked.
    assertMatch(stderr, /^(.* was refused with 503: the server is going away\n)*$/);
    await log.next("close");
    assertEquals(log.closes, [{ code: 1001, reason: "server is going away" }]);
  });

  it("counts who comes and goes, and what they say", async () => {
    await using page = createWebSocket();
    const log = new EventLog(page);
    await within(page.connect(`ws://127.0.0.1:${port}/samples`));
    const told = () =>
      log.messages.flatMap((data) => (JSON.parse(String(data)) as News).samples).at(-1)!;
    await log.next("message", 2);
    /** Samples that are on their way tell of what was before. */
    const untilTold = async (isTold: () => boolean) => {
      for (let more = 40; more > 0 && !isTold(); more--) {
        await log.next("message", log.messages.length + 1);
      }
    };
    const before = told().connections;

    const crowd = Array.from({ length: 100 }, () => createWebSocket());
    await Promise.all(crowd.map((ws) => within(ws.connect(`ws://127.0.0.1:${port}/`))));
    await Promise.all(crowd.map((ws) => within(ws.opened)));
    await untilTold(() => told().connections > before + 99);
    assertGreater(told().connections, before + 99);

    // Twice as many messages as are sent: each comes back.
    const sent = log.messages.length;
    const strange: unknown[] = [];
    for (const ws of crowd) {
      ws.on("message", (_err, data) => void (/^\d+$/.test(String(data)) || strange.push(data)));
    }
    const echoed = crowd.map((ws) =>
      new Promise((resolve) => ws.on("message", (_err, data) => data === "49" && resolve(data)))
    );
    for (let i = 0; i < 50; i++) for (const ws of crowd) void ws.send(`${i}`);
    await within(Promise.all(echoed));
    const samples = () =>
      log.messages.slice(sent - 1).map((data) => (JSON.parse(String(data)) as News).samples[0]!);
    const counted = () =>
      samples().reduce(
        (sum, { at, messagesPerSecond }, i, { [i - 1]: last }) =>
          last === undefined ? 0 : sum + messagesPerSecond * (at - last.at) / 1000,
        0,
      );
    await untilTold(() => counted() > 9_990);
    assertGreater(counted(), 9_990);
    assertLess(counted(), 10_000 + 1_000 * samples().length);
    assertEquals(strange, [], "what is told pages alone");
    await Promise.all(crowd.map((ws) => within(ws[Symbol.asyncDispose]())));
  });

  it("serves its page, and nothing else", async () => {
    const page = await ask(port, { line: "GET / HTTP/1.1" });
    assertEquals(page.status, 200);
    assertMatch(page.head, /^content-type: text\/html; charset=utf-8\r?$/im);
    for (const name of ["default-src", "base-uri", "frame-ancestors"]) {
      assertMatch(page.head, new RegExp(`^content-security-policy:.*[ ;]${name} 'none'`, "im"));
    }
    assertEquals((await ask(port, { line: "GET /samples HTTP/1.1" })).status, 404);
  });

  if (Chromium.path !== undefined) {
    it("draws three charts that go on, and says when the server has gone", async () => {
      await using browser = await Chromium.start();
      const page = await browser.open(`http://127.0.0.1:${port}/`);
      await emulate(browser, page, "light");
      await until(page, `document.querySelectorAll(".chart circle").length === 4`);
      assertMatch((await textsOf(page, "#status"))[0]!, /^Live from (Deno|Bun) \d/);
      const [messages, connections, roundTrip] = await textsOf(page, ".now strong");
      assertMatch(messages!, /^[\d,]+$/);
      assertMatch(connections!, /^\d+$/);
      assertMatch(roundTrip!, /^[\d,]+\.\d ms$/);

      const paths = `[...document.querySelectorAll(".chart path")].map((path) =>
        path.getAttribute("d"))`;
      const before = await page.evaluate<string[]>(paths);
      assertEquals(before.length, 6);
      for (const path of before) assertMatch(path, /^M[\d.]+ [\d.]+([HVLZ][\d. ]*)+$/);
      const now = `document.querySelector("#connections").textContent`;
      await until(page, `${now} !== ${JSON.stringify(connections)}`);
      // A chart is drawn anew when it has something new: all of them go on.
      const drawn = JSON.stringify(before);
      await until(page, `${paths}.every((path, i) => path !== ${drawn}[i])`);
      // Of the heartbeat the slowest is drawn first, and never below the median, which is the figure.
      const heights = await page.evaluate<number[][]>(
        `[...document.querySelectorAll("#round-trip-chart path")].map((path) =>
          path.getAttribute("d").match(/(?<= )[\\d.]+/g).map(Number))`,
      );
      assertEquals(heights[0]!.filter((y, i) => y > heights[1]![i]!), []);
      const labels = await page.evaluate<string[]>(
        `[...document.querySelectorAll(".chart")].map((chart) => chart.ariaLabel)`,
      );
      assertMatch(labels[0]!, /^Messages per second over 30 seconds, now [\d,]+$/);
      assertMatch(
        labels[2]!,
        /^Median round trip of the heartbeat over 30 seconds, now [\d,.]+ ms$/,
      );
      assertEquals(page.console, []);

      await assertAccessible(browser, page);
      for (const scheme of ["light", "dark"] as const) {
        await emulate(browser, page, scheme);
        const { ratio, text } = await leastContrast(page);
        assertGreater(ratio, 4.5, `the contrast of "${text}", ${scheme}`);
      }

      await dashboard.stop();
      await until(page, `document.querySelector("#status").textContent.includes("is gone")`);
      dashboard = await ExampleServer.start("examples/dashboard/server.ts", { args: [`${port}`] });
      await until(page, `document.querySelector("#status").textContent.includes("Live from")`);
    });
  }
});

const installed = await system("redis-server");

/** Starts a dashboard that is one of several. */
function oneOfSeveral(redis: RedisServer): Promise<ExampleServer> {
  return ExampleServer.start("examples/dashboard/server.ts", {
    args: ["0", redis.url],
    flags: HERE === "deno" ? ["-A", "--no-prompt"] : [],
  });
}

describe("examples/dashboard/ with Redis", () => {
  if (Chromium.path === undefined || installed === undefined) return;

  it("shows the servers that share its log, their topics and who is in them", async () => {
    await using redis = await RedisServer.run();
    await using one = await oneOfSeveral(redis);
    await using two = await oneOfSeveral(redis);
    await using browser = await Chromium.start();
    const page = await browser.open(`http://127.0.0.1:${one.port}/`);
    await emulate(browser, page, "light");
    await until(page, `document.querySelectorAll("#nodes tr").length === 2`);
    await until(
      page,
      `[...document.querySelectorAll("#nodes td")].every((cell) => cell.textContent !== "0")
        && [...document.querySelectorAll("#topics td")].every((cell) => cell.textContent > "0")`,
    );
    const [, , ...rows] = await textsOf(page, "#cluster tr");
    assertEquals(rows.length, 1 + 2 + 4 - 1);
    const nodes = await textsOf(page, "#nodes tr");
    const name = `(Deno|Bun) [\\d.]+, process \\d+`;
    for (const row of nodes) {
      assertMatch(row, new RegExp(`^${name}( \\(this one\\))? \\d+ [\\d,]+ ([\\d.,]+ ms|–)$`));
    }
    assertEquals(nodes.filter((row) => row.includes("(this one)")).length, 1);
    const heading = `document.querySelector("#cluster-heading").textContent`;
    assertEquals(await page.evaluate(heading), "Servers that are one – missed in the log: 0");
    assertEquals(page.console, []);

    if (PICTURES !== undefined) await delay(32_000); // a full chart
    await takePicture(browser, page, "dashboard.png");
    await assertAccessible(browser, page);

    await redis.kill();
    await until(page, `${heading}.includes("the log is away")`);
    await redis.start();
    await until(page, `${heading}.includes("missed in the log")`);
    await two.stop();
    await until(page, `document.querySelectorAll("#nodes tr").length === 1`);
    const { stderr } = await one.stop();
    // At the end a simulated client may just have knocked or said something, or be gone before it was told; one may
    // be lost where nothing of this process is let run for as long as a Pong may take.
    const told =
      /was (?:refused with 503: the server is going away|lost)$|gave no sign of life in time after a Ping$|were not sent before the server closed$/;
    assertEquals(stderr.split("\n").filter((line) => line !== "" && !told.test(line)), []);
  });
});
