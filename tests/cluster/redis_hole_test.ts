/** Redis behind what takes connections and never says a word, with each client. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { redisBroker } from "../../redis.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { TcpServer } from "../helpers/tcp.ts";
import { until } from "../helpers/until.ts";

/** Listens, and knows how many are connected. */
async function listen() {
  const now = { connected: 0, most: 0 };
  const hole = await TcpServer.listen((socket) => {
    now.most = Math.max(now.most, ++now.connected);
    socket.resume();
    socket.once("close", () => now.connected--);
  });
  return { hole, now };
}

describe("a log in a Redis that never answers", () => {
  for (const [name, open] of Object.entries(REDIS_CLIENTS)) {
    if (name === "iovalkey") continue; // leaves timers of its own on Deno, for some seconds
    it(`has none of its connections left when it is read no more, by ${name}`, async () => {
      const { hole, now } = await listen();
      await using _ = hole;
      let opened = 0;
      const broker = redisBroker({
        open() {
          opened++;
          return open(`redis://127.0.0.1:${hole.port}`);
        },
      });
      const hasty = new LogReader(broker); // ends before its client is connected
      await until("one is opened", () => opened === 1);
      await hasty.end();
      const reader = new LogReader(broker);
      const appending = assertRejects(() => broker.append("a"), Error);
      await until("it is told", () => reader.states.length === 1);
      assertEquals(reader.states, [false]);
      await until("it is tried again", () => opened >= 4);
      await appending;
      await reader.end();
      await until("all are gone", () => now.connected === 0, 4000, () => now);
      assert(now.most <= 4, `${now.most} at a time`);
      await broker.close();
    });
  }
});
