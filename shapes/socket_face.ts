/** The interface of a socket, as JavaScript sees it (WHATWG WebSockets §3.1, Web IDL). Not public. */

import type { WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { isGone } from "../internal/payload.ts";
import { argumentError, FLAG } from "../internal/validate.ts";
import { Event, EventTarget } from "./own_events.ts";
import { CLOSED, CLOSING, CONNECTING, OPEN, type SocketModel } from "./socket_model.ts";

/** A handler, as it is set and shown. */
type Handler = unknown;

/** The longest reason a Close frame holds, in bytes (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123;

/** What a field is added to: `this` is the object that the constructor is given. */
class Given {
  constructor(target: EventTarget) {
    return target;
  }
}

/** Members of the interface, and nothing else that shows: what is behind it is in `SocketModel`. */
export class SocketFace extends Given {
  readonly #model: SocketModel;

  constructor(model: SocketModel, target: EventTarget) {
    super(target);
    this.#model = model;
  }

  /** Whether a value is such a socket, whichever class has made it. */
  static readonly isOne = (value: unknown): boolean =>
    typeof value === "object" && value !== null && #model in value;

  /** What is behind a socket; throws where there is nothing. */
  static readonly modelOf = (face: unknown): SocketModel => (face as SocketFace).#model;

  get url(): string {
    return this.#model.url;
  }
  get readyState(): number {
    return this.#model.readyState;
  }
  get bufferedAmount(): number {
    return this.#model.bufferedAmount;
  }
  get extensions(): string {
    return this.#model.extensions;
  }
  get protocol(): string {
    return this.#model.protocol;
  }
  get binaryType(): string {
    return this.#model.binaryType;
  }
  set binaryType(value: unknown) {
    const model = this.#model;
    const type = textOf(value);
    // No value of the enumeration: nothing happens (Web IDL §3.7.6).
    if (type === "blob" || type === "arraybuffer") model.binaryType = type;
  }
  get onopen(): Handler {
    return this.#model.handler("open");
  }
  set onopen(value: Handler) {
    this.#model.setHandler("open", value);
  }
  get onmessage(): Handler {
    return this.#model.handler("message");
  }
  set onmessage(value: Handler) {
    this.#model.setHandler("message", value);
  }
  get onerror(): Handler {
    return this.#model.handler("error");
  }
  set onerror(value: Handler) {
    this.#model.setHandler("error", value);
  }
  get onclose(): Handler {
    return this.#model.handler("close");
  }
  set onclose(value: Handler) {
    this.#model.setHandler("close", value);
  }

  // Its `length` is 1: the standard has no options, so these are what others do not give.
  send(data: unknown, options: unknown = undefined): Promise<boolean> | undefined {
    const model = this.#model;
    if (arguments.length === 0) throw new TypeError("send: there must be an argument");
    if (options !== undefined && asksForAnswer(options)) return acknowledged(model, data);
    model.send(typeof data === "string" ? data : toData(data));
    return undefined;
  }

  // Its `length` is 0: both parameters are optional.
  close(...[code, reason]: [code?: unknown, reason?: unknown]): void {
    const model = this.#model;
    const asked = code === undefined ? undefined : clamp(code);
    const text = reason === undefined ? "" : textOf(reason);
    if (asked !== undefined && !model.allows(asked)) {
      throw new DOMException(
        `close: the code may not be sent: current value is ${asked}`,
        "InvalidAccessError",
      );
    }
    const bytes = new TextEncoder().encode(text).byteLength;
    if (bytes > MAX_REASON_BYTES) {
      throw new DOMException(
        `close: the reason must be at most ${MAX_REASON_BYTES} bytes: current value has ${bytes}`,
        "SyntaxError",
      );
    }
    // A frame with a reason has a code (RFC 6455 §5.5.1).
    model.close(asked ?? (text === "" ? undefined : 1000), text);
  }

  // What Bun's class has beyond the standard, so that its type fits.
  get isPaused(): boolean {
    void this.#model;
    return false;
  }

  ping(data?: unknown): void {
    const model = this.#model;
    if (data !== undefined && data !== "") throw unsupported("ping: data");
    model.ping();
  }

  terminate(): void {
    this.#model.terminate();
  }

  // Its `length` is 2, and so is that of the next.
  addEventListener(type: string, listener: unknown, ...[options]: [options?: unknown]): void {
    needTwo("addEventListener", arguments);
    this.#model.add(textOf(type), listener, options);
  }

  removeEventListener(type: string, listener: unknown, ...[options]: [options?: unknown]): void {
    needTwo("removeEventListener", arguments);
    this.#model.remove(textOf(type), listener, options);
  }

  dispatchEvent(event: unknown): boolean {
    const model = this.#model;
    if (!(event instanceof Event)) {
      throw new TypeError("dispatchEvent: the argument must be an Event");
    }
    if (event.eventPhase !== Event.NONE) {
      throw new DOMException("dispatchEvent: the event is being dispatched", "InvalidStateError");
    }
    return model.dispatchGiven(event);
  }
}

function needTwo(method: string, { length }: IArguments): void {
  if (length < 2) throw new TypeError(`${method}: there must be two arguments`);
}

function unsupported(what: string): BusinessError {
  return businessError("unsupported", `${what} cannot be had here`);
}

/** What Web IDL makes of an argument that is to be text: unlike `String`, it takes no symbol. */
export function textOf(value: unknown): string {
  return `${value}`;
}

/**
 * What Web IDL makes of an argument that is no text: `(BufferSource or Blob or USVString)`. Of a buffer that was
 * transferred, or is too short for its view, there are no bytes (Web IDL §3.2.26, "get a copy of the buffer source").
 */
function toData(data: unknown): WebSocketData | Blob {
  if (data instanceof Blob) return data;
  if (data instanceof ArrayBuffer) return isGone(data) ? new ArrayBuffer() : data;
  if (!ArrayBuffer.isView(data)) {
    if (isBuffer(data)) return new Uint8Array(data).slice();
    if (Object.prototype.toString.call(data) === "[object SharedArrayBuffer]") throw sharedMemory();
    return textOf(data);
  }
  const { buffer } = data;
  if (buffer instanceof ArrayBuffer) {
    return isGone(data) ? new ArrayBuffer() : data as ArrayBufferView<ArrayBuffer>;
  }
  if (isBuffer(buffer)) return new Uint8Array(buffer, data.byteOffset, data.byteLength).slice();
  throw sharedMemory();
}

function sharedMemory(): TypeError {
  return new TypeError("send: shared memory cannot be sent: it may change meanwhile");
}

const { get: lengthOf } = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, "byteLength")!;

