/** The class `WebSocket` of the WHATWG's standard, over our client. */

import { sayOnce } from "../internal/say_once.ts";
import { argumentError, isToken, OBJECT } from "../internal/validate.ts";
import { pageUrl } from "../runtime/web/page.ts";
import { ClientLink } from "./client_link.ts";
import { ClientModel } from "./client_model.ts";
import { EventTarget as OwnEventTarget } from "./own_events.ts";
import { shapeClass, SocketFace, textOf } from "./socket_face.ts";
import { readInit } from "./socket_init.ts";
import type {
  AnyEventListener,
  StandardData,
  WebSocketConstructor,
  WebSocketEventMap,
  WebSocketInit,
  WebSocketInitWithProtocols,
} from "./socket_types.ts";

/**
 * A socket with the interface of the WHATWG WebSockets standard (§3.1).
 *
 * A listener that throws or rejects is printed on the console; the process and the connection live on.
 */
export interface WebSocket extends EventTarget {
  /** 0. */
  readonly CONNECTING: 0;
  /** 1. */
  readonly OPEN: 1;
  /** 2. */
  readonly CLOSING: 2;
  /** 3. */
  readonly CLOSED: 3;
  /** The URL, as the URL standard writes it, with `ws` or `wss` as its scheme. */
  readonly url: string;
  /** CONNECTING, OPEN, CLOSING or CLOSED. */
  readonly readyState: 0 | 1 | 2 | 3;
  /** Bytes that `send` was given and that have not gone out; what was sent too late stays in it. */
  readonly bufferedAmount: number;
  /** What was agreed on with `compression`: `permessage-deflate`, or more. '' for nothing, and on a server. */
  readonly extensions: string;
  /** The subprotocol the server chose, '' for none. */
  readonly protocol: string;
  /** What a binary message is shown as: `"blob"`, unless it is set to `"arraybuffer"`. */
  binaryType: "blob" | "arraybuffer";
  /** What hears 'open'. */
  onopen: ((event: Event) => unknown) | null;
  /** What hears 'message'. */
  onmessage: ((event: MessageEvent) => unknown) | null;
  /** What hears 'error'. */
  onerror: ((event: Event) => unknown) | null;
  /** What hears 'close'. */
  onclose: ((event: CloseEvent) => unknown) | null;

  /**
   * Sends a message: text as a text frame, the rest as binary ones, in the order of the calls. Anything
   * else is sent as the text it is converted to. Once the connection closes it only counts, in
   * `bufferedAmount`.
   *
   * With `acknowledge`, which the standard does not have, the peer is to say that its listeners have
   * done with it: a socket with `resume` sends it again after a break, until there is an answer.
   *
   * @param data What to send, as it is now.
   * @param options What else is asked for; anything that does not have `acknowledge` is let be.
   * @returns A promise where an answer is asked for, and nothing where it is not. It gives `true`, or
   * rejects as the client's `send` does, and never throws: with 401 (no `resume`, a peer that cannot, a
   * message over `maxPayload`), -1 (closing, or closed) or 2302999: `kind` 'refusedByPeer' where a
   * listener fails, 'unacknowledged' or 'unsent' where it is closed before, 'queueFull'.
   * @throws {DOMException} `InvalidStateError` while connecting, unless the socket reconnects by itself;
   * `QuotaExceededError` where it is over `maxPayload`, or there is no room for it.
   */
  send(data: StandardData, options: { acknowledge: true }): Promise<boolean>;
  /** The same with no answer; last, as it is the standard's. */
  send(data: StandardData): void;

  /**
   * Starts to close; what was sent goes out first. With no code the Close frame has none.
   *
   * @param code 1000, or 3000 to 4999.
   * @param reason At most 123 bytes.
   * @throws {DOMException} `InvalidAccessError` for another code, `SyntaxError` for a longer reason.
   */
  close(code?: number, reason?: string): void;

  /** Is there for Bun's type alone: there is no such thing, as the standard has `url`. */
  readonly URL: never;

