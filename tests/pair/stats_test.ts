/** The option `stats`, and what is counted, in time that stands still. */

import { assertEquals, assertNotStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketStats } from "../../mod.ts";
import { createUntyped, refusal } from "../helpers/client.ts";
import { LATENCY } from "../helpers/memory_pair.ts";
import { recorder } from "../helpers/observers.ts";
import { counted } from "./counted_pair.ts";

/** What is counted before anything has happened. */
const NOTHING: WebSocketStats = {
  connections: 0,
  opened: 0,
  closed: 0,
  received: { messages: 0, bytes: 0 },
  sent: { messages: 0, bytes: 0 },
  pings: 0,
  pongs: 0,
  buffered: 0,
  unsent: 0,
  dropped: {},
  refused: {},
};

describe("stats()", () => {
  it("is undefined unless it is asked for", () => {
    for (const options of [undefined, {}, { stats: false }, { observer: recorder([]) }]) {
      assertEquals(createWebSocket(options).stats(), undefined);
      assertEquals(createWebSocketServer(options).stats(), undefined);
    }
  });

  it("is asked for with true, or the call answers 401", async () => {
    for (const stats of [1, "true", null, {}]) {
      const { code } = await refusal(createUntyped({ stats }).connect("ws://localhost/"));
      assertEquals(code, 401);
      const server = createWebSocketServer({ stats: stats as never });
      assertEquals([(await refusal(server.start({ serverPort: 0 }))).code, server.stats()], [
        401,
        undefined,
      ]);
    }
  });

  it("counts connections, messages and their bytes, text as UTF-8", async () => {
    await using pair = await counted();
    const { server, ws, clock } = pair;
    assertEquals([server.stats(), ws.stats()], [NOTHING, NOTHING]);
    const connection = await pair.open();
    for (const data of ["", "Grüße", "世界", "👋"]) await ws.send(data);
    for (
      const data of [new Uint8Array(7), new ArrayBuffer(0), new DataView(new ArrayBuffer(9), 2)]
    ) {
      await server.send(data, connection);
    }
    await clock.advance(LATENCY);
    const up = { messages: 4, bytes: 0 + 7 + 6 + 4 };
    const down = { messages: 3, bytes: 7 + 0 + 7 };
    const open = { ...NOTHING, connections: 1, opened: 1 };
    assertEquals(server.stats(), { ...open, received: up, sent: down });
    assertEquals(ws.stats(), { ...open, received: down, sent: up });
    await pair.close();
    const over = { ...NOTHING, opened: 1, closed: 1 };
    assertEquals(server.stats(), { ...over, received: up, sent: down });
    assertEquals(ws.stats(), { ...over, received: down, sent: up });
  });

  it("counts nothing that is refused", async () => {
    await using pair = await counted({ config: { maxPayload: 5 }, client: { maxPayload: 5 } });
    const { server, ws } = pair;
    const connection = await pair.open();
    await refusal(ws.send("123456"));
    await refusal(server.send("123456", connection));
    await refusal(server.broadcast("123456"));
    await pair.close();
    await refusal(ws.send("late"));
    await refusal(server.send("late", connection));
    await refusal(ws.connect("http://localhost/"));
    assertEquals(server.stats(), { ...NOTHING, opened: 1, closed: 1 });
    assertEquals(ws.stats(), { ...NOTHING, opened: 1, closed: 1 });
  });

  it("counts what is queued before 'open' when it goes out, once", async () => {
    await using pair = await counted({ client: { reconnect: true } });
    const { ws, clock } = pair;
    await ws.connect("ws://localhost:80/");
    await ws.send("early");
    assertEquals(ws.stats(), { ...NOTHING, buffered: 5 });
    await clock.advance(3 * LATENCY);
    assertEquals(ws.stats()!.sent, { messages: 1, bytes: 5 });
    assertEquals(pair.server.stats()!.received, { messages: 1, bytes: 5 });
  });

  it("counts what is sent to many for each who gets it", async () => {
    await using pair = await counted();
    const { server, network, clock } = pair;
    const clients = [1, 2, 3].map(() => createWebSocket({ clock, runtime: network.client }));
    for (const ws of clients) await ws.connect("ws://localhost:80/");
    await clock.advance(100);
    const [a, b] = server.listAllConnections();
    await server.broadcast("123");
    assertEquals(server.stats()!.sent, { messages: 3, bytes: 9 });
    await server.broadcast("é", { except: [a!] });
    assertEquals(server.stats()!.sent, { messages: 5, bytes: 13 });
    await server.join(a!, "room");
    await server.join(b!, "room");
    await server.publish("room", new Uint8Array(100));
    assertEquals(server.stats()!.sent, { messages: 7, bytes: 213 });
    await server.publish("room", "", { except: [a!, b!] });
    await server.publish("nowhere", "1");
    assertEquals(server.stats()!.sent, { messages: 7, bytes: 213 });
    for (const ws of clients) await clock.until(ws[Symbol.asyncDispose]());
  });

  it("tells how long signs of life took after Pings: the last, extremes and mean", async () => {
    await using pair = await counted({ config: { pingInterval: 10, pongTimeout: 10 } });
    const { server, ws, network, clock } = pair;
    await pair.open({ pingInterval: 10, pongTimeout: 10 });
    await clock.advance(10_000 - LATENCY); // the server's Ping has just gone out
    assertEquals([server.stats()!.pings, server.stats()!.pongs], [1, 0]);
    assertEquals(Object.hasOwn(server.stats()!, "roundTrip"), false);
    await clock.advance(LATENCY); // and now the client's
    await clock.advance(2 * LATENCY);
    const one = { last: 10, min: 10, max: 10, mean: 10 };
    for (const stats of [server.stats()!, ws.stats()!]) {
      assertEquals([stats.pings, stats.pongs, stats.roundTrip], [1, 1, one]);
    }
    const link = network.links[0]!;
    await ws.send("no answer");
    await server.broadcast("nor this");
    await clock.advance(100);
    assertEquals([server.stats()!.pongs, ws.stats()!.pongs], [1, 1]);
    await clock.advance(9800);
    link.hold("toClient");
    await clock.advance(1000); // both have pinged; nothing gets to the client
    link.release("toClient");
    await clock.advance(100);
    const { roundTrip, pings, pongs } = server.stats()!;
    assertEquals([pings, pongs], [2, 2]);
    // Ping at 20,000, released at 20,915; it takes another latency there, and one back.
    assertEquals(roundTrip, { last: 925, min: 10, max: 925, mean: 467.5 });
    // A message is as good as a Pong.
    await clock.advance(8900);
    link.hold("toServer");
    await clock.advance(100);
    assertEquals([server.stats()!.pings, server.stats()!.pongs], [3, 2]);
    link.release("toServer");
    await clock.advance(100);
    assertEquals([server.stats()!.pings, server.stats()!.pongs], [3, 3]);
  });

  it("takes a message for a sign of life, and each Ping's first alone", async () => {
    await using pair = await counted({ config: { pingInterval: 10, pongTimeout: 10 } });
    const { server, ws, clock, network } = pair;
    await pair.open();
    network.links[0]!.hold("toClient"); // the Ping gets nowhere
    await clock.advance(10_000);
    await clock.advance(20);
    assertEquals([server.stats()!.pings, server.stats()!.pongs], [1, 0]);
    await ws.send("alive");
    await ws.send("and well");
    await clock.advance(LATENCY);
    const { pongs, roundTrip } = server.stats()!;
    assertEquals([pongs, roundTrip!.last], [1, 30]);
    network.links[0]!.release("toClient"); // the Pong of old changes nothing
    await clock.advance(100);
    assertEquals([server.stats()!.pongs, server.stats()!.roundTrip!.last], [1, 30]);
  });

  it("counts on over stop and start, and over the connections of a client", async () => {
    await using pair = await counted();
    const { server, ws, clock } = pair;
    for (let n = 1; n <= 3; n++) {
      const connection = await pair.open();
      await ws.send("12");
      await server.send("345", connection);
      await clock.advance(LATENCY);
      assertEquals(server.stats()!.connections, 1);
      await clock.until(server.stop());
      await clock.advance(100);
      const totals = { ...NOTHING, opened: n, closed: n };
      const [up, down] = [{ messages: n, bytes: 2 * n }, { messages: n, bytes: 3 * n }];
      assertEquals(server.stats(), { ...totals, received: up, sent: down });
      assertEquals(ws.stats(), { ...totals, received: down, sent: up });
      await server.start({ serverPort: 80 });
    }
  });

  it("gives numbers of one's own, as they are now", async () => {
    await using pair = await counted({ config: { authorize: refuseOdd(), pingInterval: 10 } });
    const { server, ws, clock } = pair;
    await pair.open();
    await pair.open();
    await clock.advance(11_000);
    await ws.send("1");
    pair.network.links[0]!.cut();
    await clock.advance(100);
    const before = structuredClone(server.stats()!);
    assertEquals([before.refused, before.dropped, before.pongs], [{ 403: 1 }, { lost: 1 }, 1]);
    const spoilt = server.stats()!;
    for (const part of [spoilt, spoilt.received, spoilt.sent, spoilt.refused, spoilt.dropped]) {
      for (const name of Object.keys(part)) (part as unknown as Record<string, unknown>)[name] = -1;
    }
    assertEquals(server.stats(), before);
    assertNotStrictEquals(server.stats()!.roundTrip, before.roundTrip);
    await pair.open(); // refused
    assertEquals([before.refused, server.stats()!.refused], [{ 403: 1 }, { 403: 2 }]);
  });

  it("counts whatever an observer does beside it", async () => {
    const log: unknown[] = [];
    const failing = {
      ...recorder(log),
      sent: () => Promise.reject(new Error("the observer's own")),
    };
    await using pair = await counted({ server: { observer: failing } });
    const { server, clock } = pair;
    await pair.open();
    const counts: unknown[] = [];
    server.on("error", ({ code }) => counts.push(code));
    await server.broadcast("12");
    await clock.advance(100);
    await pair.close();
    assertEquals(server.stats(), {
      ...NOTHING,
      opened: 1,
      closed: 1,
      sent: { messages: 1, bytes: 2 },
    });
    assertEquals([log, counts], [
      [["opened"], ["closed", { code: 1000, reason: "CLOSE_NORMAL" }]],
      [2302999],
    ]);
  });

  it("has counted what an observer is told of", async () => {
    const seen: unknown[] = [];
    const observer = {
      received: () => seen.push(pair.server.stats()!.received.messages),
      closed: () => seen.push(pair.server.stats()!.connections),
    };
    await using pair = await counted({ server: { observer } });
    await pair.open();
    await pair.ws.send("1");
    await pair.clock.advance(100);
    await pair.close();
    assertEquals(seen, [1, 0]);
  });

  it("has in 'buffered' what is queued now, to all peers together", async () => {
    await using pair = await counted();
    const { server, ws, network, clock } = pair;
    await pair.open();
    const other = createWebSocket({ clock, runtime: network.client });
    await other.connect("ws://localhost:80/");
    await clock.advance(100);
    for (const link of network.links) link.hold();
    await server.broadcast("12345");
    await ws.send("123");
    assertEquals([server.stats()!.buffered, ws.stats()!.buffered], [10, 3]);
    for (const link of network.links) link.release();
    await clock.advance(100);
    assertEquals([server.stats()!.buffered, ws.stats()!.buffered], [0, 0]);
    await clock.until(other[Symbol.asyncDispose]());
  });
});

/** Refuses every other client, from the first on. */
function refuseOdd(): () => true | Response {
  let n = 0;
  return () => n++ % 2 === 1 || new Response(null, { status: 403 });
}
