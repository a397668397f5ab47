import type { WebSocketData } from "../client/types.ts";
import type { ErrorKind, RefusalReason } from "../errors.ts";
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
 * A handshake as the client sees it. No path, query, user name or password is in it. It is the same object
 * in all functions that are told of it.
 */
export interface ClientHandshake {
  /** `ws` or `wss`; `undefined` where a function of the user did not say what to dial. */
  scheme?: "ws" | "wss" | undefined;
  /** The server's name or address; likewise. */
  host?: string | undefined;
  /** Its port; likewise. */
  port?: number | undefined;
  /** How long it took, in milliseconds. 0 until it is over. */
  duration: number;
  /** The HTTP status of the server's answer, where the runtime tells it: 101 where it is open. */
  status?: number | undefined;
  /** Why it failed. */
  reason?: AttemptFailure | undefined;
  /** Which one in a row it is of those that the client makes by itself; left out where `connect` asked for it. */
  attempt?: number | undefined;
}

/**
 * Why an attempt to connect failed, in one word; where the server answered with an HTTP status, that is
 * in `status`, and `http_status` is the word.
 */
export type AttemptFailure =
  | "connection_failed"
  | "connection_refused"
  | "connection_reset"
  | "hook_failed"
  | "host_not_found"
  | "http_status"
  | "invalid_handshake"
  | "proxy_refused"
  | "timeout"
  | "tls_failed";

/** A handshake as the server sees it. It is the same object in all functions that are told of it. */
export interface ServerHandshake {
  /** The client's address: what `clientAddress` says, where it has answered. */
  clientIP: string;
  /** The port of the other end of the TCP connection: of a proxy's, where one stands between. */
  readonly clientPort: number;
  /** The other end of the TCP connection, which may be a proxy. */
  readonly peerIP: string;
  /** The client's trace, where the request names one (W3C Trace Context). */
  readonly trace?: { readonly traceparent: string; readonly tracestate?: string } | undefined;
  /** How long it took, in milliseconds. 0 until it is decided. */
  duration: number;
  /** The HTTP status that it was answered with: 101 where it is open. */
  status?: number | undefined;
  /** Why the client was not let in. */
  reason?: RefusalReason | undefined;
}

/** What is now, of a server that listens. Each is counted when it is read. */
export interface ServerGauges {
  /** Bytes that are queued to all peers together. */
  readonly buffered: number;
  /** Bytes that are queued to the peer for whom most are queued. */
  readonly fullest: number;
  /** `maxBufferedAmount`: how many bytes may be queued to one peer. */
  readonly limit: number;
  /** Connections that are not read from, as their listeners cannot keep up. */
  readonly paused: number;
  /** Messages that wait to be acknowledged, by all peers together. */
  readonly unacknowledged: number;
}

/**
 * Functions that are called at each step of a connection, in the turn it happens. Each is optional;
 * one that is not there costs nothing. One that throws is reported like a listener that does.
 *
 * @typeParam Who The connection: on the server its connection object, on the client the client.
 */
