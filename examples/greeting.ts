/**
 * A server and a client greet each other, keep their connection alive for two heartbeats, and part.
 * Between them sits a wire tap, so that the Ping and Pong frames can be seen.
 *
 *     deno run --allow-net examples/greeting.ts
 *     bun examples/greeting.ts
 */

import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
import { tapWire } from "./wire_tap.ts";

const server = createWebSocketServer();
server.on("connect", () => {
  console.log(`server  a client has connected, ${server.listAllConnections().length} in all`);
});
server.on("messageReceive", ({ clientConnection, data }) => {
  console.log(`server  was told: ${data}`);
  server.send("Hello, client!", clientConnection);
});
server.on("close", (_connection, { code, reason }) => {
  console.log(`server  the client has left: ${code} ${reason}`);
});
await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
console.log("server  is listening");

const twoHeartbeats = Promise.withResolvers<void>();
let pongs = 0;
const tap = await tapWire(server.address!.port, (way, frame) => {
  console.log(`wire    ${way}: ${frame}`);
  if (frame === "Pong" && ++pongs === 2) twoHeartbeats.resolve();
});

const ws = createWebSocket();
ws.on("open", (_err, { status }) => {
  console.log(`client  is open: ${status}`);
  ws.send("Hello, server!");
});
ws.on("message", (_err, data) => console.log(`client  was told: ${data}`));
ws.on("close", (_err, { code, reason }) => console.log(`client  has closed: ${code} ${reason}`));
ws.on("error", (err) => console.log(`client  error: ${JSON.stringify(err)}`));
await ws.connect(`ws://127.0.0.1:${tap.port}/`, { pingInterval: 1 });

await twoHeartbeats.promise;
await ws.close({ code: 1000, reason: "goodbye" });
await ws.closed;
await server.stop();
tap.close();
console.log("server  has stopped");
