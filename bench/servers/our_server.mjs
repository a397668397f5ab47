// @ts-check
/** This module's server, as its documentation shows it, before it listens anywhere. */
import process from "node:process";
import { BINARY, Bun, Deno, MAX_BUFFERED, MAX_PAYLOAD, mode, PING_SECONDS } from "./common.mjs";

const module = process.env["BENCH_MODULE"] ?? new URL("../../mod.ts", import.meta.url).href;

/** Loads another entry of the module that is measured. @param {string} name */
export const load = (name) => import(new URL(name, module).href);

/** @type {typeof import("../../mod.ts")} */
const { createWebSocketServer } = await import(module);

/** @typedef {import("../../mod.ts").WebSocketServer} WebSocketServer */

/** @param {object} [options] @returns {WebSocketServer} */
export function makeServer(options = {}) {
  const given = {
    ...(BINARY === "uint8array" && { binaryType: BINARY }),
    ...options,
  };
  return createWebSocketServer(/** @type {{}} */ (given));
}

/** Makes a server that does with a message what is asked for. */
export function makeAnswering() {
  const server = makeServer();
  if (mode === "echo" || mode === "beat") {
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
  return server;
}

/** What it is started or mounted with. */
export const config = {
  maxPayload: MAX_PAYLOAD,
  maxBufferedAmount: MAX_BUFFERED,
  pingInterval: PING_SECONDS,
};

/** Starts a server. @param {WebSocketServer} server @returns {Promise<number>} Its port. */
export async function start(server) {
  await server.start({ serverIP: "127.0.0.1", serverPort: 0, ...config });
  return server.address?.port ?? 0;
}

/** Mounts a server in one of the runtime's own. @param {WebSocketServer} server @returns {Promise<number>} */
export async function mountInHost(server) {
  const mount = await server.mount(config);
  /** @param {Request} request @param {unknown} info */
  const fetch = (request, info) =>
    mount.fetch(request, info) ?? new Response(null, { status: 426 });
  const options = { hostname: "127.0.0.1", port: 0 };
  return Bun
    ? Bun.serve({ ...options, fetch, websocket: mount.websocket }).port
    : Deno.serve({ ...options, onListen() {} }, fetch).addr.port;
}
