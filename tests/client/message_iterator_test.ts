import {
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type MessageInfo, MessageIterator } from "../../client/message_iterator.ts";
import { BusinessError, businessError } from "../../errors.ts";
import { Listeners } from "../../internal/listeners.ts";
import { Receipt } from "../../internal/receipt.ts";
import { DialledClient } from "../helpers/dialled_client.ts";
import { schemaOf } from "../helpers/schemas.ts";

type Name = "message" | "close" | "error";

/** A source of messages: the real listeners, with nothing behind them. */
function setUp() {
  const listeners = new Listeners<Name>(["message", "close", "error"]);
  const state = { busy: true, overruns: 0, canPause: true, resumed: () => {} };
  /** What is done to the connection. */
  const reading: string[] = [];
  let expire = () => {};
  /** The listeners that were added and are not removed. */
  const left = new Set<unknown>();
  const queue = new MessageIterator({
    on: (type, listener) => (left.add(listener), listeners.on(type, listener)),
    off: (type, listener) => (left.delete(listener), listeners.off(type, listener)),
    busy: () => state.busy,
    tooFast: () => state.overruns++,
    pause: (expired) => {
      reading.push("pause");
      expire = expired;
      return state.canPause ? () => (reading.push("resume"), state.resumed()) : undefined;
    },
  });
  const message = (data: string | ArrayBuffer, info?: MessageInfo) =>
    listeners.emit("message", info, data);
  return {
    listeners,
    state,
    queue,
    message,
    reading,
    expire: () => expire(),
    count: () => left.size,
  };
}

const DONE = { done: true, value: undefined } as const;

