/** What is published as soon as a broker is told to be back, however long it was away. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { ClusteredServers } from "../helpers/clustered_servers.ts";
import { Cluster } from "../helpers/nodes.ts";

const kindOf = (published: Promise<unknown>) =>
  published.then(() => "in", ({ kind }: BusinessError) => `${kind}`);

describe("a broker that is back", () => {
  for (const ms of [100, 4900, 5000, 60_000]) {
    for (const presence of [true, false]) {
      const who = presence ? "a server with presence" : "a server";
      it(`after ${ms} ms takes what a listener of 'broker' publishes: of ${who}`, async () => {
        await using world = new ClusteredServers();
        const server = world.make({ presence: presence && { lease: 3600 } });
        const results: Promise<string>[] = [];
        await world.start(server);
        await world.settle(100);
        server.on("broker", ({ up }) => {
          if (up) results.push(kindOf(server.publish("t", "again")));
        });
        const heard: unknown[] = [];
        server.subscribe("t", ({ data }) => heard.push(data));
        world.broker.down();
        await world.settle(10);
        const during = kindOf(server.publish("t", "during"));
        await world.settle(ms);
        world.broker.up();
        await world.settle(100);
        assertEquals(await Promise.all(results), ["in"]);
        // What nobody knows of goes in all the same, once.
        assertEquals([await during, heard], [ms < 4990 ? "in" : "unconfirmed", [
          "during",
          "again",
        ]]);
      });
    }
  }

  it("is waited for no longer than 5 s from the append on, though it went down meanwhile", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    node!.link.hold("appends");
    const first = kindOf(node!.publish("a"));
    await cluster.settle(3000);
    node!.link.down();
    await cluster.settle(2000);
    assertEquals([await first, await kindOf(node!.publish("b"))], ["unconfirmed", "brokerDown"]);
  });

  it("but takes nothing all the same is said so 5 s after it was back", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    node!.link.hold("appends"); // it can be read, and what is appended never arrives
    const first = kindOf(node!.publish("a"));
    await cluster.settle(20_000);
    assertEquals([await first, await kindOf(node!.publish("b"))], ["unconfirmed", "brokerDown"]);
    node!.link.down();
    await cluster.settle(1000);
    node!.link.up();
    await cluster.settle();
    const results: string[] = [];
    void kindOf(node!.publish("c")).then((kind) => results.push(kind));
    await cluster.settle(4999);
    assertEquals(results, []);
    await cluster.settle(1);
    assertEquals([results, await kindOf(node!.publish("d"))], [["brokerDown"], "brokerDown"]);
    node!.link.release();
    await cluster.settle();
    assertEquals(await kindOf(node!.publish("e")), "in");
    assertEquals(node!.texts, ["a", "e"]);
  });

  it("has not taken in time what has waited for 5 s since before that, and it is said so", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    node!.link.hold("appends");
    const first = kindOf(node!.publish("a"));
    await cluster.settle();
    const second = assertRejects(() => node!.publish("b"), BusinessError);
    const third = assertRejects(
      () => node!.log.publish("broadcast", null, "c", undefined),
      BusinessError,
    );
    await cluster.settle(2500);
    node!.link.down();
    await cluster.settle();
    node!.link.up();
    await cluster.settle(2600);
    const { kind, message } = await second;
    assertEquals([await first, kind, message], [
      "unconfirmed",
      "brokerDown",
      "Websocket Unknown Other Error: publish: the broker has not taken it in time",
    ]);
    assertEquals((await third).message, message.replace("publish:", "broadcast:"));
    node!.link.release();
    await cluster.settle(1000);
    assertEquals(node!.texts, ["a"]);
  });
});
