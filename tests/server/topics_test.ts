import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { ConnectionAddress, PublishResult, WebSocketServer } from "../../mod.ts";
import { refusal } from "../helpers/client.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { BINARY, CLOSE, type RawPeer, readClose, TEXT } from "../peers/raw.ts";

const sent = (sent: number, tooSlow = 0): PublishResult => ({ sent, tooSlow });

/** A server with some peers; the nth peer is the nth connection. */
async function withPeers(
  n: number,
  use: (
    server: WebSocketServer,
    peers: RawPeer[],
    connections: ConnectionAddress[],
    watched: WatchedServer,
    raw: RawPeers,
  ) => Promise<void>,
  config = {},
): Promise<void> {
  await using watched = await WatchedServer.start(config);
  await using raw = new RawPeers(watched);
  const peers = await raw.connectMany(n);
  await watched.until(() => watched.server.listAllConnections().length === n);
  await use(watched.server, peers, watched.server.listAllConnections(), watched, raw);
}

/** Every text a peer has had up to "end", which each is sent by itself. */
async function textsOf(
  server: WebSocketServer,
  peers: RawPeer[],
  connections: ConnectionAddress[],
): Promise<string[][]> {
  for (const connection of connections) await server.send("end", connection);
  for (const peer of peers) {
    while (!peer.texts().includes("end")) {
      await deadline(peer.next(TEXT, peer.frames.length), LIMIT_MS);
    }
  }
  return peers.map((peer) => peer.texts().slice(0, -1));
}

