/** What becomes of what a node publishes: when it goes, what comes back, and what is said where it does not. */

import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readEntry, readHead } from "../../cluster/entry.ts";
import { BusinessError } from "../../mod.ts";
import { Cluster, type ClusterNode } from "../helpers/nodes.ts";

const DOWN = "the log in memory is down";
const REFUSED = "the log in memory has an append fail: refused";

/** Some nodes, of which the first publishes. */
async function world(count: number): Promise<[Cluster, ClusterNode, ...ClusterNode[]]> {
  const cluster = new Cluster(count);
  await cluster.settle(100);
  return [cluster, cluster.nodes[0]!, ...cluster.nodes.slice(1)];
}

/** What a call comes to: its result, or the kind, the message and the cause of its error. */
function outcome(promise: Promise<number>): Promise<unknown> {
  return promise.catch((error: BusinessError) => [
    error.kind,
    error.message.replace("Websocket Unknown Other Error: ", ""),
    ...error.cause instanceof Error ? [error.cause.message] : [],
  ]);
}

/** The texts of each entry that has some. */
function textsOf({ broker }: Cluster): string[][] {
  return broker.entries.map((entry) =>
    (readEntry(entry)?.messages ?? []).flatMap((message) =>
      message.kind === "message" ? [String(message.data)] : []
    )
  ).filter((texts) => texts.length > 0);
}

/** An error as messages show it. */
const shown = (what: string) => `: Error: ${what}`;

/** How many timers there are beside those of presence, which looks who is dead. */
const timers = ({ clock, nodes }: Cluster) => clock.pending - nodes.length;

