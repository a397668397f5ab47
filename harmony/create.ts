/** The client and the server of `mod.ts`, behind the leniency of the device. */

import { createWebSocket as createStrictClient } from "../client.ts";
import type { WebSocketClientOptions } from "../client/types.ts";
import { type Listener, passOn } from "../internal/listeners.ts";
import { createWebSocketServer as createStrictServer } from "../server.ts";
import type { WebSocketServerOptions } from "../server/types.ts";
import { readAsClose, readAsConnect, readAsStart } from "./leniency.ts";
import type { WebSocket, WebSocketServer } from "./types.ts";

type Method = (...args: unknown[]) => unknown;

/** What both have. */
interface Listening {
  on: Method;
  once: Method;
  off: Method;
  close: Method;
}

/**
 * Makes a client with one listener for each event, that takes options as the device does.
 *
 * @param options What the main entry's `createWebSocket` takes; the device takes none.
 * @returns A fresh client, idle.
 *
 * @example The last listener counts
 * ```ts
 * import webSocket from "@netkit/websocket/harmony";
 * import { assertEquals } from "@std/assert";
 *
 * const told: string[] = [];
 * const ws = webSocket.createWebSocket();
 * ws.on("error", () => told.push("first"));
 * ws.on("error", () => told.push("last"));
 * await ws.connect("ws://").catch((err) => assertEquals(err.code, -1));
 * assertEquals(told, ["last"]);
 * ```
 */
export function createWebSocket(options?: WebSocketClientOptions): WebSocket {
  const strict = createStrictClient(options) as unknown as Listening & { connect: Method };
  const { connect, close } = strict;
  return withOneListener(strict, {
    connect: (...args) => connect.apply(strict, withNth(args, 1, (o) => readAsConnect(o, args[0]))),
    close: (...args) => close.apply(strict, withNth(args, 0, readAsClose)),
  }) as unknown as WebSocket;
}

/**
 * Makes a server with one listener for each event, that takes its config as the device does.
 *
 * @param options What the main entry's `createWebSocketServer` takes; the device takes none.
 * @returns A fresh server, not running.
 *
 * @example Options that are not known are left out
 * ```ts
 * import webSocket from "@netkit/websocket/harmony";
 *
 * const server = webSocket.createWebSocketServer();
 * const config = { serverPort: 0, serverIP: "", backlog: 5 }; // says so once on the console
 * await server.start(config);
 * await server.stop();
 * ```
 */
export function createWebSocketServer(options?: WebSocketServerOptions): WebSocketServer {
  const strict = createStrictServer(options) as unknown as Listening & { start: Method };
  const { start, close } = strict;
  return withOneListener(strict, {
    start: (...args) => start.apply(strict, withNth(args, 0, readAsStart)),
    close: (...args) => close.apply(strict, withNth(args, 1, readAsClose)),
  }) as unknown as WebSocketServer;
}

/** Puts methods in the place of an object's own, and others that keep one listener for each event. */
function withOneListener<T extends Listening>(target: T, methods: Record<string, Method>): T {
  for (const name of ["on", "once"] as const) {
    const add = target[name];
    methods[name] = (type, listener) => {
      // A listener that is none must not cost the one there is, nor one of `shapes/`.
      const replaces = typeof listener === "function" && !passOn.has(listener as Listener);
      if (typeof type === "string" && replaces) target.off(type);
      return add.call(target, type, listener);
    };
  }
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  }
  return target;
}

/** Arguments, the nth of which is read in another way, if there is one. */
function withNth(args: unknown[], n: number, reading: (value: unknown) => unknown): unknown[] {
  return args.map((value, i) => i === n ? reading(value) : value);
}
