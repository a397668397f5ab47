/** A server of ours, and clients nobody here has written: npm's ws, Python's websockets, Chromium. */

import { assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig } from "../../mod.ts";
import { within } from "../helpers/client.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";
import { CLIENTS, CLOSES, LARGE, type Peer, type PeerHost, SMALL, told } from "./peers.ts";

/** Starts a server that serves the pages a browser needs, too. */
function serve(config: Partial<WebSocketServerConfig> = {}): Promise<WatchedServer> {
  const fetch = () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
  return WatchedServer.start({ fetch, ...config });
}

const urlOf = ({ port }: WatchedServer) => `ws://127.0.0.1:${port}/`;

/** Connects a peer for the nth time. */
async function connect(peer: Peer, watched: WatchedServer, nth = 1) {
  peer.do({ do: "connect", url: urlOf(watched) });
  await peer.next("open", nth);
  return await watched.connected(nth);
}

for (const kind of CLIENTS) {
  describe(`createWebSocketServer() and ${kind.name}`, () => {
    let host: PeerHost;

    beforeAll(async () => {
      host = await kind.host();
    });
    afterAll(() => host.close());

    it("exchange text and bytes, also empty and multi-byte ones, in order", async () => {
      await using watched = await serve();
      watched.echo();
      await using peer = await host.start();
      await connect(peer, watched);
      for (const message of SMALL) peer.do({ do: "send", ...message });
      await peer.next("message", SMALL.length);
      assertEquals(
        watched.messages.map(({ data }) =>
          told(typeof data === "string" ? data : new Uint8Array(data))
        ),
        SMALL,
      );
      assertEquals(peer.of("message").map(({ event: _, ...what }) => what), SMALL);
    });

    it("exchange messages of 5,242,864 bytes, and none that is larger by one", async () => {
      await using watched = await serve();
      watched.echo();
      await using peer = await host.start();
      const connection = await connect(peer, watched);
      for (const [i, { command, data }] of LARGE.entries()) {
        peer.do(command);
        assertEquals(await peer.next("message", i + 1), told(data));
        const { data: got } = watched.messages[i]!;
        assertEquals(told(typeof got === "string" ? got : new Uint8Array(got)), told(data));
      }
      await assertRefused(
        () => watched.server.send(new Uint8Array(5_242_865), connection),
        401,
      );
      peer.do({ do: "send", binary: "00", times: 5_242_865 });
      assertEquals(await watched.closed(), { code: 1009, reason: watched.closes[0]!.reason });
      assertEquals(watched.messages.length, LARGE.length);
      assertEquals(watched.errors.map(({ code }) => code), [200]);
      assertEquals((await peer.next("close"))["code"], 1009);
    });

    it("close with every code that peer can send, and with none", async () => {
      await using watched = await serve();
      await using peer = await host.start();
      const closes = CLOSES.filter(({ code }) => kind.frames || code !== 1001);
      for (const [i, close] of closes.entries()) {
        await connect(peer, watched, i + 1);
        peer.do({ do: "close", ...close });
        assertEquals(await watched.closed(i + 1), { code: 1000, reason: "", ...close });
        // What it was answered: the same; an empty Close frame was answered with one.
        const { code } = await peer.next("close", i + 1);
        if (close.code === undefined) assertEquals([1000, 1005].includes(code as number), true);
        else assertEquals(code, close.code);
      }
      assertEquals(watched.errors, []);
    });

    it("are closed by the server with every code, and with none", async () => {
      await using watched = await serve();
      await using peer = await host.start();
      for (const [i, close] of CLOSES.entries()) {
        const connection = await connect(peer, watched, i + 1);
        assertEquals(await within(watched.server.close(connection, close)), true);
        const expected = { code: 1000, reason: "CLOSE_NORMAL", ...close };
        assertEquals(await peer.next("close", i + 1), expected);
        assertEquals(await watched.closed(i + 1), expected);
      }
      assertEquals(watched.errors, []);
    });

    it("agree on a subprotocol the peer has offered, and on none without one", async () => {
      await using watched = await serve({ protocol: "chat" });
      await using peer = await host.start();
      peer.do({ do: "connect", url: urlOf(watched), protocols: ["other", "chat"] });
      assertEquals((await peer.next("open"))["protocol"], "chat");
      for (const [i, protocols] of [["other"], ["CHAT", "chats"]].entries()) {
        peer.do({ do: "connect", url: urlOf(watched), protocols });
        assertEquals(await peer.next("refused", i + 1), kind.refusal(400));
      }
      assertEquals(watched.connections.length, 1);
      await using plain = await serve();
      peer.do({ do: "connect", url: urlOf(plain) });
      assertEquals((await peer.next("open", 2))["protocol"], "");
    });

    it("do not compress, though the peer offers it", async () => {
      const offers: string[] = [];
      await using watched = await serve({
        authorize: ({ headers }) => {
          offers.push(headers.get("sec-websocket-extensions") ?? "");
          return true;
        },
      });
      await using peer = await host.start();
      peer.do({ do: "connect", url: urlOf(watched) });
      assertEquals((await peer.next("open"))["extensions"], "");
      assertEquals(offers.length, 1);
      assertMatch(offers[0]!, /^permessage-deflate\b/);
    });

    it("keep a silent connection, as the peer answers the server's Pings", async () => {
      await using watched = await serve({ pingInterval: 0.5, pongTimeout: 0.5 });
      await using peer = await host.start();
      const connection = await connect(peer, watched);
      if (kind.frames) {
        await peer.next("ping", 3);
        for (const ping of peer.of("ping")) assertEquals(ping["payload"], "");
      } else await delay(2000);
      assertEquals(watched.log, ["connect"]);
      await within(watched.server.send("there?", connection));
      assertEquals(await peer.next("message"), { text: "there?" });
    });

    if (kind.frames) {
      it("answer the peer's Pings with what they say", async () => {
        await using watched = await serve();
        await using peer = await host.start();
        await connect(peer, watched);
        const payloads = ["", "are you there?", "é€😀", "x".repeat(125)];
        for (const payload of payloads) peer.do({ do: "ping", payload });
        await peer.next("pong", payloads.length);
        assertEquals(peer.of("pong").map(({ payload }) => payload), payloads);
        assertEquals(watched.log, ["connect"]);
      });

      it("put a message together that comes in pieces", async () => {
        await using watched = await serve();
        await using peer = await host.start();
        await connect(peer, watched);
        peer.do({ do: "send", pieces: ["in ", "", "piè", "ces 😀"] });
        peer.do({ do: "send", text: "whole" });
        await watched.until(() => watched.messages.length === 2);
        assertEquals(watched.messages.map(({ data }) => data), ["in pièces 😀", "whole"]);
      });
    }

    it("tell of a peer that is killed: 'error' 200, then 'close' 1006", async () => {
      const doomed = await kind.host();
      await using watched = await serve();
      await using peer = await doomed.start();
      await connect(peer, watched);
      await peer.kill();
      assertEquals(await watched.closed(), { code: 1006, reason: "The link is down" });
      assertEquals(watched.log, [
        "connect",
        "error 200 0",
        "close 1006 The link is down",
      ]);
      assertEquals(watched.server.listAllConnections(), []);
    });
  });
}