describe("what a node publishes", () => {
  it("is refused, or not known to be in, for a reason that is told", async () => {
    const [cluster, node] = await world(1);
    cluster.broker.fail("held");
    const first = outcome(node.publish("under way"));
    await cluster.settle();
    const second = outcome(node.publish("queued"));
    cluster.broker.down();
    await cluster.settle(5000);
    const unknown = "publish: nobody knows whether the broker has taken it";
    const nothing = "publish: the broker has taken nothing for 5 s";
    assertEquals(await first, ["unconfirmed", `${unknown}${shown(DOWN)}`, DOWN]);
    assertEquals(await second, ["brokerDown", `${nothing}${shown(DOWN)}`, DOWN]);
    assertEquals(await outcome(node.publish("refused")), [
      "brokerDown",
      `${nothing}${shown(DOWN)}`,
      DOWN,
    ]);
    for (let n = 0; n < 16; n++) node.log.tell({ kind: "join", topic: "t", member: big });
    assertEquals(await outcome(node.publish("x".repeat(1_000_000))), [
      "queueFull",
      `publish: more than 16777216 bytes wait for the broker${shown(DOWN)}`,
      DOWN,
    ]);
  });

  it("is refused by the name of the call", async () => {
    const [cluster, node] = await world(1);
    cluster.broker.fail("held");
    const calls = ["publish", "broadcast"];
    const first = calls.map((call) =>
      outcome(node.log.publish(call, null, "under way", undefined))
    );
    await cluster.settle();
    const second = calls.map((call) => outcome(node.log.publish(call, null, "queued", undefined)));
    await cluster.settle(5000);
    const told = await Promise.all([...first, ...second]) as [kind: string, message: string][];
    assertEquals(told.map(([kind, message]) => [kind, message.split(":")[0]]), [
      ...calls.map((call) => ["unconfirmed", call]),
      ...calls.map((call) => ["brokerDown", call]),
    ]);
  });

  it("is not said to have failed for a reason that is over", async () => {
    const [cluster, node] = await world(1);
    cluster.broker.fail("held");
    const published = outcome(node.publish("a"));
    await cluster.settle();
    cluster.broker.down();
    await cluster.settle();
    cluster.broker.up();
    await cluster.settle(5000);
    assertEquals(await published, [
      "unconfirmed",
      "publish: nobody knows whether the broker has taken it",
    ]);
    const refused = await outcome(node.publish("b"));
    assertEquals(refused, ["brokerDown", "publish: the broker has taken nothing for 5 s"]);
    cluster.broker.release();
    await cluster.settle();
    cluster.broker.fail("held");
    const again = outcome(node.publish("c"));
    await cluster.settle(5000);
    assertEquals(await again, await published);
    cluster.broker.release();
    await cluster.settle();
    cluster.broker.fail("refused");
    const tried = node.publish("d");
    await cluster.settle(100);
    assertEquals(await tried, 3, "it was appended again");
    cluster.broker.fail("held");
    const last = outcome(node.publish("e"));
    await cluster.settle(5000);
    assertEquals(await last, await published);
  });

  for (const faults of [[], ["lost answer"]] as const) {
    it(`is under way once, though it is read back before the append has an answer: ${faults}`, async () => {
      const [cluster, node] = await world(1);
      node.link.delay(10);
      node.link.fail(...faults);
      const published = [node.publish("a")];
      await cluster.settle(5);
      published.push(node.publish("b"));
      await cluster.settle(16);
      assertEquals(await published[0], 1);
      published.push(node.publish("c"));
      await cluster.settle(4);
      published.push(node.publish("d"));
      await cluster.settle(100);
      assertEquals(await Promise.all(published), [1, 2, 3, 4]);
      assertEquals(textsOf(cluster), [["a"], ["b"], ["c", "d"]]);
      assertEquals(timers(cluster), 1, "the publishers' alone");
      node.link.fail(...faults);
      assertEquals(await cluster.clock.until(node.publish("x")), 5);
      await cluster.settle();
      assertEquals(timers(cluster), 1, "the publishers' alone");
      cluster.broker.fail("held");
      const last = outcome(node.publish("e"));
      await cluster.settle(5100);
      assertEquals(await last, [
        "unconfirmed",
        "publish: nobody knows whether the broker has taken it",
      ]);
    });
  }

  it("is not appended again once it was read back", async () => {
    const [cluster, node] = await world(1);
    node.link.hold("entries");
    node.link.fail("lost answer");
    const published = node.publish("a");
    await cluster.settle(10);
    assertEquals(timers(cluster), 2, "until it is tried again, and until it is given up");
    node.link.release();
    await cluster.settle();
    assertEquals([await published, timers(cluster)], [1, 1]);
    await cluster.settle(1000);
    assertEquals(textsOf(cluster), [["a"]]);
  });

  it("is not tried again once the server has stopped", async () => {
    const [cluster, node] = await world(1);
    cluster.broker.fail("held");
    const published = outcome(node.publish("a"));
    await cluster.settle();
    await node.log.close();
    cluster.broker.release(false);
    await cluster.settle();
    assertEquals((await published as string[])[0], "unconfirmed");
    assertEquals(timers(cluster), 0);
  });

  it("is refused once the server has stopped, which leaves no timer", async () => {
    const [cluster, node] = await world(1);
    cluster.broker.fail("refused");
    const waiting = outcome(node.publish("a"));
    await cluster.settle();
    assertEquals(timers(cluster), 2, "until it is tried again, and until it is given up");
    const entries = cluster.broker.entries.length;
    await node.log.close();
    assertEquals([timers(cluster), node.states], [0, [true]], "it is not said to be down");
    assertEquals(await waiting, [
      "unconfirmed",
      `publish: nobody knows whether the broker has taken it${shown(REFUSED)}`,
      REFUSED,
    ]);
    assertEquals(await outcome(node.publish("b")), [
      "notRunning",
      "publish: the server has stopped",
    ]);
    node.log.tell({ kind: "hello" });
    await cluster.settle(1000);
    assertEquals(cluster.broker.entries.length, entries);
  });

  it("has one timer, however much waits", async () => {
    const [cluster, node] = await world(1);
    await cluster.settle(10_000);
    cluster.broker.fail("held");
    const published = ["a", "b", "c"].map((text) => node.publish(text));
    await cluster.settle(1000);
    published.push(node.publish("d"));
    assertEquals(timers(cluster), 1);
    cluster.broker.release();
    assertEquals(await Promise.all(published), [1, 2, 3, 4]);
    await cluster.settle(5000);
    assertEquals(timers(cluster), 0);
  });

  it("is looked at when the next of it is due, and not before", async () => {
    const [cluster, node] = await world(1);
    const { clock } = cluster;
    cluster.broker.fail("held");
    const first = outcome(node.publish("a"));
    await cluster.settle(1000);
    const second = outcome(node.publish("b"));
    let timers = 0;
    const { setTimer } = clock;
    clock.setTimer = (task, ms) => {
      timers++;
      return setTimer.call(clock, task, ms);
    };
    await cluster.settle(4500);
    assertEquals((await first as string[])[0], "unconfirmed");
    assertLessOrEqual(timers, 10, "one of it, beside those of presence, each half a second");
    await cluster.settle(500);
    assertEquals((await second as string[])[0], "brokerDown");
  });

  it("is known to be in, each entry by itself, where several come back late", async () => {
    const [cluster, node] = await world(1);
    node.link.hold("entries");
    const published = [];
    for (const text of ["a", "b", "c"]) {
      published.push(node.publish(text));
      await cluster.settle();
    }
    node.link.stale(2);
    node.link.release();
    assertEquals(await cluster.clock.until(published[0]!), 1);
    const flushed: string[] = [];
    void node.log.flushed(1000).then(() => flushed.push("all"));
    node.link.stale(1);
    assertEquals(await cluster.clock.until(published[1]!), 2);
    await cluster.settle();
    assertEquals(flushed, [], "one is left");
    node.link.stale(0);
    assertEquals(await cluster.clock.until(published[2]!), 3);
    await cluster.settle();
    assertEquals(flushed, ["all"]);
  });

  it("goes before the end, also what comes while the last is read back", async () => {
    const [cluster, node] = await world(1);
    node.link.hold("entries");
    const first = node.publish("a");
    await cluster.settle();
    const flushed = node.log.flushed(1000);
    node.link.delay(10);
    node.link.release();
    const second = node.publish("b");
    await cluster.clock.until(flushed);
    await node.log.close();
    assertEquals([await first, await outcome(second)], [1, 2]);
  });

  it("is not taken for in by another's entry in its name, and is the same on all nodes", async () => {
    const [cluster, node, other] = await world(2);
    cluster.broker.fail("held");
    const published = outcome(node.publish("a"));
    await cluster.settle();
    const last = cluster.broker.entries.findLast((entry) => readHead(entry)?.node === "n0")!;
    const counter = readHead(last)!.counter + 1;
    await cluster.broker.append(`["n0",${counter}]\n["message","t","forged"]`);
    await cluster.settle();
    cluster.broker.release();
    await cluster.settle(5000);
    assertEquals((await published as string[])[0], "unconfirmed");
    for (const { texts } of [node, other!]) assertEquals(texts, ["forged"]);
    await assertRejects(() => node.publish("x".repeat(2 ** 21)), BusinessError);
    assertEquals(await cluster.clock.until(node.publish("b")), 2);
  });
});

/** A member who fills an entry. */
const big = ["t", 1, "::1", { name: "x".repeat(1_000_000) }] as const;
