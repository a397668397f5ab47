import type { ResponseHeaders, WebSocketData } from "../../client/types.ts";
import { asView, snapshot } from "../../internal/payload.ts";
import { responseHeaders } from "../answer_headers.ts";
import type { ClientEvents, ClientRuntime, ClientSocket, DialRequest } from "../contract.ts";
import { readFailure } from "../failures.ts";
import { environment, fullUrl, proxyFault, proxyFor, withProxyEnvironment } from "../proxy.ts";

/** Bun's own, taken as this is loaded: a program may put another in its place. */
const { WebSocket: OwnWebSocket } = globalThis;

/** What Bun's WebSocket has beyond the standard. */
type BunWebSocket = WebSocket & {
  ping(): void;
  terminate(): void;
  pause(): void;
  resume(): void;
};

/**
 * What Bun tells of a server's answer, whatever it is, in an event of its own (1.4.5,
 * `answer_headers_quirks_test.ts`).
 */
interface Handshake {
  /** Names and values, in turns. */
  rawHeaders: string[];
}

/** Bun as a client, where this is Bun. */
export function bunClient(): ClientRuntime | undefined {
  const bun = (globalThis as { Bun?: { version: string } }).Bun;
  if (bun === undefined) return undefined;
  return {
    name: `Bun ${bun.version}`,
    canPing: true,
    showsHeaders: true,
    denied: () => undefined,
    unsupported,
    dial: (request, events) => new BunSocket(request, events),
  };
}

/**
 * The versions' numbers on the wire (RFC 8446 §4.2.1). Bun takes these, and no names (1.4.5,
 * `tls_quirks_test.ts`).
 */
const TLS_VERSIONS = [0x0301, 0x0302, 0x0303, 0x0304];

/** What Bun is told beside the URL. */
function initOf({ compression, url, headers, protocols, tls, proxy }: DialRequest): object {
  const way = proxyFor(new URL(url), proxy, environment());
  return {
    headers,
    protocols,
    // Compression is off on both runtimes: Deno has none, and Bun offers it unless told otherwise
    // (1.4.5,
    // `client_quirks_test.ts`).
    perMessageDeflate: compression === true,
    ...(way === undefined ? {} : { proxy: fullUrl(way) }),
    tls: {
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...tls.identity,
      ...(tls.insecure ? { rejectUnauthorized: false } : {}),
      ...(tls.minVersion > 2 ? { minVersion: TLS_VERSIONS[tls.minVersion] } : {}),
    },
  };
}

function unsupported({ url, proxy }: DialRequest): { option: string; why: string } | undefined {
  const why = proxyFault(new URL(url), proxy, environment());
  return why === undefined ? undefined : { option: "proxy", why };
}

/** How often to check for connections that a Close frame of the peer is closing, in ms. */
const CLOSING_CHECK_MS = 1000;

/** How often to check whether a queue has drained, in ms: at first, and later. */
const DRAIN_CHECK_MS = { first: 1, most: 25 };

const open = new Set<BunSocket>();
let checking: ReturnType<typeof setInterval> | undefined;

/**
 * Drops connections whose peer has sent a Close frame and has not ended them since the last check: Bun
 * tells of those only after 36 s (1.4.5, `close_quirks_test.ts`). When we drop one, Bun tells at once,
 * with the code and the reason of the peer.
 */
function watch(socket: BunSocket): void {
  open.add(socket);
  checking ??= setInterval(() => open.forEach((socket) => socket.checkClosing()), CLOSING_CHECK_MS);
}

function unwatch(socket: BunSocket): void {
  if (!open.delete(socket) || open.size > 0) return;
  clearInterval(checking);
  checking = undefined;
}

