/**
 * The way to a `ws://` server through an HTTP proxy on Deno 2.9.6. Deno asks the proxy with an
 * absolute `GET`, and proxies that follow RFC 9110 §7.8 remove the upgrade from it. So Deno connects
 * to a port of our own instead; a relay there sends CONNECT to the proxy (RFC 9110 §9.3.6) and passes
 * everything on. `proxy_quirks_test.ts` turns red when Deno sends CONNECT by itself.
 */

import type { Failure } from "../contract.ts";
import { readFailure } from "../failures.ts";
import { hasCredentials, type Proxy } from "../proxy.ts";

interface Conn {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

interface TcpListener {
  addr: { port: number };
  accept(): Promise<Conn>;
  close(): void;
}

interface DialOptions {
  hostname: string;
  port: number;
  signal: AbortSignal;
}

/** The parts of Deno a relay uses, so that nothing global need be declared. */
export interface DenoNet {
  listen(options: { hostname: string; port: number }): TcpListener;
  connect(options: DialOptions): Promise<Conn>;
  startTls(conn: Conn, options: { hostname: string; caCerts?: string[] }): Promise<Conn>;
}

/** Where a relay listens. */
export const RELAY_HOST = "127.0.0.1";

/** The longest head of a request or an answer, in bytes. */
const MAX_HEAD = 64 * 1024;

/** The bytes that end a line of a head. CR may be missing (RFC 9112 §2.2). */
const CR = 13;
const LF = 10;

/** How long the relay may take, in ms, to pass on what the client sent before it closed. */
const FLUSH_MS = 1000;

/** Passes one connection on, through a proxy. */
export class Relay {
  /** Where it listens, for one connection. */
  readonly port: number;
  /** A header that the connection must have: so no other process can use the relay. */
  readonly pass: string = `x-relay-${crypto.randomUUID()}`;
  /** What went wrong on the way, if anything did. */
  failure: Failure | undefined;
  readonly #net: DenoNet;
  readonly #target: URL;
  readonly #way: Proxy;
  /** The certificate authorities to trust, for a proxy that speaks TLS. */
  readonly #ca: string | undefined;
  readonly #listener: TcpListener;
  readonly #open = new Set<{ close(): void }>();
  /** Settles when the proxy has all that the client sent, or cannot get it. */
  #flushed: Promise<void> = Promise.resolve();
  #ours = false;
  readonly #closed = new AbortController();

  /** Listens; throws what the runtime throws. */
  constructor(net: DenoNet, target: URL, way: Proxy, ca?: string) {
    this.#ca = ca;
    this.#net = net;
    this.#target = target;
    this.#way = way;
    this.#listener = this.#keep(net.listen({ hostname: RELAY_HOST, port: 0 }));
    this.port = this.#listener.addr.port;
    void this.#accept();
  }

  /** Drops everything at once. */
  close(): void {
    this.#closed.abort();
    for (const one of this.#open) one.close();
    this.#open.clear();
  }

  /** Drops everything as soon as what the client sent is passed on, or takes too long. */
  async end(): Promise<void> {
    const late = setTimeout(() => this.close(), FLUSH_MS);
    await this.#flushed;
    clearTimeout(late);
    this.close();
  }

  #keep<T extends { close(): void }>(one: T): T {
    this.#open.add(one);
    if (this.#closed.signal.aborted) this.#drop(one); // it comes too late
    return one;
  }

  #drop(one: { close(): void }): void {
    if (this.#open.delete(one)) one.close();
  }

  async #accept(): Promise<void> {
    try {
      while (!this.#ours) void this.#serve(this.#keep(await this.#listener.accept()));
    } catch {
      // the listener was closed
    }
  }

  async #serve(client: Conn): Promise<void> {
    const got = await readHead(client).catch(() => undefined);
    const lines = got?.head.split("\r\n") ?? [];
    const request = lines.filter((line) => line !== `${this.pass}: 1`);
    if (got === undefined || this.#ours || request.length === lines.length) {
      return this.#drop(client);
    }
    this.#ours = true;
    this.#drop(this.#listener);
    try {
      await this.#pass(client, encode(this.#origin(request), got.rest));
    } catch (cause) {
      this.failure ??= readFailure(String(cause), cause);
    }
    this.close();
  }

