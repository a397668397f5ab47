/** A server of JSON-RPC 2.0 over WebSockets. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { socketOf } from "@netkit/websocket/standard";
import { createJSONRPCErrorResponse, JSONRPCErrorCode, type JSONRPCServer } from "json-rpc-2.0";

/** A server of methods; start it where you like. */
export function jsonRpcServer(methods: JSONRPCServer): WebSocketServer {
  const server = createWebSocketServer();
  server.on("connect", (connection) => {
    const socket = socketOf(server, connection);
    socket.onmessage = async ({ data }) => {
      const answer = await methods.receiveJSON(data);
      if (answer === null) return;
      try {
        socket.send(JSON.stringify(answer));
      } catch (error) { // it is over `maxPayload`, say: nobody is to wait for it
        for (const { id } of [answer].flat()) {
          const code = JSONRPCErrorCode.InternalError;
          socket.send(JSON.stringify(createJSONRPCErrorResponse(id, code, String(error))));
        }
      }
    };
  });
  return server;
}
