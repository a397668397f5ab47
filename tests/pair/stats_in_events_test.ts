/** What `stats()` say from within each event: all that has happened before it, and the event itself. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketStats } from "../../mod.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

/** The numbers that an event is about. */
function short(stats: WebSocketStats): unknown[] {
  const { connections, opened, closed, received, sent, dropped, refused } = stats;
  const counts = [connections, opened, closed, received.messages, sent.messages];
  return [...counts, ...Object.keys(dropped), ...Object.keys(refused)];
}

/** A pair that counts, and what each side counts as it is told something. */
async function counting(): Promise<MemoryPair & { log: unknown[] }> {
  const pair = await MemoryPair.start({
    server: { stats: true },
    client: { stats: true },
    config: { maxPayload: 4, maxConnections: 1 },
  });
  const { server, ws } = pair;
  const log: unknown[] = [];
  const note = (side: string, event: string) => () => {
    const stats = side === "server" ? server.stats() : ws.stats();
    log.push([`${side} ${event}`, ...short(stats!)]);
  };
  for (const event of ["connect", "messageReceive", "close", "error"] as const) {
    server.on(event, note("server", event));
  }
  for (const event of ["open", "message", "close", "error"] as const) {
    ws.on(event, note("client", event));
  }
  return Object.assign(pair, { log });
}

describe("stats() within an event", () => {
  it("count the connection that is told, and the one whose end is", async () => {
    await using pair = await counting();
    await pair.open();
    await pair.close();
    assertEquals(pair.log, [
      ["server connect", 1, 1, 0, 0, 0],
      ["client open", 1, 1, 0, 0, 0],
      ["server close", 0, 1, 1, 0, 0],
      ["client close", 0, 1, 1, 0, 0],
    ]);
  });

  it("count the message that is told, and what its listener has sent", async () => {
    await using pair = await counting();
    pair.server.on(
      "messageReceive",
      ({ clientConnection: one }) => void pair.server.send("b", one),
    );
    await pair.open();
    for (let i = 0; i < 2; i++) {
      await pair.ws.send("a");
      await pair.clock.advance(100);
    }
    assertEquals(pair.log.slice(2), [
      ["server messageReceive", 1, 1, 0, 1, 0],
      ["client message", 1, 1, 0, 1, 1],
      ["server messageReceive", 1, 1, 0, 2, 1],
      ["client message", 1, 1, 0, 2, 2],
    ]);
  });

  it("count why a peer is dropped as 'error' tells it, and its end as 'close' does", async () => {
    await using pair = await counting();
    await pair.open();
    await pair.ws.send("12345");
    await pair.clock.advance(100);
    assertEquals(pair.log.slice(2), [
      ["server error", 1, 1, 0, 0, 0, "too big"],
      ["server close", 0, 1, 1, 0, 0, "too big"],
      ["client close", 0, 1, 1, 0, 1],
    ]);
  });

  it("count a loss on both sides, and a client that was refused", async () => {
    await using pair = await counting();
    await pair.open();
    pair.network.links[0]!.cut();
    await pair.clock.advance(100);
    const events = ["error", "close"].flatMap((event) => [`client ${event}`, `server ${event}`]);
    const told = pair.log.slice(2) as unknown[][];
    assertEquals(told.map(([event]) => event).sort(), events.sort());
    for (const [event, ...counts] of told) {
      const isEnd = `${event}`.endsWith("close");
      assertEquals(counts, [...(isEnd ? [0, 1, 1] : [1, 1, 0]), 0, 0, "lost"]);
    }
  });

  it("count a client that is refused as 'error' tells it", async () => {
    await using pair = await counting();
    await pair.open();
    const { clock, network } = pair;
    const second = createWebSocket({ clock, runtime: network.client, stats: true });
    second.on("error", () => pair.log.push(["second error", ...short(second.stats()!)]));
    await second.connect("ws://localhost:80/");
    await clock.advance(100);
    assertEquals(pair.log.slice(2), [
      ["server error", 1, 1, 0, 0, 0, "503"],
      ["second error", 0, 0, 0, 0, 0],
    ]);
  });
});
