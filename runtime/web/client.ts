import type { WebSocketData } from "../../client/types.ts";
import { asView, snapshot } from "../../internal/payload.ts";
import type { ClientEvents, ClientRuntime, ClientSocket, DialRequest, End } from "../contract.ts";
import { readFailure } from "../failures.ts";

/** The platform's own, taken as this is loaded: a program may put another in its place. */
const { WebSocket: OwnWebSocket } = globalThis as { WebSocket?: typeof WebSocket };

/** Any platform with the WHATWG's WebSocket and no more: browsers, and Node from 22 on. */
export function webClient(): ClientRuntime {
  return {
    name: "this platform",
    canPing: false,
    denied: () => undefined,
    unsupported,
    woken,
    dial: (request, events) => new WebSocketOfTheWeb(request, events),
  };
}

/** A page, where this is one. */
interface PageLike {
  document?: EventTarget & { visibilityState: string };
  addEventListener?: EventTarget["addEventListener"];
  removeEventListener?: EventTarget["removeEventListener"];
}

/** Tells when a page is online again, or shown again: then its timers were slow, or its radio off. */
function woken(wake: () => void): () => void {
  const page = globalThis as PageLike;
  const { document } = page;
  const shown = () => document!.visibilityState === "visible" && wake();
  page.addEventListener?.("online", wake);
  document?.addEventListener("visibilitychange", shown);
  return () => {
    page.removeEventListener?.("online", wake);
    document?.removeEventListener("visibilitychange", shown);
  };
}

/** The option that the WHATWG's WebSocket does not have. In a page the browser decides all of that. */
function unsupported(request: DialRequest): { option: string; why: string } | undefined {
  if (OwnWebSocket === undefined) {
    return { option: "WebSocket", why: "Node has it from 22 on" };
  }
  const { headers, tls, proxy } = request;
  const asked: [option: string, given: boolean][] = [
    ["header", Object.keys(headers).length > 0],
    ["caPath", tls.ca !== undefined],
    ["clientCert", tls.identity !== undefined],
    ["skipServerCertVerification", tls.insecure],
    ["minSupportTlsProtocol", tls.minVersion > 0],
    ["proxy", proxy !== "system"],
  ];
  const option = asked.find(([, given]) => given)?.[0];
  return option === undefined ? undefined : { option, why: "its WebSocket takes no such option" };
}

class WebSocketOfTheWeb implements ClientSocket {
  /** Empty: a browser offers compression by itself, and refuses any other extension. */
  readonly extensions = "";
  readonly #ws: WebSocket;
  readonly #events: ClientEvents;
  #closed = false;
  /** Whether this side has closed: what was queued then is still on its way. */
  #closes = false;

  constructor({ binaryType, protocols, url }: DialRequest, events: ClientEvents) {
    const ws = this.#ws = new OwnWebSocket!(url, protocols);
    this.#events = events;
    ws.binaryType = "arraybuffer";
    ws.onopen = () => {
      if (!this.#closed) events.open();
    };
    ws.onmessage = ({ data }) => {
      if (!this.#closed) events.message(binaryType === "uint8array" ? asView(data) : data);
    };
    // An 'error' ends the connection: Node 20 and 22 tell no 'close' after a handshake that failed.
    ws.onerror = (event) => {
      const { message, error } = event as ErrorEvent;
      const failure = readFailure(message ?? "", error ?? message);
      this.#end({ code: 0, reason: "", unsent: ws.bufferedAmount, failure });
    };
    ws.onclose = ({ code, reason, wasClean }) => {
      const unsent = wasClean ? 0 : ws.bufferedAmount;
      this.#end({ code, reason, unsent });
    };
  }

  get bufferedAmount(): number {
    const { readyState, OPEN, CLOSING } = this.#ws;
    const counts = readyState === OPEN || (readyState === CLOSING && this.#closes);
    return counts ? this.#ws.bufferedAmount : 0;
  }

  get isEnding(): boolean {
    return this.#ws.readyState === this.#ws.CLOSING;
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  send(data: WebSocketData): void {
    this.#ws.send((isResizable(data) ? snapshot(data) : data) as string | ArrayBuffer);
  }

  /** Does nothing, as `canPing` is false. */
  ping(): void {}

  /** Sends 1000 for a code that a page may not send. */
  close(code: number, reason: string): void {
    this.#closes = true;
    if (code === 1005) this.#ws.close();
    else this.#ws.close(code >= 3000 ? code : 1000, reason);
  }

  /**
   * Closes without an event. The platform cannot drop a connection; it keeps this one until its own
   * time limit.
   */
  terminate(): void {
    this.#closed = true;
    this.#ws.close();
  }

  #end(end: End): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.closed(end);
  }
}

/** Whether a buffer can change its size. Web IDL lets a platform refuse such data. */
function isResizable(data: WebSocketData): boolean {
  return ((ArrayBuffer.isView(data) ? data.buffer : data) as ArrayBuffer).resizable;
}
