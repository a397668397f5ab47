/**
 * Handshakes that break RFC 6455 §4.1 or the HTTP below it, beyond those of
 * `tests/server/handshake_test.ts`. Each is refused, or taken where it does no harm; a client that was
 * there before and one that comes afterwards are served. Where the runtimes' parsers differ, both
 * are pinned: Deno 2.9.6 and Bun 1.4.5.
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { HERE } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { frame, type RawPeer, requestHead, TEXT } from "../peers/raw.ts";

type Verdict = "refused" | "taken";
type Verdicts = Verdict | { deno: Verdict; bun: Verdict };
type Case = [what: string, request: (port: number) => string, verdict: Verdicts];

/** The runtimes' parsers disagree. */
const ONLY_DENO = { deno: "taken", bun: "refused" } as const;
const ONLY_BUN = { deno: "refused", bun: "taken" } as const;

function line(line: string): (port: number) => string {
  return (port) => requestHead(port, { line });
}

function headers(headers: Record<string, string | undefined>): (port: number) => string {
  return (port) => requestHead(port, { headers });
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

const firstLines: Case[] = [
  // RFC 6455 §4.2.1 wants HTTP/1.1 at least; neither runtime shows a request's version.
  ["of HTTP/1.0", line("GET / HTTP/1.0"), "taken"],
  ["of HTTP/1.2", line("GET / HTTP/1.2"), "refused"],
  ["of HTTP/2.0", line("GET / HTTP/2.0"), "refused"],
  ["of HTTP/0.9", () => "GET /\r\n\r\n", "refused"],
  ["of no version", line("GET /"), "refused"],
  ["of http in lower case", line("GET / http/1.1"), "refused"],
  ["with a method in lower case", line("get / HTTP/1.1"), "refused"],
  ["with a method that nobody knows", line("FETCH / HTTP/1.1"), "refused"],
  ["with OPTIONS", line("OPTIONS / HTTP/1.1"), "refused"],
  ["with CONNECT", line("CONNECT 127.0.0.1:80 HTTP/1.1"), "refused"],
  ["with DELETE", line("DELETE / HTTP/1.1"), "refused"],
  ["with two blanks", line("GET  /  HTTP/1.1"), "refused"],
  ["with tabs", line("GET\t/\tHTTP/1.1"), "refused"],
  ["with no target", line("GET HTTP/1.1"), "refused"],
  ["with the target *", line("GET * HTTP/1.1"), "refused"],
  ["with a target that is a host", line("GET 127.0.0.1:80 HTTP/1.1"), "refused"],
  ["with a target that has no slash", line("GET x HTTP/1.1"), "refused"],
  ["with a target that is a URL", line("GET http://127.0.0.1/ HTTP/1.1"), "taken"],
  ["with a NUL in its target", line("GET /\0 HTTP/1.1"), "refused"],
  ["with a byte over 127 in its target", line("GET /\xff HTTP/1.1"), ONLY_BUN],
  ["after blank lines", (port) => `\r\n\r\n${requestHead(port)}`, ONLY_DENO],
  ["after a blank", (port) => ` ${requestHead(port)}`, "refused"],
];

const syntax: Case[] = [
  ["with bare line feeds", (port) => requestHead(port).replaceAll("\r\n", "\n"), ONLY_DENO],
  ["with bare carriage returns", (port) => requestHead(port).replaceAll("\r\n", "\r"), "refused"],
  [
    "with a blank before a colon",
    (port) => requestHead(port).replace("upgrade:", "upgrade :"),
    "refused",
  ],
  ["with a header that has no colon", headers({ "x-a": "1\r\nnone" }), "refused"],
  ["with a header that has no name", headers({ "x-a": "1\r\n: x" }), "refused"],
  ["with a bad header name", headers({ "x(a)": "1" }), "refused"],
  ["with a header name beyond ASCII", headers({ "x\xe9": "1" }), "refused"],
  ["with a header over two lines", headers({ "x-a": "1\r\n 2" }), "refused"],
  ["with Upgrade over two lines", headers({ upgrade: "\r\n websocket" }), "refused"],
  ["with a NUL in a header", headers({ "x-a": "a\0b" }), "refused"],
  ["with a carriage return in a header", headers({ "x-a": "a\rb" }), "refused"],
  ["with a DEL in a header", headers({ "x-a": "a\x7fb" }), ONLY_BUN],
];

const fields: Case[] = [
  // RFC 9112 §3.2 has a server refuse these.
  ["with no Host", headers({ host: undefined }), "refused"],
  ["with two Hosts", headers({ host: "a\r\nhost: b" }), "refused"],
  ["with an empty Host", headers({ host: "" }), "refused"],
  ["with Upgrade: websocket/13", headers({ upgrade: "websocket/13" }), "refused"],
  ["with Upgrade: websockets", headers({ upgrade: "websockets" }), "refused"],
  ["with Upgrade in quotes", headers({ upgrade: '"websocket"' }), "refused"],
  ["with two Upgrades", headers({ upgrade: "websocket\r\nupgrade: websocket" }), "taken"],
  ["with h2c in Upgrade, too", headers({ upgrade: "h2c, websocket" }), "taken"],
  ["with two Connections", headers({ connection: "keep-alive\r\nconnection: upgrade" }), "taken"],
  ["with close in Connection, too", headers({ connection: "upgrade, close" }), "taken"],
  [
    "with two versions",
    headers({ "sec-websocket-version": "13\r\nsec-websocket-version: 13" }),
    "refused",
  ],
  ["with version 13.0", headers({ "sec-websocket-version": "13.0" }), "refused"],
  ["with version +13", headers({ "sec-websocket-version": "+13" }), "refused"],
  ["with blanks around its key", headers({ "sec-websocket-key": `  ${KEY}  ` }), "taken"],
  ["with a blank in its key", headers({ "sec-websocket-key": KEY.replace("b", " ") }), "refused"],
  [
    "with a key of the URLs' alphabet",
    headers({ "sec-websocket-key": KEY.replace("b", "_") }),
    "refused",
  ],
  [
    "with bits left over in its key",
    headers({ "sec-websocket-key": KEY.replace("Q==", "R==") }),
    "refused",
  ],
  ["with a key of 10 kB", headers({ "sec-websocket-key": `${"A".repeat(10_000)}==` }), "refused"],
  ["with garbage for extensions", headers({ "sec-websocket-extensions": ';;=,,,"' }), "taken"],
  [
    "with 200 extensions",
    headers({ "sec-websocket-extensions": "deflate; x=1,".repeat(200) }),
    "taken",
  ],
  ["with garbage for subprotocols", headers({ "sec-websocket-protocol": ';;=,,,"' }), "refused"],
  ["with a blank in a subprotocol", headers({ "sec-websocket-protocol": "a, b c" }), "refused"],
  ["with a subprotocol in Latin-1", headers({ "sec-websocket-protocol": "a, \xe9" }), "refused"],
  ["with a subprotocol twice", headers({ "sec-websocket-protocol": "a, a" }), "taken"],
  ["with no subprotocol in the list", headers({ "sec-websocket-protocol": ", ," }), "taken"],
  ["with garbage for Origin", headers({ origin: ":::" }), "refused"],
  ["with the origin null", headers({ origin: "null" }), "refused"],
  ["that expects 100-continue", headers({ expect: "100-continue" }), "taken"],
];

const bodies: Case[] = [
  ["with an empty body", headers({ "content-length": "0" }), ONLY_BUN],
  ["with a body", (port) => `${headers({ "content-length": "5" })(port)}hello`, ONLY_BUN],
  [
    "with an empty chunked body",
    (port) => `${headers({ "transfer-encoding": "chunked" })(port)}0\r\n\r\n`,
    ONLY_BUN,
  ],
  ["with a length that is no number", headers({ "content-length": "x" }), "refused"],
  ["with a length below 0", headers({ "content-length": "-1" }), "refused"],
  ["with two lengths", headers({ "content-length": "0\r\ncontent-length: 5" }), "refused"],
  [
    "both chunked and with a length",
    headers({ "content-length": "5", "transfer-encoding": "chunked" }),
    "refused",
  ],
  ["with a coding that nobody knows", headers({ "transfer-encoding": "nonsense" }), "refused"],
];

const many = (n: number) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [`x-${i}`, "a"]));

