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
import { redisAt } from "../redis.ts";

/** What the page is told, as JSON. What it says itself is plain text. */
type Event =
  | { type: "welcome"; you: string }
  | { type: "anew" }
  | { type: "people"; names: string[] }
  | { type: "said"; name: string; text: string; at: number }
  | { type: "joined" | "left" | "cut off"; name: string; at: number };

/** Somebody in the chat. A page says by its `id` that it is the same as before a break. */
interface Person {
  name: string;
  id: string;
}

/** How many events whoever comes later is told: of those since this server was started. */
const PAST = 100;
const LONGEST_NAME = 24;
const LONGEST_TEXT = 1000;

const page = readFileSync(new URL("./page.html", import.meta.url));
const past: string[] = [];
const [, , port = "8080", redis] = process.argv;
const broker = redis === undefined ? undefined : redisBroker({ open: await redisAt(redis) });
const server = createWebSocketServer<Person>({
  broker,
  history: { maxAge: 600 },
  presence: { lease: 3, member: ({ context }) => context },
});

/** Who is there, on all servers; for a while twice where their server was killed and they are back. */
const people = () => server.presence("chat").map(({ context }) => context as Person);

/** Who has asked for a name of late, on whichever server, and is not there yet. */
const claims = new Map<string, { id: string; until: number }>();

/** Whether a name is somebody else's. */
function isTaken({ name, id }: Person): boolean {
  const claim = claims.get(name);
  const isClaimed = claim !== undefined && claim.id !== id && Date.now() < claim.until;
  return isClaimed || people().some((other) => other.name === name && other.id !== id);
}

// All servers hear in one order who asks for a name, so of two at the same time the same one has it everywhere.
server.subscribe("names", ({ data }) => {
  const { name, id } = JSON.parse(data as string) as Person;
  const now = Date.now();
  if (!isTaken({ name, id })) claims.set(name, { id, until: now + 10_000 });
  for (const [name, { until }] of claims) if (until < now) claims.delete(name);
});

/** Tells everybody, those who come later, and those who are away for a while. */
function record(event: Event): Promise<PublishResult> {
  return server.publish("chat", JSON.stringify(event));
}

/** Tells who came or went. Where the log is away nobody hears of it: the list of people is newer. */
function remark(type: "joined" | "left" | "cut off", name: string): void {
  record({ type, name, at: Date.now() }).catch(() => {});
}

function remember(event: string): void {
  past.push(event);
  if (past.length > PAST) past.shift();
}

server.subscribe("chat", ({ data }) => remember(data as string));

// Each server tells its own. Where another one was killed, nobody else can say that its people were cut off.
server.on("presence", ({ joined, left, gone }) => {
  for (const { context } of joined) claims.delete((context as Person).name);
  const names = [...new Set(people().map(({ name }) => name))];
  const lost = left.map(({ context }) => (context as Person).name)
    .filter((name) => gone && !names.includes(name))
    .map((name) => JSON.stringify({ type: "cut off", name, at: Date.now() }));
  lost.forEach(remember);
  for (const connection of server.listAllConnections()) {
    for (const event of [...lost, JSON.stringify({ type: "people", names })]) {
      server.send(event, connection);
    }
  }
});

/** Lets in whoever has a name: `ws://…/?name=Ada`. Of two with one name the second gets a number. */
async function authorize({ url }: Request): Promise<Person | Response> {
  const query = new URL(url).searchParams;
  const asked = query.get("name")?.trim() ?? "";
  if (asked === "" || asked.length > LONGEST_NAME) {
    return new Response(`A name has 1 to ${LONGEST_NAME} characters`, { status: 400 });
  }
  const person = { name: asked, id: query.get("id") ?? crypto.randomUUID() };
  for (let number = 2;; number++) {
    if (!isTaken(person)) {
      // Where the log is away nobody can be asked: until it is back, two may have one name.
      await server.publish("names", JSON.stringify(person)).catch(() => {});
      if (!isTaken(person)) return person;
    }
    person.name = `${asked} ${number}`;
  }
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
try {
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
  console.log(`Listening on http://127.0.0.1:${server.address!.port}/`);
} catch (error) {
  console.error((error as Error).message); // such as a port that is taken, or a Redis that is not there
  process.exitCode = 1;
}
