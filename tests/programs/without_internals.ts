/**
 * What is left where a Deno of the future has other internals than those the heartbeat is built on:
 * `without_internals.ts client HIDDEN PORT` or `without_internals.ts server HIDDEN`. On Bun nothing is
 * missing.
 */

import process from "node:process";
import { INTERNAL } from "../runtime/bare.ts";

const [role, hidden, port] = process.argv.slice(2);

// Deno itself uses all of them, so they must go on working: the module alone must not find them.
if (hidden === "ping frame") {
  // Hidden in another function the method is no longer known for what it does.
  const prototype = WebSocket.prototype as unknown as Record<symbol, () => void>;
  for (const symbol of Object.getOwnPropertySymbols(prototype)) {
    if (symbol.description !== INTERNAL.handleIdle) continue;
    const original = prototype[symbol]!;
    prototype[symbol] = function () {
      original.call(this);
    };
  }
} else if (hidden === "tryClose") {
  const { Deno } = globalThis as unknown as { Deno?: { internal: symbol } };
  const handler = {
    get: (deno: { internal: symbol }, name: symbol) =>
      name === deno.internal ? { core: {} } : Reflect.get(deno, name),
  };
  if (Deno) {
    Object.defineProperty(globalThis, "Deno", { value: new Proxy(Deno, handler as object) });
  }
} else {
  const { getOwnPropertySymbols } = Object;
  Object.getOwnPropertySymbols = (object) =>
    getOwnPropertySymbols(object).filter(({ description }) => description !== hidden);
}

if (role === "client") await client();
else await server();

async function client(): Promise<void> {
  const { createWebSocket } = await import("../../client.ts");
  for (const options of [{}, {}, { pingInterval: 5 }, { pongTimeout: 5 }]) {
    const ws = createWebSocket();
    try {
      await ws.connect(`ws://127.0.0.1:${port}/`, options);
    } catch (error) {
      const { code, message } = error as { code: number; message: string };
      console.log(`refused ${code} ${message}`);
      continue;
    }
    await ws.send("hello");
    await ws.opened;
    await ws.close({ code: 4000, reason: "done" });
    console.log(JSON.stringify(await ws.closed));
  }
}

async function server(): Promise<void> {
  const { createWebSocketServer } = await import("../../server.ts");
  const server = createWebSocketServer();
  server.on("connect", (connection) => {
    console.log("connect");
    void server.send("hello", connection);
  });
  server.on("error", (error) => console.log("error", error.code));
  server.on("close", async (_, result) => {
    console.log("close", JSON.stringify(result));
    console.log("stopped", await server.stop());
  });
  await server.start({ serverPort: 0, serverIP: "127.0.0.1", pingInterval: 1, pongTimeout: 0.5 });
  console.log("port", server.address!.port);
}
