/** How far a client is in each of its topics, where it is further in one than its connection is by itself. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServer } from "../../mod.ts";
import { numbers, ResumingServers, type Told } from "../helpers/resuming_servers.ts";

interface World {
  world: ResumingServers;
  server: WebSocketServer;
  told: Told;
  /** Has the connection that there is join a topic. */
  join(topic: string): Promise<unknown>;
}

/** A client that was in `b`, and is back with the server having it join `others` alone. */
async function start(world: ResumingServers, ...others: string[]): Promise<World> {
  const server = await world.start();
  world.topics = ["b"];
  const told = await world.client();
  world.topics = others;
  await world.cut();
  told.log.length = 0;
  const join = async (topic: string) => {
    const joined = await world.clock.until(
      server.join(server.listAllConnections()[0]!, topic) as Promise<unknown>,
    );
    await world.settle();
    return joined;
  };
  return { world, server, told, join };
}

/** Comes back once more, into `b`. Returns what that tells. */
async function again({ world, told }: World, ...missed: string[]): Promise<unknown[]> {
  world.topics = ["b"];
  told.log.length = 0;
  await world.cut(() => missed.length === 0 ? undefined : world.publish("b", ...missed));
  return told.log;
}

const recovered = (missed: number, topic = "b") => ({ topic, recovered: true, missed });

describe("what a client has of a topic", () => {
  for (const others of [[], ["c"], ["c", "d"]]) {
    const name = others.length === 0 ? "none" : others.join(" and ");
    it(`is not told again, be its connection behind by where it joined others: ${name}`, async () => {
      await using world = new ResumingServers();
      const all = await start(world, ...others);
      await world.publish("b", "1", "2"); // it is not in there
      assertEquals(await all.join("b"), { recovered: true, missed: 2 });
      assertEquals(all.told.log, [recovered(2), "1", "2"]);
      assertEquals(await again(all), [recovered(0)]);
      assertEquals(await again(all, "3"), [recovered(1), "3"]);
    });

    it(`is followed by what comes then, of it or of others: ${name}`, async () => {
      await using world = new ResumingServers();
      const all = await start(world, ...others);
      await world.publish("b", ...numbers(3, 1));
      await all.join("b");
      await world.publish("b", "4");
      for (const topic of others) await world.publish(topic, `of ${topic}`);
      assertEquals(all.told.log, [
        ...[recovered(3), "1", "2", "3", "4"],
        ...others.map((topic) => `of ${topic}`),
      ]);
      assertEquals(await again(all), [recovered(0)]);
    });

    it(`is what has come, where the rest was cut off: ${name}`, async () => {
      await using world = new ResumingServers();
      const all = await start(world, ...others);
      await world.publish("b", ...numbers(3, 1));
      const seen = new Promise<void>((resolve) => {
        all.told.ws.on("message", (_, data) => {
          if (data !== "2") return;
          for (const link of world.network.links) link.cut();
          resolve();
        });
      });
      world.topics = ["b"];
      void all.server.join(all.server.listAllConnections()[0]!, "b");
      await world.clock.until(seen);
      await world.settle(1500);
      assertEquals(all.told.log, [recovered(3), "1", "2", recovered(1), "3"]);
    });
  }
});
