/**
 * Many clients of ours, connected to one server at once. Each sends messages and hears the echo of
 * each. Arguments: the port, how many clients, how many messages. It ends by itself when the server
 * has closed them all.
 */

import process from "node:process";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";

const [port, count, messages] = process.argv.slice(2).map(Number) as [number, number, number];
const url = `ws://127.0.0.1:${port}/`;

/** How many dial at the same time: less than a listen queue holds. */
const AT_ONCE = 100;

let errors = 0;
const codes: Record<string, number> = {};

function open(): Promise<WebSocketClient> {
  const ws = createWebSocket();
  return new Promise((resolve, reject) => {
    ws.on("open", () => resolve(ws));
    ws.on("error", (error) => {
      errors++;
      reject(error);
    });
    ws.on("close", (_, { code, reason }) => {
      const text = `${code} ${reason}`;
      codes[text] = (codes[text] ?? 0) + 1;
    });
    ws.connect(url, { pingInterval: 3000 }).catch(reject);
  });
}

const clients: WebSocketClient[] = [];
while (clients.length < count) {
  const n = Math.min(AT_ONCE, count - clients.length);
  clients.push(...await Promise.all(Array.from({ length: n }, open)));
}
console.log("connected", clients.length);

// One more than the server lets in.
const refused = await open().then(() => "open", ({ code, data }) => `${code} ${data}`);
console.log("refused", refused);

/** Whether each of a client's messages came back, once, in order. */
async function exchange(ws: WebSocketClient, name: number): Promise<boolean> {
  const heard: unknown[] = [];
  const all = new Promise<void>((resolve) =>
    ws.on("message", (_, data) => {
      if (heard.push(data) === messages) resolve();
    })
  );
  const sent = Array.from({ length: messages }, (_, i) => `${name}:${i}`);
  for (const text of sent) void ws.send(text);
  await all;
  return JSON.stringify(heard) === JSON.stringify(sent);
}

const right = await Promise.all(clients.map(exchange));
console.log("exchanged", right.filter((one) => one).length);

await Promise.all(clients.map((ws) => ws.closed));
console.log("closed", JSON.stringify(codes), "errors", errors);
