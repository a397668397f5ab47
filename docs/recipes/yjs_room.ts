/** A document of Yjs on a server, and who is in it: what yjs.ts is made of. */

import type { WebSocket } from "@netkit/websocket/standard";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import {
  applyAwarenessUpdate,
  Awareness,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from "y-protocols/awareness";
import { readSyncMessage, writeSyncStep1, writeUpdate } from "y-protocols/sync";
import type * as Y from "yjs";

/** What a message is about: the document, or who is there and where their cursors are. */
const SYNC = 0;
const AWARENESS = 1;

/** For how long it is known who has left, in ms: who comes back is told, and says again that they are there. */
const KNOWN_MS = 60_000;

/** Those who are in a document, from the first who comes to the last who leaves. */
export class Room {
  readonly #doc: Y.Doc;
  readonly #empty: () => void;
  readonly #awareness: Awareness;
  readonly #sockets = new Set<WebSocket>();
  /** Which socket has spoken last for whom. */
  readonly #speakers = new Map<number, unknown>();

  constructor(doc: Y.Doc, empty: () => void) {
    this.#doc = doc;
    this.#empty = empty;
    this.#awareness = new Awareness(doc);
    this.#awareness.setLocalState(null); // the server itself is nobody
    this.#awareness.on("update", this.#moved);
    doc.on("update", this.#changed);
  }

  enter(socket: WebSocket): void {
    this.#sockets.add(socket);
    socket.onclose = () => this.#leave(socket);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      // A text may be a number, of which `new Uint8Array` makes as many bytes.
      if (typeof data === "string") return socket.close(1003, "a text");
      const from = decoding.createDecoder(new Uint8Array(data));
      const about = decoding.readVarUint(from);
      if (about === AWARENESS) {
        applyAwarenessUpdate(this.#awareness, decoding.readVarUint8Array(from), socket);
      } else if (about === SYNC) {
        const answer = message(SYNC, (to) => readSyncMessage(from, to, this.#doc, socket));
        if (answer.length > 1) socket.send(answer);
      }
    };
    socket.send(message(SYNC, (to) => writeSyncStep1(to, this.#doc)));
    const { meta, states } = this.#awareness;
    for (const [one, { lastUpdated }] of meta) {
      if (!states.has(one) && lastUpdated < Date.now() - KNOWN_MS) meta.delete(one);
    }
    socket.send(this.#about([...meta.keys()]));
  }

  #leave(socket: WebSocket): void {
    this.#sockets.delete(socket);
    const gone = [...this.#speakers].filter(([, speaker]) => speaker === socket);
    removeAwarenessStates(this.#awareness, gone.map(([one]) => one), null);
    if (this.#sockets.size > 0) return;
    this.#doc.off("update", this.#changed);
    this.#awareness.destroy();
    this.#empty();
  }

  readonly #changed = (change: Uint8Array) =>
    this.#tell(message(SYNC, (to) => writeUpdate(to, change)));

  readonly #moved = (
    { added, updated, removed }: Record<"added" | "updated" | "removed", number[]>,
    speaker: unknown,
  ) => {
    for (const one of [...added, ...updated]) this.#speakers.set(one, speaker);
    for (const one of removed) this.#speakers.delete(one);
    // Also to who has said it: y-websocket connects anew where nothing has come for 30 s.
    this.#tell(this.#about([...added, ...updated, ...removed]));
  };

  #about(who: number[]): Uint8Array {
    const update = encodeAwarenessUpdate(this.#awareness, who);
    return message(AWARENESS, (to) => encoding.writeVarUint8Array(to, update));
  }

  #tell(what: Uint8Array): void {
    for (const socket of this.#sockets) socket.send(what);
  }
}

function message(about: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, about);
  write(encoder);
  return encoding.toUint8Array(encoder);
}
