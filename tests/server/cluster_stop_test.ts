/** The start and stop of servers that share a log. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, type ClusterMember, createWebSocketServer } from "../../mod.ts";
import { MemoryBroker } from "../../testing.ts";
import { ClusteredServers, refused } from "../helpers/clustered_servers.ts";

describe("the start and stop of a server that is one of several", () => {
  it("is refused with 401 where an option is wrong", async () => {
    const broker = new MemoryBroker();
    for (
      const [options, what] of [
        [{ broker: {} }, "'broker' must be a broker"],
        [{ broker: "redis://" }, "'broker' must be a broker"],
        [{ broker, node: "" }, "'node' must be text"],
        [{ broker, presence: 5 }, "'presence' must be true"],
        [{ broker, presence: { lease: 0 } }, "'presence' must be true"],
        [{ broker, presence: { member: {} } }, "'presence' must be true"],
        [{ broker, presence: { leases: 5 } }, "'presence' must be true"],
      ] as const
    ) {
      const server = createWebSocketServer(options as never);
      await assertRejects(
        () => server.start({ serverPort: 0 }),
        BusinessError,
        `createWebSocketServer: ${what}`,
      );
    }
  });

  it("is refused where the broker cannot be read, and succeeds when it can", async () => {
    await using world = new ClusteredServers();
    world.broker.down();
    const server = world.make({ presence: true });
    const start = server.start({ serverPort: 1 });
    const message = assertRejects(() => start, BusinessError, "the log in memory is down");
    await world.settle(5100);
    await message;
    assertEquals([server.address, world.clock.pending], [undefined, 0]);
    world.broker.up();
    await world.start(server);
    assertEquals(await world.clock.until(server.publish("t", "a")), { sent: 0, tooSlow: 0 });
  });

  it("is one at a time, and a stop waits for the start", async () => {
    await using world = new ClusteredServers();
    world.broker.down();
    const server = world.make();
    const start = server.start({ serverPort: 1 });
    assertEquals(await refused(server.start({ serverPort: 1 })), [2302999, "alreadyRunning"]);
    assertEquals(await refused(server.mount({})), [2302999, "alreadyRunning"]);
    const stop = server.stop();
    await world.settle(100);
    world.broker.up();
    assertEquals(await world.clock.until(Promise.all([start, stop])), [true, true]);
    assertEquals(server.address, undefined);
  });

  it("tells who has come in a host meanwhile what the stop was told", async () => {
    await using world = new ClusteredServers();
    world.broker.down();
    const server = world.make();
    const mounted = server.mount({});
    const host = world.network.serve(
      1,
      (request, info) => mounted.then((mount) => mount.fetch(request, info)!),
    );
    const client = world.client(server);
    await world.settle(100);
    const stopped = server.stop({ code: 4001, reason: "enough" });
    world.broker.up();
    const { ws, log } = await client;
    await world.clock.until(Promise.all([mounted, stopped]));
    await world.settle();
    assertEquals([ws.state, log], ["idle", [{ code: 4001, reason: "enough" }]]);
    host.stop();
  });

  it("is over at the end of a block that the server starts in", async () => {
    await using world = new ClusteredServers();
    const server = world.make();
    const start = server.start({ serverPort: 1 });
    await world.clock.until(server[Symbol.asyncDispose]());
    assertEquals([await start, server.address], [true, undefined]);
    world.broker.down();
    const second = assertRejects(() => server.start({ serverPort: 1 }), BusinessError);
    await world.clock.until(server[Symbol.asyncDispose]());
    await second;
    assertEquals([server.address, world.clock.pending], [undefined, 0]);
  });

  it("leaves the others alone where listening fails", async () => {
    await using world = new ClusteredServers();
    const [one] = await world.begin(1, { presence: true });
    const second = world.make({ presence: true });
    const start = world.clock.until(second.start({ serverPort: 1 }));
    assertEquals(await refused(start), [2302007, "portOccupied"]);
    await world.settle(20_000);
    assertEquals(one!.presence("t"), []);
    await world.clock.until(one!.stop());
    assertEquals(world.clock.pending, 0);
  });

  it("can be done again, and each time it is another node", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: true });
    await world.client(one!);
    const [{ node: first }] = other!.presence("t") as [ClusterMember];
    await world.clock.until(one!.stop());
    await world.start(one!);
    await world.client(one!);
    await world.settle();
    const [{ node: second }] = other!.presence("t") as [ClusterMember];
    assert(first !== second);
    assertEquals(await world.clock.until(other!.publish("t", "a")), { sent: 0, tooSlow: 0 });
  });

  it("tells those who wait what has become of what they published", async () => {
    await using world = new ClusteredServers();
    const [one] = await world.begin(1);
    world.broker.fail("held");
    const published = refused(one!.publish("t", "a"));
    await world.settle();
    assertEquals(await world.clock.until(one!.stop()), true);
    assertEquals(await published, [2302999, "unconfirmed"]);
    world.broker.release();
  });

  it("takes five seconds at most where neither a client nor the log answers", async () => {
    await using world = new ClusteredServers();
    const [one] = await world.begin(1);
    await world.client(one!);
    for (const link of world.network.links) link.hold();
    world.broker.fail("held");
    const published = refused(one!.publish("t", "a"));
    const began = world.clock.now();
    assertEquals(await world.clock.until(one!.stop()), true);
    const took = world.clock.now() - began;
    assert(took > 2000 && took <= 5000, `${took} ms`);
    assertEquals(await published, [2302999, "unconfirmed"]);
    for (const link of world.network.links) link.release();
    world.broker.release();
    await world.settle(5000);
  });

  it("sends those in a topic elsewhere when it is cut off for a lease", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: { lease: 2 } });
    const clients = [await world.client(one!), await world.client(one!)];
    const stays = await world.client(one!);
    await one!.leave(one!.listAllConnections()[2]!, "t");
    world.broker.down();
    await world.settle(1900);
    assertEquals(clients.map(({ log }) => log), [[], []]);
    await world.settle(200);
    assertEquals(clients.map(({ log }) => log), [
      [{ code: 1012, reason: "retry after 1" }],
      [{ code: 1012, reason: "retry after 2" }],
    ]);
    assertEquals(stays.ws.state, "open");
    world.broker.up();
    await world.settle(3000);
    assertEquals(other!.presence("t"), []);
  });
});
