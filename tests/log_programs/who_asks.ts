/** Who may ask, by which name, how many, and for how long `authorize` may think about it. */

import { connect } from "node:net";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, say, sayAnswer, watchClient, watchServer } from "../helpers/event_log.ts";

const server = watchServer(createWebSocketServer());
server.on("error", ({ kind, reason }) => say("  because", kind, reason));
const url = await listen(server, {
  maxConnections: 1,
  allowedHosts: ["127.0.0.1", ".example.com"],
  authorizeTimeout: 0.2,
  authorize: ({ url }, { clientIP, headers }) => {
    headers.append("set-cookie", "a=1");
    headers.append("x-node", "n1");
    say("authorize", new URL(url).pathname, clientIP);
    return url.endsWith("/never") ? new Promise<true>(() => {}) : true;
  },
});
const port = Number(new URL(url).port);

/** What a handshake by hand is answered: the status, and the headers of `authorize`. */
async function shakeHands(host: string, path = "/"): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const answer = await new Promise<string>((resolve) =>
    socket.once("data", (data) => resolve(String(data)))
  );
  const [, status] = /^HTTP\/1\.1 (\d+)/.exec(answer) ?? [];
  const headers = answer.match(/^(?:set-cookie|x-node):.*$/gim) ?? [];
  say(`  ${host}${path}:`, Number(status), headers.map((line) => line.trim().toLowerCase()).sort());
  if (status === "101") {
    const left = next(server, "close");
    socket.destroy();
    await left;
  } else socket.destroy();
}

say("-- by which name");
await shakeHands("127.0.0.1:80");
await shakeHands("app.example.com");
await shakeHands("APP.EXAMPLE.COM:1");
await shakeHands("example.com.evil.example");
await shakeHands("localhost");

say("-- for how long");
await shakeHands("127.0.0.1", "/never");

say("-- how many");
const one = watchClient(createWebSocket(), "one");
const connected = next(server, "connect");
await one.connect(url);
await Promise.all([one.opened, connected]);
const other = watchClient(createWebSocket(), "other");
await sayAnswer("connect", other.connect(url));
await other.opened.catch(() => {});
const left = next(server, "close");
await one.close();
await Promise.all([one.closed, left]);
await server.stop();
