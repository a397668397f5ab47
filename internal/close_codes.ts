/** Every code that the module itself closes a connection with, and its reason, in one place. */

import type { CloseResult } from "../client/types.ts";

/** The code and reason of a `close` with no options. */
export const NORMAL: CloseResult = { code: 1000, reason: "CLOSE_NORMAL" };

/** What 'close' reports when the peer vanished or its heartbeat ran out (RFC 6455 §7.1.5). */
export const LINK_DOWN: CloseResult = { code: 1006, reason: "The link is down" };

/** What a peer is told whose message was over `maxPayload`: Bun's own words, which cannot be changed. */
export const TOO_BIG: CloseResult = { code: 1009, reason: "Received too big message" };

/** What a peer is told that reads too slowly. */
export const TOO_SLOW: CloseResult = { code: 1013, reason: "Reading too slowly" };

/** What a peer is told whose messages pile up. */
export const TOO_FAST: CloseResult = { code: 1008, reason: "Sending too fast" };

/** What `stop` tells every peer. */
export const GOING_AWAY: CloseResult = { code: 1001, reason: "server is going away" };
