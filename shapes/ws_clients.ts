/** The sockets of a server in the shape of `ws`. Not part of the public API. */

import { businessError } from "../errors.ts";
import type { ServerConnection } from "../server/connection.ts";
import { ConnectionHandle } from "../server/handle.ts";
import { listenersTo } from "./server_hub.ts";
import { isSocketOf, type WsOwner, type WsSocket } from "./ws_socket.ts";

/** A Set with nothing in it that shows a server's connections: an own entry for each costs 80 bytes. */
export class Clients extends Set<WsSocket> {
  readonly #owner: WsOwner;

  constructor(owner: WsOwner) {
    super();
    this.#owner = owner;
  }

  override get size(): number {
    return this.#all().length;
  }

  override has(socket: WsSocket): boolean {
    return this.#all().includes(socket);
  }

  override forEach(
    callback: (value: WsSocket, key: WsSocket, set: Set<WsSocket>) => void,
    self?: unknown,
  ): void {
    for (const socket of this.#all()) callback.call(self, socket, socket, this);
  }

  override values(): SetIterator<WsSocket> {
    return new Set(this.#all()).values();
  }

  override keys(): SetIterator<WsSocket> {
    return this.values();
  }

  override entries(): SetIterator<[WsSocket, WsSocket]> {
    return new Set(this.#all()).entries();
  }

  override [Symbol.iterator](): SetIterator<WsSocket> {
    return this.values();
  }

  /** What a console shows, which would look at what the Set holds itself. */
  [Symbol.for("nodejs.util.inspect.custom")](): Set<WsSocket> {
    return new Set(this.#all());
  }

  override add(): never {
    throw readOnly("add");
  }

  override delete(): never {
    throw readOnly("delete");
  }

  override clear(): never {
    throw readOnly("clear");
  }

  #all(): WsSocket[] {
    return this.#owner.server.listAllConnections().flatMap((handle) => {
      const connection = ConnectionHandle.connectionOf(handle) as ServerConnection;
      return listenersTo(connection).filter((one) => isSocketOf(this.#owner, one));
    });
  }
}

// Those of a Set look at what it holds itself, which is nothing here.
for (
  const name of [
    ...["difference", "intersection", "isDisjointFrom", "isSubsetOf", "isSupersetOf"],
    ...["symmetricDifference", "union"],
  ] as (keyof Set<unknown>)[]
) {
  Object.defineProperty(Clients.prototype, name, {
    value(this: Clients, other: unknown): unknown {
      const all = new Set<unknown>(this);
      return (all[name] as (other: unknown) => unknown)(other);
    },
    configurable: true,
    writable: true,
  });
}

function readOnly(what: string): Error {
  return businessError(
    "unsupported",
    `clients.${what} cannot be had here: a server's sockets are its own`,
  );
}
