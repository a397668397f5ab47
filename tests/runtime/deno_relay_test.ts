/** The relay to an HTTP proxy, on a network that does what a test says. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type DenoNet, Relay } from "../../runtime/deno/relay.ts";

const encoder = new TextEncoder();

/** One end of a connection: what comes in is what a test says; what goes out is kept. */
class Conn {
  readonly #waiting: (() => void)[] = [];
  #coming = new Uint8Array();
  #isOver = false;
  out = "";
  isClosed = false;
  hasEnded = false;
  /** Whether what is written is not taken. */
  isStalled = false;

  come(text: string): this {
    this.#coming = Uint8Array.from([...this.#coming, ...encoder.encode(text)]);
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
    const part = this.#coming.slice(0, buffer.length);
    this.#coming = this.#coming.slice(part.length);
    buffer.set(part);
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.isStalled) {
      return new Promise((_, reject) => this.#waiting.push(() => reject(new Error("closed"))));
    }
    const part = bytes.slice(0, 7); // never all at once
    this.out += new TextDecoder().decode(part);
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

/** A relay to `proxy`, and how clients come to it. */
function relaying(proxy: Promise<Conn> | Conn, way = "http://proxy.example:3128") {
  const clients: Conn[] = [];
  let wake = () => {};
  const dialled: unknown[] = [];
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
  const connect = (how: string) => ({ hostname, port }: { hostname: string; port: number }) => {
    dialled.push([how, hostname, port]);
    return Promise.resolve(proxy);
  };
  const net = { listen: () => listener, connect: connect("tcp"), connectTls: connect("tls") };
  const relay = new Relay(
    net as unknown as DenoNet,
    new URL("ws://server.example/chat?x=1"),
    { url: way, username: "", password: "" },
  );
  return {
    dialled,
    listener,
    relay,
    /** A client comes, with the pass or without. */
    enter(hasPass = true): Conn {
      const pass = hasPass ? `${relay.pass}: 1\r\n` : "";
      const client = new Conn().come(
        `GET http://server.example/chat?x=1 HTTP/1.1\r\nhost: a\r\n${pass}b: c\r\n\r\n`,
      );
      clients.push(client);
      wake();
      return client;
    },
  };
}

/** Waits until something is as it should be, which takes a few turns. */
async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 5000;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within 5 s: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const CONNECT = "CONNECT server.example:80 HTTP/1.1\r\nhost: server.example:80\r\n\r\n";
const REQUEST = "GET /chat?x=1 HTTP/1.1\r\nhost: a\r\nb: c\r\n\r\n";

describe("Relay", () => {
  it("asks for a tunnel, and passes on all that comes, either way", async () => {
    for (const answer of ["HTTP/1.1 200 OK", "HTTP/1.0 204 Yes", "HTTP/1.1 200 OK\r"]) {
      const proxy = new Conn().come(`${answer}\r\n\r\nearly`);
      const { dialled, enter, listener, relay } = relaying(proxy);
      const client = enter();
      await until(() => client.out === "early");
      assertEquals([proxy.out, listener.isClosed], [CONNECT + REQUEST, true]);
      assertEquals(dialled, [["tcp", "proxy.example", 3128]]);
      client.come("up");
      proxy.come("down");
      await until(() => client.out === "earlydown" && proxy.out.endsWith("up"));
      client.over();
      await until(() => proxy.hasEnded);
      proxy.over();
      await until(() => client.isClosed && proxy.isClosed);
      assertEquals(relay.failure, undefined);
    }
  });

  it("speaks TLS to a proxy that is https, on port 443 unless set", async () => {
    const proxy = new Conn().come("HTTP/1.1 200 OK\r\n\r\nyes");
    const { dialled, enter, relay } = relaying(proxy, "https://[::1]");
    const client = enter();
    await until(() => client.out === "yes");
    assertEquals(dialled, [["tls", "::1", 443]]);
    relay.close();
  });

  it("drops whoever comes without its pass, and waits for the one with it", async () => {
    const proxy = new Conn().come("HTTP/1.1 200 OK\r\n\r\nyes");
    const { enter, listener, relay } = relaying(proxy);
    const stranger = enter(false);
    await until(() => stranger.isClosed);
    assertEquals([listener.isClosed, proxy.out, stranger.out], [false, "", ""]);
    const client = enter();
    await until(() => client.out === "yes");
    relay.close();
    assertEquals([client.isClosed, proxy.isClosed], [true, true]);
  });

  for (
    const [answer, what] of [
      ["HTTP/1.1 407 Who\r\n\r\n", "the proxy answered with HTTP status 407"],
      ["HTTP/1.1 199 No\r\n\r\n", "the proxy answered with HTTP status 199"],
      ["SSH-2.0\r\n\r\n", "the server does not speak HTTP"],
      ["x".repeat(64 * 1024), "the server does not speak HTTP"],
    ] as const
  ) {
    it(`says why where the proxy answers ${JSON.stringify(answer.slice(0, 20))}`, async () => {
      const proxy = new Conn().come(answer);
      const { enter, relay } = relaying(proxy);
      const client = enter();
      await until(() => client.isClosed && proxy.isClosed);
      assertEquals([relay.failure?.what, client.out], [what, ""]);
    });
  }

  it("drops a proxy that answers only after it was closed", async () => {
    const { promise, resolve } = Promise.withResolvers<Conn>();
    const { dialled, enter, relay } = relaying(promise);
    const client = enter();
    await until(() => dialled.length > 0);
    relay.close();
    assertEquals(client.isClosed, true);
    const proxy = new Conn();
    resolve(proxy);
    await until(() => proxy.isClosed);
  });

  for (const isStalled of [false, true]) {
    it(`passes on what the client sent before the end, ${isStalled ? "for a second at most" : "and ends"}`, async () => {
      const proxy = new Conn().come("HTTP/1.1 200 OK\r\n\r\nyes");
      const { enter, relay } = relaying(proxy);
      const client = enter();
      await until(() => client.out === "yes");
      proxy.isStalled = isStalled;
      client.come("last words").over();
      const began = performance.now();
      await relay.end();
      const isEarly = isStalled && performance.now() - began < 950;
      assertEquals([isEarly, proxy.out.endsWith("last words")], [false, !isStalled]);
      assertEquals([client.isClosed, proxy.isClosed], [true, true]);
    });
  }
});
