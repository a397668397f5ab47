/** Who hears of the requests of a server's connections: `shapes/`, and nobody else. Not part of the API. */

import type { ServerConnection } from "./connection.ts";

/** What hears of the request of a connection that is let in, while it can be read. */
export type RequestListener = (connection: ServerConnection, request: Request) => void;

/** Those that hear of each server's requests, by the server's object. */
const listeners = new WeakMap<object, RequestListener[]>();

/** The listeners of a server: the same list for as long as it is there. */
export function requestListenersOf(server: object): RequestListener[] {
  const there = listeners.get(server);
  if (there !== undefined) return there;
  const list: RequestListener[] = [];
  listeners.set(server, list);
  return list;
}