/** Whether a value is an ArrayBuffer, if of another realm. */
function isBuffer(value: unknown): value is ArrayBuffer {
  try {
    lengthOf!.call(value);
    return true;
  } catch {
    return false;
  }
}

/** Whether a message is to be acknowledged. What others give beside the data says nothing of that. */
function asksForAnswer(options: unknown): boolean {
  if (typeof options !== "object" || options === null) return false;
  const { acknowledge } = options as { acknowledge?: unknown };
  if (acknowledge === undefined || typeof acknowledge === "boolean") return acknowledge === true;
  throw argumentError("send: 'acknowledge'", FLAG[1], acknowledge);
}

/** Whatever is wrong with it, it is the promise that says so. */
function acknowledged(model: SocketModel, data: unknown): Promise<boolean> {
  try {
    return model.acknowledge(typeof data === "string" ? data : toData(data));
  } catch (cause) {
    return Promise.reject(cause);
  }
}

/** Web IDL's `[Clamp] unsigned short`: the nearest integer there is, an even one in the middle. */
function clamp(value: unknown): number {
  const x = Math.min(Math.max(+(value as number), 0), 0xffff); // no bigint is a number
  if (Number.isNaN(x)) return 0;
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

const CONSTANTS = { CONNECTING, OPEN, CLOSING, CLOSED };

/** What a face shows that the standard does not name. */
const HIDDEN = new Set<PropertyKey>([
  ...["addEventListener", "dispatchEvent", "removeEventListener"],
  ...["isPaused", "ping", "terminate"],
]);

/**
 * Gives a class the members of the interface, as its own, as Web IDL has them: enumerable, on the
 * prototype, with constants in both places.
 */
export function shapeClass(one: { prototype: object }): void {
  const members = Object.getOwnPropertyDescriptors(SocketFace.prototype);
  for (const [name, member] of Object.entries(members)) {
    if (name === "constructor") continue;
    Object.defineProperty(one.prototype, name, { ...member, enumerable: !HIDDEN.has(name) });
  }
  for (const [name, value] of Object.entries(CONSTANTS)) {
    for (const holder of [one, one.prototype]) {
      Object.defineProperty(holder, name, { value, enumerable: true });
    }
  }
  Object.defineProperty(one.prototype, Symbol.toStringTag, {
    value: "WebSocket",
    configurable: true,
  });
  Object.setPrototypeOf(one, EventTarget);
  Object.setPrototypeOf(one.prototype, EventTarget.prototype);
  // A socket that another of these classes has made is one of this class, too, but none of a subclass.
  Object.defineProperty(one, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      const inherits = Function.prototype[Symbol.hasInstance].call(this, value);
      return inherits || (this === one && SocketFace.isOne(value));
    },
  });
}