describe("MessageIterator", () => {
  it("gives messages in order, whether they or the readers came first", async () => {
    const { queue, message } = setUp();
    message("1");
    message("2");
    const results = [queue.next(), queue.next(), queue.next(), queue.next()];
    message("3");
    message("");
    assertEquals((await Promise.all(results)).map(({ value }) => value), ["1", "2", "3", ""]);
  });

  it("gives a hundred thousand that wait as quickly as a few", async () => {
    const { queue, message } = setUp();
    for (let n = 0; n < 100_000; n++) message("x");
    const began = performance.now();
    for (let n = 0; n < 100_000; n++) await queue.next();
    assertLess(performance.now() - began, 4000); // an array's `shift` takes half a minute on Deno
  });

  it("holds 262,144 messages at the most, with nothing in them: each counts 64 bytes", () => {
    const { queue, message, reading, state } = setUp();
    queue.pauseAbove(1024 * 1024);
    for (let n = 0; n < 16 * 1024; n++) message("");
    assertEquals(reading, []);
    message(new ArrayBuffer(0));
    assertEquals(reading, ["pause"]);
    for (let n = 16 * 1024 + 1; n < 256 * 1024; n++) message("x".repeat(n % 33));
    assertEquals(state.overruns, 0);
    message("");
    assertEquals(state.overruns, 1);
  });

  it("has the connection not be read while more waits than it was told, until a half is left", async () => {
    const { queue, message, reading, state } = setUp();
    message("x".repeat(1000)); // nobody has asked for it
    assertEquals(reading, []);
    await queue.next();
    queue.pauseAbove(1000);
    for (const length of [400, 100]) message("x".repeat(length)); // 1000 bytes
    assertEquals(reading, []);
    for (const length of [32, 218]) message("x".repeat(length));
    assertEquals(reading.splice(0), ["pause", "pause"]); // the source counts it once
    await queue.next();
    assertEquals(reading, []); // 700 are left
    await queue.next();
    assertEquals(reading.splice(0), ["resume"]); // 500 are left
    await queue.next();
    await queue.next();
    assertEquals(reading, []);
    state.canPause = false;
    for (const _ of [1, 2]) message("x".repeat(600));
    assertEquals(reading.splice(0), ["pause", "pause"]);
    await queue.next();
    await queue.next();
    assertEquals([reading, state.overruns], [[], 0]);
  });

  it("has it read on at the end, and fails where that takes too long", async () => {
    for (const how of ["return", "close", "expire"] as const) {
      const { listeners, queue, message, reading, expire, state } = setUp();
      queue.pauseAbove(10);
      message("too much");
      if (how === "return") await queue.return();
      else if (how === "close") listeners.emit("close");
      else expire();
      assertEquals([how, ...reading], [how, "pause", "resume"]);
      assertEquals(state.overruns, how === "expire" ? 1 : 0);
      if (how === "return") continue;
      assertEquals((await queue.next()).value, "too much");
      if (how === "close") assertEquals(await queue.next(), DONE);
      else {
        const { kind, message } = await assertRejects(() => queue.next(), BusinessError);
        assertEquals(kind, "unread");
        assertStringIncludes(message, "more than 5 bytes waited for too long to be read");
      }
    }
  });

  it("that has ended takes nothing of what comes at once as it is read on", async () => {
    const { queue, message, reading, state } = setUp();
    const answers: unknown[] = [];
    state.resumed = () => {
      const receipt = new Receipt((refused) => answers.push(refused));
      message("too much as well", { size: undefined, receipt });
      receipt.end(undefined);
    };
    queue.pauseAbove(10);
    message("too much");
    await queue.return();
    assertEquals([reading, answers], [["pause", "resume"], ["unheard"]]);
    assertEquals(await queue.next(), DONE);
  });

  it("ends with the connection, after what waits was read", async () => {
    const { listeners, queue, message } = setUp();
    message("1");
    listeners.emit("close", undefined, {});
    message("too late");
    assertEquals(await queue.next(), { done: false, value: "1" });
    assertEquals(await queue.next(), DONE);
    assertEquals(await queue.next(), DONE);
  });

  it("tells every reader that waits of the end", async () => {
    const { listeners, queue } = setUp();
    const results = [queue.next(), queue.next()];
    listeners.emit("close");
    assertEquals(await Promise.all(results), [DONE, DONE]);
  });

  it("throws once where the connection was lost, after what waits was read", async () => {
    const { listeners, state, queue, message } = setUp();
    message("1");
    const error = businessError("connectFailed", "lost");
    state.busy = false;
    listeners.emit("error", error);
    listeners.emit("close");
    assertEquals(await queue.next(), { done: false, value: "1" });
    assertStrictEquals(await assertRejects(() => queue.next()), error);
    assertEquals(await queue.next(), DONE);
  });

  it("throws where the attempt failed, which no 'close' follows", async () => {
    const { listeners, state, queue } = setUp();
    const waiting = queue.next();
    state.busy = false;
    listeners.emit("error", businessError("connectFailed", "refused"));
    const error = await assertRejects(() => waiting, BusinessError);
    assertEquals(error.code, 200);
  });

  it("takes no notice of an attempt that failed while another is under way", async () => {
    const { listeners, queue, message } = setUp();
    listeners.emit("error", businessError("connectFailed", "the URL has no host"));
    message("still here");
    assertEquals((await queue.next()).value, "still here");
  });

  it("lets go of its source when the loop is left", async () => {
    const { count, listeners, queue, message, state } = setUp();
    message("1");
    message("2");
    state.busy = false;
    for await (const data of queue) {
      assertEquals(data, "1");
      break;
    }
    message("3");
    listeners.emit("error", businessError("connectFailed", "lost later"));
    assertEquals(await queue.next(), DONE);
    assertEquals(await queue.return(), DONE);
    assertEquals(count(), 0);
  });

  for (const type of ["close", "error"] as const) {
    it(`has no listener left once it has ended by '${type}'`, () => {
      const { listeners, state, count } = setUp();
      assertEquals(count(), 3);
      state.busy = false;
      listeners.emit(type, businessError("connectFailed", "lost"));
      assertEquals(count(), 0);
    });
  }

  it("holds 16 MiB, text counted two bytes a character; more is an tooFast, told once", async () => {
    const { state, queue, message } = setUp();
    const MIB = 1024 * 1024;
    message(new ArrayBuffer(8 * MIB - 64));
    message("x".repeat(4 * MIB));
    assertEquals(state.overruns, 0);
    message("");
    assertEquals(state.overruns, 0);
    message(new ArrayBuffer(1));
    message("y");
    assertEquals(state.overruns, 1);
    for (let i = 0; i < 4; i++) assertEquals((await queue.next()).done, false);
    const error = await assertRejects(() => queue.next(), BusinessError);
    assertEquals(error.code, 2302999);
    assertEquals(
      error.message,
      `Websocket Unknown Other Error: more than ${16 * MIB} bytes wait to be read`,
    );
    assertEquals(await queue.next(), DONE);
  });

  it("holds one message alone, however long", () => {
    const { state, message } = setUp();
    message(new ArrayBuffer(16 * 1024 * 1024 + 1));
    assertEquals(state.overruns, 0);
  });

  it("says nothing of its end once the loop was left", async () => {
    for (const isLost of [true, false]) {
      const { listeners, queue, message, state } = setUp();
      message("1");
      assertEquals((await queue.next()).value, "1");
      for (const bytes of isLost ? [] : [16 * 1024 * 1024, 1]) message(new ArrayBuffer(bytes));
      state.busy = false;
      listeners.emit(isLost ? "error" : "close", businessError("lost", "in the body of the loop"));
      assertEquals([state.overruns, await queue.return()], [isLost ? 0 : 1, DONE]);
      assertEquals(await queue.next(), DONE);
    }
  });

  it("counts what was read as gone", async () => {
    const { state, queue, message } = setUp();
    for (let i = 0; i < 10; i++) {
      message(new ArrayBuffer(15 * 1024 * 1024));
      await queue.next();
    }
    assertEquals(state.overruns, 0);
  });

  it("lets the sender know that a message was read when the next one is asked for", async () => {
    const { queue, message } = setUp();
    const answers: unknown[] = [];
    const send = (data: string) => {
      const receipt = new Receipt((refused) => answers.push([data, refused]));
      message(data, { size: undefined, receipt });
      receipt.end(undefined);
    };
    const first = [queue.next(), queue.next()];
    for (const data of ["1", "2", "3", "4", "5"]) send(data);
    await Promise.all(first);
    assertEquals(answers, []); // the body of the loop is at work
    await queue.next();
    assertEquals(answers.splice(0), [["1", undefined], ["2", undefined]]);
    await queue.return(); // the loop has ended, and two were not read
    assertEquals(answers, [
      ["3", undefined],
      ["4", "unheard"],
      ["5", "unheard"],
    ]);
  });
});

