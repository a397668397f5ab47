import { assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Cluster, type ClusterNode } from "../helpers/nodes.ts";

const LEASE = 15_000;

function changesOf(node: ClusterNode): string[] {
  return node.changes.map(({ topic, joined, left, gone }) =>
    [
      topic,
      ...joined.map(({ node, id }) => `+${node}/${id}`),
      ...left.map(({ node, id }) => `-${node}/${id}`),
      ...(gone ? ["gone"] : []),
    ]
      .join(" ")
  );
}

/** Three nodes with a member each. */
async function three(): Promise<Cluster> {
  const cluster = new Cluster(3);
  await cluster.settle(100);
  cluster.nodes.forEach(({ presence }, n) => presence.join(["t", n, "127.0.0.1"]));
  await cluster.settle();
  return cluster;
}

describe("presence", () => {
  it("is the same on all nodes, and tells who came and went", async () => {
    const cluster = await three();
    const [one, other] = cluster.nodes;
    for (const node of cluster.nodes) assertEquals(node.members(), ["n0/0", "n1/1", "n2/2"]);
    other!.presence.leave("t", 1);
    await cluster.settle();
    for (const node of cluster.nodes) {
      assertEquals(node.members(), ["n0/0", "n2/2"]);
      assertEquals(changesOf(node), ["t +n0/0", "t +n1/1", "t +n2/2", "t -n1/1"]);
    }
    assertEquals(one!.members("other"), []);
  });

  it("shows what a member is to be shown with", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    cluster.nodes[0]!.presence.join(["t", 1, "::1", { name: "Li" }]);
    await cluster.settle();
    assertEquals(cluster.nodes[1]!.presence.members("t"), [
      { node: "n0", id: 1, clientIP: "::1", member: { name: "Li" } },
    ]);
  });

  it("counts a join and a leave once each", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    for (let n = 0; n < 2; n++) node!.presence.join(["t", 1, "::1"]);
    await cluster.settle();
    for (let n = 0; n < 2; n++) node!.presence.leave("t", 1);
    await cluster.settle();
    assertEquals(changesOf(node!), ["t +n0/1", "t -n0/1"]);
  });

  it("is told to a node that comes late, who was there before it came", async () => {
    const cluster = await three();
    const late = cluster.start("late");
    await cluster.settle(100);
    assertEquals(late.members(), ["n0/0", "n1/1", "n2/2"]);
    late.presence.join(["t", 9, "::1"]);
    await cluster.settle();
    for (const node of cluster.nodes) {
      assertEquals(node.members(), ["late/9", "n0/0", "n1/1", "n2/2"]);
    }
  });

  it("is told to a late node though the log has trimmed all of it, in parts", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    const member = { name: "x".repeat(300) };
    for (let id = 0; id < 1000; id++) node!.presence.join(["t", id, "::1", member]);
    await cluster.settle();
    cluster.broker.trim(cluster.broker.entries.length);
    const late = cluster.start("late");
    await cluster.settle(100);
    assertEquals(late.members().length, 1000);
    const parts = cluster.broker.entries.flatMap((entry) => entry.split("\n"))
      .filter((line) => line.startsWith('["snapshot"') && line.includes("xxx"));
    assertEquals(parts.length, 6);
    for (const { length } of parts) assertLessOrEqual(length, 64 * 1024 + 100);
    assertEquals(late.changes.length, 1);
  });

  it("answers several who ask at once with one announcement", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const before = cluster.broker.entries.length;
    for (let n = 0; n < 5; n++) cluster.start(`late${n}`);
    await cluster.settle(100);
    const answers = cluster.broker.entries.slice(before)
      .filter((entry) => entry.startsWith('["n0"') && entry.includes('"snapshot"'));
    assertEquals(answers.length, 1);
  });

  it("has those of a node that says goodbye leave at once", async () => {
    const cluster = await three();
    await cluster.nodes[1]!.leave(cluster.clock);
    await cluster.settle();
    for (const node of [cluster.nodes[0]!, cluster.nodes[2]!]) {
      assertEquals(node.members(), ["n0/0", "n2/2"]);
      assertEquals(changesOf(node).at(-1), "t -n1/1");
    }
  });

  it("has those of a node that is dead leave within a lease and a second, everywhere at once", async () => {
    const cluster = await three();
    await cluster.settle(7000);
    cluster.nodes[1]!.crash();
    await cluster.settle(LEASE - 5000);
    assertEquals(cluster.nodes[0]!.members(), ["n0/0", "n1/1", "n2/2"], "a lease is not over");
    await cluster.settle(4000); // it was heard last 2 s before it was gone
    for (const node of [cluster.nodes[0]!, cluster.nodes[2]!]) {
      assertEquals(node.members(), ["n0/0", "n2/2"]);
      assertEquals(changesOf(node).at(-1), "t -n1/1 gone");
    }
    const { entries } = cluster.broker;
    assertEquals(entries.some((entry) => entry.includes('["dead",null,"n1"]')), true);
    assertEquals(cluster.nodes[0]!.presence.nodes.toSorted(), ["n0", "n2"]);
  });

  for (const [lease, more] of [[1, 1], [30, 1], [300, 10], [3600, 120]] as const) {
    it(`has them leave within ${more} s after a lease of ${lease} s, and not before it is over`, async () => {
      const cluster = new Cluster(0);
      for (const name of ["n0", "n1"]) cluster.start(name, lease * 1000);
      await cluster.settle(100);
      cluster.nodes[1]!.presence.join(["t", 1, "127.0.0.1"]);
      await cluster.settle();
      const [one] = cluster.nodes;
      // A sign of life at this very moment: nothing else is heard of it afterwards.
      cluster.nodes[1]!.presence.join(["t", 2, "127.0.0.1"]);
      await cluster.settle();
      cluster.nodes[1]!.crash();
      await cluster.settle(lease * 1000 - 1);
      assertEquals(one!.members(), ["n1/1", "n1/2"]);
      await cluster.settle(1 + more * 1000);
      assertEquals(one!.members(), []);
    });
  }

  it("holds nobody for dead while nobody hears anybody, oneself included", async () => {
    const cluster = await three();
    cluster.broker.down();
    await cluster.settle(10 * LEASE);
    cluster.broker.up();
    await cluster.settle(1000);
    await cluster.settle(LEASE);
    for (const node of cluster.nodes) {
      assertEquals(node.members(), ["n0/0", "n1/1", "n2/2"]);
      assertEquals(changesOf(node), ["t +n0/0", "t +n1/1", "t +n2/2"]);
    }
  });

  it("holds nobody for dead over many short breaks of the broker", async () => {
    const cluster = await three();
    for (let n = 0; n < 20; n++) {
      cluster.broker.down();
      await cluster.settle(7000);
      cluster.broker.up();
      await cluster.settle(2000);
    }
    for (const node of cluster.nodes) assertEquals(changesOf(node).length, 3);
  });

  it("has a node that was held for dead announce itself again", async () => {
    const cluster = await three();
    const [one, cut] = cluster.nodes;
    // What it appends does not come in, and what the others say does not come to it.
    cut!.link.hold();
    await cluster.settle(2 * LEASE);
    assertEquals(one!.members(), ["n0/0", "n2/2"]);
    cut!.presence.join(["t", 7, "::1"]);
    cut!.presence.leave("t", 1);
    cut!.link.release();
    await cluster.settle(2000);
    for (const node of cluster.nodes) assertEquals(node.members(), ["n0/0", "n1/7", "n2/2"]);
    await cluster.settle(2 * LEASE);
    for (const node of cluster.nodes) assertEquals(node.members(), ["n0/0", "n1/7", "n2/2"]);
  });

  it("is announced again in a log that is new, and nobody has left meanwhile", async () => {
    const cluster = await three();
    for (const fault of ["empty", "cut"] as const) {
      if (fault === "empty") cluster.broker.empty();
      else cluster.broker.cut(4);
      await cluster.settle(200);
      const late = cluster.start(`after ${fault}`);
      await cluster.settle(200);
      for (const node of cluster.nodes) assertEquals(node.members(), ["n0/0", "n1/1", "n2/2"]);
      assertEquals(changesOf(cluster.nodes[0]!), ["t +n0/0", "t +n1/1", "t +n2/2"]);
      await late.leave(cluster.clock);
      cluster.nodes.pop();
    }
  });

  it("is asked for again by a node for which the log was trimmed", async () => {
    const cluster = await three();
    const slow = await cluster.trimUnread(["t", 10, "::1"]);
    assertEquals(slow.lost.map(({ why }) => why), ["trimmed"]);
    for (const node of cluster.nodes) assertEquals(node.members(), ["n0/10", "n1/1", "n2/2"]);
    assertEquals(changesOf(slow).slice(3), ["t +n0/10 -n0/0"]);
  });

  it("counts each node's own lease", async () => {
    const cluster = new Cluster(1);
    const short = cluster.start("short", 3000);
    await cluster.settle(2000);
    short.presence.join(["t", 1, "::1"]);
    await cluster.settle(100);
    assertEquals(cluster.nodes[0]!.members(), ["short/1"]);
    short.crash();
    await cluster.settle(4500);
    assertEquals(cluster.nodes[0]!.members(), []);
  });

  it("counts it from the first on that is heard of a node, however long that is silent then", async () => {
    const cluster = new Cluster(0);
    const long = cluster.start("long", 60_000);
    await cluster.settle(100);
    long.presence.join(["t", 1, "::1"]);
    await cluster.settle(20_500); // its next beat is 20 s away
    const late = cluster.start("late", 5000);
    await cluster.settle(20_000);
    for (const { changes } of [long, late]) assertEquals(changes.length, 1);
    late.link.gap(1);
    await long.publish("a");
    await long.publish("b"); // the other asks again
    await cluster.settle(20_000);
    for (const { changes } of [long, late]) assertEquals(changes.length, 1);
  });

  it("is not shaken by a process that was blocked for longer than a lease", async () => {
    const cluster = await three();
    cluster.clock.block(3 * LEASE);
    await cluster.settle(2 * LEASE);
    for (const node of cluster.nodes) assertEquals(changesOf(node).length, 3);
  });

  it("is not shaken by a process that was blocked for longer than the lease of another node", async () => {
    const cluster = new Cluster(1);
    const short = cluster.start("short", 3000);
    await cluster.settle(100);
    short.presence.join(["t", 1, "::1"]);
    await cluster.settle(5000); // the other has heard itself a moment ago
    cluster.clock.block(4000);
    await cluster.settle(LEASE);
    assertEquals(changesOf(cluster.nodes[0]!), ["t +short/1"]);
  });

  it("does not show to a late node who was there in the past", async () => {
    const cluster = await three();
    for (const node of cluster.nodes) node.crash();
    const late = cluster.start("late");
    await cluster.settle(100);
    assertEquals([late.members(), late.changes], [[], []]);
  });

  it("shows nobody of a node that has not announced itself, and nobody twice", async () => {
    const cluster = await three();
    await cluster.broker.append('["stranger",1]\n["join","t",[5,"::1"]]');
    await cluster.broker.append('["n1",9999]\n["join","t",[1,"::1"]]');
    await cluster.settle();
    assertEquals(cluster.nodes[0]!.members(), ["n0/0", "n1/1", "n2/2"]);
    assertEquals(changesOf(cluster.nodes[0]!).length, 3);
  });

  it("ignores a snapshot whose beginning was not read", async () => {
    const cluster = await three();
    await cluster.broker.append('["n1",9999]\n["snapshot",null,[1,true,[["t",50,"::1"]]]]');
    await cluster.settle();
    assertEquals(cluster.nodes[0]!.members(), ["n0/0", "n1/1", "n2/2"]);
  });

  it("sets no timer after it is closed", async () => {
    const cluster = await three();
    for (const node of cluster.nodes) await node.leave(cluster.clock);
    await cluster.settle();
    assertEquals(cluster.clock.pending, 0);
  });
});