describe("WebSocketServer.broadcast()", () => {
  it("sends text and bytes to everybody, those included that come later", async () => {
    await withPeers(3, async (server, peers, connections, watched, raw) => {
      assertEquals(await server.broadcast("Grüße 世界"), sent(3));
      assertEquals(await server.broadcast(Uint8Array.of(0, 255)), sent(3));
      assertEquals(await server.broadcast(""), sent(3));
      const late = await raw.connect();
      await watched.until(() => server.listAllConnections().length === 4);
      assertEquals(await server.broadcast("more"), sent(4));
      const all = [...peers, late];
      const got = await textsOf(server, all, server.listAllConnections());
      assertEquals(got, [...peers.map(() => ["Grüße 世界", "", "more"]), ["more"]]);
      for (const peer of peers) {
        const { payload } = await deadline(peer.next(BINARY), LIMIT_MS);
        assertEquals(payload, Uint8Array.of(0, 255));
      }
      void connections;
    });
  });

  it("keeps its place among what is sent to each", async () => {
    await withPeers(2, async (server, peers, connections) => {
      for (let i = 0; i < 50; i++) {
        void server.broadcast(`all ${i}`);
        for (const connection of connections) void server.send(`one ${i}`, connection);
      }
      const expected = Array.from({ length: 50 }, (_, i) => [`all ${i}`, `one ${i}`]).flat();
      assertEquals(await textsOf(server, peers, connections), [expected, expected]);
    });
  });

  it("leaves out whom it is told to, one or several, by copy too", async () => {
    await withPeers(4, async (server, peers, connections) => {
      const [first, second] = connections as [ConnectionAddress, ConnectionAddress];
      const copy = { clientIP: first.clientIP, clientPort: first.clientPort };
      assertEquals(await server.broadcast("1", { except: first }), sent(3));
      assertEquals(await server.broadcast("2", { except: copy }), sent(3));
      assertEquals(await server.broadcast("3", { except: [first, second] }), sent(2));
      assertEquals(await server.broadcast("4", { except: [] }), sent(4));
      assertEquals(await server.broadcast("4", {}), sent(4));
      const gone = { clientIP: "127.0.0.1", clientPort: 1 };
      assertEquals(await server.broadcast("5", { except: gone }), sent(4));
      const other = { clientIP: "127.0.0.1", clientPort: 2 };
      assertEquals(await server.broadcast("6", { except: [gone, other, first] }), sent(3));
      assertEquals(await textsOf(server, peers, connections), [
        ["4", "4", "5"],
        ["1", "2", "4", "4", "5", "6"],
        ["1", "2", "3", "4", "4", "5", "6"],
        ["1", "2", "3", "4", "4", "5", "6"],
      ]);
    });
  });

  it("goes out before a close() that follows, and not to who is closing", async () => {
    await withPeers(2, async (server, peers, connections) => {
      const [first] = connections;
      void server.broadcast("before");
      void server.close(first!, { code: 4000, reason: "enough" });
      assertEquals(await server.broadcast("after"), sent(1));
      const close = await deadline(peers[0]!.next(CLOSE), LIMIT_MS);
      assertEquals(readClose(close), { code: 4000, reason: "enough" });
      assertEquals(peers[0]!.texts(), ["before"]);
      assertEquals(await textsOf(server, [peers[1]!], [connections[1]!]), [["before", "after"]]);
    });
  });

  it("goes out before a stop() that follows", async () => {
    await withPeers(2, async (server, peers) => {
      void server.broadcast("bye");
      await deadline(server.stop(), LIMIT_MS);
      for (const peer of peers) {
        assertEquals(readClose(await deadline(peer.next(CLOSE), LIMIT_MS)).code, 1001);
        assertEquals(peer.texts(), ["bye"]);
      }
    });
  });

  it("can be called in each listener", async () => {
    await using watched = await WatchedServer.start();
    await using raw = new RawPeers(watched);
    const { server } = watched;
    const results: PublishResult[] = [];
    const note = async (text: string) => void results.push(await server.broadcast(text));
    server.on("connect", () => note("connect"));
    server.on("messageReceive", ({ data }) => note(`message ${data}`));
    server.on("close", () => note("close"));
    const first = await raw.connect();
    const second = await raw.connect();
    await deadline(second.next(TEXT), LIMIT_MS);
    first.send(TEXT, "x");
    await watched.until(() => watched.messages.length === 1);
    first.close(1000);
    await watched.until(() => watched.closes.length === 1);
    const [connection] = server.listAllConnections();
    const got = await textsOf(server, [second], [connection!]);
    assertEquals(got, [["connect", "message x", "close"]]);
    assertEquals(results, [sent(1), sent(2), sent(2), sent(1)]);
  });

  it("drops who reads too slowly with 1013, and says so", async () => {
    const LIMIT = 256 * 1024;
    await withPeers(3, async (server, peers, connections, watched) => {
      const [slow] = peers as [RawPeer];
      slow.socket.pause();
      const chunk = "x".repeat(64 * 1024);
      let tooSlow = 0;
      let rounds = 0;
      while (tooSlow === 0 && rounds < 1000) {
        rounds++;
        ({ tooSlow } = await server.broadcast(chunk));
        await new Promise((resolve) => setTimeout(resolve)); // the others read
      }
      assertEquals(tooSlow, 1);
      assertEquals(await server.broadcast("last"), sent(2));
      await watched.until(() => watched.closes.length === 1);
      assertEquals(watched.log.at(-1), "close 1013 Reading too slowly");
      const others = await textsOf(server, peers.slice(1), connections.slice(1));
      for (const texts of others) assertEquals(texts.length, rounds + 1);
      assertGreater(rounds, 4);
    }, { maxBufferedAmount: LIMIT });
  });

  it("answers 401, and 2302999 when not running", async () => {
    await withPeers(1, async (server, peers, connections) => {
      const call = server.broadcast.bind(server) as (...args: unknown[]) => Promise<unknown>;
      for (
        const [args, words] of [
          [[], "broadcast: data"],
          [[1], "broadcast: data"],
          [["x".repeat(11)], "at most 10 bytes"],
          [["x", 1], "broadcast: options"],
          [["x", { to: 1 }], "'to' is no option"],
          [["x", { except: 1 }], "'except'"],
          [["x", { except: [1] }], "the connection"],
          [["x", { except: { clientIP: 1 } }], "the connection"],
        ] as [unknown[], string][]
      ) {
        const error = await refusal(call(...args));
        assertEquals(error.code, 401);
        assertStringIncludes(error.message, words);
      }
      assertEquals(await textsOf(server, peers, connections), [[]]);
      await server.stop();
      assertEquals((await refusal(server.broadcast("x"))).code, 2302999);
    }, { maxPayload: 10 });
  });
});

