/** Hocuspocus: its server in one of ours, its provider over our class. */

import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import { Hocuspocus } from "@hocuspocus/server";
import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { wsServer } from "@netkit/websocket/node";
import { webSocketClass } from "@netkit/websocket/standard";
import type * as Y from "yjs";

/** A server that hands its connections to Hocuspocus. */
export function hocuspocusServer(
  hocuspocus: Hocuspocus = new Hocuspocus({ quiet: true }),
): WebSocketServer {
  const server = createWebSocketServer();
  wsServer(server).on(
    "connection",
    (socket, request) => hocuspocus.handleConnection(socket, request),
  );
  return server;
}

/** A provider of one document. */
export function hocuspocusClient(url: string, name: string, document: Y.Doc): HocuspocusProvider {
  const WebSocketPolyfill = webSocketClass({ pingInterval: 5 });
  const websocketProvider = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill });
  const provider = new HocuspocusProvider({ websocketProvider, name, document });
  provider.attach();
  return provider;
}
