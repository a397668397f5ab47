/** Who hears what of a server's connections, one by one. Not part of the public API. */

import type { CloseResult, TextOrBytes } from "../client/types.ts";
import { businessError } from "../errors.ts";
import { NO_CODE } from "../internal/close_codes.ts";
import { describe } from "../internal/describe.ts";
import { asBuffer } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import { argumentError } from "../internal/validate.ts";
import { ServerConnection } from "../server/connection.ts";
import type { ConnectionEars } from "../server/connection_ears.ts";
import { ConnectionHandle } from "../server/handle.ts";
import type { ConnectionAddress, WebSocketConnection, WebSocketServer } from "../server/types.ts";

/** A server, whatever its `authorize` finds out about clients, and as whatever bytes come in. */
export type ShapedServer = Pick<
  WebSocketServer<object | undefined, TextOrBytes | ArrayBuffer>,
  "bufferedAmount" | "close" | "drained" | "listAllConnections" | "on" | "send" | "terminate"
>;

/** The servers whose connections are wrapped: each has one set of listeners for all of them. */
const heard = new WeakSet<object>();

/** Several that show one connection. */
class SeveralEars implements ConnectionEars {
  readonly all: ConnectionEars[];

  constructor(all: ConnectionEars[]) {
    this.all = all;
  }

  message(data: string | ArrayBuffer, receipt?: Receipt): unknown {
    const atWork = this.all.map((one) => one.message(data, receipt)).filter((one) =>
      one !== undefined
    );
    return atWork.length === 0 ? undefined : Promise.all(atWork);
  }

  closed(close: CloseResult): void {
    for (const one of this.all) one.closed(close);
  }

  ponged(): void {
    for (const one of this.all) one.ponged();
  }
}

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
  connection: ServerConnection,
  ears: ConnectionEars,
): void {
  if (!heard.has(server)) hear(server);
  const others = listenersTo(connection);
  connection.ears = others.length === 0 ? ears : new SeveralEars([...others, ears]);
}

/** Those that hear what is told of a connection. */
export function listenersTo({ ears }: ServerConnection): readonly ConnectionEars[] {
  if (ears === undefined) return [];
  return ears instanceof SeveralEars ? ears.all : [ears];
}

function hear(server: ShapedServer): void {
  heard.add(server);
  server.on("messageReceive", ({ clientConnection, data }): unknown => {
    const { ears, receipt } = connectionFor(clientConnection);
    return ears?.message(asBuffer(data), receipt);
  });
  server.on("close", (handle, close) => {
    const connection = connectionFor(handle);
    const { ears } = connection;
    connection.ears = undefined;
    // By the standards a Close frame with no code is 1005.
    ears?.closed(connection.end === NO_CODE ? { code: 1005, reason: "" } : close);
  });
}

function connectionFor(handle: WebSocketConnection): ServerConnection {
  return ConnectionHandle.connectionOf(handle) as ServerConnection;
}
