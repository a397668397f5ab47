/** A client of ours, and servers nobody here has written: npm's ws and Python's websockets. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { createWebSocket, type WebSocketClient, type WebSocketRequestOptions } from "../../mod.ts";
import { EventLog, refusal, within } from "../helpers/client.ts";
import { CLOSES, LARGE, type Peer, type PeerKind, SERVERS, SMALL, told } from "./peers.ts";

const LOST = { code: 1006, reason: "The link is down" };

/** A server, and a client of ours. */
class Pair implements AsyncDisposable {
  readonly ws: WebSocketClient = createWebSocket();
  readonly log: EventLog = new EventLog(this.ws);
  readonly peer: Peer;
  readonly url: string;

  private constructor(peer: Peer, port: unknown) {
    this.peer = peer;
    this.url = `ws://127.0.0.1:${port}/`;
  }

  static async start(kind: PeerKind, protocols = ["chat"]): Promise<Pair> {
    const peer = await (await kind.host()).start();
    peer.do({ do: "listen", protocols });
    return new Pair(peer, (await peer.next("listening"))["port"]);
  }

  /** Connects for the nth time; gives what the server tells of it. */
  async connect(options?: WebSocketRequestOptions, nth = 1): Promise<Record<string, unknown>> {
    assertEquals(await within(this.ws.connect(this.url, options)), true);
    await this.log.next("openInfo", nth);
    return await this.peer.next("open", nth);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer[Symbol.asyncDispose]();
    if (this.ws.state !== "idle") await within(this.ws.closed);
  }
}

for (const kind of SERVERS) {
  describe(`createWebSocket() and ${kind.name}`, () => {
    it("exchange text and bytes, also empty and multi-byte ones, in order", async () => {
      await using pair = await Pair.start(kind);
      const { ws, log, peer } = pair;
      await pair.connect();
      for (const message of SMALL) {
        const data = "text" in message ? message.text : Buffer.from(message.binary, "hex");
        assertEquals(await within(ws.send(data)), true);
      }
      await peer.next("message", SMALL.length);
      assertEquals(peer.of("message").map(({ event: _, ...what }) => what), SMALL);
      for (const message of SMALL) peer.do({ do: "send", ...message });
      await log.next("message", SMALL.length);
      assertEquals(
        log.messages.map((data) =>
          told(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer))
        ),
        SMALL,
      );
    });

    it("exchange messages of 5,242,864 bytes, and none that is larger by one", async () => {
      await using pair = await Pair.start(kind);
      const { ws, log, peer } = pair;
      await pair.connect();
      for (const [i, { command, data }] of LARGE.entries()) {
        assertEquals(await within(ws.send(data)), true);
        assertEquals(await peer.next("message", i + 1), told(data));
        peer.do(command);
        const [, got] = await log.next("message", i + 1) as [unknown, string | ArrayBuffer];
        assertEquals(told(typeof got === "string" ? got : new Uint8Array(got)), told(data));
      }
      assertEquals((await refusal(ws.send(new Uint8Array(5_242_865)))).code, 401);
      peer.do({ do: "send", binary: "00", times: 5_242_865 });
      const [, { code }] = await log.next("close") as [unknown, { code: number }];
      assertEquals(code, 1009);
      assertEquals(log.messages.length, LARGE.length);
      assertEquals(log.errors.map(({ code }) => code), [200]);
      assertEquals((await peer.next("close"))["code"], 1009);
    });

    it("are closed by the server with every code, and with none", async () => {
      await using pair = await Pair.start(kind);
      const { log, peer } = pair;
      for (const [i, close] of CLOSES.entries()) {
        await pair.connect({}, i + 1);
        peer.do({ do: "close", ...close });
        await log.next("close", i + 1);
        assertEquals(log.closes[i], { code: 1000, reason: "", ...close });
        // What it was answered: the same; an empty Close frame was answered with one.
        const { code } = await peer.next("close", i + 1);
        if (close.code === undefined) assertEquals([1000, 1005].includes(code as number), true);
        else assertEquals(code, close.code);
      }
      assertEquals(log.errors, []);
    });

    it("close with every code, and with none", async () => {
      await using pair = await Pair.start(kind);
      const { ws, log, peer } = pair;
      for (const [i, close] of CLOSES.entries()) {
        await pair.connect({}, i + 1);
        assertEquals(await within(ws.close(close)), true);
        const expected = { code: 1000, reason: "CLOSE_NORMAL", ...close };
        assertEquals(await peer.next("close", i + 1), expected);
        await log.next("close", i + 1);
        assertEquals(log.closes[i], expected);
      }
      assertEquals(log.errors, []);
    });

    it("agree on a subprotocol the client has offered, and fail without one", async () => {
      await using pair = await Pair.start(kind);
      const { ws, log, peer } = pair;
      assertEquals((await pair.connect({ protocol: "other, chat" }))["protocol"], "chat");
      assertEquals(ws.protocol, "chat");
      await within(ws.close());
      await log.next("close");
      assertEquals(await within(ws.connect(pair.url, { protocol: "other" })), true);
      await log.next("error");
      assertEquals(log.errors.map(({ code }) => code), [200]);
      assertEquals((await pair.connect({}, 2))["protocol"] ?? "", "");
      assertEquals([ws.protocol, peer.of("open").at(-1)!["protocol"]], ["", ""]);
    });

    it("do not compress, though the server would", async () => {
      await using pair = await Pair.start(kind);
      assertEquals((await pair.connect())["extensions"], "");
    });

    it("answer the server's Pings with what they say", async () => {
      await using pair = await Pair.start(kind);
      const { log, peer } = pair;
      await pair.connect();
      const payloads = ["", "are you there?", "é€😀", "x".repeat(125)];
      for (const payload of payloads) peer.do({ do: "ping", payload });
      await peer.next("pong", payloads.length);
      assertEquals(peer.of("pong").map(({ payload }) => payload), payloads);
      assertEquals(log.names, ["open", "openInfo"]);
    });

    it("keep a silent connection, as the server answers the client's Pings", async () => {
      await using pair = await Pair.start(kind);
      const { log, peer } = pair;
      await pair.connect({ pingInterval: 0.5, pongTimeout: 0.5 });
      await peer.next("ping", 3);
      for (const ping of peer.of("ping")) assertEquals(ping["payload"], "");
      peer.do({ do: "send", text: "there?" });
      await log.next("message");
      assertEquals(log.names.slice(0, 3), ["open", "openInfo", "message"]);
      assertEquals(log.errors, []);
    });

    it("put a message together that comes in pieces", async () => {
      await using pair = await Pair.start(kind);
      const { log, peer } = pair;
      await pair.connect();
      peer.do({ do: "send", pieces: ["in ", "", "piè", "ces 😀"] });
      peer.do({ do: "send", text: "whole" });
      await log.next("message", 2);
      assertEquals(log.messages, ["in pièces 😀", "whole"]);
    });

    it("tell of a server that is killed: 'error' 200, then 'close' 1006", async () => {
      await using pair = await Pair.start(kind);
      const { ws, log, peer } = pair;
      await pair.connect();
      await peer.kill();
      await log.next("close");
      assertEquals(log.names, ["open", "openInfo", "error", "close"]);
      assertEquals([log.errors[0]!.code, log.closes], [200, [LOST]]);
      assertEquals(ws.state, "idle");
    });
  });
}
