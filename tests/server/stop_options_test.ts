/** What `stop` tells the peers. */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type StopOptions } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, readClose } from "../peers/raw.ts";

/** What so many peers are told, in the order they came. */
async function told(options: StopOptions | undefined, count: number) {
  await using watched = await WatchedServer.start();
  await using peers = new RawPeers(watched);
  const all = await peers.connectMany(count);
  await watched.connected(count);
  assertEquals(await watched.server.stop(options), true);
  const frames = await deadline(Promise.all(all.map((peer) => peer.next(CLOSE))), LIMIT_MS);
  const closes = frames.map(readClose);
  // 'close' says the same to the program.
  assertEquals(watched.closes.map(({ code, reason }) => ({ code, reason })), closes);
  return closes;
}

describe("server.stop(options)", () => {
  const cases: [StopOptions | undefined, number, string][] = [
    [undefined, 1001, "server is going away"],
    [{}, 1001, "server is going away"],
    [{ code: 1012 }, 1012, "server is going away"],
    [{ reason: "Good night" }, 1001, "Good night"],
    [{ code: 4000, reason: "" }, 4000, ""],
    [{ code: 1000, reason: undefined }, 1000, "server is going away"],
    [{ code: 1014, reason: "é".repeat(200) }, 1014, "é".repeat(61)],
  ];
  for (const [options, code, reason] of cases) {
    it(`tells each peer ${code} ${reason} for ${JSON.stringify(options)}`, async () => {
      const closes = options?.reason?.length === 200
        ? undefined // what 'close' tells is not cut
        : await told(options, 2);
      if (closes !== undefined) return assertEquals(closes, Array(2).fill({ code, reason }));
      await using watched = await WatchedServer.start();
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      await watched.connected();
      await watched.server.stop(options);
      assertEquals(readClose(await deadline(peer.next(CLOSE), LIMIT_MS)), { code, reason });
    });
  }

  it("tells each peer a second of its own with 'retryAfter'", async () => {
    const closes = await told({ retryAfter: 3 }, 5);
    assertEquals(closes, [1, 2, 3, 1, 2].map((s) => ({ code: 1012, reason: `retry after ${s}` })));
    const later = await told({ retryAfter: 1, code: 1013 }, 2);
    assertEquals(later, Array(2).fill({ code: 1013, reason: "retry after 1" }));
    const [same] = await told({ retryAfter: 1, code: 1012 }, 1);
    assertEquals(same, { code: 1012, reason: "retry after 1" });
  });

  it("tells no second to who is told something else already", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const all = await peers.connectMany(3);
    const connections = await Promise.all([1, 2, 3].map((n) => watched.connected(n)));
    void watched.server.close(connections[1]!, { code: 4000, reason: "you" });
    assertEquals(await watched.server.stop({ retryAfter: 2 }), true);
    const frames = await deadline(Promise.all(all.map((peer) => peer.next(CLOSE))), LIMIT_MS);
    assertEquals(
      frames.map(readClose).map(({ reason }) => reason).toSorted(),
      ["retry after 1", "retry after 2", "you"],
    );
  });

  it("has clients that reconnect come back one after the other", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    await server.start({ serverPort: 80 });
    const reconnect = { random: () => 0 };
    const clients = Array.from(
      { length: 4 },
      () => createWebSocket({ clock, runtime: network.client, reconnect }),
    );
    const delays: number[] = [];
    for (const ws of clients) {
      ws.on("reconnecting", ({ delay }) => delays.push(delay));
      await ws.connect("ws://localhost/");
    }
    await clock.advance(10);
    await clock.until(server.stop({ retryAfter: 4 }));
    await server.start({ serverPort: 80 });
    assertEquals(delays.toSorted(), [1, 2, 3, 4]);
    await clock.advance(5000);
    assertEquals(server.listAllConnections().length, 4);
    for (const ws of clients) await clock.until(ws[Symbol.asyncDispose]());
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  });

  it("tells a client that was let in and opens too late", async () => {
    await using pair = await MemoryPair.start({
      config: { authorize: () => new Promise(() => {}) },
    });
    await pair.ws.connect("ws://localhost:80/");
    await pair.clock.advance(5);
    const stopped = pair.server.stop({ code: 1012, reason: "moved" });
    assertEquals(await pair.clock.until(stopped), true);
  });

  it("refuses at once who waits to be let in, though a peer takes its time to leave", async () => {
    let asked = 0;
    await using pair = await MemoryPair.start({
      config: { authorize: () => ++asked === 1 || new Promise<true>(() => {}) },
    });
    const { clock, network, server } = pair;
    await pair.open();
    network.links[0]!.hold();
    const log: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      const other = createWebSocket({ clock, runtime: network.client });
      other.on("error", ({ data }) => void log.push(data));
      await other.connect("ws://localhost:80/");
    }
    await clock.advance(5);
    const stopped = server.stop();
    await clock.advance(5);
    assertEquals([asked, log], [4, ["503", "503", "503"]]);
    assertEquals(server.address !== undefined, true);
    assertEquals(await clock.until(stopped), true);
  });

  it("is the first call's, while it stops", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    await peers.connect();
    await watched.connected();
    const first = watched.server.stop({ code: 4001, reason: "first" });
    const second = watched.server.stop({ code: 4002, reason: "second" });
    assertEquals([await first, await second], [true, true]);
    assertEquals(await watched.closed(), { code: 4001, reason: "first" });
  });

  const wrong: [unknown, string][] = [
    [null, "stop: options must be an object"],
    [5, "stop: options must be an object"],
    [{ cod: 1 }, "stop: 'cod' is no option"],
    ...[999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, NaN, "1000"].map((code) =>
      [{ code }, "stop: 'code' must be a code that can be sent"] as [unknown, string]
    ),
    [{ reason: 5 }, "stop: 'reason' must be text: current value is 5"],
    ...[0, -1, 1.5, NaN, Infinity, "3"].map((retryAfter) =>
      [{ retryAfter }, "stop: 'retryAfter' must be an integer above 0"] as [unknown, string]
    ),
    [
      { retryAfter: 3, code: 1001 },
      "stop: 'code' must be 1012 or 1013 beside 'retryAfter': current value is 1001",
    ],
    ...[undefined, 1012, 1013].map((code) =>
      [
        { retryAfter: 3, code, reason: "x" },
        "stop: 'reason' must be left out where 'retryAfter' is given: current value is \"x\"",
      ] as [unknown, string]
    ),
  ];
  it("refuses 401 what it does not understand, and runs on", async () => {
    await using watched = await WatchedServer.start();
    for (const [options, says] of wrong) {
      await assertRefused(() => watched.server.stop(options as never), 401, says);
    }
    await using peers = new RawPeers(watched);
    await peers.connect();
    await watched.connected();
  });

  it("is refused where nothing runs, whatever the options", async () => {
    const server = createWebSocketServer();
    await assertRefused(() => server.stop({ code: 1012 }), 2302999);
    await assertRefused(() => server.stop({ code: 1 }), 401);
  });
});
