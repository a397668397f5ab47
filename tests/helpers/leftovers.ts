/**
 * What servers and clients must not leave behind, looked at by the helpers at the end of each test.
 * Whoever imports this watches all servers of the process: no test has to ask for it.
 */

import { assertEquals } from "@std/assert";
import type { CloseResult } from "../../mod.ts";
import type { ServerConnection } from "../../server/connection.ts";
import { ConnectionLimits } from "../../server/limits.ts";
import { ListeningServer } from "../../server/listening_server.ts";
import type { Farewell } from "../../server/stop_options.ts";

/** The longest that anything of ours may wait without its timer being set anew, in ms, and some more. */
export const LONGEST_MS = 130_000;

/** The servers that run. */
const running = new Set<ListeningServer>();
/** The limits of the servers that have run since nothing was left the last time. */
const limits = new Set<ConnectionLimits>();
/** The connections whose 'connect' or 'close' was told. */
const told = new WeakMap<ServerConnection, "connect" | "close">();
const faults: string[] = [];

const { listen, mount, stop, connected, closed } = ListeningServer.prototype;
const { enter } = ConnectionLimits.prototype;

ListeningServer.prototype.listen = function (...args) {
  listen.apply(this, args);
  running.add(this);
};

ListeningServer.prototype.mount = function () {
  const mounted = mount.call(this);
  running.add(this);
  return mounted;
};

ListeningServer.prototype.stop = async function (farewell: Farewell) {
  try {
    await stop.call(this, farewell);
  } finally {
    running.delete(this);
    look(this);
    if (!this.registry.isEmpty) faults.push("a server has stopped with connections");
  }
};

ListeningServer.prototype.connected = function (connection: ServerConnection) {
  if (told.has(connection)) faults.push(`${connection.handle}: a second 'connect'`);
  told.set(connection, "connect");
  connected.call(this, connection);
};

ListeningServer.prototype.closed = function (connection: ServerConnection, close: CloseResult) {
  const last = told.get(connection);
  if (last !== "connect") faults.push(`${connection.handle}: 'close' after ${last ?? "nothing"}`);
  told.set(connection, "close");
  closed.call(this, connection, close);
};

ConnectionLimits.prototype.enter = function (ip: string) {
  if (running.size > 0) limits.add(this); // others are looked at by themselves
  return enter.call(this, ip);
};

/** A server without connections has nothing else either. */
function look({ registry, topics, paused, opening }: ListeningServer): void {
  if (!registry.isEmpty) return;
  const left = { topics: topics.size, paused: paused.size, opening: opening.size };
  for (const [what, count] of Object.entries(left)) {
    if (count !== 0) faults.push(`no connection is left, and ${count} ${what}`);
  }
}

/** Asserts that nothing is left that should be gone by now. */
export function assertNothingLeft(): void {
  for (const server of running) look(server);
  if (running.size === 0) {
    for (const { taken } of limits) {
      if (taken.connections !== 0 || taken.clients !== 0) {
        faults.push(`places are left: ${JSON.stringify(taken)}`);
      }
    }
    limits.clear();
  }
  assertEquals(faults.splice(0), []);
}

/** A signal of a user's, and how many listen to it. */
export function countListeners(signal: AbortSignal): () => number {
  const listeners = new Map<unknown, string>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (type: string, ...rest: [never, never?]) => {
    listeners.set(rest[0], type);
    addEventListener.call(signal, type, ...rest);
  };
  signal.removeEventListener = (type: string, ...rest: [never, never?]) => {
    if (listeners.get(rest[0]) === type) listeners.delete(rest[0]);
    removeEventListener.call(signal, type, ...rest);
  };
  return () => listeners.size;
}