class BunSocket implements ClientSocket {
  readonly #ws: BunWebSocket;
  #failure: unknown;
  #closed = false;
  /** How many bytes were queued at the last check; Infinity where it was not closing then. */
  #left = Infinity;
  /** Whether the Close frame waits for the queue to drain, and the timer by which it does. */
  #closes = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(request: DialRequest, events: ClientEvents) {
    const Dial = OwnWebSocket as unknown as new (url: string, init: object) => BunWebSocket;
    const init = initOf(request);
    const dial = () => new Dial(request.url, init);
    const ws = this.#ws = withProxyEnvironment(environment(), {}, dial);
    // Else a Buffer; it takes no "uint8array" (1.4.5, `client_quirks_test.ts`).
    ws.binaryType = "arraybuffer";
    const { answer } = request;
    let handshake: Handshake | undefined;
    if (answer !== undefined) {
      ws.addEventListener("handshake" as "message", ({ data }) => handshake = data);
    }
    ws.onopen = () => {
      watch(this);
      if (handshake !== undefined && answer!.isWanted) answer!.headers(headersOf(handshake));
      handshake = undefined;
      events.open();
    };
    ws.onmessage = request.binaryType === "uint8array"
      ? ({ data }) => events.message(asView(data))
      : ({ data }) => events.message(data);
    ws.addEventListener("pong" as "message", () => events.alive());
    ws.onerror = (event) => {
      this.#failure = event;
    };
    ws.onclose = ({ code, reason }) => {
      unwatch(this);
      if (this.#closed) return;
      this.#closed = true;
      clearTimeout(this.#timer);
      const unsent = ws.bufferedAmount; // Bun keeps it (1.4.5, `tests/client/unsent_test.ts`)
      const { message, error } = (this.#failure ?? {}) as ErrorEvent;
      const failure = this.#failure === undefined ? undefined : readFailure(
        `${message ?? ""} ${(error as { code?: string } | undefined)?.code ?? ""} ${reason}`,
        error ?? message,
      );
      events.closed(
        failure === undefined ? { code, reason, unsent } : { code: 0, reason, unsent, failure },
      );
    };
  }

  get bufferedAmount(): number {
    // Bun goes on counting what is sent after the end (1.4.5, `client_quirks_test.ts`). Until the end is
    // told, what is queued has not been sent, and nobody may take it for that.
    return this.#closed ? 0 : this.#ws.bufferedAmount;
  }

  get isEnding(): boolean {
    return this.#ws.readyState === this.#ws.CLOSING;
  }

  get protocol(): string {
    return this.#ws.protocol;
  }

  get extensions(): string {
    return this.#ws.extensions;
  }

  send(data: WebSocketData): void {
    try {
      this.#ws.send(data as string | ArrayBuffer);
    } catch {
      // Bun throws for a resizable buffer (1.4.5, `client_quirks_test.ts`); a copy is not resizable. To look
      // before takes longer than to send.
      this.#ws.send(snapshot(data) as string | ArrayBuffer);
    }
  }

  pause(): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  ping(): void {
    // It throws before the connection is open (1.4.5, `close_quirks_test.ts`).
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping();
    else if (this.#ws.readyState === this.#ws.CLOSING) this.#ws.terminate();
  }

  /**
   * Waits for the queue to drain: Bun drops a connection 30 s after `close`, whatever the peer has still
   * to read (1.4.5, `close_quirks_test.ts`).
   */
  close(code: number, reason: string, ms: number = DRAIN_CHECK_MS.first): void {
    const isOpen = this.#ws.readyState === this.#ws.OPEN;
    if (!isOpen && this.#closes) return; // the peer closes meanwhile: its end is on the way
    this.#closes = isOpen && this.#ws.bufferedAmount > 0;
    if (!this.#closes) return this.#close(code, reason);
    const next = Math.min(ms * 2, DRAIN_CHECK_MS.most);
    this.#timer = setTimeout(() => this.close(code, reason, next), ms);
  }

  #close(code: number, reason: string): void {
    unwatch(this); // the owner has its own deadline
    try {
      if (code === 1005) this.#ws.close();
      else this.#ws.close(code, reason);
    } catch {
      // Bun takes no 1006, for one (1.4.5, `client_quirks_test.ts`).
      this.#ws.close(1000, reason);
    }
  }

  /**
   * Drops the connection if it was closing at the last check already, and the peer has read nothing of
   * what is queued since: Bun goes on sending that after the peer's Close frame.
   */
  checkClosing(): void {
    if (this.#ws.readyState !== this.#ws.CLOSING) return;
    const { bufferedAmount } = this.#ws;
    if (bufferedAmount >= this.#left) this.#ws.terminate();
    this.#left = bufferedAmount;
  }

  terminate(): void {
    unwatch(this);
    clearTimeout(this.#timer);
    this.#closed = true;
    this.#ws.terminate();
  }
}

function headersOf({ rawHeaders }: Handshake): ResponseHeaders {
  const pairs: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at]!, rawHeaders[at + 1]!]);
  }
  return responseHeaders(pairs);
}
