/** A client that may resume, and ends while it waits for the server's greeting: what comes afterwards is told to nobody. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type ReconnectOptions, type WebSocketClient } from "../../mod.ts";
import type { End } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { NO_REASONS } from "../helpers/acknowledging.ts";
import { kindOf } from "../helpers/nodes_in_memory.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

await import("../../client/resume.ts"); // loaded when it is needed, of which no fake clock knows

const GREETING = '{"resume":1,"epoch":"e"}\n';

/** A client whose server has chosen to speak it, and has not greeted. */
async function world(reconnect: ReconnectOptions | true = true) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ clock, runtime, reconnect, resume: true, stats: true });
  const log: string[] = [];
  for (const name of ["open", "openInfo", "message", "close", "error", "recovered"] as const) {
    ws.on(name, () => void log.push(name));
  }
  await clock.until(ws.connect("ws://localhost/"));
  const { events, socket } = runtime;
  socket.protocol = "resume.netkit.1";
  events.open();
  await clock.advance(10);
  return { clock, ws, log, events, runtime, socket };
}

describe("a client that waits for a greeting", () => {
  const acts: [name: string, act: (ws: WebSocketClient) => unknown][] = [
    ["closes", (ws) => ws.close()],
    ["closes with a code", (ws) => ws.close({ code: 4000, reason: "enough" })],
    ["is disposed of", (ws) => ws[Symbol.asyncDispose]()],
  ];
  for (const [name, act] of acts) {
    for (const says of [undefined, GREETING, "no greeting"]) {
      it(`${name}, and is told of that alone: the server says ${JSON.stringify(says)}`, async () => {
        const { clock, ws, log, events, socket } = await world();
        assertEquals([log, ws.state], [[], "connecting"]);
        const done = act(ws);
        await clock.advance(10);
        if (says !== undefined) events.message(says); // it was on its way
        await clock.advance(10);
        events.closed({ code: 1000, reason: "" });
        await clock.until(Promise.resolve(done));
        assertEquals([log, ws.state], [["close"], "idle"]);
        assertEquals(socket.calls.filter((call) => call === "send"), []);
        assertEquals(clock.pending, 0);
        await clock.advance(15_000); // the time of any greeting
        assertEquals([log, ws.state], [["close"], "idle"]);
      });
    }
  }

  it("opens all the same after 2 s, or as something else comes", async () => {
    for (const says of [undefined, "no greeting"]) {
      const { clock, ws, log, events } = await world();
      await clock.advance(1900);
      assertEquals(log, []);
      if (says !== undefined) events.message(says);
      await clock.advance(150);
      assertEquals(log, ["open", "openInfo", ...says === undefined ? [] : ["message"]]);
      void ws.close();
      events.closed({ code: 1000, reason: "" });
      await clock.advance(0);
      assertEquals([log.at(-1), clock.pending], ["close", 0]);
    }
  });

  it("is told after 'open' which topics may have missed something", async () => {
    const { clock, ws, log, events, runtime } = await world();
    events.message(GREETING);
    events.message('{"joined":"a","at":"1.0"}\n');
    events.closed({ code: 1001, reason: "" });
    assertEquals(log.splice(0), ["open", "openInfo", "close"]);
    await clock.advance(1000); // the longest first delay
    runtime.events.open(); // with no subprotocol
    assertEquals(log, ["open", "openInfo", "recovered"]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    assertEquals([log.at(-1), clock.pending], ["close", 0]);
  });

  const failure = { what: "the connection was reset", status: "0" };
  const lost: End[] = [{ code: 0, reason: "", failure }, { code: 1006, reason: "" }];
  for (const end of lost) {
    it(`has nothing left where it is lost, and does not open any more: ${end.code}`, async () => {
      const { clock, ws, log, events } = await world({ shouldReconnect: () => false });
      events.closed(end);
      await clock.advance(0);
      assertEquals([log.splice(0), ws.state, clock.pending], [["error"], "idle", 0]);
      await clock.advance(15_000);
      assertEquals(log, []);
    });
  }

  it("tells what the server closes with that never greets, and does not come back after a final code", async () => {
    const { clock, ws, log, events, socket } = await world();
    const closes: unknown[] = [];
    ws.on("close", (_, close) => closes.push(close));
    void ws.send("12345");
    events.closed({ code: 4401, reason: "expired" });
    await clock.advance(0);
    assertEquals([log, ws.state], [["open", "openInfo", "error", "close"], "idle"]);
    assertEquals(closes, [{ code: 4401, reason: "expired" }]);
    const { closed, opened, unsent } = ws.stats()!;
    assertEquals([opened, closed, unsent, socket.calls, clock.pending], [1, 1, 5, [], 0]);
  });

  it("keeps what is sent for the next, where the server closes without a greeting", async () => {
    const { clock, ws, log, events, runtime, socket } = await world({ random: () => 0 });
    const sent: unknown[] = [ws.send("before")];
    ws.once("open", () => sent.push(ws.send("in 'open'")));
    const answer = ws.send("to be acknowledged", { acknowledge: true });
    events.closed({ code: 1012, reason: "retry after 5" });
    assertEquals(log.splice(0), ["open", "openInfo", "close"]);
    assertEquals([await Promise.all(sent), socket.calls], [[false, false], []]);
    await clock.advance(4900);
    assertEquals(ws.state, "reconnecting");
    await clock.advance(200);
    runtime.socket.protocol = "resume.netkit.1";
    runtime.events.open();
    runtime.events.message(GREETING);
    runtime.events.message('{"ack":1}\n');
    assertEquals(await answer, true);
    assertEquals(runtime.socket.calls, Array(5).fill("send")); // where it was, who it is, and three messages
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    assertEquals(clock.pending, 0);
  });

  it("may be closed in 'open', where the server closes without a greeting", async () => {
    const { clock, ws, log, events } = await world();
    ws.once("open", () => void ws.close({ code: 4000 }));
    const codes: unknown[] = [];
    ws.on("close", (_, { code }) => codes.push(code));
    events.closed({ code: 1012, reason: "" });
    await clock.advance(0);
    assertEquals([log, codes, ws.state], [["open", "openInfo", "close"], [4000], "idle"]);
    assertEquals(clock.pending, 0);
  });

  it("counts what is queued as a message without a header ends the connection", async () => {
    const { clock, ws, log, events, socket } = await world({ shouldReconnect: () => false });
    events.message(GREETING);
    socket.bufferedAmount = 7;
    events.message("no header");
    assertEquals([log, ws.stats()!.unsent], [["open", "openInfo", "error", "close"], 7]);
    assertEquals([socket.calls, clock.pending], [["send", "terminate"], 0]);
  });

  it("acknowledges nothing after close()", async () => {
    const { clock, ws, events, socket } = await world();
    events.message(GREETING);
    let done = () => {};
    ws.on("message", () => new Promise<void>((resolve) => done = resolve));
    events.message("#1\nhi");
    socket.calls.length = 0;
    void ws.close();
    done();
    await clock.advance(10);
    assertEquals(socket.calls, ["close 1000"]);
    events.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });
});

describe("a client that resumes, with messages to be acknowledged", () => {
  for (const { what, refused } of NO_REASONS) {
    it(`goes on after an answer whose reason is ${what}`, async () => {
      const { clock, ws, events } = await world();
      events.message(GREETING);
      const answer = kindOf(ws.send("hello", { acknowledge: true }));
      events.message(`{"ack":1,"refused":${refused}}\n`);
      assertEquals([await answer, ws.state], ["unacknowledged", "open"]);
      void ws.close();
      events.closed({ code: 1000, reason: "" });
      await clock.advance(0);
    });
  }
});

describe("a client that resumes, whose server wants to hear what becomes of its messages", () => {
  /** Sends so many, of which nothing is read unless it is said what is queued. */
  async function sent(messages: number, queued: (n: number) => number) {
    const { clock, ws, events, socket } = await world({ minDelay: 1, maxDelay: 1 });
    events.message(GREETING);
    for (let n = 1; n <= messages; n++) {
      socket.bufferedAmount = queued(n);
      events.message(`#${n}\n`);
    }
    await clock.advance(0);
    const { state } = ws;
    await ws.close();
    events.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    return state;
  }

  it("lets a server go that reads nothing of it", async () => {
    assertEquals(await sent(67_000, (n) => 65_000 + 10 * n), "reconnecting");
  });

  it("goes on with one that waits for as many as one of ours does", async () => {
    assertEquals(await sent(65_536, (n) => 65_000 + 10 * n), "open");
  });

  it("goes on with one that reads at all, or has little to read", async () => {
    assertEquals(await sent(100_000, (n) => n === 50_000 ? 70_000 : 70_000 + n), "open");
    assertEquals(await sent(100_000, () => 65_536), "open");
  });

  it("is closed while that is found out, and nothing else is told", async () => {
    const { clock, ws, log, events, socket } = await world();
    events.message(GREETING);
    for (let n = 1; n < 67_000; n++) {
      socket.bufferedAmount = 65_000 + 10 * n;
      events.message(`#${n}\n`);
    }
    void ws.close();
    await clock.advance(0);
    events.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    assertEquals([log.at(-1), log.includes("error")], ["close", false]);
  });
});

describe("a client that resumes, with messages to be acknowledged, at a server that cannot", () => {
  it("has them refused, and sends none of them to the next", async () => {
    const { clock, ws, events, runtime } = await world({ minDelay: 1, maxDelay: 1 });
    const answers: unknown[] = [];
    const send = (data: string) =>
      void ws.send(data, { acknowledge: true }).catch(({ kind }) => answers.push(kind));
    events.message(GREETING);
    send("sent");
    events.closed({ code: 1001, reason: "" });
    send("kept");
    assertEquals(ws.bufferedAmount, 8);
    await clock.advance(1000);
    runtime.events.open(); // with no subprotocol
    send("new");
    await clock.advance(0);
    assertEquals(answers, ["unacknowledged", "argument", "argument"]);
    runtime.events.closed({ code: 1001, reason: "" });
    assertEquals([ws.state, ws.bufferedAmount], ["reconnecting", 0]);
    await clock.advance(1000);
    runtime.socket.protocol = "resume.netkit.1";
    runtime.events.open();
    runtime.events.message(GREETING);
    assertEquals([ws.state, runtime.socket.calls], ["open", ["send"]]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });
});

describe("a client that resumes, closes and connects anew", () => {
  it("is another one: it was nowhere, and nobody knows it", async () => {
    const { clock, ws, log, runtime } = await world();
    const sent: string[] = [];
    const converse = async () => {
      runtime.socket.send = (...[data]: unknown[]) => void sent.push(String(data));
      runtime.events.message(GREETING);
      runtime.events.message('{"joined":"a","at":"1.0"}\n');
      const answer = ws.send("news", { acknowledge: true });
      runtime.events.message('{"ack":1}\n');
      assertEquals(await answer, true);
      void ws.close();
      runtime.events.closed({ code: 1000, reason: "" });
      await clock.advance(0);
    };
    await converse();
    await clock.until(ws.connect("ws://localhost/"));
    runtime.socket.protocol = "resume.netkit.1";
    runtime.events.open();
    await clock.advance(10);
    await converse();
    const [hello, introduction, message, ...again] = sent;
    const [place, who] = [again[0], again[1]];
    assertEquals([hello, message], ['{"resume":1,"at":{}}\n', "#1\nnews"]);
    assertEquals([place, again[2], again.length], [hello, message, 3]);
    const [before, now] = [introduction, who].map((text) => JSON.parse(text!));
    assertEquals([before.nth, now.nth, before.session === now.session], [1, 1, false]);
    assertEquals(log, ["open", "openInfo", "close", "open", "openInfo", "close"]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });
});
