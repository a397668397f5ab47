/** One connection of a server where two things come together. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerOptions } from "../../mod.ts";
import { answer } from "../helpers/answer.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";
import { schemaOf } from "../helpers/schemas.ts";
import { closed, ScriptedConnection } from "../helpers/scripted_connection.ts";

const anything = schemaOf((value) => ({ value }));

describe("a server's connection", () => {
  for (const stats of [true, false]) {
    it(`stays with 'refuse' where the head of a frame had no room, with stats: ${stats}`, async () => {
      const config = { slowPeer: "refuse", maxBufferedAmount: 2 } as const;
      await using world = await ScriptedConnection.open({ config, options: { stats } });
      world.socket.send = () => void (world.socket.bufferedAmount = 3); // what is sent, and its head
      assertEquals(await world.server.send("x", world.one), true);
      assertEquals(await answer(world.server.send("y", world.one)), "queueFull");
      await world.clock.advance(5000);
      assertEquals(world.told, [[], []]);
    });
  }

  it("has room for as many bytes as there may be with 'refuse', and not for as many characters", async () => {
    const config = { slowPeer: "refuse", maxBufferedAmount: 3 } as const;
    await using world = await ScriptedConnection.open({ config });
    assertEquals(await answer(world.server.send("ää", world.one)), "queueFull");
    assertEquals(await world.server.send("xä", world.one), true);
    assertEquals(world.told, [[], ["send"]]);
  });

  it("ends as it was asked to by a listener that goes on, with too much at work", async () => {
    await using world = await ScriptedConnection.open({ config: { maxPendingAmount: 1 } });
    const { admission, one, server } = world;
    server.on("messageReceive", ({ data }) => {
      if (data === "last") void server.close(one, { code: 4001 });
      return new Promise<void>(() => {});
    });
    for (const data of ["first", "last"]) admission.message(data);
    await world.clock.advance(0);
    const log = ["message first", "message last", "close 4001 CLOSE_NORMAL"];
    assertEquals([world.told, world.dropped], [[log, ["close 4001"]], {}]);
  });

  it("counts no message that is too big as received, with a 'schema', too", async () => {
    const options = { schema: anything } as WebSocketServerOptions;
    await using world = await ScriptedConnection.open({ config: { maxPayload: 4 }, options });
    for (const data of ["1234", "12345"]) world.admission.message(data);
    assertEquals(world.told, [["message 1234", "error tooBig 0"], ["close 1009"]]);
    assertEquals(world.server.stats()!.received, { messages: 1, bytes: 4 });
  });

  for (const turns of [0, 1]) {
    it(`that was closed and is terminated ${turns} turns later tells nothing of what was queued`, async () => {
      await using world = await ScriptedConnection.open();
      world.socket.bufferedAmount = 9;
      await world.server.close(world.one);
      if (turns > 0) await world.clock.advance(0);
      assertEquals(await world.server.terminate(world.one), true);
      await world.clock.advance(5000);
      world.admission.closed(closed(1006));
      assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000", "terminate"]]);
      assertEquals(world.server.stats()!.unsent, 9);
    });
  }
});

describe("drained() of a server with a history", () => {
  for (const resume of [false, true]) {
    it(`is true once what was queued is taken, of a client with resume: ${resume}`, async () => {
      await using nodes = new NodesInMemory();
      const server = await nodes.node();
      await nodes.client({ resume });
      const [connection] = server.listAllConnections();
      const [link] = nodes.network.links;
      link!.hold("toClient");
      await server.send("12345", connection!);
      const log: boolean[] = [];
      void server.drained(connection!).then((answer) => log.push(answer));
      await nodes.settle(1000);
      assertEquals(log, []);
      link!.release();
      await nodes.settle(1000);
      assertEquals(log, [true]);
    });
  }
});

describe("a message that may have been seen", () => {
  for (const schema of [undefined, anything]) {
    it(`is marked, with ${schema ? "a" : "no"} 'schema'`, async () => {
      await using nodes = new NodesInMemory();
      const options = { schema } as WebSocketServerOptions;
      const hear = () => new Promise<void>(() => {}); // has not answered when the connection is lost
      for (let node = 0; node < 2; node++) await nodes.node(options, {}, hear);
      const ws = await nodes.client();
      ws.send("1", { acknowledge: true }).catch(() => {}); // of which nobody knows, at the end
      await nodes.settle();
      nodes.at = 2;
      nodes.cut();
      await nodes.back();
      assertEquals(nodes.seen, ["1 1", "2 1 again?"]);
    });
  }
});
