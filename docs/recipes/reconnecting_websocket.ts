/** reconnecting-websocket over our class: its reconnecting, our heartbeat. */

import { webSocketClass } from "@netkit/websocket/standard";

/**
 * What `new ReconnectingWebSocket(url, [], options)` takes for a socket that connects again, and that
 * notices within two seconds that the server is dead.
 */
export const options = {
  WebSocket: webSocketClass({ pingInterval: 1, pongTimeout: 1 }),
  minReconnectionDelay: 100,
};
