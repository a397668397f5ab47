/** A Yjs server, and y-websocket's client over our class. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { socketOf, webSocketClass } from "@netkit/websocket/standard";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

/** A server that keeps a document for each path, and passes on what changes. */
export function yjsServer(documents: Map<string, Y.Doc> = new Map()): WebSocketServer {
  const server = createWebSocketServer();
  server.on("connect", (connection) => {
    const socket = socketOf(server, connection);
    const doc = documents.get(connection.url) ?? new Y.Doc();
    documents.set(connection.url, doc);
    const send = (write: (encoder: encoding.Encoder) => void) => {
      const encoder = encoding.createEncoder();
      encoding.writeVarUint(encoder, 0); // 0: it syncs
      write(encoder);
      if (encoding.length(encoder) > 1) socket.send(encoding.toUint8Array(encoder));
    };
    const update = (change: Uint8Array) => send((to) => writeUpdate(to, change));
    doc.on("update", update);
    socket.onclose = () => doc.off("update", update);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      const from = decoding.createDecoder(new Uint8Array(data));
      if (decoding.readVarUint(from) === 0) send((to) => readSyncMessage(from, to, doc, socket));
    };
    send((to) => writeSyncStep1(to, doc));
  });
  return server;
}

/** A provider that notices a dead server. */
export const yjsClient = (url: string, room: string, doc: Y.Doc): WebsocketProvider =>
  new WebsocketProvider(url, room, doc, { WebSocketPolyfill: webSocketClass({ pingInterval: 5 }) });
