/**
 * A chat: a server and its web page on one port. The page shows who is there, who leaves, and who was
 * cut off; who comes back after that has missed nothing. Open the address that it prints in two tabs;
 * Ctrl-C stops it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=examples/chat examples/chat/server.ts [port]
 *     bun examples/chat/server.ts [port]
 *
 * With the URL of a Redis after the port it is one of several, and whoever is cut off from one may come back to another.
 * `npm run demo:chat -- 8080 redis://127.0.0.1:6379` gives Deno the rights that Redis' client needs.
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { createWebSocketServer, type JoinResult, type PublishResult } from "@netkit/websocket";
import { redisBroker } from "@netkit/websocket/redis";
import { openRedis } from "../redis.ts";

/** What the page is told, as JSON. What it says itself is plain text. */
type Event =
  | { type: "welcome"; you: string }
  | { type: "anew" }
  | { type: "people"; names: string[] }
  | { type: "said"; name: string; text: string; at: number }
  | { type: "joined" | "left" | "cut off"; name: string; at: number };

/** How many events whoever comes later is told: of those since this server was started. */
const PAST = 100;
const LONGEST_NAME = 24;
const LONGEST_TEXT = 1000;

const page = readFileSync(new URL("./page.html", import.meta.url));
const past: string[] = [];
const [, , port = "8080", redis] = process.argv;
const broker = redis === undefined ? undefined : redisBroker({ open: () => openRedis(redis) });
const server = createWebSocketServer<{ name: string }>({
  broker,
  history: { maxAge: 600 },
  presence: { lease: 3, member: ({ context }) => context },
});

/** Who is there, on all servers. */
const names = () =>
  server.presence("chat").map(({ context }) => (context as { name: string }).name);

/** Tells everybody, those who come later, and those who are away for a while. */
function record(event: Event): Promise<PublishResult> {
  return server.publish("chat", JSON.stringify(event));
}

/** Tells who came or went. Where the log is away nobody hears of it: the list of people is newer. */
function remark(type: "joined" | "left" | "cut off", name: string): void {
  record({ type, name, at: Date.now() }).catch(() => {});
}

server.subscribe("chat", ({ data }) => {
  past.push(data as string);
  if (past.length > PAST) past.shift();
});

// Each server tells its own.
server.on("presence", () => {
  const people = JSON.stringify({ type: "people", names: names() });
  for (const connection of server.listAllConnections()) server.send(people, connection);
});

/** Lets in whoever has a name: `ws://…/?name=Ada`. Of two with one name the second gets a number. */
function authorize({ url }: Request): { name: string } | Response {
  const asked = new URL(url).searchParams.get("name")?.trim() ?? "";
  if (asked === "" || asked.length > LONGEST_NAME) {
    return new Response(`A name has 1 to ${LONGEST_NAME} characters`, { status: 400 });
  }
  const here = server.listAllConnections().map(({ context }) => context.name);
  const taken = new Set([...here, ...names()]);
  let name = asked;
  for (let number = 2; taken.has(name); number++) name = `${asked} ${number}`;
  return { name };
}

server.on("connect", async (connection) => {
  const { name } = connection.context;
  const tell = (...events: string[]) => {
    for (const event of events) server.send(event, connection);
  };
  tell(JSON.stringify({ type: "welcome", you: name }));
  const isBack = new URL(connection.url, "ws://localhost").searchParams.has("back");
  if (!isBack) tell(JSON.stringify({ type: "anew" }), ...past);
  // In the turn in which it is in the topic it is sent what it has missed, before anything newer.
  const { recovered } = await server.join(connection, "chat") as JoinResult;
  if (isBack && !recovered) tell(JSON.stringify({ type: "anew" }), ...past);
  remark("joined", name);
});

// What is said is acknowledged when it is published: the page sends again what it has no answer to.
server.on("messageReceive", async ({ clientConnection, data }) => {
  const { name } = clientConnection.context;
  const text = typeof data === "string" ? data.trim().slice(0, LONGEST_TEXT) : "";
  if (text !== "") await record({ type: "said", name, text, at: Date.now() });
});

server.on("close", ({ context: { name } }, { code }) => {
  // 1006: no goodbye, or the heartbeat has found that nobody is there any more.
  remark(code === 1006 ? "cut off" : "left", name);
});

server.on("error", ({ message }) => console.error(message));

/** Answers what is no upgrade: the page, which may load nothing from anywhere else. */
function fetchPage({ url }: Request): Response {
  if (new URL(url).pathname !== "/") return new Response("Not found", { status: 404 });
  return new Response(page, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'none'; connect-src 'self'; script-src 'unsafe-inline'; " +
        "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  });
}

const ctrlC = new AbortController();
process.once("SIGINT", () => ctrlC.abort());
await server.start({
  serverPort: Number(port),
  serverIP: "127.0.0.1",
  authorize,
  fetch: fetchPage,
  maxPayload: 65_536, // bytes of a message, either way
  // A tab that vanished with its network is found out within ten seconds.
  pingInterval: 5,
  pongTimeout: 5,
  signal: ctrlC.signal,
});
ctrlC.signal.addEventListener("abort", async () => {
  await server.stop();
  await broker?.close();
});
console.log(`Listening on http://127.0.0.1:${server.address!.port}/`);
