/** A server whose connections are wrapped, and raw peers that connect to it. */

import { within } from "./client.ts";
import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { type RawClientOptions, rawConnect, type RawPeer } from "../peers/raw.ts";

/** A server, its next connection made into something at once, and the peer. */
export async function shaped<Shape>(
  shape: (server: WebSocketServer, connection: WebSocketConnection) => Shape,
  config: Partial<WebSocketServerConfig> = {},
  options: RawClientOptions = {},
): Promise<
  { server: WebSocketServer; one: Shape; connection: WebSocketConnection; peer: RawPeer }
> {
  const server = createWebSocketServer();
  await server.start({ serverPort: 0, serverIP: "127.0.0.1", ...config });
  const made = new Promise<{ one: Shape; connection: WebSocketConnection }>((resolve) =>
    server.once("connect", (connection) => resolve({ one: shape(server, connection), connection }))
  );
  const peer = await within(rawConnect(server.address!.port, options));
  return { server, ...await within(made), peer };
}
