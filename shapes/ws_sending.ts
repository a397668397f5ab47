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

/** A callback that waits. */
interface Waiting {
  call(error?: Error): void;
  /** What its message was refused with; nothing of most. */
  readonly refused: Promise<Error | undefined> | undefined;
  /** Whether little was queued when its message was. */
  readonly isTaken: boolean;
}

/** Those of each connection, in the order of their messages; none for most. */
const waiting = new WeakMap<ServerConnection, Waiting[]>();

/** Calls a callback when little is queued of what was sent, or with what became of it, in the order of the calls. */
export function callWhenSent(
  connection: ServerConnection,
  sent: Promise<unknown>,
  callback: WsCallback,
): void {
  const call = (error?: Error) => callBack(connection, callback, error);
  const line = waiting.get(connection);
  const isTaken = sent === ACCEPTED && connection.bufferedAmount <= SENT_BYTES;
  if (isTaken && line === undefined) return call();
  const refused = sent === ACCEPTED
    ? undefined
    : sent.then(() => undefined, (cause: Error) => cause);
  if (line !== undefined) return void line.push({ call, refused, isTaken });
  const begun = [{ call, refused, isTaken }];
  waiting.set(connection, begun);
  void callInOrder(connection, begun);
}

async function callInOrder(connection: ServerConnection, line: Waiting[]): Promise<void> {
  while (line.length > 0) {
    /** Whether little is queued: all of these have gone out then. */
    let isLow: boolean | undefined;
    for (const { call, isTaken, refused } of line.splice(0)) {
      const error = refused && await refused;
      const isGone = error === undefined && !isTaken && !(isLow ??= await taken(connection));
      call(isGone ? new Error("The connection is over") : error);
    }
  }
  waiting.delete(connection);
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
