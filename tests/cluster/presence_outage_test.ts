/** What presence has to tell while the broker takes nothing, and what is left of it when it is back. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Cluster, type ClusterNode } from "../helpers/nodes.ts";
import { kindOf } from "../helpers/nodes_in_memory.ts";

const LEASE = 15_000;

/** Two nodes, of which the first has two members, and no link to the log for some seconds. */
async function cutOff(): Promise<{ cluster: Cluster; cut: ClusterNode; other: ClusterNode }> {
  const cluster = new Cluster(2);
  await cluster.settle(100);
  const [cut, other] = cluster.nodes as [ClusterNode, ClusterNode];
  for (const id of [1, 2]) cut.presence.join(["t", id, "::1"]);
  await cluster.settle(100);
  cut.link.down();
  await cluster.settle(11_000);
  return { cluster, cut, other };
}

/** The kinds of what a node has put into the log from an entry on. */
function kindsOf({ broker }: Cluster, name: string, from: number): string[] {
  return broker.entries.slice(from).map((entry) => entry.split("\n"))
    .filter(([head]) => head!.startsWith(`["${name}"`))
    .flatMap(([, ...lines]) => lines.map((line) => JSON.parse(line)[0]));
}

describe("a node whose broker takes nothing", () => {
  it("has no more to tell for those who come and go meanwhile, nor for its beats", async () => {
    const { cluster, cut, other } = await cutOff();
    const from = cluster.broker.entries.length;
    const { queued } = cut.log;
    for (let id = 10; id < 2010; id++) {
      cut.presence.join(["t", id, "::1", { text: "x".repeat(1000) }]);
      if (id % 2 === 0) cut.presence.leave("t", id);
      else if (id > 10) cut.presence.leave("t", id - 2);
    }
    await cluster.settle(3 * LEASE);
    assertEquals(cut.log.queued - queued < 2000, true, `${cut.log.queued} characters wait`);
    cut.link.up();
    await cluster.settle(1000);
    for (const node of [cut, other]) assertEquals(node.members(), ["n0/1", "n0/2", "n0/2009"]);
    const kinds = kindsOf(cluster, "n0", from);
    const [joins, leaves, beats] = ["join", "leave", "alive"].map((kind) =>
      kinds.filter((other) => other === kind).length
    );
    // One beat is in the entry that could not be appended.
    assertEquals([joins, leaves, beats! <= 3], [1, 0, true], kinds.join());
  });

  it("tells nothing for what was taken back beside what has waited for too long", async () => {
    const cluster = new Cluster(0);
    const node = cluster.start("n0", 3_600_000); // with no beat meanwhile
    await cluster.settle(100);
    const from = cluster.broker.entries.length;
    node.link.hold("appends");
    const kinds = [kindOf(node.publish("a"))];
    await cluster.settle(500);
    node.presence.join(["t", 1, "::1"]);
    kinds.push(kindOf(node.publish("b")));
    await cluster.settle(4600);
    node.presence.leave("t", 1);
    await cluster.settle(1000);
    node.link.gap(1); // and what is under way is never read
    node.link.release();
    await cluster.settle(100);
    assertEquals(await Promise.all(kinds), ["unconfirmed", "brokerDown"]);
    kinds.push(kindOf(node.publish("c")));
    await cluster.settle(100);
    assertEquals([node.texts, await kinds[2]], [["c"], "1"]);
    const bare = cluster.broker.entries.slice(from).filter((entry) => !entry.includes("\n"));
    assertEquals(bare, [], "an entry with nothing in it");
  });

  it("tells that somebody has left whom the others know, however often he comes and goes", async () => {
    const { cluster, cut, other } = await cutOff();
    const { queued } = cut.log;
    for (let n = 0; n < 100; n++) {
      cut.presence.leave("t", 1);
      cut.presence.join(["t", 1, "::1"]);
    }
    cut.presence.leave("t", 1);
    assertEquals(cut.log.queued - queued, '["leave","t",1]'.length);
    cut.link.up();
    await cluster.settle(1000);
    for (const node of [cut, other]) assertEquals(node.members(), ["n0/2"]);
  });
});

describe("a node whose broker takes its time", () => {
  it("tells of all who come and go within one append", async () => {
    const cluster = new Cluster(2);
    await cluster.settle(100);
    const [slow, other] = cluster.nodes as [ClusterNode, ClusterNode];
    slow.link.hold("appends");
    void slow.publish("under way");
    await cluster.settle(4000);
    slow.presence.join(["t", 1, "::1"]);
    slow.presence.leave("t", 1);
    slow.link.release();
    await cluster.settle(100);
    for (const { changes } of [slow, other]) {
      assertEquals(changes.map(({ joined, left }) => [joined.length, left.length]), [[1, 0], [
        0,
        1,
      ]]);
    }
  });
});

describe("a node that reads and cannot append", () => {
  it("answers all who have asked meanwhile with one announcement, and tells who has left since", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [mute] = cluster.nodes;
    for (const id of [1, 2]) mute!.presence.join(["t", id, "::1"]);
    await cluster.settle(100);
    mute!.link.hold("appends");
    await cluster.settle(11_000);
    mute!.presence.join(["t", 3, "::1"]);
    const from = cluster.broker.entries.length;
    for (let n = 0; n < 5; n++) {
      cluster.start(`late${n}`);
      await cluster.settle(100);
    }
    for (const id of [1, 3]) mute!.presence.leave("t", id);
    mute!.link.release();
    await cluster.settle(1000);
    const kinds = kindsOf(cluster, "n0", from).filter((kind) => kind !== "alive");
    assertEquals(kinds, ["join", "snapshot", "leave", "leave"]);
    for (const node of cluster.nodes) assertEquals(node.members(), ["n0/2"]);
  });
});
