import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { exchange } from "../helpers/http.ts";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { TestHost } from "../helpers/test_host.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, header, TEXT } from "../peers/raw.ts";

type Authorize = NonNullable<WebSocketServerConfig["authorize"]>;

/** A function that answers what its type forbids, or what no annotation is worth. */
const answering = (answer: (request: Request) => unknown) => answer as Authorize;

/** Answers at once, and on a later turn. */
const WAYS: Record<string, (answer: (request: Request) => unknown) => Authorize> = {
  "at once": (answer) => answering(answer),
  "later": (answer) => answering(async (request) => (await delay(100), answer(request))),
};

for (const [when, way] of Object.entries(WAYS)) {
  describe(`createWebSocketServer().start({ authorize }) that answers ${when}`, () => {
    it("lets in whom it answers true, and is shown the request", async () => {
      const seen: string[] = [];
      const authorize = way(({ url, method, headers }) => {
        seen.push(`${method} ${new URL(url).pathname} ${headers.get("cookie")}`);
        return true;
      });
      await using watched = await WatchedServer.start({ authorize });
      watched.echo();
      await using peers = new RawPeers(watched);
      const peer = await peers.connect({ line: "GET /room HTTP/1.1", headers: { cookie: "a=1" } });
      assertEquals((await watched.connected()).context, undefined);
      peer.send(TEXT, "hi");
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(peer.texts(), ["hi"]);
      assertEquals(seen, ["GET /room a=1"]);
      assertEquals(watched.log, ["connect", "message hi"]);
    });

    for (const [what, verdict] of [["true", true], ["a context", { name: "Ada" }]] as const) {
      it(`is told whose client it is, and may add headers to the answer: ${what}`, async () => {
        const authorize: Authorize = (request, { clientIP, clientPort, headers }) => {
          headers.set("x-who", `${clientIP} ${clientPort}`);
          return way(() => verdict)(request, { clientIP, clientPort, headers });
        };
        const clientAddress = () => "192.0.2.1";
        await using watched = await WatchedServer.start({ authorize, clientAddress }, {
          observer: { opened: () => {} },
        });
        await using peers = new RawPeers(watched);
        const { status, head } = await peers.handshake();
        const { clientIP, clientPort, context } = await watched.connected();
        assertEquals([status, clientIP], [101, "192.0.2.1"]);
        assertStringIncludes(head, `x-who: ${clientIP} ${clientPort}\r\n`);
        assertEquals(context, verdict === true ? undefined : verdict);
      });
    }

    it("refuses with the Response it answers: status, headers and body", async () => {
      const authorize = way(({ headers }) =>
        headers.has("cookie") || new Response("who are you?", {
          status: 401,
          headers: { "www-authenticate": "Bearer", "x-own": "1" },
        })
      );
      await using watched = await WatchedServer.start({ authorize, maxConnectionsForOneClient: 1 });
      await using peers = new RawPeers(watched);
      for (let n = 1; n <= 3; n++) {
        const { status, head, body } = await exchange(watched.port);
        assertEquals([status, body], [401, "who are you?"]);
        assertEquals([header(head, "www-authenticate"), header(head, "x-own")], ["Bearer", "1"]);
        assertEquals(watched.log.length, n);
      }
      await peers.connect({ headers: { cookie: "a=1" } }); // its room is free again
      await watched.connected();
      assertEquals(watched.log, [...Array(3).fill("error 200 401"), "connect"]);
      assertMatch(
        watched.errors[0]!.message,
        /^Websocket connect failed: 127\.0\.0\.1:\d+ was ref/,
      );
      assert(watched.errors[0]!.cause instanceof Error);
    });

    it("keeps the object it answers as the connection's context", async () => {
      const user = { name: "Ada", roles: ["admin"] };
      await using watched = await WatchedServer.start({ authorize: way(() => user) });
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      const connection = await watched.connected();
      assertStrictEquals<unknown>(connection.context, user);
      peer.send(TEXT, "hi");
      await watched.until(() => watched.messages.length === 1);
      assertStrictEquals(watched.messages[0]!.clientConnection, connection);
      assertStrictEquals(watched.server.listAllConnections()[0], connection);
      const { clientIP, clientPort } = connection;
      assertEquals(JSON.parse(JSON.stringify(connection)), { clientIP, clientPort });
      assert(Object.isFrozen(connection));
      // It is no part of who a connection is.
      assertEquals(await watched.server.send("yes", { clientIP, clientPort }), true);
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(await watched.server.close({ clientIP, clientPort }), true);
      await deadline(peer.next(CLOSE), LIMIT_MS);
      await watched.closed();
      assertStrictEquals(watched.closes[0]!.connection, connection);
    });

    const wrong = {
      "false": false,
      "undefined": undefined,
      "null": null,
      "1": 1,
      "text": "true",
      "an Error": new Error("no such user"),
      "an error of its own kind": new (class Denied extends TypeError {})("no"),
      "a DOMException": new DOMException("no", "NotAllowedError"),
      "an array": [],
      "a list of errors": [new Error("no")],
      "a function": () => true,
      "a class": class User {},
      "new Boolean(false)": Object(false),
      "new Number(401)": Object(401),
      "new String('no')": Object("no"),
      "a symbol as an object": Object(Symbol("no")),
      "a bigint as an object": Object(0n),
      "a Request": new Request("http://localhost/"),
      "Headers": new Headers(),
      "Response.error(), which no client can be sent": Response.error(),
      "a Response that says it has upgraded": new Response(null, { status: 101 }),
      "a Response with a control character in a header": new Response(null, {
        status: 401,
        headers: { "x-user": "Ada\x01" },
      }),
      "another library's Response": new (class {
        readonly status = 401;
        get [Symbol.toStringTag]() {
          return "Response";
        }
      })(),
      "a class of another library's Response": Object.create({
        status: 401,
        [Symbol.toStringTag]: "NextResponse",
      }),
    };
    for (const [what, answer] of Object.entries(wrong)) {
      it(`answers 500 when it answers ${what}, and goes on`, async () => {
        await assertFails(way(({ headers }) => headers.has("cookie") || answer), TypeError);
      });
    }

    it("answers 500 when it fails, and goes on", async () => {
      class Own extends Error {}
      const authorize = way(({ headers }) => {
        if (headers.has("cookie")) return true;
        throw new Own("no database");
      });
      const message = await assertFails(authorize, Own);
      assertMatch(message, /no database/);
    });
  });
}