export interface WebSocketObserver<Who = unknown> {
  /** A connection is open, after this handshake. */
  opened?(who: Who, handshake: ClientHandshake | ServerHandshake): unknown;
  /** A connection that was open is closed. */
  closed?(who: Who, close: { code: number; reason: string }): unknown;
  /** A message of so many bytes came in, as it was sent; none that is over `maxPayload`. */
  received?(who: Who, data: string | ArrayBuffer | Uint8Array<ArrayBuffer>, bytes: number): unknown;
  /** A message of so many bytes was handed to the system. */
  sent?(who: Who, data: string | ArrayBuffer | ArrayBufferView, bytes: number): unknown;
  /**
   * Calls the listeners of a message that came in: `run` does that, once, and is to be called before
   * this function returns. What it returns settles when the listeners are done; `undefined` where they
   * are already. Where this function does not call it, the server or the client does.
   */
  handling?(who: Who, run: () => Promise<unknown> | undefined): unknown;
  /** A Ping went out. */
  pinged?(who: Who): unknown;
  /** The first sign of life after a Ping, so many milliseconds later. */
  ponged?(who: Who, roundTrip: number): unknown;
  /** So many bytes that `send` had accepted are lost, as the peer did not take them before the end. */
  unsent?(who: Who, bytes: number): unknown;
  /** This side dropped a connection, or found it lost. `closed` follows. */
  dropped?(who: Who, why: DropReason): unknown;
  /**
   * A client begins an attempt to connect. `opened`, `failed` or `gaveUp` follows with the same
   * `handshake`.
   *
   * @param setHeader Adds a header to the request, such as `traceparent`, while this function runs. One
   *   that the user has set stays as it is. It throws where a name or a value is none. `undefined` where
   *   the runtime can send no headers, as in a page.
   */
  dialling?(
    who: Who,
    handshake: ClientHandshake,
    setHeader: ((name: string, value: string) => void) | undefined,
  ): unknown;
  /** A client gave up an attempt itself, by `close` or its `signal`: nothing was open. */
  gaveUp?(who: Who, handshake: ClientHandshake): unknown;
  /** A client's attempt to connect failed: nothing was open. None that the client itself gave up. */
  failed?(who: Who, handshake: ClientHandshake): unknown;
  /** A client connects again, for the `attempt`-th time in a row, in `delay` seconds. */
  reconnecting?(who: Who, info: { attempt: number; delay: number }): unknown;
  /** A server is asked for a connection. `opened`, `refused` or `abandoned` follows. */
  asked?(handshake: ServerHandshake): unknown;
  /**
   * A server answered a handshake with this status, and so did not let the client in. `handshake` is
   * left out where none was begun: at a path that is not the server's, or where its host is at fault.
   */
  refused?(
    status: number,
    why: string,
    reason: RefusalReason,
    handshake?: ServerHandshake,
  ): unknown;
  /** A client has left before it was let in, or the upgrade came to nothing. */
  abandoned?(handshake: ServerHandshake): unknown;
  /** A server listens, or is mounted. */
  started?(server: ServerGauges): unknown;
  /** It does so no more. */
  stopped?(server: ServerGauges): unknown;
  /** A timer of a listening server fired so many milliseconds late; one is due every 200 ms. */
  delayed?(ms: number): unknown;
  /**
   * An entry of so many characters has come from the broker's log; where it is this server's own, so
   * many milliseconds after it was appended.
   */
  entry?(length: number, lag: number | undefined): unknown;
  /** The broker can be read or cannot, or entries were lost on the way: `lost` says how. */
  broker?(up: boolean, lost: LostReason | undefined): unknown;
}

/** The names of an observer's functions. */
const NAMES = [
  "opened",
  "closed",
  "received",
  "handling",
  "sent",
  "pinged",
  "ponged",
  "unsent",
  "dropped",
  "dialling",
  "gaveUp",
  "failed",
  "reconnecting",
  "asked",
  "refused",
  "abandoned",
  "started",
  "stopped",
  "delayed",
  "entry",
  "broker",
] as const satisfies (keyof WebSocketObserver)[];

/** An observer's functions as they are called. */
interface Called extends Required<WebSocketObserver> {
  sent(who: unknown, data: WebSocketData, bytes: number): unknown;
}

/** An observer whose functions never throw. */
export type Observing = {
  [Name in (typeof NAMES)[number]]?: (...args: Parameters<Called[Name]>) => void;
};

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
    all[name] = (...args: unknown[]) => {
      for (const item of items) {
        try {
          const result = item(...args);
          if (result !== undefined) listeners.join(undefined, result, list);
        } catch (cause) {
          listeners.report(cause, list);
        }
      }
    };
  }
  return Object.keys(all).length === 0 ? undefined : all;
}

/** Calls the listeners of a message by the observer's `handling`, or without it where it does not. */
export function handle(
  handling: NonNullable<Observing["handling"]>,
  who: unknown,
  call: () => Promise<unknown> | undefined,
): Promise<unknown> | undefined {
  let isDone = false;
  let atWork: Promise<unknown> | undefined;
  const run = () => {
    if (isDone) return atWork;
    isDone = true;
    return atWork = call();
  };
  handling(who, run);
  return run();
}

/** A server's listeners of messages that are called by the observer's `handling`. */
export function handled(
  listeners: Listeners<string>,
  handling: NonNullable<Observing["handling"]>,
): Pick<Listeners<string>, "emitTo"> {
  return {
    emitTo(list, event) {
      const { clientConnection } = event as { clientConnection: unknown };
      return handle(handling, clientConnection, () => listeners.emitTo(list, event));
    },
  };
}
