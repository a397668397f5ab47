/** When a socket in the shape of `ws` sends, and whom it tells of that. Not part of the public API. */

import { ACCEPTED } from "../internal/result.ts";
import type { ServerConnection } from "../server/connection.ts";
import type { ShapedServer } from "./server_hub.ts";
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

/** Calls a callback when little is queued of what was sent, or with what became of it. */
export function callWhenSent(
  server: ShapedServer,
  connection: ServerConnection,
  sent: Promise<unknown>,
  callback: WsCallback,
): void {
  const call = (error?: Error) => callBack(connection, callback, error);
  if (sent === ACCEPTED && connection.bufferedAmount <= SENT_BYTES) return call();
  sent.then(() => server.drained(connection.handle, SENT_BYTES)).then(
    (isDrained) => call(isDrained ? undefined : new Error("The connection is over")),
    call,
  );
}

/** The last of what each socket has to do; nothing for most, which never send a Blob. */
const lines = new WeakMap<object, Promise<unknown>>();

/**
 * Does something with data when all that was to be done before it is done, and when it has been read where it is
 * a Blob.
 *
 * @param failed Told where the Blob cannot be read, or the task throws.
 * @param waits Is told whether what comes now has to wait, too.
 */
export function inLine<T>(
  socket: object,
  data: T | Blob,
  task: (data: T | ArrayBuffer) => void,
  failed: (cause: Error) => void,
  waits: (isSo: boolean) => void,
): void {
  const line = (lines.get(socket) ?? Promise.resolve())
    .then((): unknown => data instanceof Blob ? data.arrayBuffer() : data)
    .then((data) => {
      waits(false);
      task(data as T | ArrayBuffer);
    }).catch(failed);
  lines.set(socket, line);
  waits(true);
  void line.then(() => {
    const isLast = lines.get(socket) === line;
    if (isLast) lines.delete(socket);
    waits(!isLast);
  });
}
