/** Everything of Deno's that is not public and that this module uses. Not part of the public API. */

import { INTERNAL } from "./internal_names.ts";

/**
 * The internals of a Deno socket. Only through them can it send a Ping, notice a Pong, drop the
 * connection, and send any close code. When a later Deno changes one of them, `deno_internals_test.ts`
 * turns red and none of them is used: half of them would find peers dead that were never asked. Only the
 * `readyState` may be missing: a count of bytes is then less exact. The tests that comments in `runtime/`
 * name are in `tests/runtime/`.
 */
export interface Internals {
  /**
   * The symbol of the prototype's method that sets the timer for a Ping. It is called for each
   * Pong, too.
   */
  handleIdle: symbol;
  /** The symbol of an instance's idle time, in seconds. */
  idleTime: symbol;
  /** The symbol of an instance's resource id. */
  rid: symbol;
  /** The symbol of an instance's role. */
  role: symbol;
  /** The method of `handleIdle`. */
  arm: () => void;
  /** The symbol of an instance's `readyState`, where it is as we know it. */
  state: symbol | undefined;
}

/** A WebSocket, and what is inside. */
export type Inner = WebSocket & Record<symbol, unknown>;

/**
 * As short an idle time as there is: the timer fires at once (2.9.6, `deno_internals_test.ts`). Zero
 * would mean none (`close_quirks_test.ts`).
 */
export const AT_ONCE = 1e-6;

/**
 * So long an idle time, in seconds, that its timer never fires. Over 4.29e6 Deno pings for ever
 * (2.9.6, `close_quirks_test.ts`).
 */
export const NEVER = 2e6;

/** The roles of a socket, as Deno counts them. */
export const SERVER = 0;
export const CLIENT = 1;

function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);
}

// deno-lint-ignore no-explicit-any -- Deno's internals have no types
const { Deno } = globalThis as any;

/** What of a request makes Deno give a WebSocket for it, whoever has made the request. */
const UPGRADE = {
  "connection": "Upgrade",
  "upgrade": "websocket",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
  "sec-websocket-version": "13",
};

/** Finds all of the internals, in a WebSocket that has no connection and never will have. */
function findInternals(): Internals | undefined {
  const tryClose = Deno?.[Deno.internal]?.core?.tryClose;
  if (typeof tryClose !== "function") return undefined; // no Deno, or another than we know
  try {
    const request = new Request("http://localhost/", { headers: UPGRADE });
    const ws: Inner = Deno.upgradeWebSocket(request).socket;
    const prototype: Inner = WebSocket.prototype as Inner;
    const handleIdle = symbolOf(prototype, INTERNAL.handleIdle)!;
    const idleTime = symbolOf(ws, INTERNAL.idleTime)!;
    const role = symbolOf(ws, INTERNAL.role)!;
    const rid = symbolOf(ws, INTERNAL.rid);
    const readyState = symbolOf(ws, INTERNAL.readyState);
    const state = readyState && ws[readyState] === ws.readyState ? readyState : undefined;
    const arm = prototype[handleIdle];
    const isKnown = typeof arm === "function" && String(arm).includes("ping frame") &&
      typeof ws[idleTime] === "number" && ws[role] === SERVER && rid !== undefined;
    return isKnown ? { handleIdle, idleTime, role, rid, arm: arm as () => void, state } : undefined;
  } catch {
    return undefined;
  }
}

/** All of them, where this Deno has them as we know them. */
export const internals: Internals | undefined = findInternals();

/** Whether this Deno lets us send Ping frames, notice Pongs and drop connections. */
export const canPing: boolean = internals !== undefined;

/**
 * Drops the connection below a WebSocket (2.9.6, `deno_internals_test.ts`); `close` alone waits for the
 * peer for ever (`close_quirks_test.ts`). Where there is none yet it is dropped as soon as it is there, if it still
 * comes. Deno would send a Close frame on it, and hear of no failure: where the server has reset it by then, the
 * process ends (`reset_quirks_test.ts`).
 *
 * @returns Whether there was one.
 */
