/** A writer of streams where less may be queued than a write waits for by itself. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer, type WebSocketData } from "../../mod.ts";
import { duplexOf } from "../../node.ts";
import { streamsOf } from "../../standard.ts";
import { FakeClock } from "../../testing.ts";
import { logEnds, MemoryPair, type MemoryPairOptions } from "../helpers/memory_pair.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** What may be queued; a write waits for 64 KiB. */
const LIMIT = 20_000;
const COUNT = 30;

const KIB = 1024;
const MAX_PAYLOAD = 60_000;

/** The head of a frame of up to 64 KiB that a server sends, in bytes. */
const HEAD = 4;

/** A socket that counts the heads of frames as queued, as Bun's does, and of which nothing goes out. */
class HeadSocket extends ScriptedSocket {
  override send(data?: WebSocketData): void {
    super.send();
    this.bufferedAmount += (data as Uint8Array).byteLength + HEAD;
  }
}

const WAYS: Record<string, MemoryPairOptions> = {
  "to a peer that would be dropped": { config: { maxBufferedAmount: LIMIT } },
  "to a peer that may stay": { config: { maxBufferedAmount: LIMIT, slowPeer: "refuse" } },
  "of a client": { client: { maxBufferedAmount: LIMIT } },
  "of a client that reconnects": { client: { maxBufferedAmount: LIMIT, reconnect: true } },
};

/** Both ends as streams, over a link that is held: the one that writes, and the one that reads. */
async function held(options: MemoryPairOptions) {
  const pair = await MemoryPair.start(options);
  const log = logEnds(pair);
  const client = streamsOf(pair.ws);
  const connection = await pair.open();
  const server = streamsOf(pair.server, connection);
  pair.network.links[0]!.hold();
  const [near, far] = options.client === undefined ? [server, client] : [client, server];
  return { pair, log, writer: near.writable.getWriter(), far };
}

