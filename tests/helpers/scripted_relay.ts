/** A relay to an HTTP proxy on a network that does what a test says. */

import { type DenoNet, Relay } from "../../runtime/deno/relay.ts";

/** Text as bytes, one for each character: what a head is made of. */
const bytesOf = (text: string) => Uint8Array.from(text, (one) => one.charCodeAt(0));

/** One end of a connection: what comes in is what a test says; what goes out is kept. */
export class Conn {
  readonly #waiting: (() => void)[] = [];
  #coming = new Uint8Array();
  #isOver = false;
  out = "";
  isClosed = false;
  hasEnded = false;
  /** Whether what is written is not taken. */
  isStalled = false;
  /** How many bytes come with one read. */
  most = Infinity;

  come(text: string): this {
    this.#coming = Uint8Array.from([...this.#coming, ...bytesOf(text)]);
    for (const wake of this.#waiting.splice(0)) wake();
    return this;
  }

  over(): void {
    this.#isOver = true;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#coming.length === 0) {
      if (this.#isOver) return null;
      if (this.isClosed) throw new Error("closed");
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    const part = this.#coming.slice(0, Math.min(buffer.length, this.most));
    this.#coming = this.#coming.slice(part.length);
    buffer.set(part);
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.isStalled) {
      return new Promise((_, reject) => this.#waiting.push(() => reject(new Error("closed"))));
    }
    const part = bytes.slice(0, 7); // never all at once
    this.out += String.fromCharCode(...part);
    return Promise.resolve(part.length);
  }

  closeWrite(): Promise<void> {
    this.hasEnded = true;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.over();
  }
}

/** What becomes of a connection as TLS begins: the other must not be closed any more. */
class Encrypted {
  readonly #conn: Conn;

  constructor(conn: Conn) {
    this.#conn = conn;
    conn.close = () => {
      throw new Error("Bad resource ID");
    };
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    Conn.prototype.close.call(this.#conn);
  }
}

/** How a relay is made, where it is not for `ws://server.example/chat?x=1` through a proxy that asks for nothing. */
export interface Ways {
  way?: string;
  target?: string;
  ca?: string;
  credentials?: { username: string; password: string };
  /** Why no TLS begins. */
  noTls?: Error;
}

/** A relay to `proxy`, and how clients come to it. */
export function relaying(
  proxy: Promise<Conn> | Conn,
  {
    way = "http://proxy.example:3128",
    target = "ws://server.example/chat?x=1",
    ca,
    credentials = { username: "", password: "" },
    noTls,
  }: Ways = {},
) {
  const clients: Conn[] = [];
  let wake = () => {};
  const dialled: unknown[] = [];
  const signals: AbortSignal[] = [];
  const listener = {
    addr: { port: 1234 },
    isClosed: false,
    async accept(): Promise<Conn> {
      while (clients.length === 0) {
        if (listener.isClosed) throw new Error("closed");
        await new Promise<void>((resolve) => wake = resolve);
      }
      return clients.shift()!;
    },
    close() {
      listener.isClosed = true;
      wake();
    },
  };
  const connect = ({ hostname, port, signal, ...more }: Asked) => {
    dialled.push(["tcp", hostname, port, ...Object.entries(more)]);
    signals.push(signal);
    return Promise.resolve(proxy);
  };
  const startTls = (conn: Conn, { hostname, ...more }: { hostname: string }) => {
    dialled.push(["tls", hostname, ...Object.entries(more)]);
    return noTls === undefined ? Promise.resolve(new Encrypted(conn)) : Promise.reject(noTls);
  };
  const listened: unknown[] = [];
  const net = {
    listen: (where: unknown) => (listened.push(where), listener),
    connect,
    startTls,
  };
  const relay = new Relay(
    net as unknown as DenoNet,
    new URL(target),
    { url: way, ...credentials },
    ca,
  );
  const come = (client: Conn) => {
    clients.push(client);
    wake();
  };
  return {
    dialled,
    listened,
    listener,
    relay,
    signals,
    /** A client comes, with the pass, with another, or without, and with more headers. */
    enter(pass: string | undefined = "1", more = ""): Conn {
      const line = pass === "" ? "" : `${relay.pass}: ${pass}\r\n`;
      const client = new Conn().come(
        `GET http://server.example/chat?x=1 HTTP/1.1\r\nhost: a\r\n${line}b: c\r\n${more}\r\n`,
      );
      come(client);
      return client;
    },
    come,
  };
}

/** What is asked of the network. */
interface Asked {
  hostname: string;
  port: number;
  signal: AbortSignal;
}
