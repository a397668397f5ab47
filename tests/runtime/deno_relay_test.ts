/** The relay to an HTTP proxy, on a network that does what a test says. */

import { assertEquals, assertInstanceOf, assertMatch, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { RELAY_HOST } from "../../runtime/deno/relay.ts";
import { Conn, relaying } from "../helpers/scripted_relay.ts";

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

/** How long a head may be, with the blank line that ends it. */
const MAX_HEAD = 64 * 1024;

/** The head of an answer that accepts, so many bytes long. */
function headOf(length: number): string {
  const start = "HTTP/1.1 200 OK\r\nx: ";
  return start + "x".repeat(length - start.length);
}

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
    const { dialled, enter, relay } = relaying(proxy, { way: "https://[::1]" });
    const client = enter();
    await until(() => client.out === "yes");
    assertEquals(dialled, [["tcp", "::1", 443], ["tls", "::1"]]);
    relay.close();
    assertEquals([client.isClosed, proxy.isClosed], [true, true]);
  });

  it("says why where no TLS begins with a proxy, and lets go of it", async () => {
    const proxy = new Conn();
    const noTls = new TypeError("invalid TLS name");
    const { enter, relay } = relaying(proxy, { way: "https://-a", noTls });
    const client = enter();
    await until(() => client.isClosed && proxy.isClosed);
    assertEquals([relay.failure?.what, relay.failure?.cause], ["the TLS handshake failed", noTls]);
    // Where the proxy has reset it by then, Deno has closed it by itself.
    const gone = new Conn();
    gone.close = () => {
      throw new Error("Bad resource ID");
    };
    const other = relaying(gone, { way: "https://-a", noTls });
    const alone = other.enter();
    await until(() => alone.isClosed);
    assertEquals(other.relay.failure?.cause, noTls);
  });

  it("trusts the authorities it is told for such a proxy alone, and asks a plain one on port 80", async () => {
    for (
      const [way, ...asked] of [
        ["https://p:8443", ["tcp", "p", 8443], ["tls", "p", ["caCerts", ["PEM"]]]],
        ["http://p", ["tcp", "p", 80]],
      ] as const
    ) {
      const proxy = new Conn();
      const { dialled, enter, relay } = relaying(proxy, { way, ca: "PEM" });
      enter();
      await until(() => proxy.out.endsWith("\r\n\r\n"));
      assertEquals(dialled, asked);
      relay.close();
    }
  });

  it("listens for this machine alone, and each for another pass", () => {
    const { listened, relay } = relaying(new Conn());
    const other = relaying(new Conn()).relay;
    assertEquals(listened, [{ hostname: "127.0.0.1", port: 0 }]);
    assertEquals([relay.port, RELAY_HOST], [1234, "127.0.0.1"]);
    for (const { pass } of [relay, other]) assertMatch(pass, /^x-relay-[\da-f-]{36}$/);
    assertNotEquals(relay.pass, other.pass);
    for (const one of [relay, other]) one.close();
  });

  it("asks for the very host, port and path of the server, whatever stands in them", async () => {
    for (
      const [target, host, path] of [
        ["ws://server.example:8080/$&/$1?a=$`", "server.example:8080", "/$&/$1?a=$`"],
        ["ws://[::1]:81/", "[::1]:81", "/"],
        ["ws://[::1]/a", "[::1]:80", "/a"],
        ["ws://a?", "a:80", "/?"],
      ] as const
    ) {
      const proxy = new Conn().come("HTTP/1.1 200 OK\r\n\r\nyes");
      const { enter, relay } = relaying(proxy, { target });
      const client = enter("1", "x: Zo\xeb\r\n");
      await until(() => client.out === "yes");
      const connect = `CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n\r\n`;
      const request = `GET ${path} HTTP/1.1\r\nhost: a\r\nb: c\r\nx: Zo\xeb\r\n\r\n`;
      assertEquals(proxy.out, connect + request);
      relay.close();
    }
  });

  it("tells the proxy its user and password in UTF-8, where there is either", async () => {
    for (
      const [username, password, basic] of [
        ["me", "p\u00fc:\u20ac", "bWU6cMO8OuKCrA=="],
        ["me", "", "bWU6"],
        ["", "secret", "OnNlY3JldA=="],
      ] as const
    ) {
      const proxy = new Conn();
      const { enter, relay } = relaying(proxy, { credentials: { username, password } });
      enter();
      await until(() => proxy.out.endsWith("\r\n\r\n"));
      const line = `proxy-authorization: Basic ${basic}\r\n`;
      assertEquals(proxy.out, CONNECT.replace(/\r\n$/, () => `${line}\r\n`));
      relay.close();
    }
  });

  it("reads heads that come byte by byte, and passes on at once what comes behind them", async () => {
    const proxy = new Conn().come("HTTP/1.1 200 OK\r\nx: y\r\r\n\r\n");
    proxy.most = 1;
    const { enter, relay } = relaying(proxy);
    const client = enter();
    client.come("early");
    await until(() => proxy.out.endsWith("early"));
    assertEquals(proxy.out, `${CONNECT}${REQUEST}early`);
    proxy.come("late");
    await until(() => client.out === "late");
    relay.close();
  });

  it("waits for the last answer of a proxy, and knows a head whose lines end with a line feed alone", async () => {
    for (
      const answer of [
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n",
        "HTTP/1.0 200\nvia: a\r\n\n",
        "HTTP/1.1 200 OK\r\n\n",
      ]
    ) {
      for (const most of [1, Infinity]) {
        const proxy = new Conn().come(answer).come("\nyes");
        proxy.most = most;
        const { enter, relay } = relaying(proxy);
        const client = enter();
        await until(() => client.out === "\nyes");
        assertEquals([answer, proxy.out], [answer, CONNECT + REQUEST]);
        relay.close();
      }
    }
  });

  it("drops whoever comes without its pass, and waits for the one with it", async () => {
    const proxy = new Conn().come("HTTP/1.1 200 OK\r\n\r\nyes");
    const { come, enter, listener, relay } = relaying(proxy);
    for (const pass of ["", "0"]) {
      const stranger = enter(pass);
      await until(() => stranger.isClosed);
      assertEquals([listener.isClosed, proxy.out, stranger.out], [false, "", ""]);
    }
    const silent = new Conn();
    silent.over(); // it has gone with no word
    come(silent);
    await until(() => silent.isClosed);
    const [client, second] = [enter(), enter()];
    await until(() => client.out === "yes" && second.isClosed);
    assertEquals([second.out, proxy.out], ["", CONNECT + REQUEST]);
    relay.close();
    assertEquals([client.isClosed, proxy.isClosed], [true, true]);
  });

  for (
    const [answer, what] of [
      ["HTTP/1.1 407 Who\r\n\r\n", "the proxy answered with HTTP status 407"],
      ["HTTP/1.1 101 No\r\n\r\n", "the proxy answered with HTTP status 101"],
      [
        "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 403 No\r\n\r\n",
        "the proxy answered with HTTP status 403",
      ],
      ["HTTP/1.1 103 Wait\r\n\r\nSSH\r\n\r\n", "the server does not speak HTTP"],
      ["SSH HTTP/1.1 200 OK\r\n\r\n", "the server does not speak HTTP"],
      ["HTTP/1.1 2000 OK\r\n\r\n", "the server does not speak HTTP"],
      ["SSH-2.0\r\n\r\n", "the server does not speak HTTP"],
      ["x".repeat(64 * 1024), "the server does not speak HTTP"],
      [`${headOf(MAX_HEAD)}\r\n\r\n`, "the server does not speak HTTP"],
      ["HTTP/1.1 200 OK\r\n", "the connection was reset"],
    ] as const
  ) {
    it(`says why where the proxy answers ${JSON.stringify(answer.slice(0, 20))}`, async () => {
      const proxy = new Conn().come(answer);
      if (what.includes("reset")) proxy.over();
      const { enter, relay } = relaying(proxy);
      const client = enter();
      await until(() => client.isClosed && proxy.isClosed);
      assertEquals([relay.failure?.what, client.out], [what, ""]);
      assertInstanceOf(relay.failure?.cause, Error);
    });
  }

  it("takes a head of 64 KiB", async () => {
    const proxy = new Conn().come(`${headOf(MAX_HEAD - 4)}\r\n\r\n`).come("yes");
    const { enter, relay } = relaying(proxy);
    const client = enter();
    await until(() => client.out === "yes");
    relay.close();
  });

  it("says why where the proxy cannot be reached", async () => {
    const refused = Promise.reject(new TypeError("Connection refused (os error 111)"));
    const { enter, relay } = relaying(refused);
    const client = enter();
    await until(() => client.isClosed);
    assertEquals([relay.failure?.what, relay.failure?.status], ["connection refused", "0"]);
    assertInstanceOf(relay.failure?.cause, TypeError);
  });

  it("drops a proxy that answers only after it was closed", async () => {
    const { promise, resolve } = Promise.withResolvers<Conn>();
    const { dialled, enter, relay, signals } = relaying(promise);
    const client = enter();
    await until(() => dialled.length > 0);
    assertEquals(signals.map(({ aborted }) => aborted), [false]);
    relay.close();
    assertEquals([client.isClosed, signals[0]!.aborted], [true, true]);
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
      using time = new FakeTime();
      const ended = relay.end();
      await time.tickAsync(999);
      assertEquals([client.isClosed, proxy.isClosed], [!isStalled, !isStalled]);
      if (isStalled) await time.tickAsync(1);
      await ended;
      assertEquals(time.next(), false); // no timer is left
      assertEquals(proxy.out.endsWith("last words"), !isStalled);
      assertEquals([client.isClosed, proxy.isClosed], [true, true]);
    });
  }
});