export function dropResource(ws: Inner): boolean {
  if (internals === undefined) return false;
  const { rid: symbol } = internals;
  const { tryClose } = Deno[Deno.internal].core;
  const rid = ws[symbol];
  if (typeof rid === "number") {
    tryClose(rid);
    return true;
  }
  const set = (late: number) => {
    Object.defineProperty(ws, symbol, { value: late, writable: true });
    tryClose(late);
  };
  Object.defineProperty(ws, symbol, { set, configurable: true });
  return false;
}

/**
 * How many bytes Deno has not written when it tells that a WebSocket is closed, and is about to let it
 * go. `bufferedAmount` says 0 then, whatever it is, as it says so in any state but open (2.9.6,
 * `close_quirks_test.ts`).
 */
export function leftIn(ws: Inner): number | undefined {
  const state = internals?.state;
  if (state === undefined || typeof ws[internals!.rid] !== "number") return undefined;
  const { [state]: before } = ws;
  ws[state] = ws.OPEN;
  const left = ws.bufferedAmount;
  ws[state] = before;
  return left;
}

/** The symbol of what a request keeps of its signal, where there is one. */
const keptSignal: symbol | undefined = Deno &&
  symbolOf(new Request("http://localhost/"), INTERNAL.signal);

/**
 * Lets Deno know nothing of a signal that nobody has asked an upgraded request for. It closes such a
 * request twice. The first time it notes that a signal would be aborted; the second time it makes one for
 * that note, and two errors to abort it with, which takes longer than all this module does for a
 * connection (2.9.6, `server_quirks_test.ts`). A signal that is asked for later is aborted all the same.
 */
export function forgetSignal(request: Request): void {
  if (keptSignal === undefined) return;
  const kept = request as Request & Record<symbol, unknown>;
  if (kept[keptSignal] === false) kept[keptSignal] = undefined;
}

/** Told by which promise Deno waits for the connection of the request that is being upgraded. */
let told: ((connection: Promise<unknown>) => void) | undefined;
let isHeard = false;

/**
 * Upgrades a request, and tells the promise by which Deno waits for its connection. Where the client leaves in that
 * instant, it never settles, and keeps the process (2.9.6, `leftovers_quirks_test.ts`).
 *
 * @param waits Told the promise, where this Deno has one as we know it.
 */
export function upgradeWith<T>(
  request: Request,
  waits: (connection: Promise<unknown>) => void,
  upgrade: () => T,
): T {
  isHeard ||= hear(request);
  told = waits;
  try {
    return upgrade();
  } finally {
    told = undefined;
  }
}

/**
 * Hears what is asked of all requests, whoever upgrades them: a method of its own on each makes what Deno does for a
 * connection take an eighth longer.
 *
 * @returns Whether this request is as we know it.
 */
function hear(request: Request): boolean {
  const name = INTERNAL.wantsUpgrade;
  const fields = request as unknown as Record<symbol, object | undefined>;
  const sharedBy = (one: symbol) => Object.getPrototypeOf(fields[one] ?? {})?.[name];
  const inside = Object.getOwnPropertySymbols(request).find((one) =>
    typeof sharedBy(one) === "function"
  );
  if (inside === undefined) return false;
  const wants = sharedBy(inside) as (...args: unknown[]) => Promise<unknown>;
  Object.getPrototypeOf(fields[inside])[name] = function (...args: unknown[]) {
    const connection = wants.apply(this, args);
    told?.(connection);
    return connection;
  };
  return true;
}

/** Has what Deno waits for no longer keep the process. */
export function letGo(promise: Promise<unknown>): void {
  Deno[Deno.internal].core.unrefOpPromise?.(promise);
}

/** What Deno tells its debugger of the network, as far as a WebSocket that is dialled tells it. */
export interface Network {
  isEnabled(): boolean;
  nextRequestId(): unknown;
  webSocketCreated(): void;
  webSocketWillSendHandshakeRequest(): void;
  webSocketHandshakeResponseReceived(told: { response: { headers: AnswerHeaders } }): void;
}

/** The headers of an answer, by name, in lower case; those of one name are joined. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** Where Deno looks for its debugger, where this Deno does so as we know it (2.9.6, `answer_headers_quirks_test.ts`). */
export const debuggerPlace: { [INTERNAL.network]?: Network } | undefined =
  ["nextRequestId", "webSocketHandshakeResponseReceived"].every((name) =>
      String(globalThis.WebSocket).includes(name)
    )
    ? Deno?.[Deno.internal]
    : undefined;
