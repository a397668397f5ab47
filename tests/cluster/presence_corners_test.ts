/** What presence costs in the log, and who is held for dead where little is missing. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Message } from "../../cluster/entry.ts";
import { Presence } from "../../cluster/presence.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";
import { Cluster, type ClusterNode } from "../helpers/nodes.ts";

const LEASE = 15_000;

/** The lines of the log from an entry on, each as its node and its kind, but for the beats. */
function linesOf({ broker }: Cluster, from: number): string[] {
  return broker.entries.slice(from).flatMap((entry) => {
    const [head, ...lines] = entry.split("\n");
    const [node] = JSON.parse(head!);
    return lines.map((line) => `${node} ${JSON.parse(line)[0]}`);
  }).filter((line) => !line.endsWith("alive"));
}

/** Who came to `t` and who went, in order. */
function changesOf({ changes }: ClusterNode): string[] {
  return changes.flatMap(({ joined, left }) => [
    ...joined.map(({ node }) => `+${node}`),
    ...left.map(({ node }) => `-${node}`),
  ]);
}

/** Three nodes with a member each, which all have told of. */
async function three(broker?: (cluster: Cluster) => void): Promise<Cluster> {
  const cluster = new Cluster(3);
  broker?.(cluster);
  await cluster.settle(100);
  cluster.nodes.forEach(({ presence }, n) => presence.join(["t", n, "127.0.0.1"]));
  await cluster.settle(100);
  return cluster;
}

describe("what presence tells in the log", () => {
  it("is beats alone while nobody comes or goes, three in a lease", async () => {
    const cluster = await three();
    const from = cluster.broker.entries.length;
    await cluster.settle(4 * LEASE);
    assertEquals(linesOf(cluster, from), []);
    assertEquals(cluster.broker.entries.length - from, 3 * 4 * 3);
  });

  it("is one line for who comes or goes, though it is said twice", async () => {
    const cluster = await three();
    const from = cluster.broker.entries.length;
    const { presence } = cluster.nodes[0]!;
    for (let n = 0; n < 2; n++) presence.join(["t", 9, "::1"]);
    for (let n = 0; n < 2; n++) presence.leave("t", 9);
    presence.leave("nobody's", 9);
    await cluster.settle(LEASE);
    assertEquals(linesOf(cluster, from), ["n0 join", "n0 leave"]);
    for (const node of cluster.nodes) assertEquals(node.members(), ["n0/0", "n1/1", "n2/2"]);
  });

  it("is an answer of each to who asks, once, though it has announced itself meanwhile", async () => {
    const cluster = await three();
    const from = cluster.broker.entries.length;
    cluster.start("late");
    await cluster.settle();
    cluster.nodes[0]!.presence.lost(); // which announces it at once
    await cluster.settle(200);
    const answers = linesOf(cluster, from).filter((line) => line === "n0 snapshot");
    assertEquals(answers.length, 1);
  });

  it("is one goodbye, though a node is closed twice, and nothing after it", async () => {
    const cluster = await three();
    const from = cluster.broker.entries.length;
    const [leaving, ...others] = cluster.nodes;
    for (let n = 0; n < 2; n++) leaving!.presence.close();
    leaving!.presence.leave("t", 0); // its connections are closed then
    await cluster.settle();
    cluster.broker.cut(0); // it still reads, and is told that something is lost
    await cluster.settle(1000);
    assertEquals(linesOf(cluster, from).filter((line) => line.startsWith("n0")), ["n0 dead"]);
    for (const node of others) assertEquals(node.members(), ["n1/1", "n2/2"]);
  });

  it("is one death of each who misses a node, however long the log takes", async () => {
    const cluster = await three(({ nodes }) => nodes.forEach(({ link }) => link.delay(1000)));
    await cluster.settle(10_000);
    cluster.nodes[1]!.link.down();
    cluster.nodes[1]!.crash();
    const from = cluster.broker.entries.length;
    await cluster.settle(LEASE + 10_000);
    assertEquals(linesOf(cluster, from).sort(), ["n0 dead", "n2 dead"]);
    for (const n of [0, 2]) assertEquals(cluster.nodes[n]!.members(), ["n0/0", "n2/2"]);
  });
});

