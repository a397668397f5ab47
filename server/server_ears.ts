/** What hears of a server what no event tells: `shapes/`, and nobody else. Not part of the public API. */

import type { ServerConnection } from "./connection.ts";

/** What is told of a server to what shows it in another shape. */
export interface ServerEars {
  /** A connection was let in; its request can be read now, and not later. */
  request(connection: ServerConnection, request: Request): void;
  /** It has stopped. */
  stopped(): void;
}

/** Those of each server, by the server's object. */
const ears = new WeakMap<object, ServerEars[]>();

/** What hears of a server: the same list for as long as it is there. */
export function earsOf(server: object): ServerEars[] {
  const there = ears.get(server);
  if (there !== undefined) return there;
  const list: ServerEars[] = [];
  ears.set(server, list);
  return list;
}