  /**
   * Drops the connection at once, whatever is queued: 'error', and 'close' with 1006. Not of the
   * standard; Bun's class has it, too, as it has what follows.
   */
  terminate(): void;

  /**
   * Sends a Ping; a peer that gives no sign of life within `pongTimeout` is dropped.
   *
   * @param data None: a Ping with data throws 2302999.
   */
  ping(data?: StandardData): void;

  /** Is there for Bun's type alone, as `URL` is: Pongs are sent by the runtime. */
  readonly pong: never;

  /** Is there for Bun's type alone: a library that found one would call it, and not every runtime can. */
  readonly pause: never;

  /** Is there for Bun's type alone, as `pause` is. */
  readonly resume: never;

  /** `false`. */
  readonly isPaused: boolean;

  /** Adds a listener. */
  addEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: (event: WebSocketEventMap[K]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  /** Adds a listener. */
  addEventListener(
    type: string,
    listener: AnyEventListener | null,
    options?: boolean | AddEventListenerOptions,
  ): void;

  /** Removes a listener. */
  removeEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: (event: WebSocketEventMap[K]) => unknown,
    options?: boolean | EventListenerOptions,
  ): void;
  /** Removes a listener. */
  removeEventListener(
    type: string,
    listener: AnyEventListener | null,
    options?: boolean | EventListenerOptions,
  ): void;
}

/** Reads the URL (WHATWG WebSockets §3.1, the constructor's steps 1 to 8). */
function readUrl(text: string): string {
  const page = pageUrl();
  const base = page !== undefined && URL.canParse(page) ? page : undefined;
  if (!URL.canParse(text, base)) throw syntaxError("the URL must be one that can be parsed");
  const record = new URL(text, base);
  if (record.protocol === "http:") record.protocol = "ws:";
  else if (record.protocol === "https:") record.protocol = "wss:";
  if (record.protocol !== "ws:" && record.protocol !== "wss:") {
    throw syntaxError("the URL must begin with ws:, wss:, http: or https:");
  }
  if (record.href.includes("#")) throw syntaxError("the URL must have no fragment");
  return record.href;
}

/** What Web IDL makes of the subprotocols: `(DOMString or sequence<DOMString>)`. */
function toProtocols(given: unknown): string[] {
  return isList(given) ? Array.from(given, textOf) : [textOf(given)];
}

/** Whether a value is an object, or a function, with a way to walk it. */
function isList(value: unknown): value is Iterable<unknown> {
  if (typeof value !== "function" && (typeof value !== "object" || value === null)) return false;
  return ((value as Partial<Iterable<unknown>>)[Symbol.iterator] ?? undefined) !== undefined;
}

/** Looks at the subprotocols (the constructor's steps 9 and 10). */
function checkProtocols(all: string[]): void {
  const wrong = all.find((protocol) => !isToken(protocol));
  if (wrong !== undefined) throw syntaxError("each subprotocol must be a token");
  if (new Set(all.map((protocol) => protocol.toLowerCase())).size < all.length) {
    throw syntaxError("the subprotocols must differ");
  }
}

/**
 * Whether the second argument is options, as Deno and Bun take them there. By the standard it would be
 * the text that the object is converted to: `[object Object]`, which is no subprotocol.
 */
