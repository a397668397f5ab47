/** `binaryType: 'uint8array'` on both sides: what comes in, whose memory that is, and what does not change. */

import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import {
  createWebSocket,
  createWebSocketServer,
  type StandardSchema,
  type TextOrBytes,
} from "../../mod.ts";
import { wsServer } from "../../node.ts";
import { socketOf, streamsOf, WebSocket } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { refusal, within } from "../helpers/client.ts";
import { listen, next } from "../helpers/event_log.ts";
import { TestHost } from "../helpers/test_host.ts";

const VIEWS = { binaryType: "uint8array" } as const;

/** Sizes on both sides of where the runtimes' frames, reads and allocations change. */
const SIZES = [0, 1, 125, 126, 1000, 1001, 4096, 65_535, 65_536, 1_000_000];

/** A message of a size whose bytes say which it is. */
const filled = (size: number, i: number) => new Uint8Array(size).fill(i + 1);

/** That something is a Uint8Array and no Buffer, and has a buffer of its own. */
function assertOwn(data: unknown): asserts data is Uint8Array<ArrayBuffer> {
  assertStrictEquals(Object.getPrototypeOf(data), Uint8Array.prototype);
  const { buffer, byteLength, byteOffset } = data as Uint8Array;
  assertStrictEquals(Object.getPrototypeOf(buffer), ArrayBuffer.prototype);
  assertEquals([byteOffset, byteLength], [0, buffer.byteLength]);
}

/** A server of views that collects what comes in and sends it back, and a client of views. */
async function echoed(messages: readonly (string | Uint8Array)[]) {
  const server = createWebSocketServer(VIEWS);
  const atServer: TextOrBytes[] = [];
  server.on("messageReceive", ({ clientConnection, data }) => {
    atServer.push(data);
    void server.send(data, clientConnection);
  });
  const url = await listen(server as never);
  const ws = createWebSocket(VIEWS);
  const atClient: TextOrBytes[] = [];
  const all = new Promise<void>((resolve) =>
    ws.on("message", (_, data) => {
      atClient.push(data);
      if (atClient.length === messages.length) resolve();
    })
  );
  await ws.connect(url);
  for (const message of messages) await ws.send(message);
  await within(all);
  await ws.close();
  await ws.closed;
  await server.stop();
  return { atServer, atClient };
}

