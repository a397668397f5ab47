/** Which calls of a client are refused in which state. Not part of the public API. */

import type { ErrorKind } from "../errors.ts";
import type { WebSocketState } from "./types.ts";

const OK = undefined;
const BUSY = "alreadyConnected";
const NOT_OPEN = "notOpen";
const NOTHING = "notConnected";

/** The kind of error that refuses a call in a state. `OK` where it is accepted. */
export const REFUSALS: Record<
  "connect" | "send" | "close",
  Record<WebSocketState, ErrorKind | undefined>
> = {
  connect: { idle: OK, connecting: BUSY, open: BUSY, closing: BUSY, reconnecting: BUSY },
  send: { idle: NOT_OPEN, connecting: OK, open: OK, closing: NOT_OPEN, reconnecting: OK },
  close: { idle: NOTHING, connecting: OK, open: OK, closing: "closing", reconnecting: OK },
};
