/**
 * A TCP proxy on loopback that does to connections what networks, and worse things, do: it resets,
 * ends one half, swallows, delays, splits, cuts and adds bytes. It knows nothing of WebSocket.
 */

import { connect, createServer, type Socket } from "node:net";

/** What becomes of the bytes that come in on a flow. Those that come meanwhile wait. */
export type Way = (bytes: Uint8Array, flow: Flow) => void | Promise<void>;

/** Lets everything through. */
export const pass: Way = (bytes, flow) => flow.write(bytes);

/** A black hole: swallows everything, the end of the stream, too. */
export const swallow: Way = () => {};

/** Lets one byte through at a time, each in a segment of its own. */
export const bytewise: Way = async (bytes, flow) => {
  for (const byte of bytes) {
    flow.write(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
};

/** Lets everything through, each segment so many ms later. */
export function delayed(ms: number): Way {
  return async (bytes, flow) => {
    await flow.link.sleep(ms);
    flow.write(bytes);
  };
}

/** Lets so many bytes through, does something, and goes the way the flow has by then. */
export function after(count: number, then: (link: Link) => void): Way {
  return (bytes, flow) => {
    const now = bytes.subarray(0, count);
    count -= now.length;
    flow.write(now);
    if (count > 0) return;
    flow.way = pass;
    then(flow.link);
    if (bytes.length > now.length) return flow.way(bytes.subarray(now.length), flow);
  };
}

/** Changes the head of a request or an answer, does something, and goes the way the flow has then. */
export function edited(change: (head: string) => string, then = (_: Link) => {}): Way {
  const read: Uint8Array[] = [];
  return (bytes, flow) => {
    read.push(bytes);
    const text = read.map((bytes) => new TextDecoder("latin1").decode(bytes)).join("");
    const end = text.indexOf("\r\n\r\n") + 4;
    if (end === 3) return;
    flow.way = pass;
    flow.write(bytesOf(change(text.slice(0, end))));
    then(flow.link);
    if (end < text.length) return flow.way(bytesOf(text.slice(end)), flow);
  };
}

function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}

/** Lets so much of a head through, as a part of it says, does something, and swallows the rest. */
export function cutHead(part: (head: string) => number, then: (link: Link) => void): Way {
  return edited((head) => head.slice(0, part(head)), (link) => {
    link.swallow();
    then(link);
  });
}

/** One direction of a connection. */
export class Flow {
  readonly link: Link;
  way: Way;
  /** Resolves when the side it comes from has ended or reset its connection. */
  readonly over: Promise<"end" | "reset">;
  readonly #to: Socket;
  #work: Promise<void> = Promise.resolve();

  constructor(link: Link, from: Socket, to: Socket, way: Way) {
    this.link = link;
    this.way = way;
    this.#to = to;
    let failed = false;
    from.on("data", (bytes: Uint8Array) => this.#then(() => this.way(bytes, this)));
    from.on("error", () => failed = true);
    this.over = new Promise((resolve) => {
      from.once("end", () => {
        resolve("end");
        this.#then(() => {
          if (this.way !== swallow) to.end();
        });
      });
      from.once("close", () => {
        resolve("reset");
        this.#then(() => {
          if (this.way !== swallow && failed) to.resetAndDestroy();
        });
      });
    });
  }

  /** Sends bytes on, or bytes that nobody sent. */
  write(bytes: Uint8Array): void {
    if (bytes.length > 0 && this.#to.writable) this.#to.write(bytes);
  }

  #then(task: () => void | Promise<void>): void {
    this.#work = this.#work.then(task);
  }
}

/** One connection through the proxy. */
export class Link {
  /** From the client to the server. */
  readonly up: Flow;
  /** From the server to the client. */
  readonly down: Flow;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #sleeping = new Map<ReturnType<typeof setTimeout>, () => void>();

  constructor(client: Socket, server: Socket, { up = pass, down = pass }: Ways) {
    this.#client = client;
    this.#server = server;
    for (const socket of [client, server]) socket.setNoDelay(true);
    this.up = new Flow(this, client, server, up);
    this.down = new Flow(this, server, client, down);
  }

  /** Swallows what either side sends from now on. */
  swallow(): void {
    this.up.way = this.down.way = swallow;
  }

  /** Resets the client's side, and leaves the server in the dark. */
  resetClient(): void {
    this.swallow();
    this.#client.resetAndDestroy();
  }

  /** Resets the server's side, and leaves the client in the dark. */
  resetServer(): void {
    this.swallow();
    this.#server.resetAndDestroy();
  }

  /** Ends the stream to the client, and leaves the server in the dark. */
  endClient(): void {
    this.swallow();
    this.#client.end();
  }

  /** Ends the stream to the server, and leaves the client in the dark. */
  endServer(): void {
    this.swallow();
    this.#server.end();
  }

  /** Resets both sides. */
  reset(): void {
    this.resetClient();
    this.resetServer();
  }

  /** Ends the streams to both sides. */
  end(): void {
    this.endClient();
    this.endServer();
  }

  /** Waits, though no longer than the link is there. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#sleeping.delete(timer);
        resolve();
      }, ms);
      this.#sleeping.set(timer, resolve);
    });
  }

  /** Drops both sides. */
  async drop(): Promise<void> {
    this.swallow();
    for (const [timer, wake] of this.#sleeping) {
      clearTimeout(timer);
      wake();
    }
    await Promise.all([this.#client, this.#server].map((socket) => {
      if (socket.closed) return;
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.destroy();
      return closed;
    }));
  }
}

/** What becomes of a connection's bytes, from its first one on. */
export interface Ways {
  up?: Way;
  down?: Way;
}

/** The proxy. Everything that goes through it is gone at the end of the block. */
export class ChaosProxy implements AsyncDisposable {
  readonly port: number;
  /** The ways of the next connections, each in turn; those after them are left alone. */
  readonly plans: Ways[] = [];
  readonly links: Link[] = [];
  readonly #server;
  readonly #waiting: { n: number; resolve(link: Link): void }[] = [];

  private constructor(server: ReturnType<typeof createServer>, target: number) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (client) => {
      const far = connect({ port: target, host: "127.0.0.1", allowHalfOpen: true });
      this.links.push(new Link(client, far, this.plans.shift() ?? {}));
      for (const { n, resolve } of this.#waiting) {
        if (n === this.links.length) resolve(this.links[n - 1]!);
      }
    });
  }

  /** Listens on a free port of 127.0.0.1, before a server that listens there, too. */
  static async listen({ port }: { port: number }, ...plans: Ways[]): Promise<ChaosProxy> {
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const proxy = new ChaosProxy(server, port);
    proxy.plans.push(...plans);
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  /** The n-th connection, from 1. */
  link(n = 1): Promise<Link> {
    const link = this.links[n - 1];
    if (link !== undefined) return Promise.resolve(link);
    return new Promise((resolve) => this.#waiting.push({ n, resolve }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await Promise.all(this.links.map((link) => link.drop()));
    await closed;
  }
}