describe("binaryType: 'uint8array'", () => {
  it("gives bytes as views of their own on both sides, and text as text", async () => {
    const sent = ["text", ...SIZES.map(filled), "", "and more"];
    for (const got of Object.values(await echoed(sent))) {
      assertEquals(got, sent);
      for (const data of got) if (typeof data !== "string") assertOwn(data);
    }
  });

  it("gives memory that no later message is in, so that it may be kept", async () => {
    const sent = Array.from(
      { length: 300 },
      (_, i) => filled([1, 128, 1000, 5000][i % 4]!, i % 250),
    );
    for (const got of Object.values(await echoed(sent))) {
      assertEquals(got, sent); // all were kept until the last had come
      assertEquals(new Set(got.map((data) => (data as Uint8Array).buffer)).size, sent.length);
    }
  });

  it("lets a view be changed once it was sent on, as all data", async () => {
    const server = createWebSocketServer(VIEWS);
    server.on("messageReceive", ({ clientConnection, data }) => {
      void server.send(data, clientConnection);
      (data as Uint8Array).fill(0);
      void server.send((data as Uint8Array).subarray(1, 3), clientConnection);
    });
    const ws = createWebSocket(VIEWS);
    const got: TextOrBytes[] = [];
    await ws.connect(await listen(server as never));
    await ws.send(Uint8Array.of(1, 2, 3, 4));
    for await (const data of ws) if (got.push(data) === 2) break;
    assertEquals(got, [Uint8Array.of(1, 2, 3, 4), Uint8Array.of(0, 0)]);
    await server.stop();
  });

  it("sends what came in whenever it is asked to: at once, later, to all", async () => {
    const server = createWebSocketServer(VIEWS);
    server.on("messageReceive", async ({ clientConnection, data }) => {
      await server.broadcast(data);
      await Promise.resolve();
      await server.send(data, clientConnection);
    });
    const ws = createWebSocket(VIEWS);
    const got: TextOrBytes[] = [];
    await ws.connect(await listen(server as never));
    await ws.send(Uint8Array.of(7));
    for await (const data of ws) if (got.push(data) === 2) break;
    assertEquals(got, [Uint8Array.of(7), Uint8Array.of(7)]);
    await server.stop();
  });

  it("refuses shared memory all the same, in a listener, too", async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(4));
    const server = createWebSocketServer(VIEWS);
    const refused = new Promise<unknown>((resolve) =>
      server.on("messageReceive", ({ clientConnection }) => {
        resolve(refusal(server.send(shared, clientConnection)));
      })
    );
    const ws = createWebSocket(VIEWS);
    await ws.connect(await listen(server as never));
    await ws.send(Uint8Array.of(7));
    assertEquals((await refused as { code: number }).code, 401);
    assertEquals((await refusal(ws.send(shared))).code, 401);
    await server.stop();
  });

  it("is 'arraybuffer' unless it is set, and where that is said", async () => {
    for (const options of [undefined, {}, { binaryType: "arraybuffer" }] as const) {
      const server = createWebSocketServer(options);
      const ws = createWebSocket(options);
      const got = next<{ data: unknown }>(server, "messageReceive");
      await ws.connect(await listen(server));
      await ws.send(Uint8Array.of(1));
      const { data } = await got;
      assertEquals(data, Uint8Array.of(1).buffer);
      const answer = next(ws, "message");
      await server.send(data as ArrayBuffer, server.listAllConnections()[0]!);
      assertEquals(await answer, Uint8Array.of(1).buffer);
      await server.stop();
    }
  });

  it("refuses anything else with 401, and names it", async () => {
    for (const binaryType of ["blob", "nodebuffer", "Uint8Array", "", 1, null, {}]) {
      const errors = [
        await refusal(createWebSocket({ binaryType } as never).connect("ws://127.0.0.1:1/")),
        await refusal(createWebSocketServer({ binaryType } as never).start({ serverPort: 0 })),
        await refusal(createWebSocketServer({ binaryType } as never).mount()),
      ];
      for (const { code, message } of errors) {
        assertEquals(code, 401);
        assertStringIncludes(message, "'binaryType' must be 'arraybuffer' or 'uint8array'");
      }
    }
    const config = { serverPort: 0, binaryType: "uint8array" } as never;
    assertEquals((await refusal(createWebSocketServer().start(config))).code, 401);
  });

  it("is what an observer is shown, and what is counted", async () => {
    const seen: unknown[] = [];
    const observer = {
      received: (_: unknown, data: unknown, bytes: number) => seen.push(data, bytes),
    };
    const server = createWebSocketServer({ ...VIEWS, observer, stats: true });
    const got = next<{ data: unknown }>(server, "messageReceive");
    const ws = createWebSocket();
    await ws.connect(await listen(server as never));
    await ws.send(Uint8Array.of(1, 2));
    const { data } = await got;
    assertOwn(data);
    assertStrictEquals(seen[0], data);
    assertEquals(seen[1], 2);
    assertEquals(server.stats()?.received, { messages: 1, bytes: 2 });
    await server.stop();
  });

  it("leaves a schema as it is: bytes are refused with 1003", async () => {
    const schema: StandardSchema<number> = {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) => ({ value: value as number }),
      },
    };
    const server = createWebSocketServer({ schema, binaryType: "uint8array" } as never);
    const ws = createWebSocket();
    await ws.connect(await listen(server));
    await ws.send(Uint8Array.of(1));
    assertEquals((await ws.closed).code, 1003);
    await server.stop();
  });

  it("counts towards what may wait for listeners", async () => {
    const server = createWebSocketServer(VIEWS);
    let sum = 0;
    const all = new Promise<void>((resolve) =>
      server.on("messageReceive", async ({ data }) => {
        await new Promise((resolve) => setTimeout(resolve));
        sum += (data as Uint8Array).byteLength;
        if (sum === 20_000) resolve();
      })
    );
    const ws = createWebSocket();
    const config = { maxPendingAmount: 10 * 1024 * 1024, maxPayload: 1000 };
    await ws.connect(await listen(server as never, config));
    for (let i = 0; i < 20; i++) await ws.send(filled(1000, i));
    await within(all);
    const closed = ws.closed;
    await ws.send(new Uint8Array(1001));
    assertEquals((await closed).code, 1009);
    await server.stop();
  });
});

