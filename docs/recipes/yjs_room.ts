/** Those who are in a document of Yjs, from the first who comes to the last who leaves: a part of yjs.ts. */

import type { WebSocket } from "@netkit/websocket/standard";
import { createDecoder, readVarUint } from "lib0/decoding";
import type * as Y from "yjs";
import { presenceOf } from "./yjs_presence.ts";
import { syncOf } from "./yjs_sync.ts";

/** Where a socket enters. */
export interface Room {
  enter(socket: WebSocket): void;
}

/** A room for a document; `empty` is called when the last has left. */
export function roomOf(doc: Y.Doc, empty: () => void): Room {
  const sockets = new Set<WebSocket>();
  const tell = (message: Uint8Array) => sockets.forEach((socket) => socket.send(message));
  const parts = [syncOf(doc, tell), presenceOf(doc, tell)]; // a message begins with the number of its part
  return {
    enter(socket) {
      sockets.add(socket);
      socket.onclose = () => {
        sockets.delete(socket);
        for (const part of parts) part.leave(socket, sockets.size === 0);
        if (sockets.size === 0) empty();
      };
      socket.binaryType = "arraybuffer";
      socket.onmessage = ({ data }) => {
        // A text may be a number, of which `new Uint8Array` makes as many bytes.
        if (typeof data === "string") return socket.close(1003, "a text");
        const from = createDecoder(new Uint8Array(data));
        parts[readVarUint(from)]?.hear(from, socket);
      };
      for (const part of parts) part.enter(socket);
    },
  };
}
