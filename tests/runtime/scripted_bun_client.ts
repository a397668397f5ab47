/** Bun's WebSocket as a test wants it, and the module `runtime/bun/client.ts` on it. */

import type { ClientRuntime } from "../../runtime/contract.ts";
import { environment } from "../../runtime/proxy.ts";

/** Bun's WebSocket, as a test wants it. */
export class ScriptedWebSocket {
  static last: ScriptedWebSocket;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly calls: string[] = [];
  readonly protocol = "chat";
  readonly extensions = "";
  binaryType = "nodebuffer";
  readyState = 1;
  bufferedAmount = 0;
  /** What it does not take. */
  refuses: unknown = NaN;
  onopen!: () => void;
  onmessage!: (event: object) => void;
  onerror!: (event: object) => void;
  onclose!: (event: object) => void;
  pong!: () => void;
  handshake: ((event: object) => void) | undefined;

  /** The variables that named a proxy as it was made. */
  readonly seen: (string | undefined)[];

  readonly url: string;
  readonly init: object;

  constructor(url: string, init: object) {
    this.url = url;
    this.init = init;
    const { http_proxy, https_proxy, no_proxy } = environment();
    this.seen = [http_proxy, https_proxy, no_proxy];
    ScriptedWebSocket.last = this;
  }

  addEventListener(type: "pong" | "handshake", listener: (event?: object) => void): void {
    this[type] = listener;
  }

  send(data: unknown): void {
    if (data === this.refuses) throw new TypeError("not this");
    this.calls.push(`send ${data}`);
  }

  ping(): void {
    this.calls.push("ping");
  }

  close(...args: unknown[]): void {
    if (args[0] === this.refuses) throw new TypeError("not this");
    this.calls.push(["close", ...args].join(" "));
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  terminate(): void {
    this.calls.push("terminate");
  }
}

/** The module, loaded where Bun's WebSocket is the scripted one. */
export async function loadBunClient(): Promise<ClientRuntime> {
  const place = globalThis as { WebSocket: unknown; Bun?: unknown };
  const { WebSocket: own, Bun: bun } = place;
  const name: string = "../../runtime/bun/client.ts?scripted";
  try {
    place.WebSocket = ScriptedWebSocket;
    const { bunClient } = await import(name) as { bunClient(): ClientRuntime };
    if (bun === undefined) place.Bun = { version: "0" };
    return bunClient();
  } finally {
    place.WebSocket = own;
    if (bun === undefined) delete place.Bun;
  }
}
