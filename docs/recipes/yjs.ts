/** A Yjs server, and y-websocket's client over our class. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { socketOf, webSocketClass } from "@netkit/websocket/standard";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { type Room, roomOf } from "./yjs_room.ts";

/**
 * A server that keeps a document for each path, and tells what changes and who is there. Start it with a
 * `path` or an `authorize` that says which documents there may be: none is let go of.
 */
export function yjsServer(documents: Map<string, Y.Doc> = new Map()): WebSocketServer {
  const server = createWebSocketServer();
  const rooms = new Map<string, Room>();
  server.on("connect", (connection) => {
    const [path = ""] = connection.url.split("?"); // what follows may be a token, say
    const doc = documents.get(path) ?? new Y.Doc();
    documents.set(path, doc);
    const room = rooms.get(path) ?? roomOf(doc, () => rooms.delete(path));
    rooms.set(path, room);
    room.enter(socketOf(server, connection));
  });
  return server;
}

/** A provider that notices a dead server. */
export const yjsClient = (url: string, room: string, doc: Y.Doc): WebsocketProvider =>
  new WebsocketProvider(url, room, doc, { WebSocketPolyfill: webSocketClass({ pingInterval: 5 }) });
