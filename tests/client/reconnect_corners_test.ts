/** A client that reconnects: calls in each gap between two connections, and functions that fail. */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type ReconnectOptions,
  type WebSocketClient,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { EventLog, refusal } from "../helpers/client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";

const URL = "ws://localhost/";

/** A client on a server that lives as long as the test does. */
async function world(reconnect: (ws: () => WebSocketClient) => ReconnectOptions) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server = createWebSocketServer({ clock, runtime: network.server });
  await server.start({ serverPort: 80 });
  const ws: WebSocketClient = createWebSocket({
    clock,
    runtime: network.client,
    reconnect: reconnect(() => ws),
  });
  const log = new EventLog(ws);
  const end = async () => {
    if (ws.state !== "idle") void ws.close();
    await clock.until(server.stop());
    await clock.advance(60_000);
    assertEquals([ws.state, network.links.length, clock.pending], ["idle", 0, 0]);
  };
  return { clock, network, server, ws, log, end };
}

/** A client on a script. */
function scripted(reconnect: true | ReconnectOptions = { random: () => 0 }) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime, reconnect });
  return { clock, runtime, ws, log: new EventLog(ws) };
}

describe("createWebSocket({ reconnect })", () => {
  it("tells one 'close' when it is closed in shouldReconnect, and can connect again in it", async () => {
    for (const answer of [true, false]) {
      const it = await world((ws) => ({
        shouldReconnect: () => {
          void ws().close();
          return answer;
        },
      }));
      const { clock, network, ws, log, server, end } = it;
      await ws.connect(URL);
      await clock.advance(10);
      ws.once("close", () => void ws.connect(URL));
      network.links[0]!.cut();
      await clock.advance(10);
      assertEquals(log.names, ["open", "openInfo", "error", "close", "open", "openInfo"]);
      assertEquals([ws.state, server.listAllConnections().length], ["open", 1]);
      await end();
    }
  });

  it("has one connection at a time when it has slept while one closes by itself", async () => {
    const { clock, network, server, ws, end } = await world(() => ({
      shouldReconnect: () => true,
    }));
    await ws.connect(URL);
    await clock.advance(10);
    network.links[0]!.hold("toServer"); // the Close frame is not answered
    await server.broadcast("x".repeat(5_242_864));
    ws.once("message", () => {});
    const [connection] = server.listAllConnections();
    await server.send("bye", connection!);
    clock.sleep(60_000);
    await clock.advance(3000);
    assertEquals(network.links.length, 1);
    await end();
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

  it("queues thousands of messages in no time", async () => {
    const { clock, ws } = scripted({ maxQueued: 10_000_000 });
    await ws.connect(URL);
    const watch = new Stopwatch();
    for (let i = 0; i < 20_000; i++) void ws.send("x".repeat(100));
    assertEquals(ws.bufferedAmount, 2_000_000);
    watch.assertLess(2000); // it took minutes
    ws.on("error", () => {}); // they are never sent
    void ws.close();
    await clock.advance(1);
  });

  it("does not ask for a sign of life, after a sleep, where it cannot ping", async () => {
    const { clock, runtime, ws } = scripted();
    runtime.canPing = false;
    await ws.connect(URL);
    runtime.events.open();
    clock.sleep(60_000);
    await clock.advance(120_000);
    assertEquals([ws.state, runtime.socket.calls], ["open", []]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
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
    let answer!: (url: string) => void;
    await ws.connect(() => new Promise((resolve) => answer = resolve), { connectTimeout: 2 });
    await clock.advance(2000);
    assertMatch(log.errors[0]!.message, /: timed out after 2 s, with nothing to dial yet$/);
    assertEquals(ws.state, "reconnecting");
    answer(URL);
    await clock.advance(100);
    assertEquals([ws.state, runtime.events], ["reconnecting", undefined]);
    void ws.close();
    await clock.advance(1);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
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

  it("goes on when `random` throws or is no number from 0 to 1", async () => {
    const answers = [NaN, -1, 2, new RangeError("no dice")];
    const { clock, runtime, ws, log } = scripted({
      random() {
        const answer = answers.shift() ?? 0;
        if (answer instanceof Error) throw answer;
        return answer;
      },
      factor: 1,
    });
    const delays: number[] = [];
    ws.on("reconnecting", ({ delay }) => delays.push(delay));
    await ws.connect(URL);
    for (let i = 0; i < 4; i++) {
      runtime.events.closed({ code: 1006, reason: "" });
      await clock.advance(1000);
    }
    assertEquals(delays, [0, 0, 1, 1]);
    assertEquals(log.errors.map(({ code }) => code), [200, 200, 200, 200, 2302999]);
    void ws.close();
    await clock.advance(1);
  });

  it("ends when it is closed in the report of a `random` that throws", async () => {
    const { clock, runtime, ws, log } = scripted({
      random() {
        throw new RangeError("no dice");
      },
    });
    ws.on("error", ({ code }) => {
      if (code === 2302999) void ws.close();
    });
    await ws.connect(URL);
    runtime.events.closed({ code: 1006, reason: "" });
    await clock.advance(60_000);
    assertEquals([log.names, ws.state, clock.pending], [["error", "error", "close"], "idle", 0]);
  });

  for (
    const [what, answer] of [
      ["a promise of false", () => Promise.resolve(false)],
      ["a promise that rejects", () => Promise.reject(new Error("no"))],
      ["nothing", () => undefined],
      ["a text", () => "true"],
      ["1", () => 1],
    ] as const
  ) {
    it(`ends, and tells 'error' 2302999, when shouldReconnect answers with ${what}`, async () => {
      const shouldReconnect = answer as unknown as () => boolean;
      const { clock, runtime, ws, log } = scripted({ shouldReconnect });
      await ws.connect(URL);
      runtime.events.open();
      runtime.events.closed({ code: 1001, reason: "" });
      await clock.advance(60_000);
      assertEquals(log.names, ["open", "openInfo", "error", "close"]);
      assertEquals(log.errors.map(({ code, kind }) => [code, kind]), [[2302999, "hookFailed"]]);
      assertMatch(log.errors[0]!.message, /'shouldReconnect' must answer with a boolean: current/);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    });
  }

  it("waits the longest, and tells 'error' 2302999, when random answers with no number", async () => {
    const random = (() => Promise.reject(new Error("no"))) as unknown as () => number;
    const { clock, runtime, ws, log } = scripted({ random });
    const delays: number[] = [];
    ws.on("reconnecting", ({ delay }) => delays.push(delay));
    await ws.connect(URL);
    runtime.events.closed({ code: 1006, reason: "" });
    assertEquals([delays, log.errors.map(({ code }) => code)], [[1], [200, 2302999]]);
    assertMatch(log.errors[1]!.message, /'random' must answer with a number: current value is /);
    void ws.close();
    await clock.advance(1);
  });

  it("waits as long as a 1013's reason says, by no other words, and an hour at the most", async () => {
    for (
      const [reason, delay] of [
        ["deploying build 20240501", 0],
        ["3 servers are down", 0],
        ["retry after: 7", 7],
        ["Retry-After: 0.5 s", 0.5],
        ["retry after1.25", 1.25],
        ["  12  ", 12],
        ["12s", 12],
        ["retry after 86400", 3600],
        ["back in 5 minutes", 0],
        ["after 500 ms", 0],
        ["500 ms", 0.5],
        ["retry after 5 min", 300],
        ["Retry after 1500MS", 1.5],
        ["retry after 5 hours", 0],
        ["retry after five", 0],
        ["retry after 5, please", 0],
        ["5 6", 0],
        ["-5", 0],
        ["1e3", 0],
        ["", 0],
      ] as const
    ) {
      const { clock, runtime, ws } = scripted();
      const delays: number[] = [];
      ws.on("reconnecting", (info) => delays.push(info.delay));
      await ws.connect(URL);
      runtime.events.open();
      runtime.events.closed({ code: 1013, reason });
      assertEquals([reason, delays], [reason, [delay]]);
      void ws.close();
      await clock.advance(1);
    }
  });

  it("counts the URL that is a function among its arguments", async () => {
    const { ws } = scripted();
    const connect = ws.connect.bind(ws) as (...args: unknown[]) => Promise<boolean>;
    const { message } = await refusal(connect(() => URL, {}, {}));
    assertMatch(message, /takes at most 2 arguments and a callback: 3 were given/);
  });

  it("goes on after a message that is not accepted, where shouldReconnect says so", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const schema = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: () => ({ issues: [{ message: "no" }] }),
      },
    } as const;
    const reconnect = { shouldReconnect: () => true, random: () => 0 };
    const ws = createWebSocket({ clock, runtime, reconnect, schema });
    await ws.connect(URL);
    runtime.events.open();
    runtime.events.message("{}");
    assertEquals(runtime.socket.calls, ["close 1008"]);
    runtime.events.closed({ code: 1008, reason: "" });
    assertEquals(ws.state, "reconnecting");
    void ws.close();
    await clock.advance(1);
    assertEquals(clock.pending, 0);
  });
});

describe("createWebSocket() on a runtime", () => {
  it("tells one 'close' when the end of an attempt that was closed is told right after", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock, runtime });
    const log = new EventLog(ws);
    await ws.connect(URL);
    void ws.close();
    queueMicrotask(() => runtime.events.closed({ code: 1006, reason: "" }));
    await clock.advance(1);
    assertEquals([log.names, ws.state], [["close"], "idle"]);
  });

  it("sends what waited before what an observer sends, and opens nothing that it has closed", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const sent: unknown[] = [];
    let close = false;
    const ws: WebSocketClient = createWebSocket({
      clock,
      runtime,
      observer: {
        opened: () => void (close ? ws.close() : ws.send("observer's")),
        sent: (_, data) => sent.push(data),
      },
    });
    const log = new EventLog(ws);
    await ws.connect(URL);
    void ws.send("first");
    const order: unknown[] = [];
    runtime.socket.send = ((data: unknown) => order.push(data)) as unknown as () => void;
    runtime.events.open();
    assertEquals(order, ["first", "observer's"]);
    assertEquals(sent.toSorted(), ["first", "observer's"]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    close = true;
    await ws.connect(URL);
    runtime.events.open();
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(log.names, ["open", "openInfo", "close", "close"]);
  });
});
