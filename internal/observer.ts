import type { ErrorKind } from "../errors.ts";
import type { LostReason } from "../server/types.ts";
import type { Listener, Listeners } from "./listeners.ts";

/**
 * Why this side dropped a connection, or found it lost:
 *
 * - `dead`: no sign of life in time after a Ping;
 * - `lost`: it ended without a Close frame, or with one that is not valid;
 * - `too big`: a message of over `maxPayload` bytes came in;
 * - `too fast`: messages came in faster than they were read or the listeners could follow;
 * - `too slow`: more than `maxBufferedAmount` bytes were queued to a server's peer;
 * - `unacceptable`: a message came in that `schema` does not accept.
 */
export type DropReason = "dead" | "lost" | "too big" | "too fast" | "too slow" | "unacceptable";

/** The kind of the error that 'error' tells of a dropped connection; not part of the public API. */
export const KIND_OF_DROP: Readonly<Record<DropReason, ErrorKind>> = {
  dead: "heartbeatTimeout",
  lost: "lost",
  "too big": "tooBig",
  "too fast": "tooFast",
  "too slow": "tooSlow",
  unacceptable: "unacceptable",
};

/**
 * Functions that are called at each step of a connection, in the turn it happens. Each is optional;
 * one that is not there costs nothing. One that throws is reported like a listener that does.
 *
 * @typeParam Who The connection: on the server its connection object, on the client the client.
 */
export interface WebSocketObserver<Who = unknown> {
  /** A connection is open. */
  opened?(who: Who): unknown;
  /** A connection that was open is closed. */
  closed?(who: Who, close: { code: number; reason: string }): unknown;
  /** A message came in, as it was sent; none that is over `maxPayload`. */
  received?(who: Who, data: string | ArrayBuffer): unknown;
  /** A message was handed to the system. */
  sent?(who: Who, data: string | ArrayBuffer | ArrayBufferView): unknown;
  /** A Ping went out. */
  pinged?(who: Who): unknown;
  /** The first sign of life after a Ping, so many milliseconds later. */
  ponged?(who: Who, roundTrip: number): unknown;
  /** So many bytes that `send` had accepted are lost, as the peer did not take them before the end. */
  unsent?(who: Who, bytes: number): unknown;
  /** This side dropped a connection, or found it lost. `closed` follows. */
  dropped?(who: Who, why: DropReason): unknown;
  /** A server answered a handshake with this status, and so did not let the client in. */
  refused?(status: number, why: string): unknown;
  /**
   * An entry of so many characters was read from the broker's log; where it is this server's own, so
   * many milliseconds after it was appended.
   */
  entry?(length: number, lag: number | undefined): unknown;
  /** The broker can be read or cannot, or entries were lost on the way: `lost` says how. */
  broker?(up: boolean, lost: LostReason | undefined): unknown;
}

/** The names of an observer's functions, and how many arguments each gets. */
const ARGUMENTS = {
  opened: 1,
  closed: 2,
  received: 2,
  sent: 2,
  pinged: 1,
  ponged: 2,
  unsent: 2,
  dropped: 2,
  refused: 2,
  entry: 2,
  broker: 2,
} as const;

const NAMES = Object.keys(ARGUMENTS) as (keyof typeof ARGUMENTS)[];

/** An observer whose functions never throw. */
export type Observing = Partial<
  Record<keyof typeof ARGUMENTS, (first: unknown, second?: unknown) => void>
>;

/** Whether every function of an observer is a function or absent. */
export function isObserver(value: object): value is WebSocketObserver {
  return NAMES.every((name) => {
    const one = (value as WebSocketObserver)[name];
    return one === undefined || typeof one === "function";
  });
}

/**
 * Makes one observer of several, whose functions never throw.
 *
 * @returns `undefined` where none of them has a function.
 */
export function observing(
  observers: readonly (WebSocketObserver | undefined)[],
  listeners: Listeners<string>,
): Observing | undefined {
  const there = observers.filter((observer) => observer !== undefined);
  const all: Observing = {};
  for (const name of NAMES) {
    const items = there.filter((observer) => observer[name] !== undefined)
      .map((observer) => (observer[name] as Listener).bind(observer));
    if (items.length === 0) continue;
    const list = { what: `'${name}' of the observer`, items };
    all[name] = ARGUMENTS[name] === 1
      ? (first) => void listeners.emitTo(list, first)
      : (first, second) => void listeners.emitTo(list, first, second);
  }
  return Object.keys(all).length === 0 ? undefined : all;
}
