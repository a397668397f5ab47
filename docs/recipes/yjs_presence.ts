/** Who is in a document of Yjs, and where their cursors are: a part of yjs_room.ts. */

import { readVarUint8Array } from "lib0/decoding";
import { writeVarUint8Array } from "lib0/encoding";
import * as awareness from "y-protocols/awareness";
import type * as Y from "yjs";
import { message, type Part } from "./yjs_sync.ts";

/** For how long it is known who has left, in ms: who comes back is told, and says again that they are there. */
const KNOWN_MS = 60_000;

/** Part 1. */
export function presenceOf(doc: Y.Doc, tell: (message: Uint8Array) => void): Part {
  const here = new awareness.Awareness(doc);
  here.setLocalState(null); // the server itself is nobody
  const speakers = new Map<number, unknown>(); // which socket has spoken last for whom
  const about = (who: number[]) =>
    message(1, (to) => writeVarUint8Array(to, awareness.encodeAwarenessUpdate(here, who)));
  here.on("update", (change: Record<"added" | "updated" | "removed", number[]>, by: unknown) => {
    const { added, updated, removed } = change;
    for (const one of [...added, ...updated]) speakers.set(one, by);
    for (const one of removed) speakers.delete(one);
    // Also to who has said it: y-websocket connects anew where nothing has come for 30 s.
    tell(about([...added, ...updated, ...removed]));
  });
  return {
    enter(socket) {
      for (const [one, { lastUpdated }] of here.meta) {
        if (!here.states.has(one) && lastUpdated < Date.now() - KNOWN_MS) here.meta.delete(one);
      }
      socket.send(about([...here.meta.keys()]));
    },
    hear: (from, socket) => awareness.applyAwarenessUpdate(here, readVarUint8Array(from), socket),
    leave(socket, isLast) {
      const gone = [...speakers.keys()].filter((one) => speakers.get(one) === socket);
      awareness.removeAwarenessStates(here, gone, null);
      if (isLast) here.destroy();
    },
  };
}
