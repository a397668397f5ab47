/** Servers of ours in the hosts that people have, as far as docs/mounting.md does not show it. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { createWebSocket } from "../../mod.ts";
import { Certificates, type Made } from "../helpers/certificates.ts";
import { Chromium } from "../helpers/chromium.ts";
import { EventLog, within } from "../helpers/client.ts";
import { ask } from "../helpers/http.ts";
import { HERE, Program } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { TestHost } from "../helpers/test_host.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, readClose, TEXT } from "../peers/raw.ts";

const MANY = 1000;

/** How many of them connect at a time. */
const AT_A_TIME = 50;

describe("a server in a Hono app", () => {
  it(`has ${MANY} connections at once, and ends with its process when both are stopped`, async () => {
    const program = Program.run(HERE, "tests/programs/mounted_hono.ts");
    try {
      const port = Number((await within(program.line(/^port (\d+)$/m)))[1]);
      await using peers = new RawPeers({ port });
      const line = "GET /chat HTTP/1.1";
      const all = [];
      while (all.length < MANY) {
        const some = Array.from({ length: AT_A_TIME }, () => peers.connect({ line }));
        all.push(...await Promise.all(some));
      }
      for (const [i, peer] of all.entries()) peer.send(TEXT, `hello ${i}`);
      await within(Promise.all(all.map((peer) => peer.next(TEXT))));
      assertEquals(all.map((peer) => peer.texts()), all.map((_, i) => [`hello ${i}`]));
      const news = await ask(port, { line: "GET /news HTTP/1.1" });
      assertEquals(JSON.parse(news.body), { sent: MANY, tooSlow: 0 });
      await within(Promise.all(all.map((peer) => peer.next(TEXT, 1))));
      assertEquals((await ask(port, { line: "GET /chat HTTP/1.1" })).status, 426);
      await ask(port, { line: "GET /stop HTTP/1.1" });
      for (const peer of all) assertEquals(readClose(await within(peer.next(CLOSE))).code, 1001);
      const { code, stdout } = await within(program.ended);
      assertEquals(code, 0);
      const counts = { connects: MANY, messages: MANY, closes: MANY, errors: 0, most: MANY };
      assertEquals(JSON.parse(stdout.trim().split("\n").at(-1)!), counts);
    } finally {
      program.kill("SIGKILL");
      await program.ended;
    }
  });
});

describe("a server in a host that speaks TLS", () => {
  let authority: Made;
  let watched: WatchedServer;
  let host: TestHost;

  beforeAll(async () => {
    const certificates = new Certificates();
    authority = certificates.authority("netkit test");
    const { certPath, keyPath } = certificates.leaf(authority);
    watched = new WatchedServer();
    const mount = await watched.server.mount({ path: "/chat" });
    watched.echo();
    const html = { headers: { "content-type": "text/html" } };
    host = new TestHost(
      (request, info) =>
        mount.fetch(request, info) ?? new Response("<!doctype html><title>A page</title>", html),
      {
        websocket: mount.websocket,
        cert: readFileSync(certPath, "utf8"),
        key: readFileSync(keyPath, "utf8"),
      },
    );
  });
  afterAll(async () => {
    await watched[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  it("is reached by wss", async () => {
    await using ws = createWebSocket();
    const log = new EventLog(ws);
    await ws.connect(`wss://localhost:${host.port}/chat`, { caPath: authority.certPath });
    await ws.send("hello");
    assertEquals((await log.next("message"))[1], "hello");
    await ws.close();
    await within(ws.closed);
  });

  it("is reached by a page that came over HTTP/2 on Deno, in Chromium where it is", async () => {
    if (Chromium.path === undefined) return; // then nothing here opens pages
    await using browser = await Chromium.start();
    await using page = await browser.open("about:blank");
    await page.ignoreCertificates();
    await page.goto(`https://localhost:${host.port}/`);
    const protocol = await page.evaluate<string>(
      "performance.getEntriesByType('navigation')[0].nextHopProtocol",
    );
    assertEquals(protocol, HERE === "deno" ? "h2" : "http/1.1");
    const echoed = await page.evaluate<string>(`new Promise((resolve) => {
      const ws = new WebSocket("/chat");
      ws.onopen = () => ws.send("from a page");
      ws.onmessage = ({ data }) => resolve(data);
      ws.onclose = ({ code }) => resolve("closed " + code);
    })`);
    assertStringIncludes(echoed, "from a page");
  });
});
