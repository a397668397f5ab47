/** What an observer reads of a server that listens. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type ServerGauges } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";

describe("an observer of a server", () => {
  it("reads what is queued and paused, from start to stop, and how late its timers are", async () => {
    const delays: number[] = [];
    const log: string[] = [];
    let gauges: ServerGauges | undefined;
    const observer = {
      started: (server: NonNullable<typeof gauges>) => {
        gauges = server;
        log.push("started");
      },
      stopped: (server: unknown) => {
        assertEquals(server === gauges, true);
        log.push("stopped");
      },
      delayed: (ms: number) => delays.push(ms),
    };
    const config = { maxBufferedAmount: 1000 };
    await using pair = await MemoryPair.start({ server: { observer }, config });
    const other = createWebSocket({ clock: pair.clock, runtime: pair.network.client });
    await pair.open();
    await other.connect("ws://localhost:80/");
    await pair.clock.advance(100);
    for (const link of pair.network.links) link.hold();
    const [one] = pair.server.listAllConnections();
    await pair.server.broadcast("12345");
    await pair.server.send("123", one!);
    const { buffered, fullest, limit, paused, unacknowledged } = gauges!;
    assertEquals([buffered, fullest, limit, paused, unacknowledged], [13, 8, 1000, 0, 0]);
    for (const link of pair.network.links) link.release();
    await pair.clock.advance(1000);
    assertEquals([gauges!.buffered, gauges!.fullest], [0, 0]);
    assert(delays.length >= 5 && delays.every((ms) => ms === 0), delays.join());
    const { length } = delays;
    await pair.clock.until(other[Symbol.asyncDispose]());
    await pair.clock.until(pair.server.stop());
    await pair.clock.advance(1000);
    assertEquals([log, delays.length - length <= 1], [["started", "stopped"], true]);
  });

  it("reads what is queued to a peer that is closed until it has read that, or is cut off", async () => {
    let gauges: ServerGauges | undefined;
    const observer = { started: (server: ServerGauges) => gauges = server };
    await using pair = await MemoryPair.start({ server: { observer, stats: true } });
    const connection = await pair.open();
    const read = () => [gauges!.buffered, gauges!.fullest, pair.server.stats()!.buffered];
    pair.network.links[0]!.hold();
    await pair.server.send("123", connection);
    await pair.server.close(connection);
    await pair.clock.advance(1000);
    assertEquals(pair.server.listAllConnections(), []);
    assertEquals(read(), [3, 3, 3]);
    await pair.clock.advance(4500);
    assertEquals([...read(), pair.server.stats()!.unsent], [0, 0, 0, 3]);
  });

  it("reads what is queued while the server stops, which tells of each what is lost", async () => {
    await using pair = await MemoryPair.start({ server: { stats: true } });
    const { clock, network, server } = pair;
    await pair.open();
    for (let n = 0; n < 2; n++) {
      await createWebSocket({ clock, runtime: network.client }).connect("ws://localhost:80/");
      await clock.advance(10);
    }
    const lost: unknown[] = [];
    server.on("error", ({ kind, data, clientIP, clientPort }) => {
      lost.push([kind, data, clientIP, clientPort]);
    });
    for (const link of network.links) link.hold();
    const connections = server.listAllConnections();
    for (const connection of connections) await server.send("123", connection);
    const stopped = server.stop();
    await clock.advance(1000);
    assertEquals([server.listAllConnections(), server.stats()!.buffered, lost], [[], 9, []]);
    await clock.until(stopped);
    const { buffered, unsent } = server.stats()!;
    assertEquals([buffered, unsent], [0, 9]);
    assertEquals(
      lost,
      connections.map(({ clientIP, clientPort }) => ["unsent", "3", clientIP, clientPort]),
    );
  });

  it("is told that a server has begun once its port is taken, and is over once that is free", async () => {
    const answers: Promise<unknown>[] = [];
    const clock = new FakeClock();
    const runtime = new MemoryNetwork({ clock }).server;
    const other = createWebSocketServer({ clock, runtime });
    const begin = () => answers.push(other.start({ serverPort: 80 }).catch(({ kind }) => kind));
    const observer = { started: begin, stopped: begin };
    const server = createWebSocketServer({ clock, runtime, observer });
    await server.start({ serverPort: 80 });
    await clock.until(server.stop());
    assertEquals(await Promise.all(answers), ["portOccupied", true]);
    await clock.until(other.stop());
    assertEquals(clock.pending, 0);
  });

  it("reads how many messages wait to be acknowledged", async () => {
    await using nodes = new NodesInMemory();
    let gauges: ServerGauges | undefined;
    const observer = { started: (server: ServerGauges) => gauges = server };
    const server = await nodes.node({ observer, stats: true });
    assertEquals(gauges!.unacknowledged, 0);
    const done = Promise.withResolvers<void>();
    for (const ws of [await nodes.client(), await nodes.client()]) {
      ws.on("message", () => done.promise);
    }
    const [one, two] = server.listAllConnections();
    const answers = [one!, one!, two!].map((to) => server.send("two", to, { acknowledge: true }));
    await nodes.settle();
    assertEquals(gauges!.unacknowledged, 3);
    assertEquals(server.stats()!.unacknowledged, { messages: 3, bytes: 9 });
    done.resolve();
    await nodes.settle();
    assertEquals([await Promise.all(answers), gauges!.unacknowledged], [[true, true, true], 0]);
  });

  it("is told of a timer that is late because the process was blocked", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    const observer = { delayed: (ms: number) => ms > 250 && resolve(ms) };
    const server = createWebSocketServer({ observer });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const end = performance.now() + 500;
    while (performance.now() < end); // blocked
    const ms = await promise;
    await server.stop();
    assert(ms > 250, `${ms}`);
  });
});
