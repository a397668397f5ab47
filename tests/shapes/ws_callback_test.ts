/** What the callback of a `send` is told, on a socket in the shape of `ws` that is closed right behind it. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { wsServer, type WsSocket } from "../../node.ts";
import { FakeClock } from "../../testing.ts";
import { within } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
import { pair } from "../helpers/ws_pair.ts";
import { CLOSE } from "../peers/raw.ts";

describe("callbacks of messages behind which the socket is closed", () => {
  for (const isTaken of [true, false]) {
    it(`wait until they have gone out, or are cut off: ${isTaken}`, async () => {
      const pair = await MemoryPair.start();
      let socket!: WsSocket;
      wsServer(pair.server).on("connection", (one) => socket = one);
      const got: unknown[] = [];
      pair.ws.on("message", (_, data) => got.push(data));
      await pair.open();
      const link = pair.network.links[0]!;
      link.hold("toClient");
      const called: string[] = [];
      for (let n = 0; n < 3; n++) {
        socket.send(new Uint8Array(70_000), (error) => called.push(`${error?.message}`));
      }
      socket.close(4000);
      await pair.clock.advance(1000);
      assertEquals([called, socket.readyState], [[], 3]);
      if (isTaken) link.release("toClient");
      await pair.clock.advance(10_000);
      assertEquals(called, Array(3).fill(isTaken ? "undefined" : "The connection is over"));
      assertEquals(got.length, isTaken ? 3 : 0);
      link.release("toClient");
      await pair[Symbol.asyncDispose]();
    });
  }

  it("are called with no error where the peer gets them", async () => {
    const { peer, server, socket } = await pair();
    const calls = [1, 2, 3].map(() =>
      new Promise((resolve) => socket.send(new Uint8Array(5_000_000), resolve))
    );
    socket.close(4000);
    await within(peer.next(CLOSE));
    peer.close(4000);
    assertEquals(await within(Promise.all(calls)), [undefined, undefined, undefined]);
    await server.stop();
  });
});

describe("callbacks of several messages", () => {
  it("are called in order, also where little is queued as the last is sent", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    let socket!: WsSocket;
    wsServer(server).on("connection", (one) => socket = one);
    await server.start({ serverPort: 80, maxPayload: 10 });
    const admission = runtime.enter();
    const inner = new ScriptedSocket();
    admission.open(inner);
    const called: string[] = [];
    const send = (data: string, queued: number) => {
      inner.bufferedAmount = queued;
      socket.send(data, (error) => {
        called.push(`${data.slice(0, 5)} ${error?.name}`);
        if (data === "1st") send("inner", 65_537);
      });
    };
    for (const data of ["1st", "2nd", "3rd"]) send(data, 65_537);
    send("4th", 65_536);
    send("large", 0);
    send("too large by far", 0);
    const { error } = console;
    console.error = () => called.push("printed");
    try {
      await clock.advance(1000);
    } finally {
      console.error = error;
    }
    const names = ["1st", "2nd", "3rd", "4th", "large"].map((name) => `${name} undefined`);
    assertEquals(called.splice(0), [...names, "too l BusinessError"]);
    inner.bufferedAmount = 0;
    await clock.advance(1000);
    assertEquals(called.splice(0), ["inner undefined"]);
    send("alone", 65_536);
    await clock.advance(0);
    assertEquals(called.splice(0), ["alone undefined"]);
    send("lost", 65_537);
    send("as it", 0);
    admission.closed({ code: 1006, reason: "" });
    await clock.advance(1000);
    assertEquals(called, ["lost Error", "as it undefined"]);
    await clock.until(server.stop());
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
