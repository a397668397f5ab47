/** What a node's log counts where several wait, and what it remembers of very many nodes. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Log } from "../../cluster/log.ts";
import type { Broker, BrokerReader } from "../../cluster.ts";
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
    ...{
      ready: nothing,
      lost: nothing,
      unread: nothing,
      state: nothing,
      entry: nothing,
      fault: nothing,
    },
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
    lags.push(node!.lag);
    await cluster.settle(40); // b and c are held, too
    cluster.broker.release();
    await cluster.settle();
    lags.push(node!.lag);
    await Promise.all(published);
    assertEquals(lags, [870, 40]);
  });
});

/** What a log tells of whether its broker can be read, where the broker does and says this. */
async function statesOf(read: Broker["read"]): Promise<unknown[]> {
  const states: unknown[] = [];
  const broker = { append: () => Promise.resolve(), read, close: () => Promise.resolve() };
  const log = new Log<never, undefined>(broker, "here", new FakeClock(), {
    ...{ ready: nothing, lost: nothing, entry: nothing, fault: nothing, message: nothing as never },
    unread: nothing,
    state: (up, cause) => states.push(up, ...up ? [] : [(cause as Error).message]),
  });
  log.open();
  for (let turn = 0; turn < 100; turn++) await undefined;
  states.push(await log.close());
  for (let turn = 0; turn < 100; turn++) await undefined;
  return states;
}

describe("a broker that ends by itself", () => {
  const STOPPED = "the broker has stopped reading";
  const cases: [what: string, read: Broker["read"], states: unknown[]][] = [
    ["is down from then on", (reader) => Promise.resolve(reader.state(true)), [
      true,
      false,
      STOPPED,
    ]],
    ["is down, never having been up", () => Promise.resolve(), [false, STOPPED]],
    ["is down for its own reason", (reader) => {
      reader.state(true);
      return Promise.reject(new Error("gone"));
    }, [true, false, "gone"]],
    ["is down once, having said so itself", (reader) => {
      reader.state(true);
      reader.state(false, new Error("first"));
      return Promise.reject(new Error("second"));
    }, [true, false, "first"]],
    ["is not said to be down where it was told to end", (reader, signal) => {
      reader.state(true);
      return new Promise((_, reject) => signal.addEventListener("abort", reject));
    }, [true]],
  ];
  for (const [what, read, states] of cases) {
    it(what, async () => assertEquals(await statesOf(read), [...states, true]));
  }
});
