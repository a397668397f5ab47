/**
 * One of the demo's servers: `node.ts NAME ENGINE URL`, where ENGINE is redis, nats, or memory for those
 * of one process. `npm run demo:cluster` starts three of them.
 *
 * @module
 */

import { type Broker, createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { redisAt } from "../redis.ts";

/** The topics of the demo. */
export const TOPICS = ["chess", "go", "news", "weather", "football", "cats"];

/** How often each topic is published to by each node, in ms. */
const EVERY_MS = 250;

async function brokerOf(engine: string, url: string): Promise<Broker> {
  if (engine === "redis") return redisBroker({ open: await redisAt(url) });
  const { connect } = await import("@nats-io/transport-node");
  const options = { servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 200 };
  return natsBroker({ connection: await connect(options) });
}

/** Starts a node: takes clients in, publishes, and says over HTTP how it is. */
export async function startNode(node: string, broker: Broker): Promise<WebSocketServer> {
  const server = createWebSocketServer({ broker, node, presence: { lease: 3 }, stats: true });
  server.on("connect", (connection) => {
    const topics = new URL(connection.url, "http://node").searchParams.get("topics") ?? "";
    for (const topic of topics.split(",")) void server.join(connection, topic);
  });
  server.on("error", ({ kind, message }) => kind !== "lost" && console.error(message));
  await server.start({
    serverPort: 0,
    serverIP: "127.0.0.1",
    fetch: () =>
      Response.json({
        clients: server.listAllConnections().length,
        present: TOPICS.map((topic) => server.presence(topic).length),
        broker: server.stats()?.broker,
      }),
  });
  // Each message of a topic has the number after the last one, so that a client can count.
  for (const topic of TOPICS) {
    let start = crypto.randomUUID();
    let number = 0;
    let isBusy = false;
    const timer = setInterval(async () => {
      if (server.address === undefined) return clearInterval(timer);
      if (isBusy) return;
      isBusy = true;
      await server.publish(topic, `${start} ${topic} ${number}`).then(
        () => number++,
        ({ kind }) => {
          // What was not published goes again under its number. Where nobody knows, clients count anew.
          if (kind === "unconfirmed") [start, number] = [crypto.randomUUID(), 0];
        },
      );
      isBusy = false;
    }, EVERY_MS);
  }
  return server;
}

if (import.meta.main) {
  const { default: process } = await import("node:process");
  const [name = "node", engine = "redis", url = ""] = process.argv.slice(2);
  const server = await startNode(name, await brokerOf(engine, url));
  console.log(`port ${server.address!.port}`);
}
