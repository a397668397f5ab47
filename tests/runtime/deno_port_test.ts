/** What `Port` does with servers that end by themselves, as Deno's do. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { Port } from "../../runtime/deno/port.ts";

/** A port, and what is done with it, in a time that stands still. */
class World {
  readonly log: unknown[] = [];
  /** What listening throws. */
  fault: Error | undefined;
  readonly port: Port;
  #end: (cause: Error) => void = () => {};
  /** Ends the server as Deno does by itself. */
  finish: () => void = () => {};

  constructor() {
    this.port = new Port((signal) => {
      if (this.fault !== undefined) {
        this.log.push("throws");
        throw this.fault;
      }
      const { promise: finished, reject, resolve } = Promise.withResolvers<void>();
      this.#end = reject;
      this.finish = resolve;
      this.log.push("listens");
      signal.addEventListener("abort", () => {
        this.log.push("aborted");
        reject(new Error("aborted"));
      });
      const shutdown = () => Promise.resolve(void this.log.push("shut down"));
      return { addr: { port: 5 }, finished, shutdown };
    }, (cause) => void this.log.push((cause as Error).message));
  }

  /** The server ends by itself, or as it was told to. */
  async end(why: string): Promise<void> {
    this.#end(new Error(why));
    for (let i = 0; i < 3; i++) await Promise.resolve();
  }
}

describe("a port on Deno", () => {
  it("is listened on again 100 ms after that has ended, and however often that fails", async () => {
    using time = new FakeTime();
    const world = new World();
    const { log, port } = world;
    assertEquals(port.listen().addr, { port: 5 });
    await world.end("few files");
    assertEquals(log, ["listens", "few files"]);
    world.fault = new Error("no");
    await time.tickAsync(99);
    assertEquals(log.length, 2);
    await time.tickAsync(201);
    assertEquals(log.slice(2), ["throws", "no", "throws", "throws"]);
    world.fault = undefined;
    await time.tickAsync(100);
    assertEquals(log.slice(6), ["listens"]);
    await world.end("once more");
    await time.tickAsync(100);
    assertEquals(log.slice(7), ["once more", "listens"]);
    await port.abort();
    assertEquals(log.slice(9), ["aborted"]);
  });

  it("is listened on again where that has ended with no cause, and is not aborted in between", async () => {
    using time = new FakeTime();
    const world = new World();
    world.port.listen();
    world.finish();
    await time.tickAsync(100);
    const why =
      "Deno could not send an answer, and has ended its server: its own words are on the console";
    assertEquals(world.log.splice(0), ["listens", why, "listens"]);
    world.finish();
    await time.tickAsync(99);
    await world.port.abort();
    assertEquals(world.log, [why]);
    assertEquals(time.next(), false);
  });

  it("tells what keeps it from being listened on, each cause once", async () => {
    using time = new FakeTime();
    const world = new World();
    const { log, port } = world;
    for (let round = 0; round < 2; round++) {
      world.fault = undefined;
      if (round === 0) port.listen();
      else await time.tickAsync(100);
      await world.end("accept: few files");
      for (const why of ["few files", "few files", "in use", "few files", "in use"]) {
        world.fault = new Error(why);
        await time.tickAsync(100);
      }
      const told = [
        "accept: few files",
        "throws",
        "throws",
        "throws",
        "in use",
        "throws",
        "throws",
      ];
      assertEquals(log.splice(0), ["listens", ...told]);
    }
    await port.abort();
    assertEquals(time.next(), false); // no timer is left
  });

  it("tells that it was lost, though that is said in no words", async () => {
    using _time = new FakeTime();
    const world = new World();
    world.port.listen();
    await world.end("");
    assertEquals(world.log, ["listens", ""]);
    await world.port.abort();
  });

  it("is not listened on again where it is closed by who is told why", async () => {
    using time = new FakeTime();
    const world = new World();
    world.port.listen();
    await world.end("few files");
    world.fault = new Error("in use");
    world.log.push = (...told) => (told[0] === "in use" && void world.port.abort(), 0);
    await time.tickAsync(100);
    assertEquals(time.next(), false);
  });

  it("is left alone once it is closed, whether it is listened on or not", async () => {
    for (const how of ["shutdown", "abort"] as const) {
      const done = how === "shutdown" ? "shut down" : "aborted";
      for (const isListening of [true, false]) {
        using time = new FakeTime();
        const world = new World();
        world.port.listen();
        if (!isListening) await world.end("few files");
        await world.port[how]();
        await world.end("late");
        assertEquals(time.next(), false); // no timer is left
        assertEquals(world.log, ["listens", isListening ? done : "few files"]);
      }
    }
  });

  it("throws what Deno throws as it is listened on first", () => {
    const world = new World();
    world.fault = new Error("taken");
    assertThrows(() => world.port.listen(), Error, "taken");
    assertEquals(world.log, ["throws"]);
  });
});
