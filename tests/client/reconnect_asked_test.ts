/** A client that reconnects and asks a function what to connect to: what it makes of each answer. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { answerOf, createUntyped, refusal } from "../helpers/client.ts";
import { scripted, URL, world } from "./reconnect_world.ts";

describe("the URL and the headers of a client that reconnects, asked for", () => {
  it("asks for the URL and the headers before each attempt", async () => {
    await using it = await world({ random: () => 0 });
    const { ws, clock, cut, heads } = it;
    let n = 0;
    const header = () => Promise.resolve({ authorization: `Bearer ${++n}` });
    assertEquals(await ws.connect(() => Promise.resolve(`${URL}${n}`), { header }), true);
    assertEquals(ws.state, "connecting");
    await clock.advance(10);
    await cut();
    await clock.advance(10);
    assertEquals(ws.state, "open");
    assertEquals(
      heads.map((
        head,
      ) => [new globalThis.URL(head.url).pathname, head.headers.get("authorization")]),
      [["/0", "Bearer 1"], ["/1", "Bearer 2"]],
    );
  });

  it("answers to a callback behind a function", async () => {
    await using it = await world();
    const { ws, clock } = it;
    assertEquals(await answerOf((callback) => ws.connect(() => URL, callback)), [undefined, true]);
    await clock.advance(10);
    assertEquals(ws.state, "open");
  });

  it("tries again when it is not told, or told what is wrong: that may be better next time", async () => {
    await using it = await world({ random: () => 0.5, minDelay: 0.01 });
    const { ws, clock } = it;
    const log: string[] = [];
    const causes: unknown[] = [];
    ws.on("error", ({ code, message, cause }) => {
      log.push(`${code} ${message}, ${ws.state}`);
      causes.push((cause as { code?: number }).code);
    });
    let n = 0;
    const url = () => {
      if (n++ === 0) throw new Error("no token yet");
      return n === 2 ? "http://localhost/" : URL;
    };
    void ws.connect(url);
    await clock.advance(100);
    assertEquals(
      log[0],
      "200 Websocket connect failed: 'url' or 'header' failed: Error: no token yet, reconnecting",
    );
    const wrong =
      /^200 Websocket connect failed: 'url' or 'header' failed: .*url error.*, reconnecting$/;
    assertMatch(log[1]!, wrong);
    assertEquals([log.length, ws.state], [2, "open"]);
    await ws.close();
    await clock.advance(100);
    for (
      const [given, options, code] of [
        [() => undefined, {}, 401],
        [() => "", {}, 2302001],
        [() => "ws://", {}, 200],
        [() => URL, { header: () => undefined }, 401],
        [() => URL, { header: () => "" }, 401],
        [() => URL, { header: () => ({ host: "x" }) }, 401],
        [() => URL, { header: () => ({ authorization: undefined }) }, 401],
      ] as const
    ) {
      log.splice(0);
      causes.splice(0);
      void (ws as unknown as { connect(...args: unknown[]): Promise<boolean> }).connect(
        given,
        options,
      );
      await clock.advance(1);
      assertEquals([log.length, ws.state], [1, "reconnecting"]);
      assertMatch(log[0]!, /^200 Websocket connect failed: 'url' or 'header' failed: /);
      assertEquals(causes, [code]);
      await ws.close();
      await clock.advance(10);
      assertEquals(ws.state, "idle");
    }
  });

  it("can be closed while it asks, and forgets the answer", async () => {
    await using it = await world();
    const { ws, clock, network } = it;
    let tell!: (url: string) => void;
    void ws.connect(() => new Promise<string>((resolve) => tell = resolve));
    await clock.advance(10);
    void ws.close();
    await clock.advance(10);
    assertEquals(ws.state, "idle");
    tell(URL);
    await clock.advance(10);
    assertEquals([ws.state, network.links.length], ["idle", 0]);
  });

  it("refuses functions with 401 when it does not reconnect", async () => {
    const ws = createUntyped() as unknown as { connect(...args: unknown[]): Promise<boolean> };
    let calls = 0;
    const { code, message } = await refusal(ws.connect(() => void calls++, {}));
    assertEquals([code, calls], [401, 0]);
    assertStringIncludes(
      message,
      "the URL must be text unless there is 'reconnect': current value is a function",
    );
    const second = await refusal(ws.connect(URL, { header: () => ({}) }));
    assertEquals(second.code, 401);
    assertStringIncludes(second.message, "'header' must be a plain object of text values unless");
  });

  it("tries again when the runtime throws at what url() answered", async () => {
    const { clock, runtime, ws, log } = scripted();
    runtime.fault = new Error("too many open files");
    await ws.connect(() => URL);
    await clock.advance(0);
    assertEquals([ws.state, log.errors.map(({ code }) => code)], ["reconnecting", [200]]);
    const { cause, data, message } = log.errors[0]!;
    assertEquals([cause, data], [runtime.fault, "0"]);
    assertEquals(message, "Websocket connect failed: the runtime refused to dial");
    runtime.fault = undefined;
    await clock.advance(1);
    runtime.events.open();
    assertEquals(ws.state, "open");
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(clock.pending, 0);
  });

  it("is connecting already when url() is asked", async () => {
    const { clock, ws } = scripted();
    const states: string[] = [];
    const refused: unknown[] = [];
    await ws.connect(() => {
      states.push(ws.state);
      ws.connect(URL).catch(({ code }) => refused.push(code));
      return URL;
    });
    await clock.advance(0);
    assertEquals([states, refused], [["connecting"], [2302003]]);
    void ws.close();
    await clock.advance(1);
  });

  it("dials nothing that an earlier question is answered with, when it is answered at last", async () => {
    const { clock, runtime, ws, log } = scripted({ minDelay: 1, maxDelay: 1, random: () => 1 });
    const answers: PromiseWithResolvers<string>[] = [];
    const ask = () => {
      const answer = Promise.withResolvers<string>();
      answers.push(answer);
      return answer.promise;
    };
    await ws.connect(ask, { connectTimeout: 2 });
    await clock.advance(3000);
    assertEquals([answers.length, log.names], [2, ["error"]]);
    answers[0]!.resolve("ws://first/");
    await clock.advance(1);
    assertEquals([runtime.request, ws.state], [undefined as never, "connecting"]);
    answers[1]!.resolve("ws://second/");
    await clock.advance(1);
    assertEquals(runtime.request.url, "ws://second/");
    void ws.close();
    await clock.advance(1);
    assertEquals(clock.pending, 0);
  });

  it("ends a `for await` when url() never answers with anything that can be dialled", async () => {
    const { clock, ws } = scripted({ attempts: 2 });
    const loop = (async () => {
      for await (const _ of ws) continue;
    })().catch(({ code }) => code);
    await ws.connect(() => "http://localhost/");
    assertEquals(await clock.until(loop), 200);
  });

  it("gives url() and header() as long as connectTimeout, and forgets a late answer", async () => {
    const { clock, runtime, ws, log } = scripted({ random: () => 1, minDelay: 5 });
    const answers: ((url: string) => void)[] = [];
    await ws.connect(() => new Promise((resolve) => answers.push(resolve)), { connectTimeout: 2 });
    await clock.advance(2000);
    assertMatch(log.errors[0]!.message, /: timed out after 2 s, with nothing to dial yet$/);
    assertEquals(ws.state, "reconnecting");
    answers[0]!(URL);
    await clock.advance(100);
    assertEquals([ws.state, runtime.events], ["reconnecting", undefined]);
    await clock.advance(4900);
    assertEquals([ws.state, answers.length], ["connecting", 2]);
    void ws.close();
    await clock.advance(1);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("gives each attempt connectTimeout anew", async () => {
    const { clock, ws, log } = scripted({ attempts: 3, minDelay: 1, maxDelay: 1, random: () => 1 });
    await ws.connect(URL, { connectTimeout: 2 });
    const times: number[] = [];
    ws.on("error", () => times.push(clock.now()));
    const began = clock.now();
    await clock.until(ws.closed.catch(() => {}));
    assertEquals(times.map((at) => at - began), [2000, 5000, 8000, 11_000]);
    assertEquals(
      log.errors.map(({ message }) => message.split(": ")[1]),
      Array(4).fill("timed out after 2 s"),
    );
  });

  it("gives what it dials the rest of connectTimeout", async () => {
    const { clock, runtime, ws, log } = scripted({ random: () => 1, minDelay: 5 });
    let answer!: (url: string) => void;
    await ws.connect(() => new Promise((resolve) => answer = resolve), { connectTimeout: 2 });
    await clock.advance(1500);
    answer(URL);
    await clock.advance(499);
    assertEquals([runtime.socket.calls, log.errors], [[], []]);
    await clock.advance(1);
    assertEquals(runtime.socket.calls, ["terminate"]);
    assertMatch(log.errors[0]!.message, /: timed out after 2 s$/);
    void ws.close();
    await clock.advance(1);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("asks the clock for no time below 0 where the answer came later than connectTimeout", async () => {
    const { clock, ws } = scripted({});
    const asked: number[] = [];
    const { setTimer } = clock;
    clock.setTimer = (task, ms) => (asked.push(ms), setTimer.call(clock, task, ms));
    await ws.connect(() => {
      const now = clock.now();
      clock.now = () => now + 5000; // as where the process is blocked
      return URL;
    }, { connectTimeout: 2 });
    for (let turns = 0; turns < 10; turns++) await undefined;
    assertEquals([ws.state, asked.at(-1)], ["connecting", 0]);
    void ws.close();
    await clock.advance(1);
  });

  it("tries again when url() throws, be it an error of this module's", async () => {
    const { clock, ws, log } = scripted();
    const other = createWebSocket();
    let n = 0;
    await ws.connect(async () => {
      if (n++ === 0) await other.send("where to?");
      return URL;
    });
    await clock.advance(5);
    assertEquals([ws.state, log.errors.map(({ code }) => code)], ["connecting", [200]]);
    void ws.close();
    await clock.advance(1);
  });

  it("refuses at once a URL that is no function, beside a header that is: no attempt could mend it", async () => {
    const { clock, ws, log } = scripted();
    const asked: unknown[] = [];
    const header = () => (asked.push("header"), {});
    const codes: unknown[] = [];
    const urls = ["http://localhost/", "", "ws://localhost:0/", "ws://localhost/#a", "ws://"];
    for (const url of urls) codes.push((await refusal(ws.connect(url, { header }))).code);
    assertEquals(codes, [2302001, 2302001, 2302001, 2302001, -1]);
    await clock.advance(0);
    assertEquals([asked, log.errors.map(({ code }) => code)], [[], [200]]); // of no host alone
    await ws.connect(URL, { header });
    assertEquals((await refusal(ws.connect("ws://", { header }))).kind, "alreadyConnected");
    assertEquals([ws.state, log.errors.length], ["connecting", 1]);
    void ws.close();
    await clock.advance(0);
    assertEquals(clock.pending, 0);
  });

  it("counts the URL that is a function among its arguments", async () => {
    const { ws } = scripted();
    const connect = ws.connect.bind(ws) as (...args: unknown[]) => Promise<boolean>;
    const { message } = await refusal(connect(() => URL, {}, {}));
    assertMatch(message, /takes a URL, options and a callback: 3 arguments were given/);
  });
});

describe("an observer that hears that it was not said what to dial", () => {
  it("may close: then that is told, and no failure", async () => {
    const observer = { failed: () => void it.ws.close({ code: 4000 }) };
    await using it = await world({ random: () => 0 }, { observer });
    const { clock, ws } = it;
    const log: unknown[] = [];
    ws.on("error", ({ kind }) => log.push(kind));
    ws.on("close", (_, { code }) => {
      log.push(code);
      if (log.length === 1) void ws.connect(URL);
    });
    void ws.connect(() => Promise.reject(new Error("no token")));
    await clock.advance(100);
    assertEquals([log, ws.state], [[4000], "open"]);
  });
});
