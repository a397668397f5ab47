/** Each listener, callback and observer: with how many arguments it is called, and with which `this`. */

import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { listen, next, NOBODY, say } from "../helpers/event_log.ts";
import { rawConnect } from "../peers/raw.ts";

/** A function that says what it was called with. */
function counting(what: string) {
  return function (this: unknown, ...args: unknown[]) {
    say(`${what}:`, args.length, args.map((arg) => typeof arg).join(), String(this));
  };
}

/** An observer, whose functions are methods of its own: `this` is the observer. */
function observer(whose: string) {
  const names = ["opened", "closed", "received", "sent", "dropped", "refused"];
  const functions = names.map((name) => [name, counting(`${whose} observer ${name}`)] as const);
  return Object.fromEntries([...functions, ["toString", () => "it"] as const]);
}

const server = createWebSocketServer({ observer: observer("server") });
for (const event of ["connect", "messageReceive", "close", "error"] as const) {
  server.on(event, counting(`server ${event}`));
  server.once(event, counting(`server ${event}, once`));
}
const url = await listen(server, { maxConnectionsForOneClient: 1 });

const ws = createWebSocket({ observer: observer("client") });
const events = ["open", "openInfo", "message", "dataEnd", "close", "error"] as const;
for (const event of events) {
  ws.on(event, counting(`client ${event}`));
  ws.once(event, counting(`client ${event}, once`));
}

async function callback(name: string, call: (callback: () => void) => void): Promise<void> {
  const count = counting(`callback of ${name}`) as (...args: unknown[]) => void;
  await new Promise<void>((resolve) =>
    call(function (this: unknown, ...args: unknown[]) {
      count.apply(this, args);
      resolve();
    })
  );
}

await callback("a refused send", (done) => ws.send("early", done));
const connected = next(server, "connect");
await callback("connect", (done) => ws.connect(url, {}, done));
await Promise.all([connected, ws.opened]);
const received = next(server, "messageReceive");
await callback("send", (done) => ws.send("hello", done));
await received;
const answered = next(ws, "dataEnd");
await server.send("hello", server.listAllConnections()[0]!);
await answered;
await rawConnect(new URL(url).port as unknown as number).catch(() => {}); // one connection too many
const left = next(server, "close");
await callback("close", (done) => ws.close(done));
await Promise.all([left, ws.closed]);
await server.stop();

const reconnecting = createWebSocket({ reconnect: { minDelay: 0.001, attempts: 1 } });
reconnecting.on("reconnecting", counting("client reconnecting"));
reconnecting.on("error", counting("client error"));
await reconnecting.connect(NOBODY);
await reconnecting.closed.catch(() => {});
