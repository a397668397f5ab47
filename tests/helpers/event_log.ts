/** Prints what happens to clients and servers, one line each and the same on every runtime. */

import type { BusinessError, WebSocketClient, WebSocketServer } from "../../mod.ts";

/** Where nobody listens: a free port of another kind could be taken by the time it is called. */
export const NOBODY = "ws://127.0.0.1:1/";

/** Bytes of a message that are shown one by one. */
const SHOWN_BYTES = 8;

/** Characters of a text that are shown one by one. */
const SHOWN_CHARACTERS = 80;

/** A value in a line of a log. */
export function show(value: unknown): string {
  if (value instanceof Error) return showError(value);
  if (value instanceof ArrayBuffer) {
    const bytes = new Uint8Array(value);
    const shown = Array.from(bytes.subarray(0, SHOWN_BYTES)).join(" ");
    return `bytes[${bytes.length}: ${shown}${bytes.length > SHOWN_BYTES ? " …" : ""}]`;
  }
  if (typeof value === "string" && value.length > SHOWN_CHARACTERS) {
    return `${JSON.stringify(value.slice(0, 20))}… of ${value.length}`;
  }
  return JSON.stringify(value) ?? String(value);
}

/** An error, and what led to a 200: those words are this module's, others may be the runtime's. */
function showError(error: Error): string {
  const { code, cause } = error as BusinessError;
  const why = code === 200 ? ` because ${JSON.stringify((cause as Error).message)}` : "";
  return `${JSON.stringify(error)}${why}`;
}

/** Prints one line: text as it is, and anything else as {@linkcode show} has it. */
export function say(what: string, ...values: unknown[]): void {
  console.log([what, ...values.map(show)].join(" "));
}

/** Prints how a call was answered, once it is. */
export function sayAnswer(what: string, answer: Promise<unknown>): Promise<void> {
  return answer.then((value) => say(`${what}:`, value), (error) => say(`${what} refused:`, error));
}

/** Prints every event of a client. */
export function watchClient(ws: WebSocketClient, name = "client"): WebSocketClient {
  ws.on("open", (_, value) => say(`${name} open`, value));
  ws.on("openInfo", (_, value) => say(`${name} openInfo`, value));
  ws.on("message", (_, value) => say(`${name} message`, value));
  ws.on("dataEnd", () => say(`${name} dataEnd`));
  ws.on("close", (_, value) => say(`${name} close`, value));
  ws.on("error", (error) => say(`${name} error`, error));
  return ws;
}

/** Prints every event of a server. */
export function watchServer<Context extends object | undefined>(
  server: WebSocketServer<Context>,
  name = "server",
): WebSocketServer<Context> {
  server.on("connect", () => say(`${name} connect`));
  server.on("messageReceive", ({ data }) => say(`${name} messageReceive`, data));
  server.on("close", (_, reason) => say(`${name} close`, reason));
  server.on("error", (error) => say(`${name} error`, error));
  return server;
}

/** Listens on a free port of 127.0.0.1 or another address, and tells its URL. */
export async function listen(
  server: WebSocketServer,
  config: Partial<Parameters<WebSocketServer["start"]>[0]> = {},
): Promise<string> {
  await server.start({ serverPort: 0, serverIP: "127.0.0.1", ...config });
  const { hostname, port } = server.address!;
  return `ws://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/`;
}

/** The next event of a client's or a server's: what it tells, or the reason where it is 'close'. */
export function next<T = unknown>(
  target: {
    on(type: string, listener: (first?: unknown, second?: unknown) => void): void;
    off(type: string, listener: (first?: unknown, second?: unknown) => void): void;
  },
  type: string,
): Promise<T> {
  return new Promise((resolve) => {
    const listener = (first?: unknown, second?: unknown) => {
      target.off(type, listener);
      resolve((second ?? first) as T);
    };
    target.on(type, listener);
  });
}
