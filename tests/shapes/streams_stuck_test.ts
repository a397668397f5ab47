/** Streams whose writer waits: it is aborted meanwhile, or the client connects again. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { duplexOf } from "../../node.ts";
import { streamsOf } from "../../standard.ts";
import { MemoryPair, type MemoryPairOptions } from "../helpers/memory_pair.ts";

const KIB = 1024;
const URL = "ws://localhost:80/";

/** Who writes, and what a write of 15,000 bytes waits for behind another. */
const WAYS: Record<string, [side: "client" | "server", options: MemoryPairOptions]> = {
  "a client, until little is queued": ["client", {}],
  "a server, until little is queued": ["server", {}],
  "a client, until there is room": ["client", { client: { maxBufferedAmount: 20_000 } }],
  "a server, until there is room": ["server", { config: { maxBufferedAmount: 20_000 } }],
};

describe("a writer of streamsOf() that waits", () => {
  for (const [what, [side, options]] of Object.entries(WAYS)) {
    for (const reason of [undefined, new Error("enough")]) {
      it(`is aborted at once: ${what}, ${reason?.message ?? "for no reason"}`, async () => {
        const pair = await MemoryPair.start(options);
        const log: string[] = [];
        pair.server.on("close", (_, { code, reason }) => log.push(`${code} ${reason}`));
        pair.ws.on("close", (_, { code, reason }) => log.push(`${code} ${reason}`));
        const connection = await pair.open();
        const { writable } = side === "client"
          ? streamsOf(pair.ws)
          : streamsOf(pair.server, connection);
        const link = pair.network.links[0]!;
        link.hold();
        const isTight = what.endsWith("room");
        const writer = writable.getWriter();
        writer.closed.catch(() => {});
        await writer.write(new Uint8Array(isTight ? 15_000 : 60 * KIB));
        const written = assertRejects(() => writer.write(new Uint8Array(15_000)));
        await pair.clock.advance(1000);
        const began = pair.clock.now();
        await pair.clock.until(writer.abort(reason));
        assertEquals(pair.clock.now(), began);
        if (reason !== undefined) assertEquals(await written, reason);
        link.release();
        await pair.clock.advance(100);
        const end = `1011 ${reason?.message ?? ""}`;
        assertEquals(log, [end, end]);
        await pair[Symbol.asyncDispose]();
      });
    }
  }

  it("has its Duplex destroyed at once", async () => {
    const pair = await MemoryPair.start();
    await pair.open();
    const stream = duplexOf(pair.ws);
    pair.network.links[0]!.hold();
    stream.write(new Uint8Array(100 * KIB));
    await pair.clock.advance(10);
    const began = pair.clock.now();
    const errors: unknown[] = [];
    stream.on("error", (error) => errors.push(error.message));
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.destroy(new Error("enough"));
    await pair.clock.until(closed);
    assertEquals([errors, pair.clock.now(), pair.ws.state], [["enough"], began, "closing"]);
    await pair[Symbol.asyncDispose]();
  });

  it("goes on with the next connection of a client that reconnects", async () => {
    const pair = await MemoryPair.start({
      client: { reconnect: { maxQueued: 150 * KIB, random: () => 1 } },
    });
    const got: number[] = [];
    pair.server.on("messageReceive", ({ data }) => got.push((data as ArrayBuffer).byteLength));
    const { writable } = streamsOf(pair.ws);
    await pair.open();
    const writer = writable.getWriter();
    pair.network.links[0]!.hold();
    const log: string[] = [];
    const write = (kib: number) => {
      void writer.write(new Uint8Array(kib * KIB)).then(
        () => log.push(`${kib}`),
        ({ kind }) => log.push(`${kib} ${kind}`),
      );
    };
    for (const kib of [100, 101, 102]) write(kib);
    await pair.clock.advance(1000);
    assertEquals(log, []);
    pair.network.links[0]!.cut();
    await pair.clock.advance(10);
    // The first is lost with its connection; the second is queued for the next one.
    assertEquals([pair.ws.state, log.splice(0)], ["reconnecting", ["100"]]);
    await pair.clock.advance(2000);
    assertEquals([pair.ws.state, log, got], ["open", ["101", "102"], [101 * KIB, 102 * KIB]]);
    const failed = assertRejects(() => writer.closed);
    await pair.close();
    await failed;
    await pair[Symbol.asyncDispose]();
  });

  for (const how of ["cut", "close"] as const) {
    it(`fails with its connection where a Duplex has a window, and closes the client: ${how}`, async () => {
      const pair = await MemoryPair.start({ client: { reconnect: { random: () => 1 } } });
      const told: string[] = [];
      const errors: unknown[] = [];
      pair.server.on("connect", (connection) => {
        duplexOf(pair.server, connection, { window: 10 }).on("error", () => {});
      });
      const stream = duplexOf(pair.ws, { window: 10 });
      stream.on("error", ({ kind }: BusinessError) => errors.push(kind));
      const connection = await pair.open();
      const write = (text: string) =>
        stream.write(text, (error) => told.push(`${text}: ${!error}`));
      write("0123456789"); // which the far end does not read
      await pair.clock.advance(10);
      write("more");
      if (how === "cut") pair.network.links[0]!.cut();
      else await pair.server.close(connection, { code: 1012 });
      pair.ws.off("close"); // takes away what programs have added, and nothing else
      await pair.clock.advance(5000);
      assertEquals([errors, stream.destroyed, pair.ws.state], [["lost"], true, "idle"]);
      assertEquals(told, ["0123456789: true", "more: false"]);
      await pair[Symbol.asyncDispose]();
    });
  }

  it("fails with its connection where the client connects anew as that is lost", async () => {
    const pair = await MemoryPair.start();
    await pair.open();
    const writer = streamsOf(pair.ws).writable.getWriter();
    pair.ws.once("close", () => void pair.ws.connect(URL));
    pair.network.links[0]!.hold();
    const failed = assertRejects(() => writer.write(new Uint8Array(100 * KIB)), BusinessError);
    const closed = assertRejects(() => writer.closed);
    await pair.clock.advance(10);
    pair.network.links[0]!.cut();
    await pair.clock.advance(100);
    assertEquals([(await failed).kind, pair.ws.state], ["lost", "open"]);
    await closed;
    await pair[Symbol.asyncDispose]();
  });
});