function isBag(value: unknown): value is WebSocketInitWithProtocols {
  if (typeof value !== "object" || value === null || isList(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) &&
    !Object.hasOwn(value, "toString") && !Object.hasOwn(value, Symbol.toPrimitive);
}

/**
 * Options of npm's `ws` that say nothing of whom it connects to, or how safely. Libraries that take either
 * class give them, as Discord's do, and the runtimes' own classes let them be.
 */
const OF_WS = new Set([
  ...["allowSynchronousEvents", "autoPong", "closeTimeout", "followRedirects", "generateMask"],
  ...["handshakeTimeout", "maxBufferedChunks", "maxFragments", "maxRedirects"],
  ...["perMessageDeflate", "protocolVersion", "skipUTF8Validation"],
]);

/** The options of one socket that are given, and are none of these: of each of them it says so once. */
function readGiven(given: object): object {
  return Object.fromEntries(
    Object.entries(given).filter(([name, value]) => {
      if (OF_WS.has(name)) sayOnce(`WebSocket: '${name}' is an option of npm's ws, and left out`);
      return !OF_WS.has(name) && value !== undefined;
    }),
  );
}

/** The same, and those of its class that it does not give itself; `headers` has two names. */
function withBound(bound: object, given: object): object {
  const hasHeaders = "header" in given || "headers" in given;
  return { ...bound, ...(hasHeaders && { header: undefined, headers: undefined }), ...given };
}

function syntaxError(rule: string): DOMException {
  return new DOMException(`WebSocket: ${rule}`, "SyntaxError");
}

/** Makes a class whose sockets have these options, unless they are made with others. */
function makeClass(bound: object): WebSocketConstructor {
  readInit(bound);
  class WebSocket {
    // Its `length` is 1: the others are optional.
    constructor(url: unknown, protocols: unknown = [], options: unknown = undefined) {
      if (arguments.length === 0) throw new TypeError("WebSocket: there must be a URL");
      const text = textOf(url);
      const { protocols: inOne = [], ...one } = isBag(protocols) ? protocols : {};
      const offered = toProtocols(isBag(protocols) ? inOne : protocols);
      const href = readUrl(text);
      checkProtocols(offered);
      // The standard knows two arguments, and any third that is none of ours is let be.
      const own = typeof options === "object" && options !== null ? options : {};
      const init = readInit(withBound(bound, readGiven({ ...one, ...own })));
      const target: EventTarget = Reflect.construct(OwnEventTarget, [], new.target);
      const model = new ClientModel(target, href);
      const face = new SocketFace(model, target);
      model.connect(() => new ClientLink(model, offered, init, target));
      return face;
    }
  }
  shapeClass(WebSocket);
  return WebSocket as unknown as WebSocketConstructor;
}

/**
 * The WHATWG's `WebSocket` (<https://websockets.spec.whatwg.org/>) over our client: the same interface,
 * events, codes, exceptions and order on every runtime, with a heartbeat that notices a dead server,
 * and our options as the third argument ({@linkcode WebSocketInit}).
 *
 * Beyond the standard: an 'error' event has, not enumerable, an `error` that says what it was; a message
 * of over 67,108,863 bytes is refused unless `maxPayload` says otherwise; ports that pages may not reach
 * can be reached.
 *
 * @example
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { WebSocket } from "@netkit/websocket/standard";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * server.on("messageReceive", ({ clientConnection, data }) => {
 *   server.send(data, clientConnection);
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = new WebSocket(`ws://127.0.0.1:${server.address!.port}/`, [], { pingInterval: 5 });
 * ws.onopen = () => ws.send("Hello");
 * const data = await new Promise((resolve) => ws.onmessage = (event) => resolve(event.data));
 * assertEquals(data, "Hello");
 *
 * const closed = new Promise<CloseEvent>((resolve) => ws.onclose = resolve);
 * ws.close(3000, "enough");
 * assertEquals((await closed).wasClean, true);
 * await server.stop();
 * ```
 */
export const WebSocket: WebSocketConstructor = makeClass({});

/**
 * Makes a `WebSocket` class whose sockets have options, for libraries that call `new` themselves.
 *
 * @param options What each socket gets, unless it is made with a third argument that says otherwise.
 * @returns The class.
 * @throws {BusinessError} 401 where an option is wrong.
 *
 * @example Give a library a heartbeat and headers
 * ```ts
 * import { webSocketClass } from "@netkit/websocket/standard";
 * import { assertEquals } from "@std/assert";
 *
 * const Socket = webSocketClass({ pingInterval: 5, headers: { authorization: "Bearer secret" } });
 * assertEquals(Socket.OPEN, 1);
 * ```
 */
export function webSocketClass(options: WebSocketInit): WebSocketConstructor {
  const [isObject, rule] = OBJECT;
  if (!isObject(options)) throw argumentError("webSocketClass: options", rule, options);
  return makeClass(options);
}
