/** What a node's log counts where several wait, and what it remembers of very many nodes. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Log } from "../../cluster/log.ts";
import type { BrokerReader } from "../../cluster.ts";
import { FakeClock } from "../../testing.ts";
import { Cluster } from "../helpers/nodes.ts";

const nothing = () => {};

/** A log that reads what it is handed here, and the entries that it has told of. */
function handed(): { read: (node: string, counter: number) => void; told: string[] } {
  const told: string[] = [];
  let reader!: BrokerReader;
  const broker = {
    append: () => Promise.resolve(),
    read: (one: BrokerReader) => {
      reader = one;
      return new Promise<void>(nothing);
    },
    close: () => Promise.resolve(),
  };
  const log = new Log<never, undefined>(broker, "here", new FakeClock(), {
    ...{ ready: nothing, lost: nothing, state: nothing, entry: nothing, fault: nothing },
    message: (_, __, node) => void told.push(node),
  });
  log.open();
  let offset = 0;
  return {
    read: (node, counter) =>
      reader.entry({ epoch: "e", offset: ++offset }, `["${node}",${counter}]\n["message","t","a"]`),
    told,
  };
}

describe("a node's log", () => {
  it("knows what the nodes that it heard last have said, however many there were", () => {
    const { read, told } = handed();
    const others = (count: number, from: number) => {
      for (let n = from; n < from + count; n++) read(`n${n}`, 1);
    };
    read("busy", 1);
    others(9000, 0);
    read("busy", 2); // so that it is none of the oldest
    others(9000, 9000);
    told.length = 0;
    for (const counter of [1, 2]) read("busy", counter);
    assertEquals(told, []);
    read("busy", 3);
    assertEquals(told, ["busy"]);
    others(1, 8500); // as many as are kept
    assertEquals(told, ["busy"]);
  });

  it("says of each entry how long that took, and not how long it had to wait before", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const [node] = cluster.nodes;
    cluster.broker.fail("held", "held");
    const published: Promise<unknown>[] = [];
    for (const [text, ms] of [["a", 500], ["b", 300], ["c", 70]] as const) {
      published.push(node!.publish(text));
      await cluster.settle(ms);
    }
    const lags = [];
    cluster.broker.release(); // a, from 870 ms before
    await cluster.settle();
    lags.push(node!.log.figures.lag);
    await cluster.settle(40); // b and c are held, too
    cluster.broker.release();
    await cluster.settle();
    lags.push(node!.log.figures.lag);
    await Promise.all(published);
    assertEquals(lags, [870, 40]);
  });
});
