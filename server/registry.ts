/**
 * The connections of a server, and how to find the one that a user means: by its handle or by an
 * address.
 */

import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { argumentError, readOptions, type Rule } from "../internal/validate.ts";
import { type Handle, ServerConnection } from "./connection.ts";
import { canonicalAddress, ConnectionHandle, connectionKey } from "./handle.ts";
import type { ListeningServer } from "./listening_server.ts";

/** The connections of a running server. */
export class Registry {
  /**
   * The connections that the user knows of, from 'connect' to 'close', oldest first, by their handles: who
   * lists these needs no look at the connections.
   */
  readonly #known = new Map<Handle, ServerConnection>();
  /**
   * The same by address, oldest first: behind two proxies two connections may have the same address. It
   * is made when a connection is looked up by its address for the first time.
   */
  #byAddress: Map<string, Set<ServerConnection>> | undefined;
  /** Those that the runtime has and the user does not know of: not yet, or not any more. */
  readonly #others = new Set<ServerConnection>();

  /** Whether there is no connection, neither for the user nor in the runtime. */
  get isEmpty(): boolean {
    return this.#known.size === 0 && this.#others.size === 0;
  }

  /** The connections that the user knows of, oldest first; some may be closing. */
  known(): Iterable<ServerConnection> {
    return this.#known.values();
  }

  /** The connections that the runtime has: from before 'connect' until it has told their end. */
  attached(): ServerConnection[] {
    return [...this.#known.values(), ...this.#others].filter(({ isAttached }) => isAttached);
  }

  handles(): Handle[] {
    return Array.from(this.#known.keys());
  }

  /** Adds a connection of the runtime that is to open later. */
  attach(connection: ServerConnection): void {
    this.#others.add(connection);
  }

  /** The runtime has a connection no more. Returns whether it had. */
  detach(connection: ServerConnection): boolean {
    if (!connection.isAttached) return false;
    connection.isAttached = false;
    if (this.#others.size > 0) this.#others.delete(connection);
    return true;
  }

  /** Adds a connection that the user is told of. */
  add(connection: ServerConnection): void {
    if (this.#others.size > 0) this.#others.delete(connection);
    this.#known.set(connection.handle, connection);
    if (this.#byAddress !== undefined) index(this.#byAddress, connection);
  }

  /** Removes a connection whose end the user is told of. */
  remove(connection: ServerConnection): void {
    this.#known.delete(connection.handle);
    if (connection.isAttached) this.#others.add(connection);
    if (this.#byAddress === undefined) return;
    const address = String(connection.handle);
    const alike = this.#byAddress.get(address)!;
    alike.delete(connection);
    if (alike.size === 0) this.#byAddress.delete(address);
  }

  /** Finds a connection by its handle, or the newest at the address that a copy has. */
  find(call: string, given: unknown): ServerConnection | BusinessError {
    const own = ConnectionHandle.connectionOf(given) as ServerConnection | undefined;
    if (own !== undefined) {
      // When it is closed, a connection at the same address is another one.
      return this.#known.has(own.handle) ? own : unknown(call, String(own.handle));
    }
    const address = addressOf(given);
    if (address === undefined) return argumentError(`${call}: the connection`, CONNECTION, given);
    return this.#newestAt(address) ?? unknown(call, address);
  }

  /** The same, and also one that the user was told is closed, as long as the runtime has it. */
  findAttached(call: string, given: unknown): ServerConnection | BusinessError {
    const own = ConnectionHandle.connectionOf(given) as ServerConnection | undefined;
    return own !== undefined && this.#others.has(own) ? own : this.find(call, given);
  }

  #newestAt(address: string): ServerConnection | undefined {
    if (this.#byAddress === undefined) {
      this.#byAddress = new Map();
      for (const connection of this.known()) index(this.#byAddress, connection);
    }
    return [...this.#byAddress.get(address) ?? []].at(-1);
  }
}

function index(byAddress: Map<string, Set<ServerConnection>>, connection: ServerConnection): void {
  const address = String(connection.handle);
  const alike = byAddress.get(address);
  if (alike === undefined) byAddress.set(address, new Set([connection]));
  else alike.add(connection);
}

function unknown(call: string, address: string): BusinessError {
  return businessError("noConnection", `${call}: ${describe(address)}`);
}

/** The registry of a server that is not running. */
const EMPTY = new Registry();

const CONNECTION = "must be an object with 'clientIP' and 'clientPort'";

const EXCEPT: Record<string, Rule> = {
  except: [
    (value) => typeof value === "object" && value !== null,
    "must be a connection or an array of connections",
  ],
};

/** No connection is excepted. */
const NONE: ReadonlySet<ServerConnection> = new Set();

/** Finds a connection of a server. A server that is not running has none. */
export function findConnection(
  server: ListeningServer | undefined,
  call: string,
  given: unknown,
): ServerConnection | BusinessError {
  return (server?.registry ?? EMPTY).find(call, given);
}

/** Finds a connection, also one that is closed but not gone. */
export function findAttached(
  server: ListeningServer | undefined,
  call: string,
  given: unknown,
): ServerConnection | BusinessError {
  return (server?.registry ?? EMPTY).findAttached(call, given);
}

/** Finds a connection that is open. */
export function findOpen(
  server: ListeningServer | undefined,
  call: string,
  given: unknown,
): ServerConnection | BusinessError {
  const connection = findConnection(server, call, given);
  if (connection instanceof Error || connection.state === "open") return connection;
  return businessError("notOpen", `${call}: the connection ${connection.handle} is closing`);
}

/** Reads the option `except`. A connection that does not exist is ignored. */
export function excepted(
  server: ListeningServer | undefined,
  call: string,
  options: unknown,
): ReadonlySet<ServerConnection> | BusinessError {
  if (options === undefined) return NONE;
  const read = readOptions(call, options, EXCEPT);
  if (read instanceof Error) return read;
  const found = new Set<ServerConnection>();
  for (const given of [read.except ?? []].flat()) {
    const connection = findConnection(server, call, given);
    if (connection instanceof ServerConnection) found.add(connection);
    else if (connection.kind !== "noConnection") return connection;
  }
  return found;
}

/** The address that a copy of a handle has, as text. `undefined` where it is no copy. */
function addressOf(connection: unknown): string | undefined {
  try {
    const { clientIP, clientPort } = connection as Record<string, unknown>;
    if (typeof clientIP !== "string" || typeof clientPort !== "number") return undefined;
    return connectionKey(canonicalAddress(clientIP), clientPort);
  } catch {
    return undefined; // it has no properties, or a getter of the user has thrown
  }
}
