/** What `stats()` say from within each event: all that has happened before it, and the event itself. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketStats } from "../../mod.ts";
import type { MemoryPair } from "../helpers/memory_pair.ts";
import { counted } from "./counted_pair.ts";

/** The numbers that an event is about. */
function short(stats: WebSocketStats): unknown[] {
  const { connections, opened, closed, received, sent, dropped, refused } = stats;
  const counts = [connections, opened, closed, received.messages, sent.messages];
  return [...counts, ...Object.keys(dropped), ...Object.keys(refused)];
}

/** Writes down what each side counts as it is told something. */
function countsOf({ server, ws }: MemoryPair): unknown[] {
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
  return log;
}

/** What is done with a pair that is open, and what is counted as each event tells of it. */
const ROWS: [what: string, act: (pair: MemoryPair, log: unknown[]) => unknown, told: unknown[]][] =
  [
    ["the connection whose end is told", ({ ws }) => ws.close(), [
      ["server close", 0, 1, 1, 0, 0],
      ["client close", 0, 1, 1, 0, 0],
    ]],
    ["the message that is told, and what its listener has sent", async ({ clock, server, ws }) => {
      server.on("messageReceive", ({ clientConnection: one }) => void server.send("b", one));
      await ws.send("a");
      await clock.advance(100);
      await ws.send("a");
    }, [
      ["server messageReceive", 1, 1, 0, 1, 0],
      ["client message", 1, 1, 0, 1, 1],
      ["server messageReceive", 1, 1, 0, 2, 1],
      ["client message", 1, 1, 0, 2, 2],
    ]],
    [
      "why a peer is dropped as 'error' tells it, and its end as 'close' does",
      ({ ws }) => ws.send("12345"),
      [
        ["server error", 1, 1, 0, 0, 0, "too big"],
        ["server close", 0, 1, 1, 0, 0, "too big"],
        ["client close", 0, 1, 1, 0, 1],
      ],
    ],
    ["a loss, on both sides", ({ network }) => network.links[0]!.cut(), [
      ["server error", 1, 1, 0, 0, 0, "lost"],
      ["server close", 0, 1, 1, 0, 0, "lost"],
      ["client error", 1, 1, 0, 0, 0, "lost"],
      ["client close", 0, 1, 1, 0, 0, "lost"],
    ]],
    ["a client that is refused as 'error' tells it", async ({ clock, network }, log) => {
      const second = createWebSocket({ clock, runtime: network.client, stats: true });
      second.on("error", () => log.push(["second error", ...short(second.stats()!)]));
      await second.connect("ws://localhost:80/");
    }, [
      ["server error", 1, 1, 0, 0, 0, "503"],
      ["second error", 0, 0, 0, 0, 0],
    ]],
  ];

describe("stats() within an event", () => {
  for (const [what, act, told] of ROWS) {
    it(`count ${what}`, async () => {
      await using pair = await counted({ config: { maxPayload: 4, maxConnections: 1 } });
      const log = countsOf(pair);
      await pair.open();
      assertEquals(log.splice(0), [
        ["server connect", 1, 1, 0, 0, 0],
        ["client open", 1, 1, 0, 0, 0],
      ]);
      await act(pair, log);
      await pair.clock.advance(100);
      assertEquals(log, told);
    });
  }
});
