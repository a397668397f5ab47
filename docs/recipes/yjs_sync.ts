/** What a document of Yjs is, and what changes in it: a part of yjs_room.ts. */

import type { WebSocket } from "@netkit/websocket/standard";
import type { Decoder } from "lib0/decoding";
import { createEncoder, type Encoder, toUint8Array, writeVarUint } from "lib0/encoding";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import type * as Y from "yjs";

/** One of the things that messages are about. */
export interface Part {
  enter(socket: WebSocket): void;
  hear(from: Decoder, socket: WebSocket): void;
  leave(socket: WebSocket, isLast: boolean): void;
}

/** A message that begins with the number of its part. */
export function message(part: number, write: (encoder: Encoder) => void): Uint8Array {
  const encoder = createEncoder();
  writeVarUint(encoder, part);
  write(encoder);
  return toUint8Array(encoder);
}

/** Part 0. */
export function syncOf(doc: Y.Doc, tell: (message: Uint8Array) => void): Part {
  const changed = (change: Uint8Array) => tell(message(0, (to) => writeUpdate(to, change)));
  doc.on("update", changed);
  return {
    enter: (socket) => socket.send(message(0, (to) => writeSyncStep1(to, doc))),
    hear(from, socket) {
      const answer = message(0, (to) => readSyncMessage(from, to, doc, socket));
      if (answer.length > 1) socket.send(answer);
    },
    leave: (_socket, isLast) => isLast && doc.off("update", changed),
  };
}
