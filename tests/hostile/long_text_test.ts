/** Every function that reads what a peer has written, before 100 KB made to keep its patterns busy. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import {
  backoff,
  readReconnectPolicy,
  type ReconnectPolicy,
} from "../../client/reconnect_policy.ts";
import { hasNoHost, urlError } from "../../client/url.ts";
import { fromWire } from "../../internal/close_frame.ts";
import { describe as describeValue, describeUrl, quoteAll } from "../../internal/describe.ts";
import { isToken, readProtocols } from "../../internal/validate.ts";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { readFailure } from "../../runtime/failures.ts";
import { proxyFault, proxyFor } from "../../runtime/proxy.ts";
import { originAllowed } from "../../server/origin.ts";
import { readOffer } from "../../server/subprotocols.ts";
import { handshakeFault, isUpgrade } from "../../server/upgrade_request.ts";
import { EventLog, within } from "../helpers/client.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { closePayload, rawConnect, RawServer } from "../peers/raw.ts";

const SIZE = 100_000;

/** For how long reading any of it may keep a core busy, in ms: where it is linear much less, else minutes. */
const LIMIT_MS = 500;

/** A beginning, something that is repeated, and an end that fits nothing. */
const NASTY: [name: string, text: string][] = [
  ["blanks", `1${" ".repeat(SIZE)}x`],
  ["digits", `${"1".repeat(SIZE)}x`],
  ["numbers", `${"1 ".repeat(SIZE / 2)}x`],
  ["hints", `${"retry after ".repeat(SIZE / 12)}x`],
  ["commas", `${",".repeat(SIZE)}(`],
  ["items", `${"a, ".repeat(SIZE / 3)}(`],
  ["tabs", `${"\t".repeat(SIZE)}(`],
  ["letters", `${"a".repeat(SIZE)}(`],
  ["words of a proxy's failure", "Proxy ".repeat(SIZE / 6)],
  ["words of failures", "status code: connection error ".repeat(SIZE / 30)],
  ["ats", `ws://${"@".repeat(SIZE)}`],
  ["slashes", `ws:${"/".repeat(SIZE)}`],
  ["colons", `ws://${":".repeat(SIZE)}x`],
  ["brackets", `ws://${"[".repeat(SIZE)}`],
  ["quoted URLs", "ws://a".repeat(SIZE / 6)],
  ["line ends", "\r\n".repeat(SIZE / 2)],
];

const policy = readReconnectPolicy(true) as ReconnectPolicy;

/** A request with a header that is not sent by anybody's rules, where it can be made at all. */
function request(name: string, value: string): Request | undefined {
  try {
    return new Request("http://localhost/", { headers: { [name]: value } });
  } catch {
    return undefined; // no peer can send that either
  }
}

const READERS: [name: string, read: (text: string) => unknown][] = [
  ["the reason of a Close frame", (text) => fromWire(1012, text)],
  ["a retry hint", (reason) => backoff(policy, 1, { code: 1012, reason }, 0)],
  ["a runtime's words", (text) => readFailure(text, new Error(text))],
  ["a URL", (text) => [urlError(text), hasNoHost(text), describeUrl(text)]],
  ["a value", (text) => [describeValue(text), describeValue(new Error(text))]],
  ["a validator's words", (text) => quoteAll(Array(1000).fill(text))],
  ["a token", (text) => [isToken(text), readProtocols(text)]],
  ["a proxy's environment", (text) => [
    proxyFor(new URL("ws://localhost/"), "system", { http_proxy: text, no_proxy: text }),
    proxyFault(new URL("ws://localhost/"), "system", { http_proxy: text }),
  ]],
  ...["upgrade", "connection", "sec-websocket-version", "sec-websocket-key"].map((name) =>
    [`the header ${name}`, (text: string) => {
      const asked = request(name, text);
      return asked && [isUpgrade(asked), handshakeFault(asked)];
    }] as [string, (text: string) => unknown]
  ),
  ["the header sec-websocket-protocol", (text) => {
    const asked = request("sec-websocket-protocol", text);
    return asked && readOffer(asked.headers.get("sec-websocket-protocol"));
  }],
  ["the header origin", (text) => {
    const asked = request("origin", text);
    return asked && originAllowed(asked, "same-host");
  }],
];

describe("what reads the text of others", () => {
  for (const [name, read] of READERS) {
    it(`takes no time for 100 KB made to keep it busy: ${name}`, () => {
      for (const [what, text] of NASTY) {
        const before = process.cpuUsage();
        read(text);
        const { user, system } = process.cpuUsage(before);
        assertLess((user + system) / 1000, LIMIT_MS, what);
      }
    });
  }
});

describe("a Close frame with a reason of 60 KB", () => {
  // Deno takes it, Bun drops the connection (2.9.6, 1.4.5): if it is told, then no more than 123 bytes.
  const reason = `1${" ".repeat(60_000)}x`;

  it("keeps no client busy, and is told cut", async () => {
    const server = await RawServer.listen();
    try {
      const ws = createWebSocket({ reconnect: { attempts: 1 } });
      const log = new EventLog(ws);
      await within(ws.connect(server.url));
      const peer = await within(server.accept());
      await log.next("open");
      const watch = new Stopwatch();
      peer.send(8, closePayload(1012, reason));
      const [, { code, reason: told }] = await log.next("close") as [
        unknown,
        { code: number; reason: string },
      ];
      watch.assertLess(1000);
      assertMatch(String(code), /^1012$|^1006$/);
      assertEquals(told, code === 1012 ? reason.slice(0, 123) : "The link is down");
      void ws.close();
      await within(ws.closed.catch(() => {}));
    } finally {
      await server.close();
    }
  });

  it("is told cut by a server", async () => {
    const server = createWebSocketServer();
    const closed = new Promise<{ code: number; reason: string }>((resolve) => {
      server.on("close", (_, close) => resolve(close));
    });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const peer = await within(rawConnect(server.address!.port));
    peer.send(8, closePayload(4000, "€".repeat(20_000)));
    const { code, reason } = await deadline(closed, 30_000);
    assertEquals(reason, code === 4000 ? "€".repeat(41) : "The link is down");
    peer.socket.destroy();
    await server.stop();
  });
});
