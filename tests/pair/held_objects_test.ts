/**
 * What a user gets to hold is his: he may change it, and nobody else notices. Each thing is taken twice,
 * and spoilt in between.
 */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  TlsProtocol,
  type WebSocketObserver,
} from "../../mod.ts";
import { heartbeatPolicy, systemClock } from "../../heartbeat.ts";
import * as standard from "../../standard.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

/** Changes all that can be changed of an object of ours, and of what is in it. */
function spoil(value: unknown): void {
  const isOurs = Array.isArray(value) || value instanceof Error ||
    /^(?:Object|ConnectionHandle)$/.test((value as object)?.constructor?.name);
  if (!isOurs) return;
  for (const key of Object.keys(value as object)) {
    spoil(Reflect.get(value as object, key));
    Reflect.set(value as object, key, "spoilt");
  }
  Reflect.set(value as object, "more", "spoilt");
  if (Array.isArray(value)) value.length = 0;
}

/** A value as text, with errors as they are. */
function show(value: unknown): string {
  if (value instanceof Error) {
    const { code, kind, data, message } = value as BusinessError;
    return JSON.stringify({ code, kind, data, message });
  }
  return JSON.stringify(value) ?? String(value);
}

/** A conversation: everything that both ends are handed, in order, and spoilt at once. */
async function conversation(): Promise<string[]> {
  const held: string[] = [];
  const hold = (what: string) => (...values: unknown[]) => {
    for (const value of values) {
      held.push(`${what} ${show(value)}`);
      spoil(value);
    }
  };
  const observer = (who: string): WebSocketObserver => ({
    opened: (_, handshake) => hold(`${who} opened`)(handshake),
    closed: (_, close) => hold(`${who} closed`)(close),
    failed: (_, attempt) => hold(`${who} failed`)(attempt),
    reconnecting: (_, info) => hold(`${who} reconnecting`)(info),
    refused: (...args) => hold(`${who} refused`)(args[0], args[1], args[2]),
  });
  let knocks = 0;
  await using pair = await MemoryPair.start({
    client: {
      reconnect: {
        minDelay: 1,
        maxDelay: 1,
        attempts: 9,
        random: () => 1,
        shouldReconnect: (interruption) => {
          hold("shouldReconnect")(interruption);
          return true;
        },
      },
      observer: observer("client"),
      stats: true,
    },
    server: { observer: observer("server"), stats: true },
    config: {
      authorize: (_request, info) => {
        hold("authorize")(info);
        return ++knocks === 1 ? new Response(null, { status: 503 }) : { user: "Ada" };
      },
    },
  });
  const { clock, server, ws } = pair;
  for (const event of ["open", "openInfo", "close", "error", "reconnecting"] as const) {
    ws.on(event, (...values: unknown[]) => hold(event)(...values));
  }
  server.on("connect", (connection) => hold("connect")(connection));
  server.on("close", (connection, close) => hold("server close")(connection, close));
  server.on("error", hold("server error"));
  server.subscribe("news", (message) => hold("subscribe")(message));

  await pair.open();
  await clock.advance(2000);
  hold("opened")(await ws.opened);
  hold("opened again")(await ws.opened);
  const connection = server.listAllConnections()[0]!;
  hold("listAllConnections")(server.listAllConnections());
  assertEquals(server.listAllConnections(), [connection]);
  assertEquals(connection.clientIP, "127.0.0.1");
  await server.join(connection, "news");
  for (let i = 0; i < 2; i++) {
    hold("address")(server.address);
    hold("broadcast")(await server.broadcast("all"));
    hold("publish")(await server.publish("news", "new"));
    hold("publish to nobody")(await server.publish("old", "new"));
    hold("stats")(ws.stats());
    hold("server stats")(server.stats());
    hold("refusal")(await ws.connect("ws://localhost/").catch((error) => error));
    hold("server refusal")(await server.send(5 as never, connection).catch((error) => error));
  }
  for (const end of ["close", "terminate"] as const) {
    await server[end](server.listAllConnections()[0]!);
    await clock.advance(2000);
    assertEquals(ws.state, "open");
  }
  await pair.close();
  hold("closed")(await ws.closed);
  hold("closed again")(await ws.closed);
  hold("opened after the end")(await ws.opened);
  return held;
}

describe("what a user gets to hold", () => {
  it("is the same the second time, whatever was done to it", async () => {
    const first = await conversation();
    const second = await conversation();
    // The ports of clients are counted up, and so are the times.
    const plain = (line: string) => line.replace(/("clientPort":|"port":)\d+/g, "$1PORT");
    assertEquals(second.map(plain), first.map(plain));
    assert(first.length > 40, `${first.length} things`);
    const spoilt = first.filter((line) => line.includes("spoilt"));
    assertEquals(spoilt, []);
  });

  it("is equal each time it is asked for", async () => {
    const lines = await conversation();
    for (const what of ["opened", "closed"]) {
      const values = lines.filter((line) => line.startsWith(what) && line.includes("{"));
      const [first, ...others] = values.map((line) => line.slice(line.indexOf("{")));
      for (const other of others) assertEquals(other, first);
    }
  });

  it("is a fresh error for each refusal, of wrong options, too", async () => {
    const ws = createWebSocket({ maxPayload: -1 });
    const server = createWebSocketServer({ clock: 5 } as never);
    for (
      const call of [
        () => ws.connect("ws://localhost/"),
        () => server.start({ serverPort: 0 }),
        () => ws.send("early"),
        () => server.stop(),
      ]
    ) {
      const refuse = () => call().then(() => undefined, (error: BusinessError) => error);
      const first = await refuse();
      const shown = show(first);
      spoil(first);
      assertEquals(show(await refuse()), shown);
    }
  });

  it("is a list of his own, also where there is nothing in it", () => {
    const server = createWebSocketServer({ presence: true });
    for (const list of [() => server.listAllConnections(), () => server.presence("news")]) {
      (list() as unknown[]).push("spoilt");
      assertEquals(list(), []);
    }
  });

  it("is an answer that nobody can change for others", async () => {
    await using pair = await MemoryPair.start();
    const { server, ws } = pair;
    const idle = createWebSocket();
    const connection = await pair.open();
    const calls = [
      () => ws.drained(),
      () => idle.drained(),
      () => server.drained(connection),
      () => ws.send("hello"),
      () => server.send("hello", connection),
    ];
    for (const call of calls) {
      Reflect.set(call(), "then", "spoilt");
      assertEquals(typeof call().then, "function", `${call}`);
    }
  });

  it("cannot be changed where all share it", () => {
    const { WebSocket } = standard as unknown as { WebSocket: Record<string, unknown> };
    for (const shared of [TlsProtocol, systemClock]) {
      const before = Object.entries(shared);
      spoil(shared);
      assertEquals(Object.entries(shared), before);
    }
    spoil(heartbeatPolicy());
    assertEquals(heartbeatPolicy(), { pingInterval: 30, pongTimeout: 30 });
    for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"]) {
      Reflect.set(WebSocket, name, "spoilt");
      assertEquals(typeof WebSocket[name], "number", name);
    }
  });
});
