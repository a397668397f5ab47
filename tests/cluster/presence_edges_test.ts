/** The edges of a lease, of a snapshot and of a node with nobody: what a stranger to them gets wrong by one. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Cluster } from "../helpers/nodes.ts";

/** Another node, of which only what it says is there. */
class Foreign {
  readonly #cluster: Cluster;
  readonly #name: string;
  #counter = 0;

  constructor(cluster: Cluster, name = "x") {
    this.#cluster = cluster;
    this.#name = name;
  }

  /** Says something, all in one entry. */
  async says(...messages: unknown[][]): Promise<void> {
    const lines = messages.map((message) => `\n${JSON.stringify(message)}`).join("");
    await this.#cluster.broker.append(
      `${JSON.stringify([this.#name, ++this.#counter])}${lines}`,
    );
    await this.#cluster.settle();
  }
}

const snapshot = (part: number, isLast: boolean, ...ids: number[]) => [
  "snapshot",
  null,
  [part, isLast, ids.map((id) => ["t", id, "::1"])],
];

/** How often a node was taken for dead, by the log. */
function deathsOf({ broker }: Cluster, name: string): number {
  return broker.entries.filter((entry) => entry.includes(`["dead",null,"${name}"]`)).length;
}

async function alone(): Promise<{ cluster: Cluster; x: Foreign; members: () => string[] }> {
  const cluster = new Cluster(1);
  await cluster.settle(100);
  return { cluster, x: new Foreign(cluster), members: () => cluster.nodes[0]!.members() };
}

describe("a node that is held for dead", () => {
  it("announces itself once, however often that is said at once", async () => {
    const { cluster, x } = await alone();
    const [node] = cluster.nodes;
    node!.presence.join(["t", 1, "::1"]);
    await cluster.settle(100);
    const before = cluster.broker.entries.length;
    await x.says(...Array(500).fill(["dead", null, node!.name]));
    await cluster.settle(100);
    const said = cluster.broker.entries.slice(before).join("\n").split("\n");
    assertEquals(said.filter((line) => line.startsWith('["snapshot"')).length, 1);
    assertEquals(node!.members(), [`${node!.name}/1`]);
  });
});

describe("a lease", () => {
  // A node looks thirty times in a lease of its own; it is heard at one place or another between two looks.
  for (const seconds of [5, 15, 600]) {
    for (const ms of [0, 1, 250, 499]) {
      it(`of ${seconds} s is never shorter, heard ${ms} ms into a look`, async () => {
        const { cluster, x, members } = await alone();
        await cluster.settle(ms);
        await x.says(snapshot(0, true, 1), ["alive", null, seconds]);
        await cluster.settle(seconds * 1000);
        assertEquals(members(), ["x/1"], "at its very end");
        await cluster.settle(501);
        assertEquals(members(), [], "a look later");
        assertEquals(deathsOf(cluster, "x"), 1);
      });
    }
  }

  it("goes on as it was when the broker is back, and by no more than has passed", async () => {
    const { cluster, x, members } = await alone();
    await x.says(snapshot(0, true, 1), ["alive", null, 15]);
    await cluster.settle(4000);
    cluster.broker.down(); // from 6 s on this node hears itself no more
    await cluster.settle(30_000);
    cluster.broker.up();
    await cluster.settle(9300);
    assertEquals(members(), ["x/1"]);
    await cluster.settle(200);
    assertEquals(members(), []);
  });

  it("begins anew with whatever the node says", async () => {
    const { cluster, x, members } = await alone();
    const words = [
      ["alive", null, 15],
      ["hello"],
      ["message", "t", "a"],
      ["join", "u", [7, "::1"]],
      ["leave", "u", 7],
      ["leave", "u", 7],
    ];
    await x.says(snapshot(0, true, 1), ["alive", null, 15]);
    for (const word of words) {
      await cluster.settle(14_000);
      await x.says(word);
      assertEquals(members(), ["x/1"]);
    }
    await cluster.settle(15_000);
    assertEquals(members(), ["x/1"]);
    await cluster.settle(501);
    assertEquals(members(), []);
  });

  it("is over once for a node in which nobody is, and it is gone then", async () => {
    const { cluster, x } = await alone();
    await x.says(snapshot(0, true), ["alive", null, 15]);
    assertEquals(cluster.nodes[0]!.presence.nodes, ["n0", "x"]);
    await cluster.settle(60_000);
    assertEquals(deathsOf(cluster, "x"), 1);
    assertEquals(cluster.nodes[0]!.presence.nodes, ["n0"]);
    assertEquals(cluster.nodes[0]!.changes, []);
  });
});

