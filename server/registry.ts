/** The connections of a server, and which of them is meant: the user may hold an event's, a copy or a literal. */

import { type BusinessError, businessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { argumentError, readOptions, type Rule } from "../internal/validate.ts";
import { type Handle, ServerConnection } from "./connection.ts";
import { ConnectionHandle, connectionKey } from "./handle.ts";
import type { ListeningServer } from "./listening_server.ts";

/** The connections of a running server. */
export class Registry {
  /** Those the user knows of: from 'connect' to 'close', oldest first. */
  readonly #known = new Set<ServerConnection>();
  /**
   * The newest of them at each address: behind two proxies two may have the same. Made when the first
   * copy of a connection is looked up.
   */
  #byKey: Map<string, ServerConnection> | undefined;
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
    this.#byKey?.set(String(connection.handle), connection);
  }

  /** The user is told that it is closed. */
  remove(connection: ServerConnection): void {
    this.#known.delete(connection);
    if (this.#byKey === undefined) return;
    const key = String(connection.handle);
    if (this.#byKey.get(key) === connection) this.#byKey.delete(key);
  }

  find(key: string): ServerConnection | undefined {
    this.#byKey ??= new Map(
      Array.from(this.#known, (connection) => [String(connection.handle), connection]),
    );
    return this.#byKey.get(key);
  }
}

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
  if (typeof given !== "object" || given === null) {
    return argumentError(`${call}: the connection`, CONNECTION, given);
  }
  const connection = ConnectionHandle.connectionOf(given) as ServerConnection | undefined;
  if (connection !== undefined && connection.host === server && connection.state !== "closed") {
    return connection;
  }
  const key = keyOf(given);
  if (key === undefined) return argumentError(`${call}: the connection`, CONNECTION, given);
  return server?.registry.find(key) ?? businessError("noConnection", `${call}: ${describe(key)}`);
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

/** The key of a copy of a connection, if it is one. */
function keyOf(connection: object): string | undefined {
  try {
    const { clientIP, clientPort } = connection as Record<string, unknown>;
    if (typeof clientIP !== "string" || typeof clientPort !== "number") return undefined;
    return connectionKey(clientIP, clientPort);
  } catch {
    return undefined; // a getter of the user's has thrown
  }
}
