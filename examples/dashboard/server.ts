/**
 * A dashboard: a page that shows live connections, messages per second and the heartbeat's round trip
 * as they happen, over a WebSocket of its own. Simulated clients make the load. Open the address that
 * it prints; Ctrl-C stops it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=examples/dashboard \
 *       examples/dashboard/server.ts [port]
 *     bun examples/dashboard/server.ts [port]
 *
 * With the URL of a Redis after the port it is one of several: each shows them all, their topics and who is in them.
 * `npm run demo:dashboard -- 8080 redis://127.0.0.1:6379` gives Deno the rights that Redis' client needs.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { createWebSocketServer, type WebSocketConnection } from "@netkit/websocket";
import { redisAt } from "../redis.ts";
import { Cluster } from "./cluster.ts";
import { simulateClients } from "./load.ts";

/** What the page draws, as JSON. */
interface Sample {
  /** When, in ms. */
  at: number;
  connections: number;
  messagesPerSecond: number;
  /** From Ping to Pong, in ms, since the last sample; left out where there were none. */
  roundTrip?: { median: number; slowest: number };
}

/** How often a sample is taken, and how many a page is shown: half a minute. */
const EVERY_MS = 250;
const SAMPLES = 120;

const page = readFileSync(new URL("./page.html", import.meta.url));
const samples: Sample[] = [];
let roundTrips: number[] = [];
let last = { at: performance.now(), messages: 0 };

const [, , port = "8080", redis] = process.argv;
const cluster = redis === undefined ? undefined : new Cluster(await redisAt(redis));
/** The pages that look on: no topic, as that would be one for all servers. */
const pages = new Set<WebSocketConnection>();

const server = createWebSocketServer<{ isPage: boolean }>({
  ...cluster?.options,
  stats: true,
  observer: { ponged: (_connection, roundTrip) => roundTrips.push(roundTrip) },
});

server.on("connect", (connection) => {
  if (!connection.context.isPage) return;
  const hello = { runtime: navigator.userAgent, samples, size: SAMPLES, every: EVERY_MS };
  server.send(JSON.stringify(hello), connection);
  pages.add(connection);
});
server.on("close", (connection) => pages.delete(connection));
cluster?.watch(server);

server.on("messageReceive", ({ clientConnection, data }) => {
  server.send(data, clientConnection);
});

server.on("error", ({ message }) => console.error(message));

/** Measures what has happened since the last sample, and tells the pages. */
function sample(): void {
  const { connections, received, sent } = server.stats()!;
  const now = { at: performance.now(), messages: received.messages + sent.messages };
  const seconds = (now.at - last.at) / 1000;
  const messagesPerSecond = Math.round((now.messages - last.messages) / seconds);
  const taken: Sample = { at: Math.round(now.at), connections, messagesPerSecond };
  if (roundTrips.length > 0) {
    const sorted = roundTrips.sort((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)]!;
    taken.roundTrip = { median, slowest: sorted.at(-1)! };
  }
  last = now;
  roundTrips = [];
  samples.push(taken);
  if (samples.length > SAMPLES) samples.shift();
  const figures = cluster?.exchange(server, { connections, messagesPerSecond });
  const news = JSON.stringify({ samples: [taken], cluster: figures });
  for (const connection of pages) server.send(news, connection);
}

/** The page's own connections are told of samples, all others are the load. */
function authorize({ url }: Request): { isPage: boolean } {
  return { isPage: new URL(url).pathname === "/samples" };
}

/** Answers what is no upgrade: the page, which may load nothing from anywhere else. */
function fetchPage({ url }: Request): Response {
  if (new URL(url).pathname !== "/") return new Response("Not found", { status: 404 });
  return new Response(page, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; " +
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
    },
  });
}

const ctrlC = new AbortController();
const { signal } = ctrlC;
process.once("SIGINT", () => ctrlC.abort());
try {
  await server.start({
    serverPort: Number(port),
    serverIP: "127.0.0.1",
    pingInterval: 5, // seconds: so that there is something to see
    authorize,
    fetch: fetchPage,
    signal,
  });
  const at = `127.0.0.1:${server.address!.port}/`;
  console.log(`Listening on http://${at}`);

  const timer = setInterval(sample, EVERY_MS);
  signal.addEventListener("abort", async () => {
    clearInterval(timer);
    await server.stop();
    await cluster?.close();
  });
  simulateClients(`ws://${at}`, signal);
} catch (error) {
  console.error((error as Error).message); // such as a port that is taken, or a Redis that is not there
  process.exitCode = 1;
}
