/** What a server asks of a runtime that can send to many at once, and of one that cannot. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServerConfig,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer, ScriptedSocket, TopicSocket } from "../helpers/scripted_runtime.ts";

async function start(
  publishes: boolean,
  config: Partial<WebSocketServerConfig> = {},
  options: WebSocketServerOptions = {},
) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  if (publishes) runtime.published = [];
  const server = createWebSocketServer({ ...options, clock, runtime });
  await server.start({ serverPort: 80, ...config });
  const sockets = [1, 2, 3].map((port) => {
    const socket = publishes ? new TopicSocket() : new ScriptedSocket();
    runtime.enter(port).open(socket);
    return socket;
  });
  const calls = () => sockets.map((socket) => socket.calls.splice(0));
  return { clock, runtime, server, sockets, calls, connections: server.listAllConnections() };
}

describe("a server on a runtime that can publish", () => {
  it("has it publish once, to a topic that each is brought into when it is first needed", async () => {
    const { runtime, server, calls, connections } = await start(true);
    assertEquals(calls(), [[], [], []]);
    assertEquals(await server.broadcast("a"), { sent: 3, tooSlow: 0 });
    assertEquals(calls(), [["join everybody"], ["join everybody"], ["join everybody"]]);
    const late = new TopicSocket();
    runtime.enter(4).open(late);
    assertEquals(late.calls, ["join everybody"]);
    await server.join(connections[0]!, "everybody");
    assertEquals(await server.publish("everybody", "b"), { sent: 1, tooSlow: 0 });
    assertEquals(calls(), [["join topic 1"], [], []]);
    assertEquals(runtime.published, ["everybody a", "topic 1 b"]);
    await server.leave(connections[0]!, "everybody");
    assertEquals(calls(), [["leave topic 1"], [], []]);
  });

  it("has the one that is excepted publish to the others, and sends to each with more", async () => {
    const { runtime, server, calls, connections } = await start(true);
    const [first, second] = connections;
    await server.broadcast("");
    calls();
    assertEquals(await server.broadcast("a", { except: first! }), { sent: 2, tooSlow: 0 });
    assertEquals(calls(), [["publish everybody a"], [], []]);
    assertEquals(await server.broadcast("b", { except: [first!, second!] }), {
      sent: 1,
      tooSlow: 0,
    });
    assertEquals(calls(), [[], [], ["send"]]);
    assertEquals(runtime.published, ["everybody "]);
  });

  it("looks at the queues when a quarter of maxBufferedAmount may have gone to each", async () => {
    const { server, sockets, calls } = await start(true, { maxBufferedAmount: 400 });
    sockets[1]!.bufferedAmount = 401;
    assertEquals(await server.broadcast(new Uint8Array(100)), { sent: 3, tooSlow: 0 });
    assertEquals(await server.broadcast("x"), { sent: 3, tooSlow: 1 });
    const [, dropped] = calls();
    assertEquals(dropped, ["join everybody", "leave everybody", "close 1013"]);
    // From there on it counts anew: a quarter more may go to each first.
    sockets[0]!.bufferedAmount = 401;
    assertEquals(await server.broadcast(new Uint8Array(100)), { sent: 2, tooSlow: 0 });
    assertEquals(await server.broadcast(new Uint8Array(1)), { sent: 2, tooSlow: 1 });
  });

  it("drops one that was excepted, or is in another topic, and counts it for nobody", async () => {
    const { server, sockets, connections } = await start(true, { maxBufferedAmount: 400 });
    const [excepted, meant, other] = connections;
    for (const one of [excepted!, meant!]) await server.join(one, "a");
    await server.join(other!, "b");
    for (const socket of sockets) socket.bufferedAmount = 401;
    sockets[1]!.bufferedAmount = 0;
    const sent = await server.publish("a", new Uint8Array(101), { except: excepted! });
    assertEquals(sent, { sent: 1, tooSlow: 0 });
    assertEquals(sockets.map(({ calls }) => calls.includes("close 1013")), [true, false, true]);
  });

  it("looks at no queue of one that is in no topic any more", async () => {
    const { server, sockets, calls, connections } = await start(true, { maxBufferedAmount: 400 });
    const [one, two] = connections;
    await server.join(one!, "a");
    await server.leave(one!, "a");
    await server.join(two!, "b");
    calls();
    sockets[0]!.bufferedAmount = 401;
    assertEquals(await server.publish("b", new Uint8Array(101)), { sent: 1, tooSlow: 0 });
    assertEquals(calls(), [[], [], []]);
    assertEquals(server.listAllConnections().length, 3);
  });

  it("forgets of a connection the topic that it has left, and not one that has its name since", async () => {
    const { runtime, server, calls, connections } = await start(true);
    const [one, two] = connections;
    await server.join(one!, "news");
    await server.leave(one!, "news");
    await server.join(two!, "news");
    calls();
    await server.close(one!);
    assertEquals(calls(), [["close 1000"], [], []]);
    assertEquals(await server.publish("news", "x"), { sent: 1, tooSlow: 0 });
    assertEquals(runtime.published, ["topic 2 x"]);
    await server.leave(two!, "news");
    assertEquals(await server.publish("news", "y"), { sent: 0, tooSlow: 0 });
  });
});

for (const publishes of [true, false]) {
  describe(`a server on a runtime that ${publishes ? "can" : "cannot"} publish`, () => {
    it("takes leaving a topic that nobody is in, or that others are in, for done", async () => {
      const { server, calls, connections } = await start(publishes);
      const [one, two] = connections;
      assertEquals(await server.leave(one!, "nobody's"), true);
      await server.join(two!, "news");
      calls();
      assertEquals(await server.leave(one!, "news"), true);
      assertEquals(calls(), [[], [], []]);
      assertEquals(await server.publish("news", "x"), { sent: 1, tooSlow: 0 });
    });

    it("tells the observer of each whom a message is sent to, and of nobody else", async () => {
      const told: string[] = [];
      const sent = (to: unknown, data: unknown, bytes: number) =>
        void told.push(`${to} ${data} ${bytes}`);
      const { server, connections } = await start(publishes, {}, { observer: { sent } });
      const [one, two, three] = connections.map(String);
      for (const connection of connections.slice(0, 2)) await server.join(connection, "news");
      await server.broadcast("é");
      assertEquals(told.splice(0), [`${one} é 2`, `${two} é 2`, `${three} é 2`]);
      await server.broadcast("b", { except: connections[1]! });
      assertEquals(told.splice(0), [`${one} b 1`, `${three} b 1`]);
      await server.broadcast("c", { except: connections.slice(0, 2) });
      assertEquals(told.splice(0), [`${three} c 1`]);
      await server.publish("news", "d");
      assertEquals(told.splice(0), [`${one} d 1`, `${two} d 1`]);
      await server.publish("news", "e", { except: connections[0]! });
      assertEquals(told.splice(0), [`${two} e 1`]);
    });
  });
}

describe("a server with many topics on a runtime that can publish", () => {
  it("counts what may have gone to anybody, not to each topic alone", async () => {
    const { server, sockets, connections } = await start(true, { maxBufferedAmount: 400 });
    sockets[0]!.bufferedAmount = 401;
    let dropped = 0;
    for (let i = 0; i < 4; i++) {
      await server.join(connections[0]!, `topic ${i}`).catch(() => {});
      const { tooSlow } = await server.publish(`topic ${i}`, new Uint8Array(40));
      dropped += tooSlow;
    }
    assertEquals([dropped, server.listAllConnections().length], [1, 2]);
  });
});

describe("a server on a runtime that cannot publish", () => {
  it("sends to each, but for whom it is told not to", async () => {
    const { server, calls, connections } = await start(false);
    assertEquals(await server.broadcast("a", { except: connections[1]! }), { sent: 2, tooSlow: 0 });
    assertEquals(calls(), [["send"], [], ["send"]]);
  });

  it("leaves out who is closing when everybody is first brought together", async () => {
    const { server, calls, connections } = await start(false);
    void server.close(connections[0]!);
    assertEquals(await server.broadcast("a"), { sent: 2, tooSlow: 0 });
    assertEquals(calls(), [["close 1000"], ["send"], ["send"]]);
  });
});

describe("a message to many", () => {
  for (const publishes of [true, false]) {
    it(`${publishes ? "by the runtime" : "one by one"} is too much for nobody whom an observer closes`, async () => {
      const closes: Promise<unknown>[] = [];
      const { server, calls } = await start(publishes, { maxBufferedAmount: 4 }, {
        observer: {
          sent: (connection: WebSocketConnection) => closes.push(server.close(connection)),
        },
      });
      calls();
      assertEquals(await server.broadcast("a"), { sent: 3, tooSlow: 0 });
      assertEquals(await Promise.all(closes), [true, true, true]);
    });
  }
});