  async #pass(client: Conn, first: Uint8Array): Promise<void> {
    const proxy = await this.#dial();
    await writeAll(proxy, encode(this.#connect()));
    let answer = await readHead(proxy);
    while (isInterim(answer)) answer = await readHead(proxy, answer.rest);
    const status = statusOf(answer);
    if (status === undefined) throw new Error("invalid HTTP from the proxy");
    if (!status.startsWith("2")) throw new Error(`Proxy answered: ${status}`);
    await writeAll(proxy, first);
    await writeAll(client, answer.rest);
    this.#flushed = pump(client, proxy).then(() => proxy.closeWrite()).catch(() => {});
    await pump(proxy, client);
  }

  /**
   * Connects to the proxy. Not by `connectTls`: that takes no notice of the signal, and keeps the process while
   * the proxy cannot be reached (2.9.6, `proxy_quirks_test.ts`).
   */
  async #dial(): Promise<Conn> {
    const url = new URL(this.#way.url);
    const secure = url.protocol === "https:";
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const port = Number(url.port || (secure ? 443 : 80));
    const { signal } = this.#closed;
    const conn = this.#keep(await this.#net.connect({ hostname, port, signal }));
    if (!secure) return conn;
    this.#open.delete(conn); // from now on it cannot be closed, unless this fails
    try {
      const ca = this.#ca === undefined ? {} : { caCerts: [this.#ca] };
      return this.#keep(await this.#net.startTls(conn, { hostname, ...ca }));
    } catch (cause) {
      try {
        conn.close();
      } catch {
        // Deno has: the proxy has reset it (2.9.6, `tests/client/proxy_reset_test.ts`)
      }
      throw cause;
    }
  }

  /** The request that asks the proxy for a tunnel to the server. */
  #connect(): string {
    const { hostname, port } = this.#target;
    const host = `${hostname}:${port || 80}`;
    const { username, password } = this.#way;
    const lines = [`CONNECT ${host} HTTP/1.1`, `host: ${host}`];
    if (hasCredentials(this.#way)) {
      lines.push(`proxy-authorization: Basic ${base64(`${username}:${password}`)}`);
    }
    return [...lines, "", ""].join("\r\n");
  }

  /** The client's request as the server must see it: its first line has no host. */
  #origin([first = "", ...headers]: string[]): string {
    const { href } = this.#target;
    const path = href.slice(href.indexOf("/", "ws://".length)); // `search` has no "?" with nothing behind it
    const line = first.replace(/ \S+ /, () => ` ${path} `);
    return [line, ...headers, "", ""].join("\r\n");
  }
}

async function pump(from: Conn, to: Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let n = await from.read(buffer); n !== null; n = await from.read(buffer)) {
    await writeAll(to, buffer.subarray(0, n));
  }
}

async function writeAll(to: Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await to.write(bytes.subarray(done));
}

/** A head of HTTP. */
interface Head {
  head: string;
  /** What came after it already. */
  rest: Uint8Array;
}

/** The status of an answer; `undefined` where it is none of HTTP/1. */
function statusOf({ head }: Head): string | undefined {
  return /^HTTP\/1\.\d (\d{3})(?!\S)/.exec(head)?.[1];
}

/** Whether another answer follows (RFC 9110 §15.2). */
function isInterim(answer: Head): boolean {
  const status = statusOf(answer);
  return status !== undefined && status.startsWith("1") && status !== "101";
}

/**
 * Reads a head up to its blank line. Each byte is looked at once, however small the pieces that it comes in.
 *
 * @param first What came already.
 */
async function readHead(from: Conn, first: Uint8Array = new Uint8Array()): Promise<Head> {
  const buffer = new Uint8Array(MAX_HEAD);
  buffer.set(first);
  /** What of a blank line is there: 1 where a line has ended, 2 with the CR after that. */
  let blank = 0;
  let length = 0;
  let end = first.length;
  for (;;) {
    while (length < end) {
      const byte = buffer[length++];
      if (byte === LF && blank > 0) {
        const head = decode(buffer.subarray(0, length)).replace(/(\r?\n){2}$/, "");
        return { head, rest: buffer.slice(length, end) };
      }
      blank = byte === LF ? 1 : byte === CR && blank === 1 ? 2 : 0;
    }
    if (end === buffer.length) throw new Error("invalid HTTP: the head is too long");
    const n = await from.read(buffer.subarray(end));
    if (n === null) throw new Error("closed before message completed");
    end += n;
  }
}

/** The bytes of a head as text, one character for each byte. */
function decode(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A head as bytes, and more bytes after it. */
function encode(head: string, rest: Uint8Array = new Uint8Array()): Uint8Array {
  return Uint8Array.from([...Array.from(head, (one) => one.charCodeAt(0)), ...rest]);
}

function base64(text: string): string {
  return btoa(decode(new TextEncoder().encode(text)));
}
