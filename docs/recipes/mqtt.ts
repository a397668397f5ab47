/** MQTT over WebSockets: aedes as the broker in one of our servers, mqtt.js as the client. */

import { createWebSocket, createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { duplexOf } from "@netkit/websocket/node";
import type { Aedes } from "aedes";
import { type IClientOptions, MqttClient } from "mqtt";

/** A server of a broker's; start it with `protocol: "mqtt"`. */
export function mqttServer(broker: Aedes): WebSocketServer {
  const server = createWebSocketServer();
  server.on("connect", (connection) => void broker.handle(duplexOf(server, connection)));
  return server;
}

/**
 * A client of a broker at `ws://` or `wss://`; it connects again by itself. Listen to its 'error', which
 * tells of each loss and of each attempt that fails: with no listener, one of those ends the process.
 */
export function mqttClient(url: string, options: IClientOptions = {}): MqttClient {
  return new MqttClient(() => {
    const ws = createWebSocket();
    const stream = duplexOf(ws);
    ws.connect(url, { protocol: "mqtt", pingInterval: 5 }).catch((error) => stream.destroy(error));
    return stream;
  }, options);
}
