/** Which connection is meant: what the user holds may be an event's, a copy or a literal. */

import { type BusinessError, businessError } from "../errors.ts";
import { ConnectionHandle, connectionKey } from "./handle.ts";
import { describe } from "../internal/describe.ts";
import { argumentError, readOptions, type Rule } from "../internal/validate.ts";
import { ServerConnection } from "./connection.ts";
import type { ListeningServer } from "./listening_server.ts";

const CONNECTION = "must be an object with 'clientIP' and 'clientPort'";

const EXCEPT: Record<string, Rule> = {
  except: [
    (value) => typeof value === "object" && value !== null,
    "must be a connection or an array of connections",
  ],
};

/** Nobody is excepted. */
const NOBODY: ReadonlySet<ServerConnection> = new Set();

/** The code of an unknown connection. */
const UNKNOWN = 2302006;

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
  return server?.find(key) ?? businessError("noConnection", `${call}: ${describe(key)}`);
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
    else if (connection.code !== UNKNOWN) return connection;
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
