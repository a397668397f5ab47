/** The runtimes themselves, with none of our module but Deno's names: to pin what it works round. */

import type { AddressInfo } from "node:net";
import { INTERNAL } from "../../runtime/deno/internal_names.ts";

export { INTERNAL };

/** What either runtime's WebSocket has, in public or not. */
export type Bare = WebSocket & Record<symbol, unknown> & { ping(): void; terminate(): void };

/** The parts of Deno that the tests use. */
export interface BareDeno {
  internal: symbol;
  errors: Record<string, new () => Error>;
  serve(options: object, handler: (request: Request, info: BareInfo) => unknown): {
    addr: AddressInfo;
    finished: Promise<void>;
    shutdown(): Promise<void>;
  };
  upgradeWebSocket(
    request: Request,
    options?: object,
  ): { socket: WebSocket; response: Response };
}

/** What Deno tells of a request. */
export interface BareInfo {
  remoteAddr: { hostname: string; port: number };
}

/** The parts of Bun that the tests use. */
export interface BareBun {
  serve(options: object): BareBunServer;
}

/** A server of Bun's. */
export interface BareBunServer {
  port: number;
  requestIP(request: Request): unknown;
  upgrade(request: Request, options?: object): boolean;
  reload(options: object): void;
  stop(force: boolean): Promise<void>;
}

/** A connection of Bun's server. */
export interface BareBunSocket {
  send(data: string | Uint8Array): number;
  getBufferedAmount(): number;
  close(code: number, reason: string): void;
  terminate(): void;
}

const runtime = globalThis as unknown as { ["Deno"]: BareDeno; ["Bun"]: BareBun };

/** Deno, where this is Deno. */
export const deno: BareDeno = runtime["Deno"];

/** Bun, where this is Bun. */
export const bun: BareBun = runtime["Bun"];

/** Dials with the runtime's own WebSocket; collects its events as text. */
export function dial(
  url: string,
  init: object = {},
): { ws: Bare; log: string[]; over: Promise<void> } {
  const Dial = WebSocket as unknown as new (url: string, init: object) => Bare;
  const ws = new Dial(url, init);
  const log: string[] = [];
  ws.onopen = () => log.push("open");
  ws.onerror = (event) => log.push(`error ${(event as ErrorEvent).message}`);
  const over = new Promise<void>((resolve) =>
    ws.addEventListener("close", ({ code, reason, wasClean }) => {
      log.push(`close ${code} ${reason} ${wasClean}`);
      resolve();
    })
  );
  return { ws, log, over };
}

/** Resolves when a WebSocket is open. */
export function opened(ws: WebSocket): Promise<unknown> {
  return new Promise((resolve) => ws.addEventListener("open", resolve));
}

/** A symbol of an object's own by its description. */
export function symbolOf(object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((symbol) => symbol.description === description);
}

/** Drops the connection below a WebSocket with what each runtime has for that. */
export function drop(ws: Bare): void {
  if (deno === undefined) return ws.terminate();
  const internals = deno as unknown as Record<symbol, { core: { tryClose(rid: unknown): void } }>;
  internals[deno.internal]!.core.tryClose(ws[symbolOf(ws, INTERNAL.rid)!]);
}
