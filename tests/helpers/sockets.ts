/** What the tests of the sockets in the WHATWG's shape share. */

import { assertInstanceOf } from "@std/assert";
import type { WebSocket } from "../../standard.ts";
import { within } from "./client.ts";

/** A socket as a program without types sees it. */
export type Loose = WebSocket & {
  send(...args: unknown[]): void;
  close(...args: unknown[]): void;
};

/** A socket, for calls its types forbid. */
export function loose(ws: WebSocket): Loose {
  return ws as Loose;
}

const givenUp: Promise<unknown>[] = [];

/** Gives a socket up that connects; `settled` waits for the end of all that were. */
export function giveUp(ws: WebSocket): WebSocket {
  givenUp.push(next(ws, "close"));
  ws.close();
  return ws;
}

/** Waits until nothing is left of the sockets that were given up. */
export async function settled(): Promise<void> {
  await Promise.all(givenUp.splice(0));
  await nextTask();
}

/** The next event of a type, before or after the other listeners. */
export function next<K extends "open" | "message" | "error" | "close">(
  ws: EventTarget,
  type: K,
  capture = false,
): Promise<K extends "message" ? MessageEvent : K extends "close" ? CloseEvent : Event> {
  return within(
    new Promise<unknown>((resolve) => ws.addEventListener(type, resolve, { capture, once: true })),
  ) as ReturnType<typeof next<K>>;
}

/** What comes of a task on a later turn of the event loop. */
export function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Every event of a socket: its type, the state then, and what it says. */
export function logOf(ws: WebSocket): string[] {
  const log: string[] = [];
  const add = (event: Event, ...more: unknown[]) =>
    log.push([event.type, ws.readyState, ...more].join(" ").trim());
  ws.addEventListener("open", (event) => add(event));
  ws.addEventListener("message", (event) => add(event, event.data));
  ws.addEventListener("error", (event) => add(event));
  ws.addEventListener("close", (event) => add(event, event.code, event.wasClean, event.reason));
  return log;
}

/** Fails unless a call throws a DOMException of this name. */
export function assertThrowsDom(call: () => unknown, name: string): void {
  let thrown: unknown;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  assertInstanceOf(thrown, DOMException);
  if (thrown.name !== name) throw new Error(`${name} was expected, and ${thrown.name} came`);
}