describe("who is held for dead", () => {
  it("is nobody after one has left", async () => {
    const cluster = await three();
    cluster.nodes[1]!.presence.join(["t", 9, "::1"]);
    cluster.nodes[1]!.presence.leave("t", 9);
    await cluster.settle(2 * LEASE);
    for (const node of cluster.nodes) assertEquals(node.members(), ["n0/0", "n1/1", "n2/2"]);
    assertEquals(changesOf(cluster.nodes[0]!), ["+n0", "+n1", "+n2", "+n1", "-n1"]);
  });

  it("is nobody whose beat was due when the broker went away for less than a lease", async () => {
    const broker = new MemoryBroker();
    const cluster = new Cluster(1, broker);
    cluster.nodes[0]!.presence.join(["t", 0, "::1"]);
    await cluster.settle(4600);
    const [early] = cluster.nodes;
    const late = cluster.start("late"); // the other beats soon
    await cluster.settle(300);
    late.presence.join(["t", 1, "::1"]);
    await cluster.settle(4800);
    const from = broker.entries.length;
    broker.down();
    await cluster.settle(12_000);
    broker.up();
    await cluster.settle(5000);
    assertEquals(linesOf(cluster, from), []);
    for (const node of [early!, late]) assertEquals(node.members(), ["late/1", "n0/0"]);
  });

  it("is nobody by one whose own words never came in: others may have heard them since", async () => {
    const cluster = await three();
    const [mute, cut, well] = cluster.nodes;
    mute!.link.hold("appends");
    cut!.link.hold();
    await cluster.settle(2 * LEASE);
    assertEquals(well!.members(), ["n2/2"]);
    cut!.link.release();
    await cluster.settle(1000);
    assertEquals(well!.members(), ["n1/1", "n2/2"]);
    mute!.link.release();
    await cluster.settle(1000);
    assertEquals(well!.members(), ["n0/0", "n1/1", "n2/2"]);
    assertEquals(changesOf(well!).filter((change) => change.endsWith("n1")), ["+n1", "-n1", "+n1"]);
  });

  it("is nobody by one that has just come, and has not been heard itself", async () => {
    const cluster = await three();
    const late = cluster.start("late");
    late.link.hold("appends");
    cluster.start("later"); // which has the others announce themselves
    await cluster.settle(100);
    assertEquals(late.members(), ["n0/0", "n1/1", "n2/2"]);
    late.link.hold();
    await cluster.settle(2 * LEASE);
    late.link.release();
    await cluster.settle(1000);
    assertEquals(changesOf(cluster.nodes[0]!), ["+n0", "+n1", "+n2"]);
  });

  it("knows its own members though it has not read that they came", async () => {
    const cluster = await three();
    const slow = cluster.nodes[1]!;
    slow.link.hold("entries");
    slow.presence.join(["t", 9, "::1"]);
    await cluster.settle();
    cluster.broker.trim(cluster.broker.entries.length);
    await cluster.nodes[0]!.publish("a");
    slow.link.release();
    await cluster.settle(200);
    for (const node of cluster.nodes) {
      assertEquals(node.members(), ["n0/0", "n1/1", "n1/9", "n2/2"]);
    }
  });

  for (const isNew of [false, true]) {
    const who = isNew ? "a node that has just come" : "members";
    it(`knows them, though the log has lost what told of ${who} before anybody read it`, async () => {
      const cluster = await three();
      const node = isNew ? cluster.start("late") : cluster.nodes[1]!;
      const { append } = node.link;
      node.link.append = () => Promise.resolve(); // it is taken, and gone
      if (isNew) await cluster.settle();
      node.presence.join(["t", 9, "::1"]);
      await cluster.settle();
      node.link.append = append;
      const from = cluster.broker.entries.length;
      await node.publish("a");
      await cluster.settle(1000);
      const members = ["n0/0", "n1/1", "n2/2", `${node.name}/9`].sort();
      for (const node of cluster.nodes) assertEquals(node.members(), members, node.name);
      const own = linesOf(cluster, from).filter((line) => line.startsWith(node.name));
      assertEquals(own, ["message", "hello", "snapshot"].map((kind) => `${node.name} ${kind}`));
    });
  }

  it("is announced once, where what was lost unread is said to be lost", async () => {
    const cluster = await three();
    const slow = cluster.nodes[1]!;
    slow.link.hold("entries");
    slow.presence.join(["t", 9, "::1"]);
    await cluster.settle();
    cluster.broker.trim(cluster.broker.entries.length);
    await cluster.nodes[0]!.publish("b");
    slow.link.release();
    await cluster.settle(200);
    assertEquals(linesOf(cluster, 0).filter((line) => line.startsWith("n1 ")), [
      "n1 hello",
      "n1 snapshot",
    ]);
    for (const node of cluster.nodes) {
      assertEquals(node.members(), ["n0/0", "n1/1", "n1/9", "n2/2"], node.name);
    }
  });

  it("has nobody leave who was not there, or has left before", async () => {
    const cluster = await three();
    const { presence } = cluster.nodes[1]!;
    presence.join(["u", 1, "::1"]);
    presence.leave("u", 1);
    await cluster.broker.append('["n0",9999]\n["leave","nobody\'s",0]\n["leave","t",55]');
    await cluster.settle();
    presence.close();
    await cluster.settle();
    for (const { changes } of [cluster.nodes[0]!, cluster.nodes[2]!]) {
      const left = changes.flatMap(({ topic, joined, left }) =>
        joined.length > 0 ? [] : [
          `${topic} ${left.map(({ node }) => node)}`,
        ]
      );
      assertEquals(left, ["u n1", "t n1"]);
    }
  });

  it("is told of topics that came and went where the log was trimmed", async () => {
    const cluster = await three();
    const slow = await cluster.trimUnread(["u", 0, "::1"]);
    const told = slow.changes.slice(3).map(({ topic, joined, left }) => [topic, joined, left]);
    const member = { node: "n0", id: 0, clientIP: "::1", member: undefined };
    assertEquals(told, [["t", [], [{ ...member, clientIP: "127.0.0.1" }]], ["u", [member], []]]);
  });
});

describe("Presence.members()", () => {
  it("gives any number of one node", () => {
    const told: Message[] = [];
    const tell = (message: Message) => told.push(message);
    const owner = { tell, takeBack: () => false, changed() {} };
    const presence = new Presence("n", LEASE, new FakeClock(), owner);
    presence.open();
    for (let id = 0; id < 200_000; id++) presence.join(["t", id, "::1"]);
    for (const message of told) presence.read(message, "n");
    assertEquals(presence.members("t").length, 200_000);
    presence.close();
  });
});