describe("a writer of streamsOf()", () => {
  for (const [what, options] of Object.entries(WAYS)) {
    for (const chunk of [new Uint8Array(15_000), "x".repeat(6000), new Uint8Array(19_900)]) {
      it(`waits for room ${what}: ${typeof chunk} of ${chunk.length}`, async () => {
        const { pair, log, writer, far } = await held(options);
        let written = 0;
        const all = (async () => {
          for (; written < COUNT; written++) await writer.write(chunk);
        })();
        const reader = far.readable.getReader();
        const read = (async () => {
          for (let count = 0; count < COUNT; count++) await reader.read();
        })();
        await pair.clock.advance(1000);
        const most = Math.floor(LIMIT / chunk.length);
        assert(written > 0 && written <= most, `${written} were written, of ${most} at the most`);
        pair.network.links[0]!.release();
        await pair.clock.until(Promise.all([all, read]));
        assertEquals([written, log], [COUNT, []]);
        await pair[Symbol.asyncDispose]();
      });
    }
  }

  for (const maxBufferedAmount of [64 * KIB, 100_000, 64 * KIB + MAX_PAYLOAD]) {
    it(`waits for room where it may queue ${maxBufferedAmount} bytes, and a write waits for 64 KiB`, async () => {
      const config = { maxBufferedAmount, maxPayload: MAX_PAYLOAD };
      const { pair, log, writer, far } = await held({ config });
      const chunk = new Uint8Array(60_000);
      const all = Promise.all([chunk, chunk, chunk, chunk].map((chunk) => writer.write(chunk)));
      const reader = far.readable.getReader();
      await pair.clock.advance(1000);
      pair.network.links[0]!.release();
      for (let count = 0; count < 4; count++) await pair.clock.until(reader.read());
      await pair.clock.until(all);
      assertEquals(log, []);
      await pair[Symbol.asyncDispose]();
    });
  }

  it("leaves room for the heads of frames, which count where a runtime counts them", async () => {
    const [clock, runtime] = [new FakeClock(), new ScriptedServer()];
    const server = createWebSocketServer({ clock, runtime });
    const told: unknown[] = [];
    server.on("error", ({ kind }) => told.push(kind));
    await server.start({ serverPort: 80, maxBufferedAmount: LIMIT });
    const admission = runtime.enter();
    const wire = new HeadSocket();
    admission.open(wire);
    const { writable } = streamsOf(server, server.listAllConnections()[0]!);
    const writer = writable.getWriter();
    await writer.write(new Uint8Array(15_000));
    const second = writer.write(new Uint8Array(LIMIT - 15_000 - HEAD - 1)).then(() =>
      told.push("sent")
    );
    await clock.advance(1000);
    assertEquals([told, wire.calls], [[], ["send"]]);
    wire.bufferedAmount = 0;
    await clock.until(second);
    assertEquals([told, wire.calls], [["sent"], ["send", "send"]]);
    admission.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
  });

  for (const spare of [0, HEAD - 1]) {
    it(`leaves it beside what a write leaves, with ${spare} bytes to spare`, async () => {
      const [clock, runtime] = [new FakeClock(), new ScriptedServer()];
      const server = createWebSocketServer({ clock, runtime });
      const told: unknown[] = [];
      server.on("error", ({ kind }) => told.push(kind));
      const maxBufferedAmount = 64 * KIB + MAX_PAYLOAD + spare;
      await server.start({ serverPort: 80, maxPayload: MAX_PAYLOAD, maxBufferedAmount });
      const admission = runtime.enter();
      const wire = new HeadSocket();
      admission.open(wire);
      const { writable } = streamsOf(server, server.listAllConnections()[0]!);
      wire.bufferedAmount = 64 * KIB;
      const written = writable.getWriter().write(new Uint8Array(MAX_PAYLOAD));
      await clock.advance(1000);
      assertEquals([told, wire.calls], [[], []]);
      wire.bufferedAmount = 0;
      await clock.until(written);
      assertEquals([told, wire.calls], [[], ["send"]]);
      admission.closed({ code: 1000, reason: "" });
      await clock.until(server.stop());
    });
  }

  for (const what of ["to a peer that may stay", "of a client"]) {
    it(`fails at once with what never has room ${what}`, async () => {
      const { pair, writer } = await held(WAYS[what]!);
      writer.closed.catch(() => {});
      const failed = assertRejects(() => writer.write(new Uint8Array(LIMIT + 1)), BusinessError);
      await pair.clock.advance(10);
      assertEquals((await failed as BusinessError).kind, "queueFull");
      await pair[Symbol.asyncDispose]();
    });
  }

  it("refuses what cannot be sent, waits for nothing, and leaves the connection open", async () => {
    const { pair, writer } = await held(WAYS["to a peer that may stay"]!);
    writer.closed.catch(() => {});
    const failed = assertRejects(() => writer.write(5 as never), BusinessError);
    await pair.clock.advance(10);
    assertEquals((await failed as BusinessError).kind, "argument");
    assertEquals(pair.server.listAllConnections().length, 1);
    await pair[Symbol.asyncDispose]();
  });

  for (const [what, options] of Object.entries(WAYS).slice(0, 3)) {
    it(`waits no longer than the connection is there ${what}`, async () => {
      const { pair, writer } = await held(options);
      writer.closed.catch(() => {});
      await writer.write(new Uint8Array(15_000));
      const failed = assertRejects(() => writer.write(new Uint8Array(15_000)), BusinessError);
      await pair.clock.advance(1000);
      pair.network.links[0]!.cut();
      await pair.clock.advance(10);
      assertEquals((await failed as BusinessError).kind, "lost");
      await pair[Symbol.asyncDispose]();
    });
  }

  it("is what a Duplex writes by", async () => {
    const pair = await MemoryPair.start(WAYS["to a peer that would be dropped"]);
    const log = logEnds(pair);
    const connection = await pair.open();
    let bytes = 0;
    pair.ws.on("message", (_, data) => bytes += (data as ArrayBuffer).byteLength);
    const duplex = duplexOf(pair.server, connection);
    pair.network.links[0]!.hold();
    for (let count = 0; count < 10; count++) duplex.write(new Uint8Array(15_000));
    await pair.clock.advance(1000);
    assertEquals([pair.server.bufferedAmount(connection) <= LIMIT, log], [true, []]);
    pair.network.links[0]!.release();
    await pair.clock.advance(1000);
    assertEquals([bytes, log], [150_000, []]);
    await pair[Symbol.asyncDispose]();
    duplex.destroy();
  });
});
