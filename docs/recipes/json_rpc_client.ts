/** A client of JSON-RPC 2.0 over WebSockets. */

import { WebSocket } from "@netkit/websocket/standard";
import { JSONRPCClient } from "json-rpc-2.0";

/**
 * A client that keeps what is asked while it reconnects; what it has asked over a connection that is lost is
 * rejected, as nobody knows whether it was done. `close` the socket to end it.
 */
export function jsonRpcClient(url: string): { client: JSONRPCClient; socket: WebSocket } {
  const socket = new WebSocket(url, [], { reconnect: true, pingInterval: 5 });
  const client = new JSONRPCClient((request) => {
    if (socket.readyState > socket.OPEN) return Promise.reject(new Error("closed"));
    return socket.send(JSON.stringify(request));
  });
  let wasOpen = false;
  socket.onopen = () => wasOpen = true;
  socket.onmessage = ({ data }) => client.receive(JSON.parse(data));
  socket.onclose = ({ reason }) => {
    // An attempt that fails has carried nothing: what is asked meanwhile waits for the next.
    const isLost = wasOpen || socket.readyState === socket.CLOSED;
    if (isLost) client.rejectAllPendingRequests(`closed: ${reason}`);
    wasOpen = false;
  };
  return { client, socket };
}