describe("a client's messages", () => {
  it("are kept no longer for a loop that was left", async () => {
    await using world = await DialledClient.open();
    const { events } = world.runtime;
    const loop = (async () => {
      for await (const message of world.ws) if (message === "last") break;
    })();
    for (const text of ["first", "last"]) events.message(text);
    await loop;
    const big = new ArrayBuffer(5_000_000);
    for (let i = 0; i < 4; i++) events.message(big);
    assertEquals([world.ws.state, world.told[1]], ["open", []]);
  });

  it("count, where a schema has made something of them, as the text that they were", async () => {
    const schema = schemaOf(() => ({ value: {} }));
    const world = await DialledClient.open({}, { schema } as never);
    const messages = world.ws[Symbol.asyncIterator]();
    const { events } = world.runtime;
    const text = JSON.stringify("x".repeat(4 * 1024 * 1024 - 2));
    for (let i = 0; i < 2; i++) events.message(text);
    assertEquals([world.ws.state, text.length], ["open", 4 * 1024 * 1024]);
    events.message("0");
    assertEquals([world.ws.state, world.told[1]], ["closing", ["close 1008"]]);
    for (let i = 0; i < 3; i++) assertEquals<unknown>((await messages.next()).value, {});
    assertEquals((await assertRejects(() => messages.next(), BusinessError)).kind, "unread");
    await world[Symbol.asyncDispose]();
  });

  for (const reconnect of [false, { random: () => 0 }]) {
    it(
      `end as the last connection does, whatever became of the one before: ${
        reconnect ? "with" : "without"
      } reconnect`,
      async () => {
        const options = reconnect ? { reconnect } : {};
        await using world = await DialledClient.open({}, options);
        const read = async () => {
          for await (const message of world.ws) heard.push(message);
          heard.push("end");
        };
        const heard: unknown[] = [];
        const before = read().catch(({ kind }) => heard.push(kind));
        const failure = { what: "reset", status: "0" };
        world.runtime.events.closed({ code: 0, reason: "", failure });
        if (!reconnect) {
          await before;
          assertEquals(heard.splice(0), ["lost"]);
          await world.ws.connect("ws://localhost/");
        }
        await world.clock.advance(1);
        world.runtime.events.open();
        const after = reconnect ? before : read();
        world.runtime.events.message("hello");
        await world.ws.close();
        world.runtime.events.closed({ code: 1000, reason: "" });
        await after;
        assertEquals(heard, ["hello", "end"]);
      },
    );
  }
});
