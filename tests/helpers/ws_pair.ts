/** A server in the shape of `ws`, one of its sockets, and a raw peer. */

import { assertEquals, assertThrows } from "@std/assert";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import {
  BusinessError,
  createWebSocketServer,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { type WsServer, wsServer, type WsSocket } from "../../node.ts";
import { within } from "./client.ts";
import { type RawClientOptions, rawConnect, type RawPeer } from "../peers/raw.ts";

/** What `pair` gives. */
export interface Pair {
  server: WebSocketServer;
  wss: WsServer;
  socket: WsSocket;
  request: IncomingMessage;
  peer: RawPeer;
}

/** A server in that shape, one of its sockets, and the peer. */
export async function pair(
  config: Partial<WebSocketServerConfig> = {},
  options: RawClientOptions = {},
): Promise<Pair> {
  const server = createWebSocketServer();
  const wss = wsServer(server);
  await server.start({ serverPort: 0, serverIP: "127.0.0.1", ...config });
  const connected = once(wss, "connection");
  const peer = await within(rawConnect(server.address!.port, options));
  const [socket, request] = await within(connected);
  return { server, wss, socket, request, peer };
}

/** What a promise of an event gives. */
export async function told(emitter: WsSocket | WsServer, event: string): Promise<unknown[]> {
  return await within(once(emitter, event));
}

/** Asserts that a call says that it cannot be had here. */
export function assertUnsupported(call: () => unknown, what: string): void {
  const { code, kind, message } = assertThrows(call, BusinessError);
  assertEquals([code, kind], [2302999, "unsupported"]);
  assertEquals(message.split(": ").slice(1).join(": ").split(" cannot be had here")[0], what);
}
