/**
 * A WebSocket peer written from RFC 6455 alone, over TCP: it shows every frame there is, breaks any
 * rule it is told to, and shares no code with what it tests.
 */

import { createHash, randomBytes } from "node:crypto";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import {
  CLOSE,
  closePayload,
  type Frame,
  frame,
  type FrameOptions,
  FrameReader,
  PING,
  PONG,
  TEXT,
  textOf,
} from "./raw_frame.ts";

export * from "./raw_frame.ts";

/** How a raw peer behaves, beyond what it is told. */
export interface RawOptions {
  /** Whether it answers Pings. @default {true} */
  pong?: boolean;
  /** Whether it answers a Close frame with the same one, and ends. @default {true} */
  answerClose?: boolean;
}

/** One end of a connection, after its handshake. */
export class RawPeer {
  readonly socket: Socket;
  /** The head of the other side's handshake: a request's or an answer's. */
  readonly head: string;
  /** Every frame that has come. */
  readonly frames: Frame[] = [];
  /** Resolves when the other side has ended or reset the connection. */
  readonly ended: Promise<void>;
  readonly #mask: boolean;
  readonly #options: RawOptions;
  readonly #waiting: { found: (frame: Frame) => boolean; resolve: (frame: Frame) => void }[] = [];

  constructor(
    socket: Socket,
    head: string,
    rest: Uint8Array,
    mask: boolean,
    options: RawOptions = {},
  ) {
    this.socket = socket;
    this.head = head;
    this.#mask = mask;
    this.#options = options;
    const reader = new FrameReader();
    const take = (chunk: Uint8Array) => reader.push(chunk).forEach((frame) => this.#take(frame));
    this.ended = new Promise((resolve) => {
      socket.once("end", resolve);
      socket.once("close", () => resolve());
    });
    socket.on("error", () => {});
    socket.on("data", take);
    if (rest.length > 0) take(rest);
  }

  /** Sends a frame, masked as this side must unless told otherwise. */
  send(opcode: number, payload?: string | Uint8Array, options: FrameOptions = {}): void {
    this.write(frame(opcode, payload, { mask: this.#mask, ...options }));
  }

  /** Sends a Close frame; with no code an empty one. */
  close(code?: number, reason?: string): void {
    this.send(CLOSE, code === undefined ? "" : closePayload(code, reason));
  }

  /** Sends any bytes. */
  write(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  /** Ends the connection with a RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Ends the connection with no more than a FIN. */
  end(): void {
    this.socket.end();
  }

  /** The first frame with an opcode that has come or will come. */
  next(opcode: number, from = 0): Promise<Frame> {
    const found = (frame: Frame) => frame.opcode === opcode;
    const there = this.frames.slice(from).find(found);
    if (there !== undefined) return Promise.resolve(there);
    return new Promise((resolve) => this.#waiting.push({ found, resolve }));
  }

  /** The texts of the messages that have come. */
  texts(): string[] {
    return this.frames.filter(({ opcode }) => opcode === TEXT).map(({ payload }) =>
      textOf(payload)
    );
  }

  #take(frame: Frame): void {
    this.frames.push(frame);
    const { pong = true, answerClose = true } = this.#options;
    if (frame.opcode === PING && pong) this.send(PONG, frame.payload);
    if (frame.opcode === CLOSE && answerClose) {
      this.send(CLOSE, frame.payload);
      this.socket.end();
    }
    for (const [i, { found, resolve }] of [...this.#waiting.entries()].reverse()) {
      if (found(frame)) {
        this.#waiting.splice(i, 1);
        resolve(frame);
      }
    }
  }
}

/** Reads up to the blank line that ends the head of a request or an answer. */
function readHead(socket: Socket): Promise<{ head: string; rest: Uint8Array }> {
  return new Promise((resolve, reject) => {
    let bytes = new Uint8Array(0);
    const take = (chunk: Uint8Array) => {
      bytes = Uint8Array.from([...bytes, ...chunk]);
      const text = new TextDecoder("latin1").decode(bytes);
      const end = text.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", take);
      socket.off("close", gone);
      resolve({ head: text.slice(0, end), rest: bytes.slice(end + 4) });
    };
    const gone = () => reject(new Error("the connection ended before its head was there"));
    socket.on("data", take);
    socket.once("close", gone);
  });
}

/** The value of a header in a head; "" where there is none. */
export function header(head: string, name: string): string {
  return new RegExp(`^${name}:[ \t]*(.*)$`, "im").exec(head)?.[1]?.trim() ?? "";
}

/** The answer that accepts a handshake. */
export function acceptHead(request: string, extra: string[] = []): string {
  const key = header(request, "sec-websocket-key");
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    ...extra,
    "",
    "",
  ].join("\r\n");
}

/** How a raw server answers handshakes. */
export interface RawServerOptions extends RawOptions {
  /** Makes the answer; without one the handshake is accepted. `undefined` answers nothing. */
  answer?: (request: string) => string | undefined;
}

/** A raw server: what connects to it comes out of `accept`. */
export class RawServer {
  readonly port: number;
  readonly #server;
  readonly #sockets = new Set<Socket>();
  readonly #peers: RawPeer[] = [];
  readonly #waiting: ((peer: RawPeer) => void)[] = [];

  private constructor(server: ReturnType<typeof createServer>, options: RawServerOptions) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (socket) => void this.#serve(socket, options).catch(() => {}));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async listen(options: RawServerOptions = {}): Promise<RawServer> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new RawServer(server, options);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** The next connection, after its handshake. */
  accept(): Promise<RawPeer> {
    const peer = this.#peers.shift();
    if (peer !== undefined) return Promise.resolve(peer);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Drops everything. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #serve(socket: Socket, options: RawServerOptions): Promise<void> {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    const { head, rest } = await readHead(socket);
    const answer = options.answer === undefined ? acceptHead(head) : options.answer(head);
    if (answer === undefined) return;
    socket.write(answer);
    if (!answer.startsWith("HTTP/1.1 101")) return void socket.end();
    const peer = new RawPeer(socket, head, rest, false, options);
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) waiting(peer);
    else this.#peers.push(peer);
  }
}

/** How a raw client connects. */
export interface RawClientOptions extends RawOptions {
  /** The address to connect to. @default {"127.0.0.1"} */
  host?: string;
  /** The address to connect from. */
  from?: string;
  /** The port to connect from. */
  localPort?: number | undefined;
  /** Header lines; each replaces the one of its name, one with no value removes it. */
  headers?: Record<string, string | undefined>;
  /** The first line of the request. @default {"GET / HTTP/1.1"} */
  line?: string;
}

/** The request of a handshake. */
export function requestHead(port: number, options: RawClientOptions = {}): string {
  const headers: Record<string, string | undefined> = {
    host: `127.0.0.1:${port}`,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": randomBytes(16).toString("base64"),
    ...options.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`]
  );
  return [options.line ?? "GET / HTTP/1.1", ...lines, "", ""].join("\r\n");
}

/** Opens a TCP connection. */
export async function openTcp(port: number, options: RawClientOptions = {}): Promise<Socket> {
  const { host = "127.0.0.1", from, localPort } = options;
  const socket = connectTcp({
    host,
    port,
    ...(from === undefined ? {} : { localAddress: from }),
    ...(localPort === undefined ? {} : { localPort }),
  });
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  return socket;
}

/** Shakes hands with a server, whatever it answers. */
export async function rawHandshake(
  port: number,
  options: RawClientOptions = {},
): Promise<{ status: number; peer: RawPeer }> {
  const socket = await openTcp(port, options);
  const answered = readHead(socket);
  socket.write(requestHead(port, options));
  const { head, rest } = await answered;
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
  return { status, peer: new RawPeer(socket, head, rest, true, options) };
}

/** Connects to a server that must accept. */
export async function rawConnect(port: number, options: RawClientOptions = {}): Promise<RawPeer> {
  const { status, peer } = await rawHandshake(port, options);
  if (status !== 101) throw new Error(`the server answered ${status}: ${peer.head}`);
  return peer;
}