describe("binaryType: 'uint8array', elsewhere", () => {
  it("is the same in a host", async () => {
    const server = createWebSocketServer(VIEWS);
    const mount = await server.mount();
    for (const websocket of [mount.websocket, mount.websocketWith({ message() {} })]) {
      const host = new TestHost(mount.fetch, { websocket });
      const got = next<{ data: unknown }>(server, "messageReceive");
      const ws = createWebSocket();
      await ws.connect(`ws://127.0.0.1:${host.port}/`);
      await ws.send(Uint8Array.of(3));
      const { data } = await got;
      assertOwn(data);
      assertEquals(data, Uint8Array.of(3));
      const left = next(server, "close");
      await ws.close();
      await left;
      await host[Symbol.asyncDispose]();
    }
    await server.stop();
  });

  it("is the same on the network in memory, where a view may be kept as well", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ ...VIEWS, clock, runtime: network.server });
    await server.start({ serverPort: 80 });
    const ws = createWebSocket({ ...VIEWS, clock, runtime: network.client });
    await ws.connect("ws://localhost/");
    const got = next<{ data: unknown }>(server, "messageReceive");
    await ws.send(Uint8Array.of(1, 2).subarray(1));
    const { data } = await clock.until(got);
    assertOwn(data);
    assertEquals(data, Uint8Array.of(2));
    const answer = next(ws, "message");
    await server.send(data, server.listAllConnections()[0]!);
    const back = await clock.until(answer);
    assertOwn(back);
    assert(back.buffer !== data.buffer);
    await clock.until(server.stop());
  });

  it("is the same where a client resumes: what was missed, and what is published", async () => {
    const server = createWebSocketServer({ ...VIEWS, history: true });
    const url = await listen(server as never);
    const ws = createWebSocket({
      ...VIEWS,
      reconnect: { minDelay: 0.05, maxDelay: 0.05 },
      resume: true,
    });
    const got: TextOrBytes[] = [];
    ws.on("message", (_, data) => void got.push(data));
    server.on("connect", (connection) => void server.join(connection, "news"));
    await ws.connect(url);
    const heard = next<{ data: unknown }>(server, "messageReceive");
    await ws.send(Uint8Array.of(9, 10));
    const { data } = await within(heard);
    assertOwn(data);
    assertEquals(data, Uint8Array.of(9, 10));
    await server.publish("news", Uint8Array.of(1, 10, 2));
    await within(next(ws, "dataEnd"));
    const again = next(ws, "open");
    await server.terminate(server.listAllConnections()[0]!);
    await server.publish("news", Uint8Array.of(3));
    await within(again);
    while (got.length < 2) await within(next(ws, "dataEnd"));
    for (const data of got) assertOwn(data);
    assertEquals(got, [Uint8Array.of(1, 10, 2), Uint8Array.of(3)]);
    await ws.close();
    await server.stop();
  });

  it("changes nothing for those who have another interface", async () => {
    const server = createWebSocketServer(VIEWS);
    const standard: unknown[] = [];
    const streamed: unknown[] = [];
    const likeWs: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      wsServer(server).on("connection", (socket) => {
        socket.on("message", (data: unknown) => {
          likeWs.push(data);
          resolve();
        });
      });
      server.on("connect", async (connection) => {
        const socket = socketOf(server, connection);
        socket.binaryType = "arraybuffer";
        socket.onmessage = ({ data }) => standard.push(data);
        for await (const data of streamsOf(server, connection).readable) streamed.push(data);
      });
    });
    const ws = new WebSocket(await listen(server as never));
    ws.binaryType = "arraybuffer";
    await new Promise((resolve) => ws.onopen = resolve);
    ws.send(Uint8Array.of(5));
    await within(done);
    assertEquals([standard, streamed], [[Uint8Array.of(5).buffer], [Uint8Array.of(5).buffer]]);
    assert(Buffer.isBuffer(likeWs[0]));
    assertEquals([...likeWs[0]], [5]);
    await server.stop();
  });

  it("changes nothing for the streams of a client", async () => {
    const server = createWebSocketServer();
    server.on("connect", (connection) => void server.send(Uint8Array.of(5), connection));
    const ws = createWebSocket(VIEWS);
    const { readable } = streamsOf(ws);
    await ws.connect(await listen(server));
    assertEquals((await readable.getReader().read()).value, Uint8Array.of(5).buffer);
    await server.stop();
  });
});