/** Asserts that a client is answered 500 and reported; one with a cookie must get in. */
async function assertFails(authorize: Authorize, cause: new () => Error): Promise<string> {
  await using watched = await WatchedServer.start({ authorize, maxConnectionsForOneClient: 1 });
  await using peers = new RawPeers(watched);
  for (let n = 1; n <= 2; n++) {
    const { status, body } = await exchange(watched.port);
    assertEquals([status, body], [500, ""]); // and tells strangers nothing
  }
  await peers.connect({ headers: { cookie: "a=1" } });
  await watched.connected();
  assertEquals(watched.log, [...Array(2).fill("error 2302999 undefined"), "connect"]);
  const [error] = watched.errors;
  assert(error!.cause instanceof cause, String(error!.cause));
  assertMatch(error!.message, /^Websocket Unknown Other Error: 'authorize' failed: /);
  return error!.message;
}

describe("createWebSocketServer<Context>()", () => {
  it("types the context in every event", async () => {
    interface User {
      name: string;
    }
    const server = createWebSocketServer<User>();
    const names: string[] = [];
    const closed = new Promise<void>((resolve) => {
      server.on("connect", ({ context }) => names.push(context.name.toUpperCase()));
      server.on("messageReceive", (message) => {
        names.push(message.clientConnection.context.name.toLowerCase());
      });
      server.on("close", ({ context }, { code }) => {
        names.push(`${context.name} ${code}`);
        resolve();
      });
    });
    // @ts-expect-error an object is due, as the listeners count on it
    const careless: Parameters<typeof server.start>[0]["authorize"] = () => true;
    assertEquals(typeof careless, "function");
    try {
      await server.start({
        serverPort: 0,
        serverIP: "127.0.0.1",
        authorize: ({ url }) => ({ name: new URL(url).searchParams.get("name") ?? "nobody" }),
      });
      await using peers = new RawPeers({ port: server.address!.port });
      const peer = await peers.connect({ line: "GET /?name=Ada HTTP/1.1" });
      peer.send(TEXT, "hi");
      peer.close(3001);
      await deadline(closed, LIMIT_MS);
      assertEquals(names, ["ADA", "ada", "Ada 3001"]);
    } finally {
      await deadline(server.stop(), LIMIT_MS);
    }
  });
});