const sizes: Case[] = [
  ["with 90 headers", headers(many(90)), "taken"],
  ["with 1,000 headers", headers(many(1000)), "refused"],
  ["with 10,000 headers", headers(many(10_000)), "refused"],
  ["with a header of 15 kB", headers({ "x-a": "a".repeat(15_000) }), "taken"],
  ["with a header of 20 kB", headers({ "x-a": "a".repeat(20_000) }), ONLY_DENO],
  ["with a header of 500 kB", headers({ "x-a": "a".repeat(500_000) }), "refused"],
  ["with a target of 20 kB", line(`GET /${"a".repeat(20_000)} HTTP/1.1`), ONLY_DENO],
  ["with a target of 500 kB", line(`GET /${"a".repeat(500_000)} HTTP/1.1`), "refused"],
];

/** Asserts that a server echoes to a peer. */
async function assertEchoes(peer: RawPeer, text: string): Promise<void> {
  peer.send(TEXT, text);
  await deadline(peer.next(TEXT), LIMIT_MS);
  assertEquals(peer.texts(), [text]);
}

/** Sends bytes as they are; gives the status of the last answer, 0 where there is none. */
async function statusOf(peers: RawPeers, bytes: string): Promise<number> {
  const socket = await peers.tcp();
  const answered = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      // 100 is an answer before the answer.
      const head = text.replace(/^HTTP\/1\.1 100 [^]*?\r\n\r\n/, "");
      if (head.includes("\r\n\r\n")) resolve(head);
    });
    socket.once("close", () => resolve(text));
  });
  socket.write(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(await deadline(answered, LIMIT_MS))?.[1] ?? 0);
}

