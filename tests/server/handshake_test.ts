import { assert, assertEquals, assertGreaterOrEqual, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig } from "../../mod.ts";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { acceptHead, header, type RawClientOptions, requestHead, TEXT } from "../peers/raw.ts";
import { INTERNAL, symbolOf } from "../runtime/bare.ts";

/** Asserts that a server serves, whatever it has been through. */
async function assertServes(watched: WatchedServer, peers: RawPeers, headers = {}): Promise<void> {
  const before = watched.messages.length;
  const peer = await peers.connect({ headers });
  peer.send(TEXT, "are you well");
  await watched.until(() => watched.messages.length > before);
  peer.socket.destroy();
}

/** Asserts that a handshake is refused with a status, as 'error' tells; gives the answer's head. */
async function assertAnswered(
  options: RawClientOptions,
  expected: number,
  config: Partial<WebSocketServerConfig> = {},
): Promise<string> {
  await using watched = await WatchedServer.start(config);
  await using peers = new RawPeers(watched);
  const { status, head } = await peers.handshake(options);
  assertEquals(status, expected, head);
  await watched.until(() => watched.errors.length === 1);
  assertEquals(watched.log, [`error 200 ${expected}`]);
  const [error] = watched.errors;
  assertStringIncludes(error!.message, "Websocket connect failed: 127.0.0.1:");
  assert(error!.cause instanceof Error);
  const { protocol } = config;
  await assertServes(watched, peers, protocol ? { "sec-websocket-protocol": protocol } : {});
  return head;
}

describe("a handshake with the server", () => {
  it("is answered with 101 and the right Sec-WebSocket-Accept, and no extension", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const key = "dGhlIHNhbXBsZSBub25jZQ==";
    const { status, head } = await peers.handshake({
      headers: {
        "sec-websocket-key": key,
        "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
      },
    });
    assertEquals(status, 101);
    const accept = header(acceptHead(`sec-websocket-key: ${key}`), "sec-websocket-accept");
    assertEquals(header(head, "sec-websocket-accept"), accept);
    assertEquals(header(head, "upgrade").toLowerCase(), "websocket");
    assertEquals(header(head, "connection").toLowerCase(), "upgrade");
    assertEquals(header(head, "sec-websocket-extensions"), "");
    await watched.connected();
  });

  for (const asks of [false, true]) {
    const who = asks ? "'authorize'" : "nobody";
    it(`leaves the request's signal as the runtime has it, where ${who} asks for it`, async () => {
      let request!: Request & Record<symbol, unknown>;
      let signal: AbortSignal | undefined;
      const authorize = (asked: Request) => {
        request = asked as typeof request;
        if (asks) signal = asked.signal;
        return true as const;
      };
      await using watched = await WatchedServer.start({ authorize });
      await using peers = new RawPeers(watched);
      await assertServes(watched, peers);
      const kept = symbolOf(request, INTERNAL.signal); // on Deno: it was made for the asking alone
      if (onDeno) assertEquals(request[kept!], signal ?? false);
      assertEquals(request.signal.aborted, onDeno);
      if (asks) assertEquals(request.signal, signal);
    });
  }

  it("may have any path, any case, and more in Connection", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    await peers.connect({ line: "GET /any/path?and=query&x=%20 HTTP/1.1" });
    await peers.connect({ headers: { upgrade: "WebSocket", connection: "keep-alive, UPGRADE" } });
    await peers.connect({ headers: { connection: "upgrade,keep-alive" } });
    await peers.connect({ headers: { origin: "http://127.0.0.1", cookie: "a=1; b=2" } });
    await watched.connected(4);
    assertEquals(watched.errors, []);
  });

  it("may come in pieces", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const socket = await peers.tcp();
    socket.setNoDelay(true);
    const answered = new Promise<string>((resolve) => {
      socket.once("data", (chunk) => resolve(String(chunk)));
    });
    for (const piece of requestHead(watched.port).match(/[^]{1,40}/g)!) {
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    }
    assertStringIncludes(await deadline(answered, LIMIT_MS), "HTTP/1.1 101");
    await watched.connected();
  });

  for (const version of [undefined, "", "8", "12", "14", "013", "13, 8", "x"]) {
    it(`is refused with 426 that names 13 when its version is ${version}`, async () => {
      const head = await assertAnswered({ headers: { "sec-websocket-version": version } }, 426);
      assertEquals(header(head, "sec-websocket-version"), "13");
    });
  }

  const keys = {
    "left out": undefined,
    "empty": "",
    "of 15 bytes": "AAAAAAAAAAAAAAAAAAAA",
    "of 17 bytes": "AAAAAAAAAAAAAAAAAAAAAAA=",
    "no Base64": "!!!!!!!!!!!!!!!!!!!!!!==",
    "without padding": "dGhlIHNhbXBsZSBub25jZQ",
    "two": "dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  };
  for (const [what, key] of Object.entries(keys)) {
    it(`is refused with 400 when its key is ${what}`, async () => {
      await assertAnswered({ headers: { "sec-websocket-key": key } }, 400);
    });
  }

  for (const connection of [undefined, "keep-alive", "upgraded", "close"]) {
    it(`is refused with 400 when Connection is ${connection}`, async () => {
      await assertAnswered({ headers: { connection } }, 400);
    });
  }

  it("is refused when it is a POST", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    for (const method of ["POST", "PUT", "HEAD"]) {
      const headers = method === "HEAD" ? {} : { "content-length": "0" };
      const { status } = await peers.handshake({ line: `${method} / HTTP/1.1`, headers });
      assertGreaterOrEqual(status, 400); // the runtimes' parsers refuse some of these themselves
    }
    assertEquals(watched.connections, []);
    await assertServes(watched, peers);
  });

  it("is none when it asks for no upgrade: 426, and no 'error'", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const plain = { connection: undefined, upgrade: undefined };
    for (const headers of [plain, { upgrade: undefined }, { upgrade: "h2c" }]) {
      const { status, head } = await peers.handshake({ headers });
      assertEquals(status, 426);
      assertEquals(header(head, "upgrade").toLowerCase(), "websocket");
    }
    const answer = await fetch(`http://127.0.0.1:${watched.port}/favicon.ico`);
    assertEquals(answer.status, 426);
    await answer.text();
    assertEquals(watched.log, []);
    await assertServes(watched, peers);
  });

  it("does no harm when it is none at all", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const rubbish = [
      "\r\n\r\n",
      "hello\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      `GET /${"a".repeat(100_000)} HTTP/1.1\r\n\r\n`,
      requestHead(watched.port, { headers: { "x-long": "a".repeat(200_000) } }),
      requestHead(watched.port, { headers: { "sec-websocket-protocol": ",,, ,\t," } }),
      "GET / HTTP/1.1\r\nno colon\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3),
      new Uint8Array(4096),
    ];
    for (const bytes of rubbish) {
      const socket = await peers.tcp();
      socket.end(bytes);
      socket.resume();
    }
    for (let i = 0; i < rubbish.length; i++) await assertServes(watched, peers);
    await watched.until(() => watched.closes.length === watched.connections.length);
  });
});