describe("createWebSocketServer({ authorize })", () => {
  const asked = (by: string, left: string[]) => () => {
    left.push(by);
    return { by };
  };

  it("is asked where `start` has none, and not where it has one", async () => {
    const calls: string[] = [];
    const server = createWebSocketServer({ authorize: asked("option", calls) });
    const contexts: { by: string }[] = [];
    server.on("connect", ({ context }) => contexts.push(context));
    for (const authorize of [undefined, asked("config", calls), undefined]) {
      await server.start({ serverPort: 0, serverIP: "127.0.0.1", authorize });
      await using peers = new RawPeers({ port: server.address!.port });
      await peers.connect();
      await deadline(server.stop(), LIMIT_MS);
    }
    assertEquals(calls, ["option", "config", "option"]);
    assertEquals(contexts.map(({ by }) => by), calls);
  });

  it("is a function, or `start` and `mount` refuse it", async () => {
    const server = createWebSocketServer({ authorize: 5 as unknown as () => object });
    for (const call of [server.start({ serverPort: 0 }), server.mount()]) {
      const { code, message } = await assertRejects(() => call, BusinessError);
      assertEquals(code, 401);
      assertMatch(message, /'authorize' must be a function/);
    }
  });

  it("refuses whom it does not know, in a host as well, unless that has its own", async () => {
    const server = createWebSocketServer({
      authorize: () => Promise.resolve(new Response("who are you?", { status: 401 })),
    });
    const pays = () => new Response(null, { status: 402 });
    for (const [authorize, status] of [[undefined, 401], [pays, 402]] as const) {
      const mount = await server.mount({ authorize });
      await using host = new TestHost(mount.fetch, { websocket: mount.websocket });
      assertEquals((await exchange(host.port)).status, status);
      await server.stop();
    }
  });
});

describe("createWebSocketServer().start({ authorize }) comes last", () => {
  const wrong: Record<number, Record<string, string | undefined>> = {
    400: { "sec-websocket-key": "x" },
    403: { origin: "http://elsewhere.example" },
    426: { "sec-websocket-version": "8" },
  };
  for (const [status, headers] of Object.entries(wrong)) {
    it(`and is not asked about what is answered ${status} anyway`, async () => {
      const paths: string[] = [];
      const authorize = answering(({ url }) => paths.push(new URL(url).pathname) > 0);
      await using watched = await WatchedServer.start({ authorize });
      await using peers = new RawPeers(watched);
      const line = "GET /wrong HTTP/1.1";
      assertEquals((await peers.handshake({ line, headers })).status, Number(status));
      assertEquals((await peers.handshake({ line, headers: { upgrade: undefined } })).status, 426);
      await peers.connect({ line: "GET /right HTTP/1.1" });
      assertEquals(paths, ["/right"]);
    });
  }
});

describe("a request that 'authorize' keeps", () => {
  it("has its headers on Bun, and none on Deno once it is answered: a known limit", async () => {
    let kept!: Request;
    const authorize: Authorize = (request) => (kept = request, true);
    await using watched = await WatchedServer.start({ authorize });
    await using peers = new RawPeers(watched);
    await peers.connect({ line: "GET /room HTTP/1.1", headers: { cookie: "a=1" } });
    await watched.connected();
    const read = () => kept.headers.get("cookie");
    if (onDeno) assertThrows(read, TypeError, "Request closed");
    else assertEquals(read(), "a=1");
    assertEquals(new URL(kept.url).pathname, "/room");
  });
});
