/** What a server asks of a runtime that can send to many at once, and of one that cannot. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer, ScriptedSocket, TopicSocket } from "../helpers/scripted_runtime.ts";

async function start(publishes: boolean, config: Partial<WebSocketServerConfig> = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  if (publishes) runtime.published = [];
  const server = createWebSocketServer({ clock, runtime });
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
    assertEquals(await server.broadcast(new Uint8Array(101)), { sent: 2, tooSlow: 0 });
  });
});

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
