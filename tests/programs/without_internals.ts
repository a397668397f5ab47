/**
 * What is left where a Deno of the future has other internals than those the heartbeat is built on:
 * `without_internals.ts client PORT` or `without_internals.ts server`. On Bun nothing is missing.
 */

import process from "node:process";

// Deno itself calls this method, so it must go on working. Hidden in another function it is no
// longer known for what it does, which is what the module asks before it takes it.
const prototype = WebSocket.prototype as unknown as Record<symbol, () => void>;
for (const symbol of Object.getOwnPropertySymbols(prototype)) {
  if (symbol.description !== "[[serverHandleIdleTimeout]]") continue;
  const original = prototype[symbol]!;
  prototype[symbol] = function () {
    original.call(this);
  };
}

const [role, port] = process.argv.slice(2);
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
