// @ts-check
/** This module's server with its connections in another shape: MODE says which. */
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { MAX_BUFFERED, MAX_PAYLOAD, mode, PING_SECONDS, ready } from "./common.mjs";

const folder = process.env["BENCH_MODULE"]
  ? dirname(fileURLToPath(process.env["BENCH_MODULE"]))
  : fileURLToPath(new URL("../..", import.meta.url));

/** @type {typeof import("../../mod.ts")} */
const { createWebSocketServer } = await import(join(folder, "mod.ts"));

const server = createWebSocketServer();
if (mode === "plain") {
  server.on("messageReceive", ({ clientConnection, data }) => {
    server.send(data, clientConnection);
  });
} else if (mode === "socketOf") {
  /** @type {typeof import("../../standard.ts")} */
  const { socketOf } = await import(join(folder, "standard.ts"));
  /** @this {WebSocket} @param {MessageEvent} event */
  const echo = function ({ data }) {
    this.send(data);
  };
  server.on("connect", (connection) => {
    const socket = socketOf(server, connection);
    socket.binaryType = "arraybuffer";
    socket.onmessage = echo;
  });
} else if (mode === "wsServer") {
  /** @type {typeof import("../../node.ts")} */
  const { wsServer } = await import(join(folder, "node.ts"));
  /** @this {import("../../node.ts").WsSocket} @param {Uint8Array} data @param {boolean} binary */
  const echo = function (data, binary) {
    this.send(data, { binary });
  };
  wsServer(server).on(
    "connection",
    (socket) => void socket.on("message", echo),
  );
} else {
  throw new Error(`There is no shape "${mode}"`);
}

await server.start({
  ...{ serverIP: "127.0.0.1", serverPort: 0 },
  ...{
    maxPayload: MAX_PAYLOAD,
    maxBufferedAmount: MAX_BUFFERED,
    pingInterval: PING_SECONDS,
  },
});
ready(server.address?.port ?? 0);