describe("createWebSocketServer().start({ protocol })", () => {
  for (const offer of ["chat", "chat,other", "other,chat", "other, chat", "a , chat ,b"]) {
    it(`chooses it when ${JSON.stringify(offer)} is offered`, async () => {
      await using watched = await WatchedServer.start({ protocol: "chat" });
      await using peers = new RawPeers(watched);
      const { head } = await peers.connect({ headers: { "sec-websocket-protocol": offer } });
      assertEquals(header(head, "sec-websocket-protocol"), "chat");
      assertEquals(head.match(/^sec-websocket-protocol:/gim)?.length, 1);
      await assertServes(watched, peers, { "sec-websocket-protocol": offer });
    });
  }

  it("chooses it when it is offered in a second header line", async () => {
    await using watched = await WatchedServer.start({ protocol: "chat" });
    await using peers = new RawPeers(watched);
    const offer = "other\r\nsec-websocket-protocol: chat";
    const { head } = await peers.connect({ headers: { "sec-websocket-protocol": offer } });
    assertEquals(header(head, "sec-websocket-protocol"), "chat");
  });

  for (const offer of [undefined, "", "other", "Chat", "chat2", "cha", "x-chat, chat/1"]) {
    it(`refuses with 400 when ${JSON.stringify(offer)} is offered`, async () => {
      const headers = { "sec-websocket-protocol": offer };
      await assertAnswered({ headers }, 400, { protocol: "chat" });
    });
  }

  for (const protocol of [undefined, ""]) {
    it(`chooses none when it is ${JSON.stringify(protocol)}, whatever is offered`, async () => {
      await using watched = await WatchedServer.start(protocol === undefined ? {} : { protocol });
      await using peers = new RawPeers(watched);
      for (const offer of [undefined, "chat", "chat,other", "chat, other"]) {
        const { head } = await peers.connect({ headers: { "sec-websocket-protocol": offer } });
        assert(!/^sec-websocket-protocol/im.test(head), head);
      }
      await watched.connected(4);
      assertEquals(watched.errors.map(({ kind }) => kind), ["noSubprotocol"]);
    });
  }
});
