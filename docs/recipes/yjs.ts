/** A Yjs server, and y-websocket's client over our class. */

import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
} from "@netkit/websocket";
import { socketOf, webSocketClass } from "@netkit/websocket/standard";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

/** What a message is about: the document, or who is there and where their cursors are. */
const SYNC = 0;
const AWARENESS = 1;

/**
 * A server that keeps a document for each path, and tells what changes and who is there. Start it with a
 * `path` or an `authorize` that says which documents there may be: none is let go of.
 */
export function yjsServer(documents: Map<string, Y.Doc> = new Map()): WebSocketServer {
  const server = createWebSocketServer();
  /** What each connection has said last of who it is, by document. */
  const present = new WeakMap<Y.Doc, Map<WebSocketConnection, ArrayBuffer>>();
  server.on("connect", (connection) => {
    const socket = socketOf(server, connection);
    const [path = ""] = connection.url.split("?"); // what follows may be a token, say
    const doc = documents.get(path) ?? new Y.Doc();
    documents.set(path, doc);
    const here = present.get(doc) ?? new Map<WebSocketConnection, ArrayBuffer>();
    present.set(doc, here);
    server.join(connection, path);
    const send = (write: (encoder: encoding.Encoder) => void) => {
      const encoder = encoding.createEncoder();
      encoding.writeVarUint(encoder, SYNC);
      write(encoder);
      if (encoding.length(encoder) > 1) socket.send(encoding.toUint8Array(encoder));
    };
    const update = (change: Uint8Array) => send((to) => writeUpdate(to, change));
    doc.on("update", update);
    socket.onclose = () => {
      doc.off("update", update);
      here.delete(connection);
    };
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      const from = decoding.createDecoder(new Uint8Array(data));
      const about = decoding.readVarUint(from);
      if (about === SYNC) send((to) => readSyncMessage(from, to, doc, socket));
      // Also to who has sent it: y-websocket connects anew where nothing has come for 30 s.
      if (about === AWARENESS) {
        here.set(connection, data);
        server.publish(path, data);
      }
    };
    send((to) => writeSyncStep1(to, doc));
    for (const said of here.values()) socket.send(said);
  });
  return server;
}

/** A provider that notices a dead server. */
export const yjsClient = (url: string, room: string, doc: Y.Doc): WebsocketProvider =>
  new WebsocketProvider(url, room, doc, { WebSocketPolyfill: webSocketClass({ pingInterval: 5 }) });
