// @ts-check
/** This module, as its documentation shows it. */
import process from "node:process";
import { MAX_BUFFERED, MAX_PAYLOAD, mode, PING_SECONDS, ready } from "./common.mjs";

/** @type {typeof import("../../mod.ts")} */
const { createWebSocketServer } = await import(
  process.env["BENCH_MODULE"] ?? "../../mod.ts"
);
const server = createWebSocketServer();
if (mode === "echo") {
  server.on("messageReceive", ({ clientConnection, data }) => {
    server.send(data, clientConnection);
  });
} else if (mode === "publish") {
  server.on("messageReceive", ({ data }) => {
    server.broadcast(data);
  });
} else {
  server.on("messageReceive", ({ data }) => {
    for (const connection of server.listAllConnections()) {
      server.send(data, connection);
    }
  });
}
await server.start({
  serverIP: "127.0.0.1",
  serverPort: 0,
  maxPayload: MAX_PAYLOAD,
  maxBufferedAmount: MAX_BUFFERED,
  pingInterval: PING_SECONDS,
});
ready(server.address?.port ?? 0);
