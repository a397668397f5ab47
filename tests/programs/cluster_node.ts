/**
 * A node of a cluster: `cluster_node.ts NAME LEASE CLIENT URL [history]`. It takes each client into the topics that
 * its URL names, publishes where it is told to over HTTP, and says there who is present.
 */

import { connect } from "@nats-io/transport-node";
import process from "node:process";
import { type Broker, createWebSocketServer } from "../../mod.ts";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";

const [name = "", lease = "15", client = "", url = "", history] = process.argv.slice(2);

async function open(): Promise<Broker> {
  if (client !== "nats") return redisBroker({ open: () => REDIS_CLIENTS[client]!(url) });
  const options = { servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 };
  return natsBroker({ connection: await connect({ ...options, pingInterval: 1000 }) });
}

const server = createWebSocketServer({
  broker: await open(),
  presence: { lease: Number(lease) },
  node: name,
  history: history !== undefined,
  stats: true,
});
const outcomes: Record<string, number> = {};
const note = (outcome: string) => outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
let waiting = 0;
let sent = 0;
let timer: ReturnType<typeof setInterval> | undefined;

server.on("connect", (connection) => {
  const { searchParams } = new URL(connection.url, "http://node");
  for (const topic of searchParams.get("topics")!.split(",")) void server.join(connection, topic);
});
server.on("error", ({ kind, message }) => kind !== "lost" && console.log(`error ${message}`));
server.on("broker", ({ up, lost }) => console.log(`broker ${up} ${lost ?? ""}`));

/** Publishes so many messages a second, to topics by turns. */
function publish(perSecond: number, topics: number): void {
  const began = performance.now();
  timer = setInterval(() => {
    for (; sent < (performance.now() - began) / 1000 * perSecond; sent++) {
      waiting++;
      server.publish(`t${sent % topics}`, `${name}:${sent}`).then(
        () => note("told"),
        ({ kind }) => note(kind),
      ).finally(() => waiting--);
    }
  }, 10);
}

const ROUTES: Record<string, (query: URLSearchParams) => unknown> = {
  "/publish": (query) => publish(Number(query.get("rate")), Number(query.get("topics"))),
  "/quiet": () => clearInterval(timer),
  "/presence": (query) => {
    const topics = Array.from({ length: Number(query.get("topics")) }, (_, n) => `t${n}`);
    return topics.flatMap((topic) => server.presence(topic).map(({ node }) => `${topic} ${node}`));
  },
  "/stop": (query) => {
    server.stop({ retryAfter: Number(query.get("after")) }).then(() => console.log("stopped"));
  },
  "/figures": () => ({ sent, waiting, outcomes, ...server.stats() }),
};

await server.start({
  serverPort: 0,
  serverIP: "127.0.0.1",
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    return Response.json(ROUTES[pathname]?.(searchParams) ?? null);
  },
});
process.once("SIGTERM", () => server.stop().then(() => process.exit(0)));
console.log(`port ${server.address!.port}`);
