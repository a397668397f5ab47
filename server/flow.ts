/**
 * Sending, how much is queued, waiting until it is less, and an end at once. Not part of the public
 * API.
 */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { OVER } from "../internal/drain_watch.ts";
import { byteLength, DEFAULT_MAX_PAYLOAD, mostBytes, payloadError } from "../internal/payload.ts";
import { Refusal } from "../internal/result.ts";
import { cannotAcknowledge, readSendOptions } from "../internal/unacknowledged.ts";
import { argumentError, BYTES } from "../internal/validate.ts";
import type { Clustered } from "./clustered.ts";
import type { ServerConnection } from "./connection.ts";
import type { ListeningServer } from "./listening_server.ts";
import { findAttached, findConnection, findOpen } from "./registry.ts";

/** What `bufferedAmount` answers; throws where no connection was given. */
export function bufferedAmount(server: ListeningServer | undefined, given: unknown): number {
  const found = findConnection(server, "bufferedAmount", given);
  if (!(found instanceof Error)) return found.bufferedAmount;
  if (found.kind === "noConnection") return 0;
  throw found;
}

/** What `drained` answers. */
export function drained(
  server: ListeningServer | undefined,
  given: unknown,
  bytes: unknown = 0,
): Promise<boolean> {
  if (!BYTES[0](bytes)) return Refusal.of(argumentError("drained: bytes", BYTES[1], bytes));
  const found = findConnection(server, "drained", given);
  if (found instanceof Error) return found.kind === "noConnection" ? OVER : Refusal.of(found);
  // One that closes is as good as over; what was queued to one that was dropped in this turn is lost.
  return found.state === "open" ? server!.draining.wait(found, bytes as number) : OVER;
}

/** What `terminate` answers: the error, if there is one. */
export function terminate(
  server: ListeningServer | undefined,
  given: unknown,
): BusinessError | undefined {
  const found = findAttached(server, "terminate", given);
  if (found instanceof Error) return found;
  found.terminate();
  return undefined;
}

/** Checks and sends a message. Nothing where it is accepted at once. */
export function send(
  server: ListeningServer | undefined,
  data: unknown,
  given: unknown,
  options: unknown,
): Promise<boolean> | BusinessError | undefined {
  const wrong = payloadError("send", data, server?.maxPayload ?? DEFAULT_MAX_PAYLOAD);
  if (wrong !== undefined) return wrong;
  const acknowledges = readSendOptions(options);
  if (acknowledges instanceof Error) return acknowledges;
  const found = findOpen(server, "send", given);
  if (found instanceof Error) return found;
  const full = overflow(found, data as WebSocketData);
  if (full !== undefined) return full;
  if (acknowledges) return acknowledge(server!.clustered, found, data as WebSocketData);
  found.send(data as WebSocketData, mostBytes(data));
  return undefined;
}

function acknowledge(
  clustered: Clustered | undefined,
  connection: ServerConnection,
  data: WebSocketData,
): Promise<boolean> | BusinessError {
  return clustered?.acknowledge(connection, data) ??
    cannotAcknowledge("the server was made without 'history'");
}

/** Why a message cannot be queued to a slow peer that is to stay, if it cannot. */
function overflow(
  connection: ServerConnection,
  data: WebSocketData,
): BusinessError | undefined {
  const { handle, host: { maxBufferedAmount, refusesSlow } } = connection;
  if (!refusesSlow || connection.hasRoomFor(byteLength(data))) return undefined;
  return businessError(
    "queueFull",
    `send: 'maxBufferedAmount' is ${maxBufferedAmount}, and ${connection.bufferedAmount} bytes ` +
      `are queued to ${handle} already`,
  );
}
