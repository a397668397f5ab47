/**
 * A chat: a server and its web page on one port. The page shows who is there, who leaves, and who was
 * cut off. Open the address that it prints in two tabs; Ctrl-C stops it.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=examples/chat examples/chat/server.ts [port]
 *     bun examples/chat/server.ts [port]
 */

import { readFileSync } from "node:fs";
import process from "node:process";
import { createWebSocketServer } from "@netkit/websocket";

/** What the page is told, as JSON. What it says itself is plain text. */
type Event =
  | { type: "welcome"; you: string }
  | { type: "people"; names: string[] }
  | { type: "said"; name: string; text: string; at: number }
  | { type: "joined" | "left" | "cut off"; name: string; at: number };

/** How many events whoever comes later is told. */
const HISTORY = 100;
const LONGEST_NAME = 24;
const LONGEST_TEXT = 1000;

const page = readFileSync(new URL("./page.html", import.meta.url));
const history: Event[] = [];
const server = createWebSocketServer<{ name: string }>();

/** Who is there, in the order they came. */
const names = () => server.listAllConnections().map(({ context }) => context.name);

/** Tells everybody, and those who come later. */
function record(event: Event): void {
  history.push(event);
  if (history.length > HISTORY) history.shift();
  server.broadcast(JSON.stringify(event));
}

/** Tells everybody who is there. */
function showPeople(): void {
  server.broadcast(JSON.stringify({ type: "people", names: names() }));
}

/** Lets in whoever has a name: `ws://…/?name=Ada`. Of two with one name the second gets a number. */
function authorize({ url }: Request): { name: string } | Response {
  const asked = new URL(url).searchParams.get("name")?.trim() ?? "";
  if (asked === "" || asked.length > LONGEST_NAME) {
    return new Response(`A name has 1 to ${LONGEST_NAME} characters`, { status: 400 });
  }
  const taken = new Set(names());
  let name = asked;
  for (let number = 2; taken.has(name); number++) name = `${asked} ${number}`;
  return { name };
}

server.on("connect", (connection) => {
  const { name } = connection.context;
  for (const event of [{ type: "welcome", you: name }, ...history]) {
    server.send(JSON.stringify(event), connection);
  }
  record({ type: "joined", name, at: Date.now() });
  showPeople();
});

server.on("messageReceive", ({ clientConnection, data }) => {
  const { name } = clientConnection.context;
  const text = typeof data === "string" ? data.trim().slice(0, LONGEST_TEXT) : "";
  if (text !== "") record({ type: "said", name, text, at: Date.now() });
});

server.on("close", ({ context: { name } }, { code }) => {
  // 1006: no goodbye, or the heartbeat has found that nobody is there any more.
  record({ type: code === 1006 ? "cut off" : "left", name, at: Date.now() });
  showPeople();
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
  serverPort: Number(process.argv[2] ?? 8080),
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