describe("streams of a client that has connected anew as they ended", () => {
  for (const [how, told] of Object.entries({ write: "lost", close: "done", abort: "done" })) {
    it(`leave the new connection alone: ${how}()`, async () => {
      const pair = await MemoryPair.start();
      const got: unknown[] = [];
      pair.server.on("messageReceive", ({ data }) => got.push(data));
      await pair.open();
      const writer = streamsOf(pair.ws).writable.getWriter();
      writer.closed.catch(() => {});
      const log: unknown[] = [];
      pair.ws.once("close", () => {
        void pair.ws.connect(URL);
        const call = writer[how as "write"]("x");
        call.then(() => log.push("done"), ({ kind }) => log.push(kind));
      });
      await pair.close();
      await pair.clock.advance(100);
      assertEquals([log, got, pair.ws.state], [[told], [], "open"]);
      await pair[Symbol.asyncDispose]();
    });
  }

  it("leave the new connection alone: cancel(), of what waits to be read", async () => {
    const pair = await MemoryPair.start();
    const connection = await pair.open();
    const { readable } = streamsOf(pair.ws);
    for (let n = 0; n < 40; n++) await pair.server.send(`${n}`, connection);
    pair.ws.once("close", () => void pair.ws.connect(URL));
    await pair.server.close(connection);
    await pair.clock.advance(100);
    await readable.cancel();
    await pair.clock.advance(100);
    assertEquals(pair.ws.state, "open");
    await pair[Symbol.asyncDispose]();
  });
});
