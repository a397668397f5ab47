/**
 * What the model records of each attempt: what was asked for, and what happened. Nothing in here is
 * taken from the module: codes and rules are written down once more, from the documentation.
 */

import type { WebSocketClient, WebSocketConnection } from "../../mod.ts";
import type { MemoryLink } from "../../testing.ts";
import { type Beat, type Close, LATENCY } from "./program.ts";

export type State = "idle" | "connecting" | "open" | "closing";

/** What a close was asked for with, and when. */
export interface Asked {
  code: number;
  reason: string;
  at: number;
  /** What the state was. */
  from: State;
  /** How many bytes of the client were queued then: the peer may take them first. */
  queued?: number;
}

export interface Message {
  data: string;
  at: number;
}

/** One event of a client's. */
export interface Seen {
  event: string;
  at: number;
  code?: number;
  reason?: string;
  /** The status of a failure. */
  data?: string;
  /** What a failure says. */
  why?: string;
}

/** One 'connect' of the server's, and what followed. */
export interface Peer {
  connection: WebSocketConnection;
  state: "open" | "closing" | "gone";
  /** The topics that it is in. */
  topics: Set<string>;
  at: number;
  asked?: Asked;
  /** Whether it was `stop` that asked. */
  stopped?: boolean;
  error?: number;
  close?: { code: number; reason: string; at: number };
  beat: Beat;
}

/** One `connect` that was accepted, and what followed. */
export interface Attempt {
  client: number;
  at: number;
  port: number;
  protocol: string;
  /** How the server names it. */
  key: string;
  link: MemoryLink;
  beat: Beat;
  timeout: number;
  events: Seen[];
  /** When it opened. */
  opened?: number;
  asked?: Asked;
  /** When it was lost, by 'error'. */
  lost?: number;
  end?: { event: "close" | "error"; at: number };
  /** What the promises `opened` and `closed` became. */
  promises: { opened?: boolean; closed?: { code: number; reason: string } | false };
  peer?: Peer;
  /** The status the server says it refused with. */
  refused?: { status: string; at: number };
  /** What the policy said, once it was asked, and when. */
  verdict?: "pending" | "welcome" | "refuse" | "throw";
  decided?: number;
  /** When the policy was asked. */
  askedAt?: number;
  /** The subprotocol of the server that was asked. */
  spoken?: string;
  /** Whether anything befell the link. */
  faulty: boolean;
  cutAt?: number;
  /** Since when nothing gets through. */
  held: { toServer?: number; toClient?: number };
  up: { sent: Message[]; got: Message[] };
  down: { sent: Message[]; got: Message[] };
}

/** What `close` asks for, by the table in the documentation. */
export function askedFor(close: Exclude<Close, "wrong">): { code: number; reason: string } {
  const { code = 1000, reason = "CLOSE_NORMAL" } = close === "none" ? {} : close;
  const allowed = (code >= 1000 && code <= 1015) || (code >= 3000 && code <= 4999);
  return { code: allowed ? code : 1000, reason };
}

/** What the other side sees of it. */
export function onTheWire({ code, reason }: { code: number; reason: string }): {
  code: number;
  reason: string;
} {
  let cut = "";
  for (const character of reason) {
    if (new TextEncoder().encode(cut + character).length > 123) break;
    cut += character;
  }
  return { code: [1004, 1005, 1006, 1015].includes(code) ? 1000 : code, reason: cut };
}

/** A server between `start` and `stop`. */
export interface Run {
  port: number;
  from: number;
  /** When `stop` was called, and when it settled. */
  until: number;
  gone: number;
  /** Whether it was told that a client offers subprotocols where the server has none. */
  hinted?: boolean;
}

export interface Client {
  ws: WebSocketClient;
  ip: string;
  state: State;
  attempt: Attempt | undefined;
  abort: AbortController;
  /** Attempts at a URL with no host, whose 'error' is still to come. */
  strays: number;
}

export const LOST = { code: 1006, reason: "The link is down" };
export const GOING = { code: 1001, reason: "server is going away" };
export const TOO_BIG = { code: 1009, reason: "Received too big message" };

/** How long a client may take to notice that nothing comes any more. */
export function deadBy(beat: Beat, since: number): number {
  return since + (beat.pingInterval + beat.pongTimeout) * 1000 + 1000 + 2 * LATENCY;
}
