/** JSON-RPC 2.0 over WebSockets, on both sides. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { socketOf, WebSocket } from "@netkit/websocket/standard";
import { JSONRPCClient, type JSONRPCServer } from "json-rpc-2.0";

/** A server of methods; start it where you like. */
export function jsonRpcServer(methods: JSONRPCServer): WebSocketServer {
  const server = createWebSocketServer();
  server.on("connect", (connection) => {
    const socket = socketOf(server, connection);
    socket.onmessage = async ({ data }) => {
      const answer = await methods.receiveJSON(data);
      if (answer !== null) socket.send(JSON.stringify(answer));
    };
  });
  return server;
}

/** A client that keeps what is asked while it reconnects; `close` the socket to end it. */
export function jsonRpcClient(url: string): { client: JSONRPCClient; socket: WebSocket } {
  const socket = new WebSocket(url, [], { reconnect: true, pingInterval: 5 });
  const client = new JSONRPCClient((request) => socket.send(JSON.stringify(request)));
  socket.onmessage = ({ data }) => client.receive(JSON.parse(data));
  socket.onclose = ({ reason }) => client.rejectAllPendingRequests(`closed: ${reason}`);
  return { client, socket };
}
