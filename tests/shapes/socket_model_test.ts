/** A WebSocket of the standard's shape on a network in memory: what is left, and what is told, at its end. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { WebSocket } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** A server, a socket that is connecting to it, and the ends of both. */
async function world(init: { reconnect?: boolean } = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const server: WebSocketServer = createWebSocketServer({ clock, runtime: network.server });
  const closes: unknown[] = [];
  server.on("close", (_, close) => closes.push(close));
  await server.start({ serverPort: 80 });
  const socket = new WebSocket("ws://localhost/", [], { clock, runtime: network.client, ...init });
  const told: unknown[] = [];
  socket.onclose = ({ code, reason, wasClean }) => told.push([code, reason, wasClean]);
  const end = async () => {
    await clock.until(server.stop());
    await clock.advance(60_000);
    assertEquals([clock.pending, network.links], [0, []]);
  };
  return { clock, network, server, socket, closes, told, end };
}

describe("a socket of the standard's shape", () => {
  it("says what it cannot do before it is open", async () => {
    const { clock, socket, end } = await world();
    const error = assertThrows(() => socket.send("x"), DOMException);
    assertEquals([error.name, error.message], [
      "InvalidStateError",
      "send: the socket is still connecting",
    ]);
    await clock.advance(10);
    assertEquals(socket.readyState, 1);
    await end();
  });

  it("counts what is sent after it was lost, and sends none of it", async () => {
    const { clock, network, socket, told, end } = await world();
    await clock.advance(10);
    network.links[0]!.hold("toServer");
    socket.send("x".repeat(100));
    await clock.advance(10);
    assertEquals(socket.bufferedAmount, 100);
    network.links[0]!.cut();
    socket.send("é");
    await clock.advance(10);
    assertEquals([socket.readyState, told], [3, [[1006, "", false]]]);
    const { bufferedAmount } = socket;
    socket.send(new Uint8Array(3));
    assertEquals(socket.bufferedAmount, bufferedAmount + 3);
    await clock.advance(1000);
    assertEquals(socket.bufferedAmount, bufferedAmount + 3);
    await end();
  });

  for (const reconnect of [false, true]) {
    for (const [name, over] of [["close", 60_000], ["terminate", 10]] as const) {
      it(`counts what was queued and never went out: ${name}, reconnect ${reconnect}`, async () => {
        const { clock, network, socket, end } = await world({ reconnect });
        await clock.advance(10);
        network.links[0]!.hold("toServer");
        socket.send("x".repeat(100));
        await clock.advance(10);
        const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
        socket[name]();
        await clock.advance(over);
        assertEquals(socket.bufferedAmount, 100);
        await closed;
        assertEquals([socket.readyState, socket.bufferedAmount], [3, 100]);
        socket.send("é");
        assertEquals(socket.bufferedAmount, 102);
        await end();
      });
    }
  }

  it("closes once, with what was asked for first", async () => {
    const { clock, socket, closes, told, end } = await world();
    await clock.advance(10);
    socket.close(4000, "first");
    socket.close(4001, "second");
    await clock.advance(10);
    assertEquals(closes, [{ code: 4000, reason: "first" }]);
    assertEquals(told, [[4000, "first", true]]);
    socket.close(4002, "third");
    await clock.advance(1000);
    assertEquals([told.length, socket.readyState, socket.bufferedAmount], [1, 3, 0]);
    await end();
  });

  it("counts a Blob that was being read as it ended, also once that has been read", async () => {
    const { clock, network, socket, end } = await world();
    await clock.advance(10);
    const blob = new Blob(["12345"]);
    const { promise, resolve } = Promise.withResolvers<ArrayBuffer>();
    blob.arrayBuffer = () => promise;
    socket.send(blob);
    socket.send("678");
    network.links[0]!.cut();
    await clock.advance(10);
    assertEquals([socket.readyState, socket.bufferedAmount], [3, 8]);
    resolve(new ArrayBuffer(5));
    await clock.advance(10);
    assertEquals(socket.bufferedAmount, 8);
    await end();
  });

  it("ends with 1011 where a Blob cannot be read, and sends nothing after it", async () => {
    const { clock, socket, server, closes, end } = await world();
    const got: unknown[] = [];
    server.on("messageReceive", ({ data }) => void got.push(data));
    await clock.advance(10);
    const blob = new Blob(["never"]);
    const gone = new RangeError("gone");
    blob.arrayBuffer = () => Promise.reject(gone);
    const errors: unknown[] = [];
    socket.onerror = (event) => {
      const { cause, message } = (event as ErrorEvent).error;
      errors.push(message, cause === gone);
    };
    socket.send("before");
    socket.send(blob);
    socket.send("after");
    await clock.advance(100);
    assertEquals(got, ["before"]);
    assertEquals(closes, [{ code: 1011, reason: "A message could not be read" }]);
    assertEquals(errors, [
      "Websocket Unknown Other Error: send: a Blob could not be sent: RangeError: gone",
      true,
    ]);
    assertEquals([socket.readyState, socket.bufferedAmount], [3, 10]);
    await end();
  });
});
