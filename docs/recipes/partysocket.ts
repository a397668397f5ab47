/** partysocket over our class: its reconnecting, our heartbeat. */

import { webSocketClass } from "@netkit/websocket/standard";
import { WebSocket as PartyWebSocket } from "partysocket";

/** A socket that connects again, and that notices within two seconds that the server is dead. */
export function partySocket(url: string): PartyWebSocket {
  const Socket = webSocketClass({ pingInterval: 1, pongTimeout: 1 });
  return new PartyWebSocket(url, [], { WebSocket: Socket, minReconnectionDelay: 100 });
}