describe("WebSocketServer.join(), leave() and publish()", () => {
  it("send to who is in a topic, and to nobody else", async () => {
    await withPeers(3, async (server, peers, connections) => {
      const [a, b, c] = connections as [ConnectionAddress, ConnectionAddress, ConnectionAddress];
      assertEquals(await server.publish("news", "nobody"), sent(0));
      assertEquals(await server.join(a, "news"), true);
      assertEquals(await server.join(a, "news"), true);
      assertEquals(await server.join({ ...b }, "news"), true);
      assertEquals(await server.join(b, "sport"), true);
      assertEquals(await server.publish("news", "1"), sent(2));
      assertEquals(await server.publish("sport", "2"), sent(1));
      assertEquals(await server.publish("news", "3", { except: a }), sent(1));
      assertEquals(await server.publish("news", "4", { except: c }), sent(2));
      assertEquals(await server.leave(a, "news"), true);
      assertEquals(await server.leave(c, "news"), true);
      assertEquals(await server.publish("news", "5"), sent(1));
      assertEquals(await server.publish("", "6"), sent(0));
      assertEquals(await textsOf(server, peers, connections), [
        ["1", "4"],
        ["1", "2", "3", "4", "5"],
        [],
      ]);
    });
  });

  it("tell topics apart by their names, whatever text those are", async () => {
    const names = ["\ud800", "\ud801", "\udfff", "\ufffd", "", "topic 1", "a b/c", "everybody"];
    await withPeers(names.length, async (server, peers, connections) => {
      for (const [i, name] of names.entries()) await server.join(connections[i]!, name);
      for (const [i, name] of names.entries()) {
        assertEquals(await server.publish(name, `${i}`), sent(1));
      }
      const own = names.map((_, i) => [`${i}`]);
      assertEquals(await textsOf(server, peers, connections), own);
    });
  });

  it("clean up after who has gone, however it went", async () => {
    await withPeers(3, async (server, peers, connections, watched) => {
      for (const connection of connections) await server.join(connection, "all");
      await server.broadcast("everybody");
      peers[0]!.reset();
      await watched.until(() => watched.closes.length === 1);
      await server.close(connections[1]!);
      assertEquals(await server.publish("all", "x"), sent(1));
      await server.leave(connections[2]!, "all");
      assertEquals(await server.publish("all", "y"), sent(0));
      assertEquals(await server.broadcast("z"), sent(1));
    });
  });

  it("have nothing to do with the topics of a server that was stopped", async () => {
    await withPeers(1, async (server, _, [connection], watched, raw) => {
      await server.join(connection!, "news");
      const { port } = server.address!;
      await deadline(server.stop(), LIMIT_MS);
      await server.start({ serverPort: port, serverIP: "127.0.0.1" });
      await raw.connect();
      await watched.until(() => server.listAllConnections().length === 1);
      assertEquals(await server.publish("news", "x"), sent(0));
    });
  });

  it("answer 401, 2302006, -1 and 2302999", async () => {
    await withPeers(1, async (server, _, [connection]) => {
      const untyped = server as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
      const codes = async (...calls: [string, ...unknown[]][]) => {
        const made = calls.map(([name, ...args]) => refusal(untyped[name]!(...args)));
        return (await Promise.all(made)).map(({ code }) => code);
      };
      assertEquals(
        await codes(
          ["join", connection],
          ["join", connection, 1],
          ["join", undefined, "x"],
          ["leave", connection, null],
          ["publish", 1, "x"],
          ["publish", "x"],
          ["publish", "x", "y", { except: 1 }],
        ),
        [401, 401, 401, 401, 401, 401, 401],
      );
      const nobody = { clientIP: "127.0.0.1", clientPort: 1 };
      assertEquals(await codes(["join", nobody, "x"], ["leave", nobody, "x"]), [2302006, 2302006]);
      void server.close(connection!);
      assertEquals(await codes(["join", connection, "x"], ["leave", connection, "x"]), [-1, -1]);
      await server.stop();
      assertEquals(await codes(["publish", "x", "y"], ["join", connection, "x"]), [
        2302999,
        2302006,
      ]);
    });
  });
});
