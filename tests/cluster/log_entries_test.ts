/** What an entry of a node's log can carry, and what is made of one that is not ours. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Broker } from "../../cluster/broker.ts";
import { Log } from "../../cluster/log.ts";
import { BusinessError } from "../../mod.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { Cluster } from "../helpers/nodes.ts";

describe("an entry of a node's log", () => {
  it("carries bytes, as they were at the call", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const bytes = Uint8Array.of(1, 2, 3);
    const published = cluster.nodes[0]!.publish(bytes.subarray(1));
    bytes.fill(9);
    await cluster.clock.until(published);
    await cluster.settle();
    for (const { told } of cluster.nodes) assertEquals(told[0]!.data, Uint8Array.of(2, 3));
  });

  it("refuses what is over 16 MiB in the queue", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    cluster.broker.fail("held");
    const data = "x".repeat(1_000_000);
    const published = Array.from({ length: 17 }, () => cluster.nodes[0]!.publish(data));
    assertEquals(await answer(published.at(-1)!), "queueFull");
    await cluster.settle();
    cluster.broker.release();
    await cluster.settle();
    assertEquals((await Promise.all(published.slice(0, -1))).length, 16);
    assertEquals(cluster.nodes[0]!.log.queued, 0);
    const { texts, faults } = cluster.nodes[1]!;
    assertEquals([texts.length, faults], [16, []], "no entry was too long");
    await cluster.nodes[0]!.publish(data);
  });

  it("refuses no more once 16 MiB were in a log that is gone, where nobody else says anything", async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    const link = broker.link();
    const nothing = () => {};
    const rest = { ready: nothing, lost: nothing, unread: nothing, state: nothing };
    const log = new Log<string, string>(link, "n", clock, {
      ...{ ...rest, entry: nothing, fault: nothing },
      message: () => "told",
    });
    log.open();
    await clock.advance(0);
    link.hold("entries");
    const publish = () => answer(log.publish("publish", "t", "x".repeat(1_000_000), undefined));
    const published = Array.from({ length: 17 }, publish);
    await clock.advance(1);
    assertEquals(broker.entries.length, 16);
    broker.empty();
    link.release();
    await clock.advance(1);
    const unconfirmed = Array.from({ length: 16 }, () => "unconfirmed");
    assertEquals(await Promise.all(published), [...unconfirmed, "queueFull"]);
    assertEquals([log.queued, await publish()], [0, "told"]);
    await log.close();
    assertEquals(clock.pending, 0);
  });

  it("refuses a message that no entry can carry, and takes the longest that one can", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const [one, other] = cluster.nodes;
    const room = 1024 * 1024 - 1024 - '["message","t",""]'.length;
    for (
      const data of ["x".repeat(room + 1), "中".repeat(room / 3 + 1), "\0".repeat(room / 6 + 1)]
    ) {
      const error = await assertRejects(() => one!.publish(data), BusinessError);
      assertEquals((error as BusinessError).code, 401);
      const { length } = new TextEncoder().encode(`["message","t",${JSON.stringify(data)}]`);
      const what = "publish: a message must have at most 1047552 bytes in the broker's log: ";
      assertStringIncludes((error as BusinessError).message, `${what}current value has ${length}`);
    }
    await one!.publish("x".repeat(room));
    await one!.publish("中".repeat(Math.floor(room / 3)));
    await cluster.settle();
    assertEquals(other!.texts.map(({ length }) => length), [room, Math.floor(room / 3)]);
    assertEquals(other!.faults, []);
  });

  it("never makes an entry of several messages too long", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const published = Array.from(
      { length: 30 },
      () => cluster.nodes[0]!.publish("中".repeat(50_000)),
    );
    await cluster.settle();
    await Promise.all(published);
    assertEquals([cluster.nodes[1]!.told.length, cluster.nodes[1]!.faults], [30, []]);
  });

  it("skips what is not ours, and says so", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    await cluster.broker.append("hello");
    await cluster.broker.append('["other",1]\nnot ours');
    await cluster.broker.append('["other",1]\n["message","t","ours"]');
    await cluster.broker.append('["n0",999]\n["message","t","in its name"]');
    await cluster.settle();
    assertEquals(node!.texts, ["ours", "in its name"]);
    assertEquals(node!.faults.map(({ kind }) => kind), ["foreignEntry", "foreignEntry"]);
    assertStringIncludes(node!.faults[0]!.message, 'not ours, at 1-2: "hello"');
  });

  it("skips what is no text, which a broker of the user's may hand out", async () => {
    const faults: string[] = [];
    const broker: Broker = {
      append: () => Promise.resolve(),
      read(reader) {
        [undefined, null, 5, {}, ["x"]].forEach((entry, offset) =>
          reader.entry({ epoch: "e", offset }, entry as never)
        );
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    const nothing = () => {};
    const log = new Log<undefined, void>(broker, "n", new FakeClock(), {
      message: nothing,
      ready: nothing,
      lost: nothing,
      unread: nothing,
      state: nothing,
      entry: nothing,
      fault: ({ message }) => void faults.push(message),
    });
    log.open();
    await log.close();
    assertEquals(faults.map((message) => message.replace(/.*not ours, at /, "")), [
      "e-0: undefined",
      "e-1: null",
      "e-2: 5",
      "e-3: an object (Object)",
      "e-4: an array of 1",
    ]);
  });
});
