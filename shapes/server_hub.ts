/** Who hears what of a server's connections, one by one. Not part of the public API. */

import type { CloseResult, TextOrBytes } from "../client/types.ts";
import { NO_CODE } from "../internal/close_codes.ts";
import { type Listener, passOn } from "../internal/listeners.ts";
import { asBuffer, hear, type Incoming } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";
import { argumentError, type Rule, withFunctions } from "../internal/validate.ts";
import type { ServerConnection } from "../server/connection.ts";
import { type ConnectionEars, telling } from "../server/connection_ears.ts";
import { ConnectionHandle } from "../server/handle.ts";
import type { ListeningServer } from "../server/listening_server.ts";
import { findConnection } from "../server/registry.ts";
import { earsOf } from "../server/server_ears.ts";
import type { ConnectionAddress, WebSocketConnection, WebSocketServer } from "../server/types.ts";

/** A server, whatever its `authorize` finds out about clients, and as whatever bytes come in. */
export type ShapedServer = Pick<
  WebSocketServer<object | undefined, TextOrBytes | ArrayBuffer>,
  "bufferedAmount" | "close" | "drained" | "listAllConnections" | "on" | "send" | "terminate"
>;

/** A Close frame with no code, as the standards tell it. */
const EMPTY: CloseResult = { code: 1005, reason: "" };

/** The servers whose connections are wrapped: each has one set of listeners for all of them. */
const heard = new WeakSet<object>();

/** Several that show one connection. */
class SeveralEars implements ConnectionEars {
  readonly all: ConnectionEars[];
  readonly #connection: ServerConnection;

  constructor(connection: ServerConnection, all: ConnectionEars[]) {
    this.#connection = connection;
    this.all = all;
  }

  message(data: string | ArrayBuffer, receipt?: Receipt): unknown {
    return this.#each((one) => tellOpen(this.#connection, one, data, receipt));
  }

  closed(close: CloseResult): unknown {
    return this.#each((one) => one.closed(close));
  }

  ponged(): void {
    for (const one of this.all) one.ponged();
  }

  get isPaused(): boolean {
    return this.all.some((one) => one.isPaused);
  }

  /** Tells each, whether those before it have failed or not; a promise where one is at work, or failed. */
  #each(tell: (one: ConnectionEars) => unknown): Promise<unknown> | undefined {
    const atWork = this.all.map((one) => {
      try {
        return tell(one);
      } catch (cause) {
        return Promise.reject(cause);
      }
    }).filter((one) => one !== undefined);
    return atWork.length === 0 ? undefined : Promise.all(atWork);
  }
}

/** What a program may give as a server, and as a client. */
const SERVER: Rule = [
  withFunctions("bufferedAmount", "close", "drained", "listAllConnections", "on", "send")[0],
  "must be one that createWebSocketServer has made",
];
const CLIENT: Rule = [
  withFunctions("close", "connect", "drained", "send")[0],
  "must be one that createWebSocket has made",
];

/** Refuses what is no server where one is needed, or no client. */
export function needs(call: string, what: "client" | "server", given: unknown): void {
  const [passes, rule] = what === "server" ? SERVER : CLIENT;
  if (!passes(given)) throw argumentError(`${call}: the ${what}`, rule, given);
}

/** Finds the connection that a program means, by the server's own object or a copy; throws if none. */
export function connectionOf(
  call: string,
  server: ShapedServer,
  given: ConnectionAddress,
): ServerConnection {
  needs(call, "server", server);
  // A copy is for any of the server's connections to find; the handle itself may be another server's.
  const any = ConnectionHandle.connectionOf(given) ??
    ConnectionHandle.connectionOf(server.listAllConnections()[0]);
  const host = (any as ServerConnection | undefined)?.host as ListeningServer | undefined;
  const isOurs = host?.ears === earsOf(server);
  const found = findConnection(isOurs ? host : undefined, call, given);
  if (found instanceof Error) throw found;
  return found;
}

/** Closes a connection as a program has asked for; with no code the Close frame has none. */
export function shut(connection: ServerConnection, code: number | undefined, reason: string): void {
  if (code === undefined) connection.close(NO_CODE, EMPTY);
  else connection.close({ code, reason });
}

/** Tells the listeners of a shape's own event: one that fails is told to the server's 'error'. */
export function guarded({ host }: ServerConnection, event: string, tell: () => unknown): void {
  host.listeners.emitTo({ what: `a listener of a socket's '${event}'`, items: [tell] });
}

/** Hears what is told of a connection, until it is over. */
export function listenTo(
  server: ShapedServer,
  connection: ServerConnection,
  ears: ConnectionEars,
): void {
  if (!heard.has(server)) listen(server);
  const others = listenersTo(connection);
  connection.ears = others.length === 0 ? ears : new SeveralEars(connection, [...others, ears]);
}

/** Those that hear what is told of a connection. */
export function listenersTo({ ears }: ServerConnection): readonly ConnectionEars[] {
  if (ears === undefined) return [];
  return ears instanceof SeveralEars ? ears.all : [ears];
}

/** Tells of a message, unless whoever heard of it before has closed the connection. */
function tellOpen(
  { state }: ServerConnection,
  ears: ConnectionEars,
  data: string | ArrayBuffer,
  receipt: Receipt | undefined,
): unknown {
  return state === "open" ? ears.message(data, receipt) : undefined;
}

/** The listeners that all servers whose connections are wrapped have. */
const toEars = (
  { clientConnection, data }: { clientConnection: WebSocketConnection; data: Incoming },
): unknown => {
  const connection = connectionFor(clientConnection);
  const { now } = telling;
  const isTold = now?.of === connection;
  const ears = isTold ? now!.ears : connection.ears;
  return ears && tellOpen(connection, ears, asBuffer(data), isTold ? now!.receipt : undefined);
};
const closeEars = (handle: WebSocketConnection, close: CloseResult): unknown => {
  const connection = connectionFor(handle);
  const { ears } = connection;
  connection.ears = undefined;
  return ears?.closed(connection.end === NO_CODE ? EMPTY : close);
};
passOn.add(toEars as Listener).add(closeEars as Listener);

/** Tells these of bytes that came as a Buffer; as an ArrayBuffer where others are to hear of them, too. */
export function tellBuffer(
  ears: ConnectionEars,
  connection: ServerConnection,
  data: Uint8Array<ArrayBuffer>,
): void {
  const { listeners, messages } = connection.host;
  const isAlone = connection.ears === ears && messages.items.length === 1; // `toEars`
  if (!isAlone || connection.looksFrom !== Infinity) return connection.message(data.buffer);
  try {
    hear(data, ears);
  } catch (cause) {
    listeners.report(cause, messages);
  }
}

function listen(server: ShapedServer): void {
  heard.add(server);
  server.on("messageReceive", toEars);
  server.on("close", closeEars);
}

function connectionFor(handle: WebSocketConnection): ServerConnection {
  return ConnectionHandle.connectionOf(handle) as ServerConnection;
}
