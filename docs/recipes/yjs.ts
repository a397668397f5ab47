/** A Yjs server in forty lines, and y-websocket's client over our class. */

import { createWebSocketServer, type WebSocketServer } from "@netkit/websocket";
import { socketOf, type WebSocket, webSocketClass } from "@netkit/websocket/standard";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const SYNC = 0;

/** A server that keeps a document for each path, and passes on what changes. */
export function yjsServer(documents: Map<string, Y.Doc> = new Map()): WebSocketServer {
  const server = createWebSocketServer();
  const message = (write: (encoder: encoding.Encoder) => void): Uint8Array<ArrayBuffer> => {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, SYNC);
    write(encoder);
    return encoding.toUint8Array(encoder).slice();
  };
  server.on("connect", (connection) => {
    const socket: WebSocket = socketOf(server, connection);
    const doc = documents.get(connection.url) ?? new Y.Doc();
    documents.set(connection.url, doc);
    const update = (change: Uint8Array) => socket.send(message((to) => writeUpdate(to, change)));
    doc.on("update", update);
    socket.onclose = () => doc.off("update", update);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      const decoder = decoding.createDecoder(new Uint8Array(data));
      if (decoding.readVarUint(decoder) !== SYNC) return; // who is where: not for this server
      const answer = message((to) => readSyncMessage(decoder, to, doc, socket));
      if (answer.length > 1) socket.send(answer);
    };
    socket.send(message((to) => writeSyncStep1(to, doc)));
  });
  return server;
}

/** A provider that notices a dead server. */
export function yjsClient(url: string, room: string, doc: Y.Doc): WebsocketProvider {
  return new WebsocketProvider(url, room, doc, {
    WebSocketPolyfill: webSocketClass({ pingInterval: 5 }),
  });
}
