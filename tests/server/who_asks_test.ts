/** What `authorize` and `fetch` are told beside the request, and the headers of the 101. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { getRequestIP, H3 } from "h3";
import { Hono } from "hono";
import { WebSocket as NpmWebSocket } from "ws";
import type { HandshakeInfo, HttpRequestInfo } from "../../mod.ts";
import { HERE } from "../helpers/programs.ts";
import { ask } from "../helpers/http.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { header, rawHandshake } from "../peers/raw.ts";

/** A server whose `authorize` sets headers, and what a handshake is answered. */
async function handshake(set: (headers: Headers) => unknown, offered?: string) {
  await using watched = await WatchedServer.start({
    ...(offered === undefined ? {} : { protocol: offered }),
    authorize: (_, { headers }) => (set(headers) ?? true) as true,
  });
  const { status, peer } = await rawHandshake(watched.port, {
    headers: { "sec-websocket-protocol": offered },
  });
  peer.reset();
  const errors = watched.errors.filter(({ kind }) => kind !== "lost");
  return { status, head: peer.head, errors };
}

describe("createWebSocketServer().start({ authorize(request, info) })", () => {
  it("is told the client's address", async () => {
    const told: HandshakeInfo[] = [];
    await using watched = await WatchedServer.start({
      authorize: (_, info) => (told.push(info), true),
    });
    const { peer } = await rawHandshake(watched.port);
    const { localPort } = peer.socket;
    const { clientIP, clientPort } = told[0]!;
    assertEquals([clientIP, clientPort], ["127.0.0.1", localPort]);
    peer.reset();
  });

  it("is told the address that 'clientAddress' says", async () => {
    const told: HandshakeInfo[] = [];
    await using watched = await WatchedServer.start({
      clientAddress: () => "192.0.2.7",
      authorize: (_, info) => (told.push(info), true),
    });
    (await rawHandshake(watched.port)).peer.reset();
    assertEquals(told[0]!.clientIP, "192.0.2.7");
  });

  for (const offered of [undefined, "chat"]) {
    it(`sends its headers with the 101, beside the subprotocol ${offered}`, async () => {
      const { status, head, errors } = await handshake((headers) => {
        headers.append("set-cookie", "a=1; HttpOnly");
        headers.append("set-cookie", "b=2, two");
        headers.set("x-node", "n1");
      }, offered);
      assertEquals([status, errors], [101, []]);
      const cookies = Array.from(head.matchAll(/^set-cookie: (.*?)\r?$/gim), ([, value]) => value);
      assertEquals(cookies, ["a=1; HttpOnly", "b=2, two"]);
      assertEquals(header(head, "x-node"), "n1");
      assertEquals(header(head, "sec-websocket-protocol"), offered ?? "");
    });
  }

  it("sends them to npm's ws", async () => {
    await using watched = await WatchedServer.start({
      authorize: (_, { headers }) => (headers.set("set-cookie", "session=7"), true),
    });
    const ws = new NpmWebSocket(`ws://127.0.0.1:${watched.port}/`);
    const cookies = new Promise((resolve) =>
      ws.once(
        "upgrade",
        (answer: { headers: Record<string, unknown> }) => resolve(answer.headers["set-cookie"]),
      )
    );
    const opened = new Promise((resolve) => ws.once("open", resolve));
    assertEquals(await cookies, ["session=7"]);
    await opened;
    await new Promise((resolve) => (ws.once("close", resolve), ws.close()));
  });

  it("sends none of them where a Response refuses", async () => {
    const { status, head } = await handshake((headers) => {
      headers.set("x-node", "n1");
      return new Response("no", { status: 401 });
    });
    assertEquals([status, header(head, "x-node")], [401, ""]);
  });

  for (
    const name of [
      ...["connection", "Upgrade", "sec-websocket-protocol", "Sec-WebSocket-Accept"],
      ...["sec-websocket-extensions", "content-length", "transfer-encoding"],
    ]
  ) {
    it(`answers 500 and tells 'error' where they have ${name}`, async () => {
      const { status, errors } = await handshake((headers) => headers.set(name, "x"));
      assertEquals([status, errors.map(({ kind }) => kind)], [500, ["hookFailed"]]);
      assertStringIncludes(
        errors[0]!.message,
        `'authorize' failed: TypeError: it must leave the header ${name.toLowerCase()} to the`,
      );
    });
  }

  for (const control of ["\x01", "\x08", "\x0b", "\x0c", "\x0e", "\x1f", "\x7f"]) {
    it(`answers 500 and tells 'error' where one has ${JSON.stringify(control)}, and not what is in it`, async () => {
      const { status, errors } = await handshake((headers) => {
        headers.append("x-node", "n1");
        headers.append("set-cookie", `user=Ada${control}x`);
      });
      assertEquals([status, errors.map(({ kind }) => kind)], [500, ["hookFailed"]]);
      const why = "TypeError: the header set-cookie must be one line of Latin-1";
      assertStringIncludes(errors[0]!.message, why);
      assert(!errors[0]!.message.includes("Ada"));
    });
  }

  it("sends a tab, and what is beyond ASCII", async () => {
    const value = "n\t1 ~\x80\xff";
    const { status, errors } = await handshake((headers) => headers.set("x-node", value));
    assertEquals([status, errors], [101, []]);
  });
});

describe("createWebSocketServer().start({ fetch(request, info) })", () => {
  it("is told who asks", async () => {
    const told: HttpRequestInfo[] = [];
    await using watched = await WatchedServer.start({
      fetch: (request, info) => {
        told.push(info);
        return new Response(JSON.stringify([info.remoteAddr, info.requestIP(request)]));
      },
    });
    const { body } = await ask(watched.port, { line: "GET / HTTP/1.1" });
    const { clientIP, clientPort } = told[0]!;
    assertEquals(clientIP, "127.0.0.1");
    assertEquals(JSON.parse(body), [
      { transport: "tcp", hostname: clientIP, port: clientPort },
      { address: clientIP, family: "IPv4", port: clientPort },
    ]);
  });

  it("is told an IPv6 address as one", async () => {
    await using watched = await WatchedServer.start({
      serverIP: "::1",
      fetch: (_, info) => Response.json([info.clientIP, info.requestIP().family]),
    });
    const answer = await fetch(`http://[::1]:${watched.port}/`);
    assertEquals(await answer.json(), ["::1", "IPv6"]);
  });

  it(`serves Hono's getConnInfo: hono/${HERE}`, async () => {
    // Neither can even be loaded on the other runtime.
    const { getConnInfo } = await (HERE === "deno" ? import("hono/deno") : import("hono/bun"));
    const app = new Hono();
    app.get("/", (c) => c.json(getConnInfo(c)));
    await using watched = await WatchedServer.start({ fetch: app.fetch });
    const { body } = await ask(watched.port, { line: "GET / HTTP/1.1" });
    assertEquals(JSON.parse(body).remote.address, "127.0.0.1", body);
  });

  it("serves h3's getRequestIP", async () => {
    const app = new H3();
    app.get("/", (event) => getRequestIP(event));
    await using watched = await WatchedServer.start({ fetch: (request) => app.fetch(request) });
    const { status, body } = await ask(watched.port, { line: "GET / HTTP/1.1" });
    assertEquals([status, body], [200, "127.0.0.1"]);
  });
});