describe("a snapshot", () => {
  const cases: [name: string, parts: unknown[][], members: string[]][] = [
    ["in one part", [snapshot(0, true, 1, 2)], ["x/1", "x/2"]],
    ["in three parts", [snapshot(0, false, 1), snapshot(1, false, 2), snapshot(2, true, 3)], [
      ...["x/1", "x/2", "x/3"],
    ]],
    ["of which the end is missing", [snapshot(0, false, 1), snapshot(1, false, 2)], []],
    ["of which the beginning is missing", [snapshot(1, false, 2), snapshot(2, true, 3)], []],
    [
      "that begins again in the middle of another",
      [snapshot(0, false, 1), snapshot(1, false, 2), snapshot(0, true, 3)],
      ["x/3"],
    ],
    [
      "that begins again, and has parts",
      [snapshot(0, false, 1), snapshot(0, false, 2), snapshot(1, true, 3)],
      ["x/2", "x/3"],
    ],
    [
      "that takes the place of one before",
      [snapshot(0, true, 1, 2), snapshot(0, true, 2, 3)],
      ["x/2", "x/3"],
    ],
    ["with nobody, after one with some", [snapshot(0, true, 1, 2), snapshot(0, true)], []],
    ["with a part too much at its end", [snapshot(0, true, 1), snapshot(1, true, 2)], ["x/1"]],
  ];
  for (const [name, parts, expected] of cases) {
    it(`${name} is those who are there`, async () => {
      const { x, members, cluster } = await alone();
      for (const part of parts) await x.says(part);
      assertEquals(members(), expected);
      // What was told of is what there is.
      const there = new Set<string>();
      for (const { joined, left } of cluster.nodes[0]!.changes) {
        for (const { id } of joined) assertEquals(there.has(`x/${id}`), false, `joined: ${id}`);
        for (const { id } of left) assertEquals(there.delete(`x/${id}`), true, `left: ${id}`);
        for (const { id } of joined) there.add(`x/${id}`);
      }
      assertEquals([...there].sort(), expected);
    });
  }

  it("of which a part was trimmed has nobody leave, and is asked for again", async () => {
    const { cluster, x, members } = await alone();
    await x.says(snapshot(0, true, 1, 2, 3));
    const from = cluster.broker.entries.length;
    await x.says(snapshot(0, false, 1));
    cluster.nodes[0]!.link.gap(1);
    await x.says(snapshot(1, false, 2));
    await x.says(snapshot(2, true, 3));
    assertEquals([members(), cluster.nodes[0]!.changes.length], [["x/1", "x/2", "x/3"], 1]);
    const asked = cluster.broker.entries.slice(from).filter((entry) => entry.includes('["hello"]'));
    assertEquals(asked.length, 1);
    await x.says(snapshot(0, false, 1), snapshot(1, false, 3), snapshot(2, true, 4));
    assertEquals(members(), ["x/1", "x/3", "x/4"]);
  });

  it("has members in the order in which nodes came, and theirs joined", async () => {
    const { cluster, x } = await alone();
    const z = new Foreign(cluster, "a, which sorts first");
    const { presence } = cluster.nodes[0]!;
    presence.join(["t", 9, "::1"]);
    await x.says(snapshot(0, true, 5, 3));
    await z.says(snapshot(0, true, 8));
    await x.says(["join", "t", [4, "::1"]]);
    presence.join(["t", 2, "::1"]);
    await cluster.settle();
    assertEquals(presence.members("t").map(({ id }) => id), [9, 2, 5, 3, 4, 8]);
  });

  it("is given to nobody by a node that has left, though it was asked before", async () => {
    for (const ms of [0, 10, 19]) {
      const cluster = new Cluster(2);
      await cluster.settle(100);
      const [leaving, stays] = cluster.nodes;
      leaving!.presence.join(["t", 1, "::1"]);
      await cluster.settle();
      cluster.start("late"); // it says hello, and is answered 20 ms later
      await cluster.settle(ms);
      leaving!.presence.close();
      await cluster.settle(1000);
      assertEquals([stays!.members(), cluster.nodes[2]!.members()], [[], []], `${ms} ms`);
      assertEquals(stays!.presence.nodes, ["n1", "late"]);
      await cluster.settle(30_000);
      assertEquals(deathsOf(cluster, "n0"), 1);
    }
  });
});
