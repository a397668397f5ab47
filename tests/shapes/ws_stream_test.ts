/** `createWebSocketStream` of npm's `ws`, over sockets of `wsServer`, and `_socket`, which it looks for. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type EventEmitter, once } from "node:events";
import { createRequire } from "node:module";
import type { Duplex } from "node:stream";
import type { WsSocket } from "../../node.ts";
import { within } from "../helpers/client.ts";
import { pair } from "../helpers/ws_pair.ts";
import { BINARY, CLOSE, TEXT, textOf } from "../peers/raw.ts";

// By its path: by its name it is Bun's own there, which has no such streams.
const createWebSocketStream: (socket: WsSocket) => Duplex = createRequire(import.meta.url)(
  "../../node_modules/ws/lib/stream.js",
);

describe("createWebSocketStream of ws", () => {
  it("sends back what comes in, and ends where the peer closes", async () => {
    const { server, socket, peer } = await pair();
    const stream = createWebSocketStream(socket);
    stream.pipe(stream);
    const over = once(stream, "close");
    peer.send(TEXT, "hello");
    assertEquals(textOf((await within(peer.next(BINARY))).payload), "hello");
    peer.close(1000);
    await within(over);
    assertEquals(stream.errored, null);
    await server.stop();
  });

  it("closes the connection as it ends, once all is sent", async () => {
    const { server, socket, peer } = await pair();
    const stream = createWebSocketStream(socket);
    stream.resume();
    const over = once(stream, "close");
    stream.end("bye");
    assertEquals((await within(peer.next(CLOSE))).payload.length, 0);
    await within(over);
    assertEquals(peer.frames.map(({ payload }) => textOf(payload)), ["bye", ""]);
    assertEquals([stream.errored, stream.writableFinished], [null, true]);
    await server.stop();
  });
});

it("`_socket` of a socket of ws says who is there, and is the same each time", async () => {
  const { server, socket, request } = await pair();
  const { _socket } = socket as unknown as {
    _socket: { remoteAddress: string; remotePort: number };
  };
  const { remoteAddress, remotePort } = request.socket;
  assertEquals([_socket.remoteAddress, _socket.remotePort], [remoteAddress, remotePort]);
  assertStrictEquals((socket as unknown as { _socket: unknown })._socket, _socket);
  assertStrictEquals(request.socket as unknown, _socket);
  assertStrictEquals(request.connection as unknown, _socket);
  assertEquals("encrypted" in _socket, false);
  await server.stop();
});

it("the socket of a request tells of its end, and drops the connection", async () => {
  const { server, request, peer } = await pair();
  const over = once(request.socket, "close");
  assertStrictEquals(request.socket.destroy(), request.socket);
  assertEquals(await within(over), [true]);
  await within(peer.ended);
  request.socket = { encrypted: true } as never; // as a router behind a proxy may do
  assertEquals(request.socket, { encrypted: true } as never);
  await server.stop();
});

it("`_socket` has all written at the end, and not while a Blob is read that the socket closes behind", async () => {
  const { server, socket } = await pair();
  const { _socket } = socket as unknown as {
    _socket: EventEmitter & { _writableState: { finished: boolean } };
  };
  const told: unknown[] = [];
  const tell = (what: string) => told.push(`${what} ${_socket._writableState.finished}`);
  _socket.on("finish", () => tell("finish"));
  socket.send(Object.assign(new Blob(["a"]), { arrayBuffer: () => new Promise(() => {}) }));
  tell("open");
  socket.close();
  tell("closing");
  assertEquals(socket.readyState, 2);
  const over = once(socket, "close");
  socket.terminate();
  await within(over);
  tell("over");
  assertEquals(told, ["open false", "closing false", "finish true", "over true"]);
  await server.stop();
});
