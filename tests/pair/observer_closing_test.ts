/** Observers that close the connection they are told of, in time that stands still. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketObserver,
  type WebSocketServer,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { observed } from "../helpers/observers.ts";
import { ScriptedClient, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

const DONE = { code: 4000, reason: "done" };

/** What is told when an observer's function, of one side, closes with 4000 whenever it is called. */
async function closing(name: string, side: "server" | "client") {
  const close = () => {
    if (side === "client") return pair.ws.close(DONE).catch(() => {});
    const [connection] = pair.server.listAllConnections();
    return connection && pair.server.close(connection, DONE).catch(() => {});
  };
  const schema = { "~standard": ACCEPTS_NOTHING } as never;
  await using pair = await observed({ [side]: { observer: { [name]: close }, schema } });
  await pair.open();
  if (name.startsWith("p")) await pair.clock.advance(31_000);
  await pair.server.broadcast("1");
  await pair.ws.send("1").catch(() => {});
  await pair.clock.advance(10_000);
  assertEquals([pair.ws.state, pair.server.listAllConnections()], ["idle", []]);
  return pair.logs[side].filter((line) => typeof line === "string");
}

const ACCEPTS_NOTHING = { version: 1, vendor: "here", validate: () => ({ issues: [] }) };

/** A client whose observer plays with it whenever it dials, what that gives, and what is told. */
function dialling(reconnect: boolean, play: (ws: WebSocketClient) => unknown[]) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const calls: unknown[] = [];
  const log: string[] = [];
  const observer: WebSocketObserver = {
    dialling: () => {
      calls.push(...play(ws).map((one) => one instanceof Promise ? answer(one) : one));
    },
    gaveUp: () => log.push("gaveUp"),
    failed: () => log.push("failed"),
    unsent: (_, bytes) => log.push(`unsent ${bytes}`),
  };
  const ws: WebSocketClient = createWebSocket({ clock, runtime, observer, reconnect });
  ws.on("open", () => log.push("open"));
  ws.on("error", ({ kind }) => log.push(`error ${kind}`));
  ws.on("close", (_, { code }) => log.push(`close ${code}`));
  return { calls, clock, log, runtime, ws };
}

describe("an observer that closes", () => {
  for (const name of ["opened", "received", "sent", "pinged", "ponged"]) {
    it(`ends the server's connection once, and in good order, in '${name}'`, async () => {
      assertEquals(await closing(name, "server"), ["connect", "close 4000"]);
    });

    it(`ends the client's connection once, and in good order, in '${name}'`, async () => {
      const log = await closing(name, "client");
      assertEquals(log, name === "opened" ? ["close 4000"] : ["open", "close 4000"]);
    });
  }

  it("changes nothing in 'dropped', when it is closing already", async () => {
    assertEquals(await closing("dropped", "server"), ["connect", "error 200", "close 1008"]);
    assertEquals(await closing("dropped", "client"), ["open", "error 200", "close 1008"]);
  });

  for (const reconnect of [false, true]) {
    const rest =
      `by a client that connects, from its first dialling on, reconnecting: ${reconnect}`;

    it(`is answered as ${rest}`, async () => {
      const { calls, clock, log, runtime, ws } = dialling(reconnect, (ws) => [
        ...[ws.state, ws.protocol, ws.send("1"), ws.bufferedAmount],
        ...[ws.connect("ws://a/"), ws.drained(1)],
      ]);
      assertEquals(await ws.connect("ws://localhost/"), true);
      runtime.events.open();
      const answers = await Promise.all(calls);
      assertEquals(answers, ["connecting", "", !reconnect, 1, "alreadyConnected", true]);
      assertEquals([ws.state, runtime.socket.calls, log], ["open", ["send"], ["open"]]);
      void ws.close();
      runtime.events.closed(DONE);
      await clock.advance(10_000);
      assertEquals([ws.state, clock.pending], ["idle", 0]);
    });

    it(`closes, and dials nothing, as ${rest}`, async () => {
      const { calls, clock, log, runtime, ws } = dialling(reconnect, (ws) => [
        ...[ws.drained(), ws.close(DONE), ws.state, ws.bufferedAmount, ws.send("2"), ws.close()],
        ...[ws.connect("ws://a/"), ws[Symbol.asyncDispose]()],
      ]);
      const { signal } = new AbortController();
      const listeners = countListeners(signal);
      assertEquals(await ws.connect("ws://localhost/", { signal }), true);
      await clock.advance(0);
      const answers = await Promise.all(calls);
      const refused = ["notOpen", "closing", "alreadyConnected"];
      assertEquals(answers, [true, true, "closing", 0, ...refused, undefined]);
      assertEquals([log, runtime.request], [["gaveUp", "close 4000"], undefined]);
      assertEquals([await answer(ws.opened), (await ws.closed).code], ["aborted", 4000]);
      assertEquals([ws.state, clock.pending, listeners()], ["idle", 0, 0]);
    });

    it(`is told of what the runtime then refuses to dial, ${rest}`, async () => {
      const { calls, clock, log, runtime, ws } = dialling(reconnect, (ws) => [
        ...[ws.send("1"), ws.drained()],
      ]);
      runtime.fault = new Error("no descriptors");
      assertEquals(await answer(ws.connect("ws://localhost/")), "url");
      assertEquals(await Promise.all(calls), [!reconnect, false]);
      assertEquals(log, [
        ...reconnect ? ["failed", "unsent 1", "error unsent"] : ["unsent 1", "failed"],
      ]);
      assertEquals([ws.state, ws.bufferedAmount, clock.pending], ["idle", 0, 0]);
      runtime.fault = undefined;
      assertEquals(await ws.connect("ws://localhost/"), true);
      runtime.events.open();
      assertEquals([ws.state, runtime.socket.calls], ["open", ["send"]]);
      void ws.close();
      runtime.events.closed(DONE);
      await clock.advance(10_000);
    });
  }

  it("ends it once in 'ponged' when the sign of life is a message that is too big", async () => {
    const clock = new FakeClock();
    const log: unknown[] = [];
    const note = (what: string) => (_: unknown, close?: unknown) => log.push([what, close]);
    const knocking = new ScriptedServer();
    const server: WebSocketServer = createWebSocketServer({
      clock,
      runtime: knocking,
      observer: {
        ponged: (who) => server.close(who, DONE),
        received: note("received"),
      },
    });
    server.on("error", note("error"));
    server.on("close", note("close"));
    await server.start({ serverPort: 80, maxPayload: 3 });
    const admission = knocking.enter();
    admission.open(new ScriptedSocket());
    const dialling = new ScriptedClient();
    const ws = createWebSocket({
      clock,
      runtime: dialling,
      maxPayload: 3,
      observer: { ponged: (ws) => ws.close(DONE), received: note("received") },
    });
    ws.on("error", note("error"));
    ws.on("close", note("close"));
    await ws.connect("ws://localhost/");
    dialling.events.open();
    clock.tick(30_000); // both have pinged
    const { events, socket } = dialling;
    for (const end of [admission, events]) end.message("1234");
    await clock.advance(1);
    assertEquals(socket.calls, ["ping", "close 4000"]);
    for (const end of [admission, events]) end.closed(DONE);
    await clock.until(server.stop());
    assertEquals(log, [["close", DONE], ["close", DONE]]);
  });
});
