/** What a server has answered to a client's handshake. Not part of the public API. */

import { apart, responseHeaders } from "../answer_headers.ts";
import type { AnswerEvents } from "../contract.ts";
import { INTERNAL } from "./internal_names.ts";
import { type AnswerHeaders, debuggerPlace, type Inner, type Network } from "./internals.ts";

/** Whether Deno shows the headers of a server's answer (2.9.6, `answer_headers_quirks_test.ts`). */
export const showsHeaders: boolean = debuggerPlace !== undefined;

/** The symbol of what a WebSocket is called to the debugger, once one was made with one there. */
let called: symbol | undefined;

/**
 * Makes a WebSocket that tells the headers of the server's answer, right before it is open. Deno tells them to its
 * debugger alone, so for two moments there is one: as the first WebSocket is made, and as an answer is
 * there that somebody wants.
 */
export function withAnswer(answer: AnswerEvents | undefined, make: () => WebSocket): WebSocket {
  const place = debuggerPlace;
  if (answer === undefined || place === undefined) return make();
  if (isDebugged(place[INTERNAL.network])) return make();
  const ws = (called === undefined ? learn(place, make) : make()) as Inner;
  let headers: AnswerHeaders | undefined;
  const opened = () => headers && answer.headers(responseHeaders(apart(headers)));
  ws.addEventListener("open", opened, { once: true });
  // Whoever listens in the same turn is early enough: the answer takes another.
  queueMicrotask(() => {
    if (answer.isWanted && called !== undefined) listen(ws, called, (told) => headers = told);
  });
  return ws;
}

/** Whether the program can be debugged, as with `--inspect`; by another than ours, whose moment may go on. */
function isDebugged(network: Network | undefined): boolean {
  return network !== undefined && !before.has(network) && network.isEnabled?.() === true;
}

/** Learns the symbol, as this makes a WebSocket. */
function learn(place: object, make: () => WebSocket): WebSocket {
  const name = {};
  const leave = enter(place, { nextRequestId: () => name });
  try {
    const ws = make() as Inner;
    called = Object.getOwnPropertySymbols(ws).find((symbol) => ws[symbol] === name);
    if (called !== undefined) ws[called] = undefined;
    return ws;
  } finally {
    leave();
  }
}

/** Is the debugger when Deno looks whether there is one for this WebSocket: as the answer is there. */
function listen(ws: Inner, called: symbol, tell: (headers: AnswerHeaders) => void): void {
  waiting.set(ws, tell);
  Object.defineProperty(ws, called, { get: beCalled, configurable: true });
}

/** Those that wait for an answer which somebody wants, and who is told of it. */
const waiting = new WeakMap<object, (headers: AnswerHeaders) => void>();

/**
 * What Deno reads as the answer is there. One for all, and the name stays as a field that is empty: with a getter
 * for each, or where it is deleted, V8 makes a dictionary of the WebSocket, which is larger and slower (Deno 2.9.6).
 */
function beCalled(this: Inner): symbol {
  Object.defineProperty(this, called!, { value: undefined, writable: true });
  const tell = waiting.get(this)!;
  waiting.delete(this);
  const leave = enter(debuggerPlace!, {
    webSocketHandshakeResponseReceived({ response }) {
      leave();
      tell(response.headers);
    },
  });
  queueMicrotask(leave); // it has looked by then
  return called!;
}

/** What was there before each debugger of ours that there has been. */
const before = new WeakMap<Partial<Network>, Network | undefined>();
/** Those whose moment is over: it may end while another's goes on. */
const over = new WeakSet<Partial<Network>>();

/** Has Deno find a debugger. Returns what ends that; once more it does nothing. */
function enter(place: { [INTERNAL.network]?: Network }, does: Partial<Network>): () => void {
  const nothing = () => {};
  const network: Network = {
    isEnabled: () => true,
    nextRequestId: nothing,
    webSocketCreated: nothing,
    webSocketWillSendHandshakeRequest: nothing,
    webSocketHandshakeResponseReceived: nothing,
    ...does,
  };
  before.set(network, place[INTERNAL.network]);
  place[INTERNAL.network] = network;
  return () => {
    over.add(network);
    let now = place[INTERNAL.network];
    while (now !== undefined && over.has(now)) now = before.get(now);
    if (now === undefined) delete place[INTERNAL.network];
    else place[INTERNAL.network] = now;
  };
}