for (const [topic, cases] of Object.entries({ firstLines, syntax, fields, bodies, sizes })) {
  describe(`a handshake with the server (${topic})`, () => {
    for (const [what, request, verdicts] of cases) {
      const verdict = typeof verdicts === "string" ? verdicts : verdicts[HERE];
      it(`is ${verdict} ${what}, and others are served`, async () => {
        await using watched = await WatchedServer.start();
        watched.echo();
        await using peers = new RawPeers(watched);
        const before = await peers.connect();
        await watched.connected();
        const status = await statusOf(peers, request(watched.port));
        if (verdict === "taken") {
          assertEquals(status, 101);
          await watched.connected(2);
          // The hint that the server has no subprotocols is told where one is offered.
          const log = watched.log.filter((line) => line !== "error 2302999 undefined");
          assertEquals(log, ["connect", "connect"]);
        } else {
          if (status !== 0) assertGreaterOrEqual(status, 400);
          // The module tells of those it refuses, the runtime's parser does not.
          const told = watched.log.slice(1);
          assert(told.length === 0 || `${told}` === `error 200 ${status}`, `${told}`);
        }
        await assertEchoes(before, "still served");
        await assertEchoes(await peers.connect(), "and so are new ones");
        assertEquals(watched.connections.length, verdict === "taken" ? 3 : 2);
        assertEquals(watched.closes, []);
      });
    }
  });
}

describe("a handshake with more behind it", () => {
  async function send(bytes: (port: number) => Uint8Array): Promise<string[]> {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const socket = await peers.tcp();
    socket.resume();
    socket.write(bytes(watched.port));
    await watched.until(() => watched.messages.length + watched.closes.length > 0);
    await assertEchoes(await (watched.echo(), peers.connect()), "others are served");
    return watched.log.slice(0, -2);
  }
  const join = (head: string, tail: Uint8Array) =>
    Uint8Array.from([...new TextEncoder().encode(head), ...tail]);

  it("is taken with a message, which is heard", async () => {
    const early = frame(TEXT, "early", { mask: true });
    const log = await send((port) => join(requestHead(port), early));
    assertEquals(log, ["connect", "message early"]);
  });

  it("is taken with another handshake, which is no frame: the peer is lost", async () => {
    const log = await send((port) => join(requestHead(port) + requestHead(port), new Uint8Array()));
    assertEquals(log, ["connect", "error 200 0", "close 1006 The link is down"]);
  });
});
