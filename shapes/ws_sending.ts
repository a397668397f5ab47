/** When a socket in the shape of `ws` sends, and whom it tells of that. Not part of the public API. */

import { ACCEPTED } from "../internal/result.ts";
import type { ServerConnection } from "../server/connection.ts";
import { sizeOf } from "./socket_sent.ts";
import type { WsCallback } from "./ws_data.ts";

/** Bytes that may be queued when the callback of a `send` is called. */
const SENT_BYTES = 64 * 1024;

/** Calls a callback later, with what went wrong, if anything did. One that fails is told to the server's 'error'. */
export function callBack(
  { host }: ServerConnection,
  callback: WsCallback,
  error: Error | undefined,
): void {
  const list = { what: "a callback", items: [callback as (...args: unknown[]) => unknown] };
  queueMicrotask(() =>
    error === undefined ? host.listeners.emitTo(list) : host.listeners.emitTo(list, error)
  );
}

/** The last callback of each connection that waits; none for most. */
const waiting = new WeakMap<ServerConnection, Promise<void>>();

/** Calls a callback when little is queued of what was sent, or with what became of it, in the order of the calls. */
export function callWhenSent(
  connection: ServerConnection,
  sent: Promise<unknown>,
  callback: WsCallback,
): void {
  const call = (error?: Error) => callBack(connection, callback, error);
  const before = waiting.get(connection);
  const isTaken = sent === ACCEPTED && connection.bufferedAmount <= SENT_BYTES;
  if (isTaken && before === undefined) return call();
  // Each waits for itself: those before it may learn what has become of them only as the connection goes.
  const error = isTaken ? undefined : sent.then(() => taken(connection)).then(
    (isTaken) => isTaken ? undefined : new Error("The connection is over"),
    (cause: Error) => cause,
  );
  const last = Promise.resolve(before).then(() => error).then((error) => {
    if (waiting.get(connection) === last) waiting.delete(connection);
    call(error);
  });
  waiting.set(connection, last);
}

/** Waits until little is queued: as long as it is open, and then, as 'close' has been told, until it is gone. */
async function taken(connection: ServerConnection): Promise<boolean> {
  const { draining } = connection.host;
  const wait = () => connection.socket !== undefined && draining.wait(connection, SENT_BYTES);
  return await wait() || await wait();
}

/** What a socket has still to do: its last task, and the bytes that wait. */
interface Line {
  last: Promise<unknown>;
  bytes: number;
}

/** That of each socket; nothing for most, which never send a Blob. */
const lines = new WeakMap<object, Line>();

/** Bytes that wait for a Blob, and those of the Blob. */
export function waitingBytes(socket: object): number {
  return lines.get(socket)?.bytes ?? 0;
}

/**
 * Does something with data when all that was to be done before it is done, and when it has been read where it is
 * a Blob.
 *
 * @param failed Told where the Blob cannot be read, or the task throws.
 * @param over Called when nothing waits any more.
 */
export function inLine<T>(
  socket: object,
  data: T | Blob,
  task: (data: T | ArrayBuffer) => void,
  failed: (cause: Error) => void,
  over: () => void,
): void {
  const line = lines.get(socket) ?? { last: Promise.resolve(), bytes: 0 };
  lines.set(socket, line);
  const bytes = sizeOf(data);
  line.bytes += bytes;
  const last = line.last = line.last
    .then((): unknown => data instanceof Blob ? data.arrayBuffer() : data)
    .finally(() => line.bytes -= bytes)
    .then((data) => task(data as T | ArrayBuffer))
    .catch(failed);
  void last.then(() => {
    if (line.last !== last) return;
    lines.delete(socket);
    over();
  });
}
