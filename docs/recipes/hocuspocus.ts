/** Hocuspocus 4: its server in one of ours, its provider over our class. */

import { HocuspocusProvider } from "@hocuspocus/provider";
import { Hocuspocus } from "@hocuspocus/server";
import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { socketOf, webSocketClass } from "@netkit/websocket/standard";
import type * as Y from "yjs";

/** A server that hands its connections to Hocuspocus. */
export function hocuspocusServer(
  hocuspocus: Hocuspocus = new Hocuspocus({ quiet: true }),
): WebSocketServer {
  const server = createWebSocketServer({
    // A copy: on Deno a request has no headers any more once it is answered.
    authorize: ({ url, headers }) => ({ request: new Request(url, { headers }) }),
  });
  server.on("connect", (connection) => {
    const socket = socketOf(server, connection);
    const client = hocuspocus.handleConnection(socket, connection.context.request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      // A text may be a number, of which `new Uint8Array` makes as many bytes.
      if (typeof data === "string") socket.close(1003, "a text");
      else client.handleMessage(new Uint8Array(data));
    };
    socket.onclose = (event) => client.handleClose(event);
  });
  return server;
}

/** A provider of one document; its `destroy` ends the connection as well. */
export function hocuspocusClient(url: string, name: string, document: Y.Doc): HocuspocusProvider {
  const WebSocketPolyfill = webSocketClass({ pingInterval: 5 });
  const options = { url, WebSocketPolyfill, name, document }; // what it takes for its connection as well
  return new HocuspocusProvider(options);
}
