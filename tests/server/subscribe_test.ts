/** The server's own program hears what is published. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer, type PublishedMessage } from "../../mod.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";

describe("server.subscribe()", () => {
  it("hears what is published to its topic, in order, and is not counted", async () => {
    await using pair = await MemoryPair.start();
    const connection = await pair.open();
    await pair.server.join(connection, "news");
    const log: PublishedMessage[] = [];
    pair.server.subscribe("news", (message) => log.push(message));
    assertEquals(await pair.server.publish("news", "one"), { sent: 1, tooSlow: 0 });
    assertEquals(await pair.server.publish("news", "two", { except: connection }), {
      sent: 0,
      tooSlow: 0,
    });
    await pair.server.publish("weather", "rain");
    await pair.server.broadcast("all");
    await pair.server.publish("", "nameless");
    assertEquals(log, [
      { topic: "news", data: "one", local: true },
      { topic: "news", data: "two", local: true },
    ]);
    await pair.clock.advance(20);
  });

  it("gets an ArrayBuffer of its own", async () => {
    await using watched = await WatchedServer.start();
    const got: (string | ArrayBuffer)[] = [];
    watched.server.subscribe("bytes", ({ data }) => got.push(data));
    const bytes = new Uint8Array([1, 2, 3, 4]);
    for (const data of [bytes, bytes.buffer, bytes.subarray(1, 3), new DataView(bytes.buffer)]) {
      await watched.server.publish("bytes", data);
    }
    bytes.fill(0);
    const shown = got.map((data) => Array.from(new Uint8Array(data as ArrayBuffer)));
    assertEquals(shown, [[1, 2, 3, 4], [1, 2, 3, 4], [2, 3], [1, 2, 3, 4]]);
  });

  it("gives each listener a message of its own, which it may write into", async () => {
    await using watched = await WatchedServer.start();
    const seen: PublishedMessage[] = [];
    for (let n = 0; n < 2; n++) {
      watched.server.subscribe("news", (message) => {
        seen.push({ ...message });
        Object.assign(message, { topic: "other", data: "other", local: false });
      });
    }
    await watched.server.publish("news", "one");
    assertEquals(seen, Array(2).fill({ topic: "news", data: "one", local: true }));
  });

  it("goes on over stops and starts, until it is ended", async () => {
    const server = createWebSocketServer();
    const log: unknown[] = [];
    const end = server.subscribe("news", ({ data }) => log.push(data));
    await assertRefused(() => server.publish("news", "nobody runs"), 2302999);
    for (const round of [1, 2]) {
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      await server.publish("news", `round ${round}`);
      if (round === 2) end();
      await server.publish("news", "again");
      await server.stop();
    }
    assertEquals(log, ["round 1", "again", "round 2"]);
    end(); // does no harm
  });

  it("counts each call, and ends each by itself", async () => {
    await using watched = await WatchedServer.start();
    const log: string[] = [];
    const listener = ({ topic }: PublishedMessage) => log.push(topic);
    const ends = [watched.server.subscribe("a", listener), watched.server.subscribe("a", listener)];
    watched.server.subscribe("b", listener);
    for (const end of [() => {}, ...ends]) {
      end();
      await watched.server.publish("a", "x");
    }
    await watched.server.publish("b", "x");
    assertEquals(log, ["a", "a", "a", "b"]);
  });

  it("may be ended and begun in its own listener", async () => {
    await using watched = await WatchedServer.start();
    const log: string[] = [];
    const end = watched.server.subscribe("a", ({ data }) => {
      log.push(`first ${data}`);
      end();
      watched.server.subscribe("a", ({ data }) => log.push(`second ${data}`));
    });
    await watched.server.publish("a", "1");
    await watched.server.publish("a", "2");
    assertEquals(log, ["first 1", "second 2"]);
  });

  it("hears from the next message on, and no more, where another begins or ends it", async () => {
    await using pair = await MemoryPair.start();
    const { server } = pair;
    const log: string[] = [];
    const ends: (() => void)[] = [];
    const add = (name: string) =>
      ends.push(server.subscribe("a", ({ data }) => {
        log.push(`${name} ${data}`);
        if (name === "first" && data === "1") add("late");
        if (name === "first" && data === "2") ends[1]!();
      }));
    for (const name of ["first", "second"]) add(name);
    for (const data of ["1", "2", "3"]) await server.publish("a", data);
    assertEquals(log, [
      ...["first 1", "second 1"],
      ...["first 2", "second 2", "late 2"],
      ...["first 3", "late 3"],
    ]);
  });

  it("hears in the order of the calls what a listener publishes, as all others do", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    const log: unknown[] = [];
    const end = server.subscribe("a", ({ data }) => {
      log.push(`first ${data}`);
      if (data !== "1") return end();
      const bytes = new Uint8Array([2]);
      void server.publish("b", bytes);
      bytes[0] = 9;
      void server.publish("a", "3");
      void server.publish("ended", "x");
      endOther();
      server.subscribe("a", ({ data }) => log.push(`late ${data}`)); // which is later than those
    });
    const endOther = server.subscribe("ended", () => log.push("after its end"));
    server.subscribe("a", ({ data }) => log.push(`second ${data}`));
    server.subscribe("b", ({ data }) => log.push(`second ${new Uint8Array(data as ArrayBuffer)}`));
    await server.publish("a", "1");
    assertEquals(log.splice(0), ["first 1", "second 1", "second 2", "first 3", "second 3"]);
    await server.publish("a", "4");
    assertEquals(log, ["second 4", "late 4"]);
  });

  it("reports a listener that fails to 'error', and tells the others", async () => {
    await using watched = await WatchedServer.start();
    const log: unknown[] = [];
    watched.server.subscribe("a", () => {
      throw new RangeError("sync");
    });
    watched.server.subscribe("a", () => Promise.reject(new RangeError("async")));
    watched.server.subscribe("a", ({ data }) => log.push(data));
    assertEquals(await watched.server.publish("a", "x"), { sent: 0, tooSlow: 0 });
    await watched.until(() => watched.errors.length === 2);
    assertEquals(log, ["x"]);
    for (const error of watched.errors) {
      assertEquals([error.code, error.kind], [2302999, "listenerFailed"]);
      assertEquals(error.message.includes("a listener of a topic failed: "), true);
    }
  });

  for (const count of [1, 2]) {
    it(`ends, and says so, where ${count} of its listeners publish whatever they are told of`, async () => {
      await using pair = await MemoryPair.start();
      const { server } = pair;
      const errors: string[] = [];
      server.on("error", ({ message }) => errors.push(message));
      let told = 0;
      const again = ({ data }: PublishedMessage) => {
        told++;
        void server.publish("a 'b'", `${data}`.slice(0, 5));
      };
      const ends = Array.from({ length: count }, () => server.subscribe("a 'b'", again));
      for (let round = 1; round <= 2; round++) {
        told = 0;
        await server.publish("a 'b'", "hello");
        assertEquals([told, errors.length], [count === 1 ? 1000 : 200_000, round]);
      }
      assertEquals(
        errors[0],
        "Websocket Unknown Other Error: a listener of a topic failed: Error: what it publishes to " +
          "'a 'b'' has it publish more, with no end",
      );
      for (const end of ends) end();
      const log: unknown[] = [];
      server.subscribe("a 'b'", ({ data }) => log.push(data));
      await server.publish("a 'b'", "all is well");
      assertEquals(log, ["all is well"]);
    });
  }

  it("hears of as many messages as a listener publishes at once", async () => {
    await using pair = await MemoryPair.start();
    let told = 0;
    pair.server.subscribe("each", () => told++);
    pair.server.subscribe("all", () => {
      for (let n = 0; n < 5000; n++) void pair.server.publish("each", "1");
    });
    await pair.server.publish("all", "now");
    assertEquals(told, 5000);
  });

  it("tells nobody of what is refused", async () => {
    await using watched = await WatchedServer.start();
    const log: unknown[] = [];
    watched.server.subscribe("a", ({ data }) => log.push(data));
    await assertRefused(() => watched.server.publish("a", 5 as never), 401);
    await assertRefused(() => watched.server.publish("a", "x", { except: 5 as never }), 401);
    assertEquals(log, []);
  });

  it("throws 401 for what is no topic or no listener", () => {
    const server = createWebSocketServer();
    for (const wrong of [undefined, null, 5, {}, ["a"]]) {
      const error = assertThrows(() => server.subscribe(wrong as never, () => {}), BusinessError);
      assertEquals([error.code, error.message.includes("subscribe: topic must be text")], [
        401,
        true,
      ]);
    }
    for (const wrong of [undefined, null, 5, {}, "a"]) {
      const error = assertThrows(() => server.subscribe("a", wrong as never), BusinessError);
      assertEquals(
        [error.code, error.message.includes("subscribe: the listener must be a function: current")],
        [401, true],
      );
    }
  });
});
