/** Pings and Pongs of a socket in the shape of `ws`. Not part of the public API. */

import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { ServerConnection } from "../server/connection.ts";
import { listenersTo } from "./server_hub.ts";
import { notOpen, STATES, toBuffer, unsupported, type WsCallback } from "./ws_data.ts";
import { tellAll } from "./ws_listeners.ts";
import { callBack } from "./ws_sending.ts";

/** The longest Ping, and the longest Pong, in bytes (RFC 6455 §5.5). */
const MAX_CONTROL_BYTES = 125;

/** The data of a Ping or a Pong, and the callback, which may stand in the place of what is left out. */
function readControl(
  given: readonly unknown[],
): { data: Buffer; done: WsCallback | undefined } {
  const done = given.find((one) => typeof one === "function") as WsCallback | undefined;
  const what = given[0] === done ? undefined : given[0];
  return { data: bytesOf(typeof what === "number" ? String(what) : what || ""), done };
}

function bytesOf(data: unknown): Buffer {
  if (!ArrayBuffer.isView(data)) return Buffer.from(data as ArrayBuffer);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * Sends a Ping or a Pong.
 *
 * @param given What the program has given: the data, `mask`, the callback.
 */
export function sendControl(
  connection: ServerConnection,
  what: "ping" | "pong",
  given: readonly unknown[],
): void {
  const { data, done } = readControl(given);
  const error = notOpen(STATES[connection.state]);
  if (error === undefined) send(connection, what, data);
  if (done !== undefined) callBack(connection, done, error);
}

function send(connection: ServerConnection, what: "ping" | "pong", data: Buffer): void {
  if (data.length > MAX_CONTROL_BYTES) {
    throw new RangeError("The data size must not be greater than 125 bytes");
  }
  const { host, socket } = connection;
  const isBeat = what === "ping" && data.length === 0;
  if (isBeat && !host.canPing) throw unsupported("ping");
  // While the peer has not answered one, the heartbeat sends no other.
  if (isBeat && host.heartbeat.probe(connection)) return;
  if (socket!.control !== undefined) socket!.control(what, data);
  else if (!isBeat) throw unsupported(what === "pong" ? what : "ping: data");
}

/** Tells each socket of a connection what has come in, as the runtime tells but the last; none once they are over. */
export function tellControl(
  connection: ServerConnection,
  what: "ping" | "pong",
  data: Uint8Array<ArrayBuffer> | ArrayBuffer,
): void {
  for (const socket of listenersTo(connection)) {
    if (!(socket instanceof EventEmitter)) continue; // one in another shape
    tellAll(socket, connection, what, toBuffer(data));
  }
}
