/**
 * Nodes over a Redis, each in a process of its own, one of which is killed, and the Redis too: what
 * each client was told is what is in the log. `RESUME_CLIENTS` and `RESUME_ROUNDS` make it a long one.
 */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { createWebSocket, createWebSocketServer, type RecoveredInfo } from "../../mod.ts";
import { redisBroker } from "../../redis.ts";
import { within } from "../helpers/client.ts";
import { RedisServer } from "../helpers/engines.ts";
import { Program } from "../helpers/programs.ts";
import { CLIENT } from "../helpers/redis_clients.ts";

const CLIENTS = Number(process.env["RESUME_CLIENTS"] ?? 20);
const ROUNDS = Number(process.env["RESUME_ROUNDS"] ?? 1);

/** How many messages are published, and after how many a node and the Redis are killed. */
const [COUNT, NODE_AT, REDIS_AT] = [300, 100, 200];

async function node(url: string): Promise<{ program: Program; port: string }> {
  const program = Program.here("resume_node.ts", [url]);
  const [, port] = await within(program.line(/^port (\d+)$/m));
  return { program, port: port! };
}

describe("a client whose node is killed", () => {
  for (let round = 1; round <= ROUNDS; round++) {
    it(`misses nothing, nor is told anything twice, over that and a killed Redis: ${round}`, async () => {
      await using redis = await RedisServer.run();
      const nodes = await Promise.all([node(redis.url), node(redis.url)]);
      const broker = redisBroker({ open: () => CLIENT(redis.url) });
      const publisher = createWebSocketServer({ broker });
      await publisher.start({ serverPort: 0, serverIP: "127.0.0.1" });

      const published = Array.from({ length: COUNT }, (_, n) => `${n}`);
      const clients = await Promise.all(Array.from({ length: CLIENTS }, async (_, n) => {
        const ws = createWebSocket({ reconnect: { minDelay: 0.05, maxDelay: 0.5 }, resume: true });
        const told: unknown[] = [];
        const recovered: RecoveredInfo[] = [];
        ws.on("error", () => {});
        ws.on("recovered", (info) => void recovered.push(info));
        let dialled = n;
        const all = new Promise<void>((resolve) => {
          ws.on("message", (_err, data) => {
            if (data !== "ready") told.push(data);
            if (data === published.at(-1)) resolve();
          });
        });
        const ready = new Promise((resolve) => ws.once("message", resolve));
        await ws.connect(() => `ws://127.0.0.1:${nodes[dialled++ % nodes.length]!.port}/`);
        return { ws, told, recovered, all, ready };
      }));
      await Promise.all(clients.map(({ ws }) => within(ws.opened)));
      let isReady = false;
      const ready = within(Promise.all(clients.map(({ ready }) => ready)));
      void ready.then(() => isReady = true, () => {});
      while (!isReady) {
        await publisher.publish("t", "ready"); // whoever is open is not in the topic at once
        await Promise.race([ready, delay(50)]);
      }

      const answers: Promise<unknown>[] = [];
      for (const [n, text] of published.entries()) {
        answers.push(publisher.publish("t", text));
        if (n === NODE_AT) nodes[0]!.program.kill("SIGKILL");
        if (n === REDIS_AT) await redis.restart();
        await delay(5);
      }
      await within(Promise.all(answers));
      await within(Promise.all(clients.map(({ all }) => all)), 30_000);
      for (const { told } of clients) assertEquals(told, published);
      const recovered = clients.flatMap(({ recovered }) => recovered);
      assert(recovered.length >= Math.floor(CLIENTS / 2), `${recovered.length} came back`);
      assertEquals(recovered.filter(({ recovered }) => !recovered), []);

      await Promise.all(clients.map(async ({ ws }) => {
        await ws.close();
        await within(ws.closed);
      }));
      await publisher.stop();
      await broker.close();
      for (const { program } of nodes) {
        program.kill("SIGKILL");
        await program.ended;
      }
    });
  }
});
