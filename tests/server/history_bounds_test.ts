/** How much of the past a server keeps, by default and by its option: the last that is there, and the first that is not. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { HistoryOptions } from "../../mod.ts";
import { ResumingServers } from "../helpers/resuming_servers.ts";

interface Away {
  /** How many messages are published meanwhile, and of how many bytes. */
  messages: number;
  bytes?: number;
  /** How many of the same size go to everybody then. */
  others?: number;
  /** Seconds until the client is back. */
  seconds?: number;
}

/** What a client is told that was away. */
async function missed(history: boolean | HistoryOptions, away: Away): Promise<unknown> {
  const { messages, bytes, seconds = 1, others = 0 } = away;
  await using world = new ResumingServers();
  const server = await world.start({ history });
  const reconnect = { minDelay: seconds, maxDelay: seconds, factor: 1, random: () => 1 };
  const { ws, log } = await world.client({ reconnect });
  const told: unknown[] = [];
  ws.on("recovered", (info) => told.push(info));
  await world.settle();
  for (const link of world.network.links) link.cut();
  await world.settle(1);
  const data = bytes === undefined ? "x" : new Uint8Array(bytes);
  for (let left = messages; left > 0; left -= 20) { // no more at once than may wait
    const some = Array.from({ length: Math.min(20, left) }, () => server.publish("t", data));
    await world.clock.until(Promise.all(some));
  }
  for (let left = others; left > 0; left--) await world.clock.until(server.broadcast(data));
  await world.settle(seconds * 1000 + 500);
  assertEquals(told.length, 1, `${log}`);
  return told[0];
}

const found = (missed: number) => ({ topic: "t", recovered: true, missed });
const notFound = { topic: "t", recovered: false, missed: 0 };

describe("the past of topics", () => {
  // A message of 399,900 bytes counts 100 more, the name of its topic 2.
  const large = { bytes: 399_900 };
  const cases: [name: string, history: HistoryOptions, just: Away, over: Away][] = [
    ["1,000 messages of a topic", {}, { messages: 1000 }, { messages: 1001 }],
    ["so many messages as it is told", { maxMessages: 3 }, { messages: 3 }, { messages: 4 }],
    ["5 minutes", {}, { messages: 1, seconds: 299.9 }, { messages: 1, seconds: 300.1 }],
    ["so many seconds as it is told", { maxAge: 10 }, { messages: 1, seconds: 9.9 }, {
      ...{ messages: 1, seconds: 10.1 },
    }],
    ["16 MiB", {}, { ...large, messages: 41 }, { ...large, messages: 42 }],
    ["so many bytes as it is told", { maxBytes: 800_002 }, { ...large, messages: 2 }, {
      ...{ ...large, messages: 3 },
    }],
  ];
  for (const [name, history, just, over] of cases) {
    const isDefault = Object.keys(history).length === 0;
    it(`is ${name}${isDefault ? ", unless told otherwise" : ""}`, async () => {
      assertEquals(await missed(history, just), found(just.messages));
      assertEquals(await missed(isDefault || history, over), notFound);
    });
  }

  it("has no room taken by what goes to everybody, which is no topic's", async () => {
    const away = { ...large, messages: 1, others: 3 };
    assertEquals(await missed({ maxBytes: 800_000 }, away), found(1));
  });
});
