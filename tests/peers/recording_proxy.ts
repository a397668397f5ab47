/**
 * An HTTP proxy over TCP that writes down what it is asked: CONNECT and absolute-form requests, as
 * RFC 9110 §9.3.6 and RFC 9112 §3.2.2 have them. Whatever the target's name, it goes to 127.0.0.1.
 */

import { Buffer } from "node:buffer";
import { connect, createServer, type Socket } from "node:net";
import { header } from "./raw.ts";

/** What a recording proxy is like. */
export interface RecordingProxyOptions {
  /** `user:password`, in UTF-8, without which it answers 407. */
  credentials?: string;
  /** A status to answer every request with. */
  refuse?: number;
  /** Whether it never answers at all. */
  hang?: boolean;
  /** Whether it never ends a tunnel, whoever has ended it: it goes on with what comes the other way. */
  holds?: boolean;
  /** Where to listen. @default {"127.0.0.1"} */
  host?: string;
}

/** A proxy: what it was asked is in `heads`. */
export class RecordingProxy implements AsyncDisposable {
  readonly port: number;
  /** The head of each request, in order. */
  readonly heads: string[] = [];
  readonly #server;
  readonly #sockets = new Set<Socket>();
  readonly #options: RecordingProxyOptions;

  private constructor(server: ReturnType<typeof createServer>, options: RecordingProxyOptions) {
    this.#server = server;
    this.#options = options;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (socket) => void this.#serve(this.#keep(socket)).catch(() => {}));
  }

  static async listen(options: RecordingProxyOptions = {}): Promise<RecordingProxy> {
    const { host = "127.0.0.1", holds = false } = options;
    const server = createServer({ allowHalfOpen: holds });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return new RecordingProxy(server, options);
  }

  /** The first line of each request. */
  get lines(): string[] {
    return this.heads.map((head) => head.split("\r\n")[0]!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  async #serve(socket: Socket): Promise<void> {
    const { head, rest } = await readHead(socket);
    this.heads.push(head);
    const { credentials, refuse, hang, holds } = this.#options;
    if (hang) return;
    if (refuse !== undefined) return deny(socket, `${refuse} Refused`);
    if (credentials !== undefined) {
      const expected = `Basic ${Buffer.from(credentials).toString("base64")}`;
      if (header(head, "proxy-authorization") !== expected) {
        return deny(
          socket,
          "407 Proxy Authentication Required",
          'Proxy-Authenticate: Basic realm="x"',
        );
      }
    }
    const [first = "", ...headers] = head.split("\r\n");
    const [method, to = ""] = first.split(" ");
    const target = new URL(method === "CONNECT" ? `http://${to}` : to);
    const upstream = this.#keep(connect(Number(target.port || 80), "127.0.0.1"));
    upstream.once("error", () => deny(socket, "502 Bad Gateway"));
    upstream.once("connect", () => {
      if (method === "CONNECT") socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      else {
        const kept = headers.filter((line) => !/^proxy-/i.test(line));
        const line = `${method} ${target.pathname}${target.search} HTTP/1.1`;
        upstream.write(`${[line, ...kept].join("\r\n")}\r\n\r\n`);
      }
      upstream.write(rest);
      socket.pipe(upstream, { end: !holds });
      upstream.pipe(socket);
      socket.once("close", () => upstream.destroy());
      upstream.once("close", () => socket.destroy());
    });
  }
}

function deny(socket: Socket, status: string, ...headers: string[]): void {
  socket.end([`HTTP/1.1 ${status}`, ...headers, "Content-Length: 0", "", ""].join("\r\n"));
}

/** Reads up to the blank line that ends the head of a request; no body is expected. */
function readHead(socket: Socket): Promise<{ head: string; rest: Uint8Array }> {
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    const take = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", take);
      resolve({ head: bytes.toString("latin1", 0, end), rest: bytes.subarray(end + 4) });
    };
    socket.on("data", take);
  });
}
