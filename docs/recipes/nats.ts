/** NATS over a WebSocket: nats-core with our class, and so with its proxy, TLS and headers. */

import { webSocketClass, type WebSocketInit } from "@netkit/websocket/standard";
import { type NatsConnection, wsconnect } from "@nats-io/nats-core";

/** Connects to a NATS server's WebSocket port. */
export function natsConnection(url: string, options: WebSocketInit = {}): Promise<NatsConnection> {
  const Socket = webSocketClass({ pingInterval: 5, ...options });
  return wsconnect({
    servers: url,
    wsFactory: (url) =>
      Promise.resolve({ socket: new Socket(url), encrypted: url.startsWith("wss") }),
  });
}
