/** What the callback of a `send` is told, on a socket in the shape of `ws` that is closed right behind it. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { wsServer, type WsSocket } from "../../node.ts";
import { within } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { pair } from "../helpers/ws_pair.ts";
import { CLOSE } from "../peers/raw.ts";

describe("a callback of a message behind which the socket is closed", () => {
  for (const isTaken of [true, false]) {
    it(`waits until it has gone out, or is cut off: ${isTaken}`, async () => {
      const pair = await MemoryPair.start();
      let socket!: WsSocket;
      wsServer(pair.server).on("connection", (one) => socket = one);
      const got: unknown[] = [];
      pair.ws.on("message", (_, data) => got.push(data));
      await pair.open();
      const link = pair.network.links[0]!;
      link.hold("toClient");
      const called: string[] = [];
      socket.send(new Uint8Array(70_000), (error) => called.push(`${error?.message}`));
      socket.close(4000);
      await pair.clock.advance(1000);
      assertEquals([called, socket.readyState], [[], 3]);
      if (isTaken) link.release("toClient");
      await pair.clock.advance(10_000);
      assertEquals(called, [isTaken ? "undefined" : "The connection is over"]);
      assertEquals(got.length, isTaken ? 1 : 0);
      link.release("toClient");
      await pair[Symbol.asyncDispose]();
    });
  }

  it("is called with no error where the peer gets it", async () => {
    const { peer, server, socket } = await pair();
    const called = new Promise((resolve) => socket.send(new Uint8Array(5_000_000), resolve));
    socket.close(4000);
    await within(peer.next(CLOSE));
    peer.close(4000);
    assertEquals(await within(called), undefined);
    await server.stop();
  });
});

describe("a callback of a Ping or a Pong", () => {
  it("is the first function that is given, and no other", async () => {
    const { server, socket } = await pair();
    const called: string[] = [];
    const [one, other] = ["one", "other"].map((name) => () => void called.push(name));
    socket.close();
    for (const call of [socket.ping, socket.pong]) {
      call.call(socket, one, other as never);
      call.call(socket, "", one, other);
    }
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(called, Array(4).fill("one"));
    await server.stop();
  });
});
