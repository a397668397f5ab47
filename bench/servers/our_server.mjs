// @ts-check
/** This module's server, as its documentation shows it, before it listens anywhere. */
import process from "node:process";
import { BINARY, MAX_BUFFERED, MAX_PAYLOAD, mode, PING_SECONDS } from "./common.mjs";

/** @type {typeof import("../../mod.ts")} */
const { createWebSocketServer } = await import(
  process.env["BENCH_MODULE"] ?? "../../mod.ts"
);

/** @type {{}} */
const options = BINARY === "uint8array" ? { binaryType: BINARY } : {};

export const server = createWebSocketServer(options);
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

/** What it is started or mounted with. */
export const config = {
  maxPayload: MAX_PAYLOAD,
  maxBufferedAmount: MAX_BUFFERED,
  pingInterval: PING_SECONDS,
};
