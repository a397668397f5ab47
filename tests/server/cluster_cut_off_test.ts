/** A server whose broker is away for a lease: who is sent elsewhere, when, and with which words. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketConnection, WebSocketServer } from "../../mod.ts";
import { ClusteredServers, ToldBroker } from "../helpers/clustered_servers.ts";

const LEASE = 2;

interface CutOff {
  world: ClusteredServers;
  server: WebSocketServer;
  /** Connects a client, which is taken into these topics. */
  come(...topics: string[]): Promise<{ log: unknown[]; connection: WebSocketConnection }>;
}

/** A server with presence, whose broker is its own to lose. */
async function start(world: ClusteredServers): Promise<CutOff> {
  const server = world.make({ presence: { lease: LEASE } });
  let topics: string[] = [];
  let connection!: WebSocketConnection;
  server.on("connect", (one) => {
    connection = one;
    for (const topic of topics) void server.join(one, topic);
  });
  await world.start(server);
  await world.settle(50);
  return {
    world,
    server,
    async come(...given) {
      topics = given;
      const { log } = await world.client(server);
      return { log, connection };
    },
  };
}

const away = (n: number) => [{ code: 1012, reason: `retry after ${n}` }];

describe("a server that hears nothing from its broker", () => {
  it("sends away after a lease who is in a topic, and nobody else", async () => {
    await using world = new ClusteredServers();
    const { server, come } = await start(world);
    const inTwo = await come("t", "u");
    const inNone = await come();
    const left = await come("t", "u");
    for (const topic of ["t", "u"]) await server.leave(left.connection, topic);
    const inOne = await come("t", "u");
    await server.leave(inOne.connection, "t");
    world.broker.down();
    await world.settle(LEASE * 1000 - 50);
    for (const { log } of [inTwo, inNone, left, inOne]) assertEquals(log, []);
    await world.settle(100);
    assertEquals([inTwo, inNone, left, inOne].map(({ log }) => log), [away(1), [], [], away(2)]);
  });

  it("sends nobody away where its broker has said twice that it is away, and is back", async () => {
    await using world = new ClusteredServers();
    const broker = new ToldBroker();
    const server = world.make({ broker });
    server.on("connect", (one) => void server.join(one, "t"));
    await world.start(server);
    const { log } = await world.client(server);
    for (let n = 0; n < 2; n++) broker.reader.state(false, new Error("away"));
    broker.reader.state(true);
    await world.settle(60_000);
    assertEquals(log, []);
  });

  it("sends away after each lease more who has come meanwhile", async () => {
    await using world = new ClusteredServers();
    const { come } = await start(world);
    world.broker.down();
    const logs: unknown[][] = [];
    const told: number[] = [];
    for (let round = 0; round < 4; round++) {
      logs.push((await come("t")).log, (await come("t")).log);
      await world.settle(LEASE * 1000);
      told.push(logs.filter((log) => log.length > 0).length);
    }
    assertEquals(told, [2, 4, 6, 8]);
    assertEquals(logs, [1, 2, 1, 2, 1, 2, 1, 2].map(away));
  });

  it("tells each a second of its own, out of ten", async () => {
    await using world = new ClusteredServers();
    const { come } = await start(world);
    const logs: unknown[][] = [];
    for (let n = 0; n < 12; n++) logs.push((await come("t")).log);
    world.broker.down();
    await world.settle(LEASE * 1000 + 50);
    assertEquals(logs, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2].map(away));
  });

  it("sends nobody away where it is back in time, each time anew", async () => {
    await using world = new ClusteredServers();
    const { come } = await start(world);
    const { log } = await come("t");
    for (let round = 0; round < 3; round++) {
      world.broker.down();
      await world.settle(LEASE * 1000 - 50);
      world.broker.up();
      await world.settle(round * LEASE * 1000);
    }
    assertEquals(log, []);
    world.broker.down();
    await world.settle(LEASE * 1000 + 50);
    assertEquals(log, away(1));
  });

  it("has let go of its timer when it is stopped, and when it cannot start", async () => {
    await using world = new ClusteredServers();
    const { server } = await start(world);
    world.broker.down();
    await world.settle();
    await world.clock.until(server.stop());
    assertEquals(world.clock.pending, 0);
    const starting = server.start({ serverPort: 1 }).catch(({ kind }) => kind);
    await world.settle(5100);
    assertEquals([await starting, world.clock.pending], ["brokerDown", 0]);
  });
});
