/** Who hears what of a server's connections, one by one. Not part of the public API. */

import type { CloseResult, TextOrBytes } from "../client/types.ts";
import { businessError } from "../errors.ts";
import { NO_CODE } from "../internal/close_codes.ts";
import { describe } from "../internal/describe.ts";
import { asBuffer, type Incoming } from "../internal/payload.ts";
import { argumentError } from "../internal/validate.ts";
import { ServerConnection } from "../server/connection.ts";
import { ConnectionHandle } from "../server/handle.ts";
import type { ConnectionAddress, WebSocketConnection, WebSocketServer } from "../server/types.ts";

/** A server, whatever its `authorize` finds out about clients, and as whatever bytes come in. */
export type ShapedServer = Pick<
  WebSocketServer<object | undefined, TextOrBytes | ArrayBuffer>,
  "bufferedAmount" | "close" | "drained" | "listAllConnections" | "on" | "send" | "terminate"
>;

/** What is told of one connection. */
export interface ConnectionEars {
  /** A message came in; a promise holds back what comes next, where the runtime can. */
  message(data: string | ArrayBuffer): unknown;
  /** It is over. */
  closed(close: CloseResult): void;
}

type Ears = Map<unknown, ConnectionEars | ConnectionEars[]>;

/** The listeners of each server whose connections are wrapped: one set for all of them. */
const hubs = new WeakMap<object, Ears>();

/** Finds the connection that a program means, by the server's own object or a copy; throws if none. */
export function connectionOf(
  call: string,
  server: ShapedServer,
  given: ConnectionAddress,
): ServerConnection {
  if (typeof given !== "object" || given === null) {
    throw argumentError(`${call}: the connection`, "must be one of a server's", given);
  }
  const connection = ConnectionHandle.connectionOf(given) ??
    ConnectionHandle.connectionOf(
      server.listAllConnections().findLast(({ clientIP, clientPort }) =>
        clientIP === given.clientIP && clientPort === given.clientPort
      ),
    );
  if (connection instanceof ServerConnection && connection.state !== "closed") return connection;
  throw businessError("noConnection", `${call}: ${describe(String(given))}`);
}

/** Hears what is told of a connection, until it is over. */
export function listenTo(
  server: ShapedServer,
  { handle }: ServerConnection,
  ears: ConnectionEars,
): void {
  const hub = hubs.get(server) ?? startHub(server);
  const others = hub.get(handle);
  hub.set(handle, others === undefined ? ears : [others, ears].flat());
}

/** Those that hear what is told of a connection. */
export function listenersTo(server: ShapedServer, { handle }: ServerConnection): ConnectionEars[] {
  return [hubs.get(server)?.get(handle) ?? []].flat();
}

function startHub(server: ShapedServer): Ears {
  const hub: Ears = new Map();
  hubs.set(server, hub);
  const heard = ({ clientConnection, data }: {
    clientConnection: WebSocketConnection;
    data: Incoming;
  }): unknown => {
    const ears = hub.get(clientConnection);
    if (ears === undefined) return undefined;
    const message = asBuffer(data);
    if (!Array.isArray(ears)) return ears.message(message);
    const atWork = ears.map((one) => one.message(message)).filter((one) => one !== undefined);
    return atWork.length === 0 ? undefined : Promise.all(atWork);
  };
  const closed = (connection: WebSocketConnection, close: CloseResult): void => {
    const ears = [hub.get(connection) ?? []].flat();
    hub.delete(connection);
    // By the standards a Close frame with no code is 1005.
    const found = ConnectionHandle.connectionOf(connection) as ServerConnection;
    const told = found.end === NO_CODE ? { code: 1005, reason: "" } : close;
    for (const one of ears) one.closed(told);
  };
  server.on("messageReceive", heard);
  server.on("close", closed);
  return hub;
}
