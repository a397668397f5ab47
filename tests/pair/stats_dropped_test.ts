/** What `stats()` say of connections that were dropped: how many, and why. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DropReason } from "../../mod.ts";
import type { MemoryPair, MemoryPairOptions } from "../helpers/memory_pair.ts";
import { recorder } from "../helpers/observers.ts";
import { validators } from "../helpers/schemas.ts";
import { counted } from "./counted_pair.ts";

/** How a connection comes to be dropped for a reason; each within a minute and a half. */
const DROPS: Record<"server" | "client", Partial<Record<DropReason, Drop>>> = {
  server: {
    "dead": { drop: ({ network }) => network.links[0]!.hold() },
    "lost": { drop: ({ network }) => network.links[0]!.cut() },
    "too big": { config: { maxPayload: 3 }, drop: ({ ws }) => void ws.send("1234") },
    "too fast": {
      config: { maxPendingAmount: 3 },
      drop: ({ ws, server }) => {
        server.on("messageReceive", () => new Promise(() => {}));
        void ws.send("1234");
      },
    },
    "too slow": {
      config: { maxBufferedAmount: 3 },
      drop: ({ server, network }) => {
        network.links[0]!.hold("toClient");
        void server.broadcast("1234");
      },
    },
    "unacceptable": {
      server: { schema: validators.double as never },
      drop: ({ ws }) => void ws.send("x"),
    },
  },
  client: {
    "dead": { drop: ({ network }) => network.links[0]!.hold() },
    "lost": { drop: ({ network }) => network.links[0]!.cut() },
    "too big": { client: { maxPayload: 3 }, drop: ({ server }) => void server.broadcast("1234") },
    "too fast": {
      drop: ({ ws, server }) => {
        for (const reader of [1, 2]) void [reader, ws[Symbol.asyncIterator]()];
        const mebibytes = new Uint8Array(4 * 1024 * 1024);
        for (let i = 0; i < 5; i++) void server.broadcast(mebibytes);
      },
    },
    "unacceptable": {
      client: { schema: validators.double as never },
      drop: ({ server }) => void server.broadcast("x"),
    },
  },
};

interface Drop extends MemoryPairOptions {
  drop: (pair: MemoryPair) => void;
}

describe("stats().dropped", () => {
  for (const side of ["server", "client"] as const) {
    for (const [why, { drop, ...options }] of Object.entries(DROPS[side])) {
      it(`counts a connection that the ${side} drops as ${why}, and tells the observer`, async () => {
        const log: unknown[] = [];
        const observed = { ...options, [side]: { ...options[side], observer: recorder(log) } };
        await using pair = await counted(observed);
        await pair.open();
        drop(pair);
        await pair.clock.advance(90_000);
        assertEquals(pair[side === "client" ? "ws" : side].stats()!.dropped, { [why]: 1 });
        const told = log.filter((item) => ["dropped", "closed"].includes((item as string[])[0]!));
        assertEquals(told.map((item) => (item as unknown[])[0]), ["dropped", "closed"]);
        assertEquals((told[0] as unknown[])[1], why);
      });
    }
  }

  it("counts none that ends in good order", async () => {
    await using pair = await counted();
    const { server, clock } = pair;
    await pair.open();
    await pair.close();
    await server.close(await pair.open());
    await clock.advance(100);
    await pair.open();
    await clock.until(server.stop());
    await clock.advance(100);
    for (const stats of [server.stats()!, pair.ws.stats()!]) {
      assertEquals([stats.opened, stats.closed, stats.dropped], [3, 3, {}]);
    }
  });
});
