/** The connections of a server, and which of them is meant: the user may hold an event's, a copy or a literal. */

import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { argumentError, readOptions, type Rule } from "../internal/validate.ts";
import { type Handle, ServerConnection } from "./connection.ts";
import { canonicalAddress, ConnectionHandle, connectionKey } from "./handle.ts";
import type { ListeningServer } from "./listening_server.ts";

/** The connections of a running server. */
export class Registry {
  /** Those the user knows of: from 'connect' to 'close', oldest first. */
  readonly #known = new Set<ServerConnection>();
  /**
   * Those at each address, oldest first: behind two proxies two may have the same. Made when the first
   * copy of a connection is looked up.
   */
  #byAddress: Map<string, Set<ServerConnection>> | undefined;
  /** Those the runtime has: from before 'connect' until nothing is left, be a Close frame unanswered. */
  readonly #attached = new Set<ServerConnection>();

  /** Whether nothing is left of any connection, here or in the runtime. */
  get isEmpty(): boolean {
    return this.#known.size === 0 && this.#attached.size === 0;
  }

  /** The connections that the user knows of, oldest first; some may be closing. */
  known(): Iterable<ServerConnection> {
    return this.#known;
  }

  /** The connections that the runtime has. */
  attached(): Iterable<ServerConnection> {
    return this.#attached;
  }

  handles(): Handle[] {
    return Array.from(this.#known, (connection) => connection.handle);
  }

  /** The runtime has a connection from now on. */
  attach(connection: ServerConnection): void {
    this.#attached.add(connection);
  }

  /** The runtime has it no more; whether it had. */
  detach(connection: ServerConnection): boolean {
    return this.#attached.delete(connection);
  }

  /** The user is told of a connection. */
  add(connection: ServerConnection): void {
    this.#known.add(connection);
    if (this.#byAddress !== undefined) index(this.#byAddress, connection);
  }

  /** The user is told that it is closed. */
  remove(connection: ServerConnection): void {
    this.#known.delete(connection);
    const address = String(connection.handle);
    const alike = this.#byAddress?.get(address);
    if (alike?.delete(connection) && alike.size === 0) this.#byAddress!.delete(address);
  }

  /** The connection that is meant: by its own object, or the newest at the address of a copy. */
  find(call: string, given: unknown): ServerConnection | BusinessError {
    if (typeof given !== "object" || given === null) {
      return argumentError(`${call}: the connection`, CONNECTION, given);
    }
    const own = ConnectionHandle.connectionOf(given) as ServerConnection | undefined;
    if (own !== undefined) {
      // Whoever has its address when it is over is somebody else.
      return this.#known.has(own) ? own : unknown(call, String(own.handle));
    }
    const address = addressOf(given);
    if (address === undefined) return argumentError(`${call}: the connection`, CONNECTION, given);
    return this.#newestAt(address) ?? unknown(call, address);
  }

  #newestAt(address: string): ServerConnection | undefined {
    if (this.#byAddress === undefined) {
      this.#byAddress = new Map();
      for (const connection of this.#known) index(this.#byAddress, connection);
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

/** Where nothing runs nobody is found. */
const NOBODY_THERE = new Registry();

const CONNECTION = "must be an object with 'clientIP' and 'clientPort'";

const EXCEPT: Record<string, Rule> = {
  except: [
    (value) => typeof value === "object" && value !== null,
    "must be a connection or an array of connections",
  ],
};

/** Nobody is excepted. */
const NOBODY: ReadonlySet<ServerConnection> = new Set();

/** Finds a connection of a server; there is none where nothing runs. */
export function findConnection(
  server: ListeningServer | undefined,
  call: string,
  given: unknown,
): ServerConnection | BusinessError {
  return (server?.registry ?? NOBODY_THERE).find(call, given);
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

/** Reads whom not to send to; who is not there need not be excepted. */
export function excepted(
  server: ListeningServer | undefined,
  call: string,
  options: unknown,
): ReadonlySet<ServerConnection> | BusinessError {
  if (options === undefined) return NOBODY;
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

/** The address that a copy of a connection has, as text, if it is one. */
function addressOf(connection: object): string | undefined {
  try {
    const { clientIP, clientPort } = connection as Record<string, unknown>;
    if (typeof clientIP !== "string" || typeof clientPort !== "number") return undefined;
    return connectionKey(canonicalAddress(clientIP), clientPort);
  } catch {
    return undefined; // a getter of the user's has thrown
  }
}
