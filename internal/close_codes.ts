/**
 * The codes and reasons that this module closes a connection with, or reports (RFC 6455 §7.4.1). What
 * `stop({ retryAfter })` says, 1012 or 1013, is in `server/stop_options.ts`.
 */

import type { CloseResult } from "../client/types.ts";

/** The code and reason of a `close` with no options. */
export const NORMAL: CloseResult = { code: 1000, reason: "CLOSE_NORMAL" };

/** The peer sent a Close frame with no code: what 'close' reports (RFC 6455 §7.1.5). */
export const NO_CODE: CloseResult = { code: 1000, reason: "" };

/** A connection was lost, or its peer did not answer a Ping: what 'close' reports (RFC 6455 §7.1.5). */
export const LINK_DOWN: CloseResult = { code: 1006, reason: "The link is down" };

/** A connection was dropped by `terminate`: what 'close' reports. */
export const TERMINATED: CloseResult = { code: 1006, reason: "Terminated" };

/** A message was over `maxPayload`. The words are those of Bun, which cannot be changed. */
export const TOO_BIG: CloseResult = { code: 1009, reason: "Received too big message" };

/** A peer of the server reads too slowly: more than `maxBufferedAmount` bytes are queued to it. */
export const TOO_SLOW: CloseResult = { code: 1013, reason: "Reading too slowly" };

/** A peer of the server sends faster than the listeners can follow. */
export const TOO_FAST: CloseResult = { code: 1008, reason: "Sending too fast" };

/** The server stops. */
export const GOING_AWAY: CloseResult = { code: 1001, reason: "server is going away" };

/** A client's server sends faster than a `for await` reads. */
export const READ_TOO_SLOWLY: CloseResult = { code: 1008, reason: "Messages are read too slowly" };

/** A message is binary, and `schema` needs JSON. */
export const NOT_TEXT: CloseResult = { code: 1003, reason: "Only text is accepted" };

/** A message is text that is not JSON, and `schema` needs JSON. */
export const NOT_JSON: CloseResult = { code: 1007, reason: "Not JSON" };

/** `schema` does not accept a message. */
export const NOT_EXPECTED: CloseResult = { code: 1008, reason: "Not what is expected" };

/** A client that resumes sends a message without the line that such clients begin each with. */
export const NO_HEADER: CloseResult = { code: 1002, reason: "no header" };

/** The validator of `schema` threw, or answered with a promise. */
export const CANNOT_VALIDATE: CloseResult = { code: 1011, reason: "Cannot be validated" };
