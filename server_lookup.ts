/** Which connection is meant: what the user holds may be an event's, a copy or a literal. */

import { type BusinessError, businessError } from "./errors.ts";
import { Connection, connectionKey } from "./internal/connection.ts";
import { describe } from "./internal/describe.ts";
import { argumentError, readOptions, type Rule } from "./internal/read.ts";
import { Peer } from "./server_peer.ts";
import type { ServerRun } from "./server_run.ts";

const CONNECTION = "must be an object with 'clientIP' and 'clientPort'";

const EXCEPT: Record<string, Rule> = {
  except: [
    (value) => typeof value === "object" && value !== null,
    "must be a connection or an array of connections",
  ],
};

/** Nobody is excepted. */
const NOBODY: ReadonlySet<Peer> = new Set();

/** The code of an unknown connection. */
const UNKNOWN = 2302006;

/** Finds a connection of a run; there is none where nothing runs. */
export function findPeer(
  run: ServerRun | undefined,
  call: string,
  connection: unknown,
): Peer | BusinessError {
  if (typeof connection !== "object" || connection === null) {
    return argumentError(`${call}: the connection`, CONNECTION, connection);
  }
  const peer = Connection.peerOf(connection) as Peer | undefined;
  if (peer !== undefined && peer.host === run && peer.state !== "over") return peer;
  const key = keyOf(connection);
  if (key === undefined) return argumentError(`${call}: the connection`, CONNECTION, connection);
  return run?.find(key) ?? businessError("noConnection", `${call}: ${describe(key)}`);
}

/** Finds a connection that is open. */
export function openPeer(
  run: ServerRun | undefined,
  call: string,
  connection: unknown,
): Peer | BusinessError {
  const peer = findPeer(run, call, connection);
  if (peer instanceof Error || peer.state === "open") return peer;
  return businessError("notOpen", `${call}: the connection ${peer.connection} is closing`);
}

/** Reads whom not to send to; who is not there need not be excepted. */
export function excepted(
  run: ServerRun | undefined,
  call: string,
  options: unknown,
): ReadonlySet<Peer> | BusinessError {
  if (options === undefined) return NOBODY;
  const given = readOptions(call, options, EXCEPT);
  if (given instanceof Error) return given;
  const found = new Set<Peer>();
  for (const connection of [given.except ?? []].flat()) {
    const peer = findPeer(run, call, connection);
    if (peer instanceof Peer) found.add(peer);
    else if (peer.code !== UNKNOWN) return peer;
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
