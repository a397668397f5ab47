/** What a node appends to the log, in which order, and what it says of what became of it. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readEntry } from "../../cluster/entry.ts";
import { BusinessError } from "../../mod.ts";
import { answer } from "../helpers/answer.ts";
import { Cluster } from "../helpers/nodes.ts";

/** The texts that each entry of the log has, those that have some. */
function grouped(cluster: Cluster): string[][] {
  return cluster.broker.entries.map((entry) =>
    (readEntry(entry)?.messages ?? []).flatMap((message) =>
      message.kind === "message" ? [String(message.data)] : []
    )
  ).filter((texts) => texts.length > 0);
}

/** What a node says while it lives, each third of a lease. */
const BEAT = '["alive",null,15]';

describe("a node's log", () => {
  it("puts what is published in one turn, or during an append, into one entry", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const [one, other] = cluster.nodes;
    cluster.broker.fail("held");
    const published = [one!.publish("a"), one!.publish("b")];
    await cluster.settle();
    published.push(one!.publish("c"));
    await cluster.settle();
    published.push(one!.publish("d"));
    assertEquals(grouped(cluster), []);
    cluster.broker.release();
    await cluster.settle();
    assertEquals(grouped(cluster), [["a", "b"], ["c", "d"]]);
    assertEquals(await Promise.all(published), [1, 2, 3, 4]);
    assertEquals(other!.texts, ["a", "b", "c", "d"]);
    const places = other!.told.map(({ position: { offset, index } }) => [offset, index]);
    assertEquals(places, one!.told.map(({ position: { offset, index } }) => [offset, index]));
    assertEquals([places[1]![1], places[2]![1], places[3]![1]], [1, 0, 1]);
  });

  it("remembers for itself whom a message is not for", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    await cluster.clock.until(cluster.nodes[0]!.publish("a", "t", "mine"));
    await cluster.settle();
    assertEquals(cluster.nodes.map(({ told }) => told[0]!.except), ["mine", undefined]);
    assert(!cluster.broker.entries.some((entry) => entry.includes("mine")));
  });

  it("appends again where nobody knows, and all drop what is in the log twice", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const [one, other] = cluster.nodes;
    one!.link.hold("entries"); // it does not see that it is in
    cluster.broker.fail("lost answer", "lost answer");
    const published = one!.publish("a");
    const next = one!.publish("b");
    await cluster.settle(200);
    one!.link.release();
    await cluster.settle(1000);
    assertEquals(grouped(cluster), [["a", "b"], ["a", "b"], ["a", "b"]]);
    assertEquals([await published, await next], [1, 2]);
    for (const node of cluster.nodes) {
      assertEquals(node.texts, ["a", "b"]);
      assertEquals(node.duplicates, 2);
    }
    assertEquals(other!.lost, []);
  });

  it("goes on once its entry is read, whatever became of the answer", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    cluster.broker.fail("lost answer");
    await node!.publish("a");
    await node!.publish("b");
    assertEquals(grouped(cluster), [["a"], ["b"]]);
  });

  it("tries again within a second at the most, and at once when the broker is back", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    cluster.broker.fail(...Array(8).fill("refused"));
    const published = node!.publish("a");
    await cluster.settle(4600);
    assertEquals(await published, 1);
    cluster.broker.down();
    const other = node!.publish("b");
    await cluster.settle(3000);
    cluster.broker.up();
    await cluster.settle(0);
    assertEquals(await other, 2);
    cluster.broker.fail("refused");
    void node!.publish("c");
    await cluster.settle(50);
    assertEquals(node!.texts, ["a", "b", "c"], "soon, however long the ones before have waited");
  });

  it("drops an entry that comes late, after its successor", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    cluster.broker.fail("held");
    const published = cluster.nodes[0]!.publish("a");
    await cluster.settle();
    const [held] = [cluster.broker.held];
    assertEquals(held, 1);
    cluster.broker.release();
    await published;
    const first = cluster.broker.entries.at(-1)!;
    await cluster.nodes[0]!.publish("b");
    await cluster.broker.append(first);
    await cluster.settle();
    assertEquals(cluster.nodes[1]!.texts, ["a", "b"]);
  });

  it("keeps the order while appends fail", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const published = [];
    for (let n = 0; n < 5; n++) {
      cluster.broker.fail("refused");
      published.push(cluster.nodes[0]!.publish(`${n}`));
      await cluster.settle(60);
    }
    await cluster.settle(3000);
    assertEquals((await Promise.all(published)).length, 5);
    assertEquals(cluster.nodes[1]!.texts, ["0", "1", "2", "3", "4"]);
  });

  it("says after 5 s what is not known and what was not published, and refuses more", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const [one, other] = cluster.nodes;
    cluster.broker.fail("held");
    const underWay = answer(one!.publish("under way", "t", "me"));
    await cluster.settle();
    const queued = answer(one!.publish("queued"));
    await cluster.settle(4990);
    const late = one!.publish("late");
    const later = answer(late);
    await cluster.settle(20);
    assertEquals([await underWay, await queued], ["unconfirmed", "brokerDown"]);
    assertEquals(await answer(one!.publish("refused")), "brokerDown");
    await cluster.settle(5000);
    assertEquals(await later, "brokerDown");
    assertEquals(one!.log.queued, '["message","t","under way"]'.length + BEAT.length);
    cluster.broker.release();
    await cluster.settle();
    await one!.publish("after");
    await cluster.settle();
    for (const { texts } of [one!, other!]) assertEquals(texts, ["under way", "after"]);
    assertEquals(one!.told[0]!.except, "me", "it holds though its publisher was told");
  });

  it("says why the broker takes nothing", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    cluster.broker.down();
    const published = cluster.nodes[0]!.publish("a");
    const error = assertRejects(() => published, BusinessError, "the log in memory is down");
    await cluster.settle(5100);
    await error;
  });

  it("tells again only what is new where the log is read from its start", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const [one, other] = cluster.nodes;
    for (const text of ["a", "b", "c"]) await one!.publish(text);
    await cluster.settle();
    cluster.broker.cut(2);
    await cluster.settle();
    await other!.publish("d");
    await cluster.settle();
    for (const { texts, lost } of [one!, other!]) {
      assertEquals([texts, lost.map(({ why }) => why)], [["a", "b", "c", "d"], ["forked"]]);
    }
  });

  for (const how of ["cut", "empty"] as const) {
    it(`tells once what is appended again after it was told and lost: ${how}`, async () => {
      const cluster = new Cluster(2);
      await cluster.settle(100);
      const [one, other] = cluster.nodes;
      one!.link.hold("entries");
      cluster.broker.fail("lost answer");
      const published = Promise.all([one!.publish("a"), one!.publish("b")]);
      await cluster.settle(10);
      cluster.broker[how](1);
      await cluster.settle(100);
      one!.link.release();
      assertEquals([await published, grouped(cluster)], [[1, 2], [["a", "b"]]]);
      for (const { texts, lost } of [one!, other!]) {
        assertEquals([texts, lost.length], [["a", "b"], 1]);
      }
      const offset = how === "cut" ? 6 : 2;
      assertEquals(other!.again.at(-1), { epoch: "2", offset, index: 1 });
    });
  }

  it("says of what was in a log that is gone that nobody knows", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    node!.link.hold("entries");
    const published = answer(node!.publish("a"));
    await cluster.settle();
    cluster.broker.empty();
    node!.link.release();
    await node!.publish("b");
    assertEquals(await published, "unconfirmed");
    assertEquals(node!.texts, ["b"]);
  });

  it("says how much waits, and tells each state once", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    cluster.broker.fail("held");
    const published = node!.publish("a");
    await cluster.settle(30);
    assertEquals(node!.log.queued, '["message","t","a"]'.length);
    cluster.broker.release();
    await published;
    cluster.broker.down();
    await cluster.settle();
    cluster.broker.up();
    await cluster.settle();
    assertEquals([node!.lag, node!.log.queued, node!.duplicates], [30, 0, 0]);
    assertEquals([node!.states, node!.lost], [[true, false, true], []]);
  });

  it("tells those who wait when it is closed, and takes no more", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    cluster.broker.fail("held");
    const underWay = answer(node!.publish("a"));
    await cluster.settle();
    const queued = answer(node!.publish("b"));
    node!.presence.close();
    await node!.log.close();
    assertEquals([await underWay, await queued], ["unconfirmed", "notRunning"]);
    assertEquals(cluster.clock.pending, 0);
    assertEquals(await answer(node!.publish("c")), "notRunning");
    cluster.broker.release();
    await cluster.settle(10_000);
    assertEquals(cluster.clock.pending, 0);
  });

  it("is flushed when all has come back, or after so long", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    await node!.log.flushed(1);
    cluster.broker.fail("held");
    const published = node!.publish("a");
    await cluster.settle();
    const start = cluster.clock.now();
    await cluster.clock.until(node!.log.flushed(1000));
    assertEquals(cluster.clock.now() - start, 1000);
    const flushed = node!.log.flushed(1000);
    cluster.broker.release();
    await Promise.all([flushed, published]);
    assertEquals(cluster.clock.now() - start, 1000);
    const last = node!.publish("last"); // which is in no entry yet
    await node!.log.flushed(1000);
    node!.presence.close();
    await node!.log.close();
    assertEquals(await last, 2);
    assertEquals(grouped(cluster), [["a"], ["last"]]);
  });
});
