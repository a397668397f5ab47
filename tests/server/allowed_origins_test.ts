import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";

/** Asserts what becomes of pages of some origins, of one server; `undefined` sends no `Origin`. */
async function assertStatuses(
  allowedOrigins: WebSocketServerConfig["allowedOrigins"],
  expected: [origin: string | undefined, status: number, host?: string][],
): Promise<void> {
  const config = allowedOrigins === undefined ? {} : { allowedOrigins };
  await using watched = await WatchedServer.start({ ...config, maxConnectionsForOneClient: 50 });
  await using peers = new RawPeers(watched);
  const log: string[] = [];
  for (const [origin, expectedStatus, host] of expected) {
    const headers = { origin, ...(host === undefined ? {} : { host }) };
    const { status } = await peers.handshake({ headers });
    assertEquals([origin, status], [origin, expectedStatus]);
    log.push(status === 101 ? "connect" : `error 200 ${status}`);
    await watched.until(() => watched.log.length >= log.length);
  }
  assertEquals(watched.log, log);
  for (const { message } of watched.errors) assertMatch(message, /was refused with 403: .*origin/);
}

const SAME_HOST: [string | undefined, number, string?][] = [
  [undefined, 101], // no browser
  ["http://127.0.0.1", 101],
  ["http://127.0.0.1:1", 101],
  ["https://127.0.0.1:8443", 101],
  ["http://example.com", 403],
  ["http://127.0.0.2", 403],
  ["http://127.0.0.1.example.com", 403],
  ["http://example.com:127", 403],
  ["http://localhost", 403],
  ["null", 403],
  ["", 403],
  ["garbage", 403],
  ["127.0.0.1", 403],
  ["http://", 403],
  ["//127.0.0.1", 403],
  ["file://", 403],
  ["http://127.0.0.1\r\norigin: http://example.com", 403],
  ["http://example.com\r\norigin: http://127.0.0.1", 403],
  ["https://EXAMPLE.com", 101, "example.COM:8080"],
  ["https://sub.example.com", 403, "example.com"],
  ["https://example.com", 403, "sub.example.com"],
  ["http://[::1]:3000", 101, "[::1]:80"],
  ["http://[::2]:3000", 403, "[::1]:80"],
];

describe("createWebSocketServer().start({ allowedOrigins })", () => {
  it("lets in pages of the same host name, whatever the port, when left out", async () => {
    await assertStatuses(undefined, SAME_HOST);
  });

  it("does the same for 'same-host'", async () => {
    await assertStatuses("same-host", SAME_HOST);
  });

  it("lets in pages of the origins of a list exactly, and who has none", async () => {
    await assertStatuses(["https://example.com", "http://localhost:3000"], [
      [undefined, 101],
      ["https://example.com", 101],
      ["http://localhost:3000", 101],
      ["http://example.com", 403],
      ["https://example.com:8443", 403],
      ["https://example.com.evil.example", 403],
      ["https://example.co", 403],
      ["http://localhost", 403],
      ["http://127.0.0.1", 403],
      ["null", 403],
      ["", 403],
    ]);
  });

  it("lets in no page with an empty list, and 'null' where it is listed", async () => {
    await assertStatuses([], [[undefined, 101], ["http://127.0.0.1", 403], ["null", 403]]);
    await assertStatuses(["null"], [["null", 101], ["http://127.0.0.1", 403]]);
  });

  it("takes an origin in any spelling, and subdomains", async () => {
    await assertStatuses(["https://APP.example.com:443/", "https://*.example.org"], [
      ["https://app.example.com", 101],
      ["https://a.example.org", 101],
      ["https://example.org", 403],
      ["http://a.example.org", 403],
    ]);
  });

  it("refuses an entry that could never match with 401, and names it", async () => {
    for (const entry of ["app.example.com", "https://app.example.com/path", "*", "", 5]) {
      await using watched = new WatchedServer();
      const allowedOrigins = ["https://example.com", entry as string];
      const start = () => watched.server.start({ serverPort: 0, allowedOrigins });
      const error = await assertRefused(start, 401, "'allowedOrigins'");
      assertStringIncludes(error.message, JSON.stringify(entry));
    }
  });

  it("lets in every page with '*'", async () => {
    await assertStatuses("*", [
      [undefined, 101],
      ["https://example.com", 101],
      ["null", 101],
      ["garbage", 101],
    ]);
  });

  it("takes no place for who is refused", async () => {
    await using watched = await WatchedServer.start({ maxConnectionsForOneClient: 1 });
    await using peers = new RawPeers(watched);
    for (let i = 0; i < 3; i++) {
      const { status } = await peers.handshake({ headers: { origin: "http://example.com" } });
      assertEquals(status, 403);
    }
    await peers.connect();
    assertEquals((await peers.handshake()).status, 429);
  });
});
