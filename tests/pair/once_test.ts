import { assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { Session, within } from "../helpers/client.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { ScriptedClient, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { TEXT } from "../peers/raw.ts";

type Heard = (...args: unknown[]) => unknown;

/** One side without its types, and its messages. */
interface Side {
  on(type: unknown, listener: unknown): void;
  once(type: unknown, listener?: unknown): void;
  off(type: unknown, listener?: unknown): void;
  /** Has a message come in, this very moment. */
  tell(data: string): void;
}

/** The event that tells of messages, and the sides' makers; time stands still. */
const SIDES: Record<string, { event: string; open: () => Promise<Side> }> = {
  "createWebSocket()": {
    event: "message",
    open: async () => {
      const runtime = new ScriptedClient();
      const ws = createWebSocket({ runtime, clock: new FakeClock() });
      await ws.connect("ws://localhost/");
      runtime.events.open();
      return side(ws, (data) => runtime.events.message(data));
    },
  },
  "createWebSocketServer()": {
    event: "messageReceive",
    open: async () => {
      const runtime = new ScriptedServer();
      const server = createWebSocketServer({ runtime, clock: new FakeClock() });
      await server.start({ serverPort: 80 });
      const admission = runtime.enter();
      admission.open(new ScriptedSocket());
      return side(server, (data) => admission.message(data));
    },
  },
};

function side(it: unknown, tell: (data: string) => void): Side {
  const { on, once, off } = it as Side;
  return { on: on.bind(it), once: once.bind(it), off: off.bind(it), tell };
}

/** The data of a message, as either side's listener is told. */
const dataOf: Heard = (first, data) => data ?? (first as { data: unknown }).data;

for (const [name, { event, open }] of Object.entries(SIDES)) {
  describe(`${name}.once()`, () => {
    it("calls a listener for the first of an event, in its place among the others", async () => {
      const side = await open();
      const log: string[] = [];
      const note = (who: string) => (...args: unknown[]) => log.push(`${who} ${dataOf(...args)}`);
      side.on(event, note("a"));
      side.once(event, note("b"));
      side.on(event, note("c"));
      side.once(event, note("d"));
      for (const data of ["1", "2"]) side.tell(data);
      assertEquals(log, ["a 1", "b 1", "c 1", "d 1", "a 2", "c 2"]);
    });

    it("adds one that off() removes, alone or with all others", async () => {
      const side = await open();
      const log: unknown[] = [];
      const one = () => log.push("one");
      const other = () => log.push("other");
      side.once(event, one);
      side.once(event, other);
      side.off(event, one);
      side.tell("1");
      side.once(event, one);
      side.on(event, other);
      side.off(event);
      side.tell("2");
      assertEquals(log, ["other"]);
    });

    it("counts one that is there already once, whichever way it was added", async () => {
      const side = await open();
      const log: string[] = [];
      const always = () => log.push("always");
      const once = () => log.push("once");
      side.on(event, always);
      side.once(event, always);
      side.once(event, once);
      side.once(event, once);
      side.on(event, once);
      for (const data of ["1", "2"]) side.tell(data);
      assertEquals(log, ["always", "once", "always"]);
      side.once(event, once); // it is there no more
      side.tell("3");
      assertEquals(log.slice(3), ["always", "once"]);
      side.off(event, always);
      side.tell("4");
      assertEquals(log.length, 5);
    });

    it("calls one once when the event is told again from within", async () => {
      const side = await open();
      const log: unknown[] = [];
      side.once(event, (...args: unknown[]) => {
        log.push(`first ${dataOf(...args)}`);
        side.tell("2");
      });
      side.once(event, (...args: unknown[]) => log.push(`second ${dataOf(...args)}`));
      side.on(event, (...args: unknown[]) => log.push(`third ${dataOf(...args)}`));
      side.tell("1");
      assertEquals(log, ["first 1", "second 2", "third 2", "third 1"]);
    });

    it("lets a listener add itself again, for the next", async () => {
      const side = await open();
      const log: unknown[] = [];
      const again: Heard = (...args) => {
        log.push(dataOf(...args));
        side.once(event, again);
      };
      side.once(event, again);
      for (const data of ["1", "2"]) side.tell(data);
      assertEquals(log, ["1", "2"]);
    });

    it("reports a listener that throws or rejects as on() does, and lets go of it", async () => {
      const side = await open();
      const cause = new Error("the listener's own");
      const errors: BusinessError[] = [];
      const told = Promise.withResolvers<void>();
      side.on("error", (error: BusinessError) => {
        errors.push(error);
        if (errors.length === 2) told.resolve();
      });
      side.once(event, () => {
        throw cause;
      });
      side.once(event, () => Promise.reject(cause));
      for (const data of ["1", "2"]) side.tell(data);
      await within(told.promise);
      side.tell("3");
      await undefined;
      assertEquals(errors.map(({ code }) => code), [2302999, 2302999]);
      for (const error of errors) {
        assertStrictEquals(error.cause, cause);
        assertStringIncludes(error.message, `a listener of '${event}' failed`);
      }
    });

    it("throws 401 where an argument is of the wrong type, and ignores an unknown event", async () => {
      const side = await open();
      const listener = () => {};
      for (const args of [[1, listener], [undefined, listener], [event], [event, {}], ["x", 1]]) {
        const error = assertThrows(() => side.once(args[0], args[1]), BusinessError);
        assertEquals(error.code, 401);
        assertStringIncludes(error.message, "Parameter error: once: ");
      }
      for (const type of ["nonsense", "toString", "__proto__"]) side.once(type, listener);
      side.tell("1");
    });
  });
}

describe("createWebSocket().once()", () => {
  it("hears each event of the first of two connections alone", async () => {
    await using session = await Session.start();
    const log: string[] = [];
    const { ws } = session;
    for (const event of ["open", "openInfo", "message", "dataEnd", "close", "error"] as const) {
      ws.once(event, () => void log.push(event));
    }
    for (let i = 0; i < 2; i++) {
      const peer = await session.open();
      peer.send(TEXT, "hello");
      await session.log.next("dataEnd", i + 1);
      peer.reset();
      await session.log.next("close", i + 1);
    }
    assertEquals(log, ["open", "openInfo", "message", "dataEnd", "error", "close"]);
  });
});

describe("createWebSocketServer().once()", () => {
  it("hears each event of the first of two connections alone", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const log: string[] = [];
    for (const event of ["connect", "messageReceive", "close", "error"] as const) {
      watched.server.once(event, () => void log.push(event));
    }
    for (let i = 0; i < 2; i++) {
      const peer = await peers.connect();
      peer.send(TEXT, "hello");
      await watched.until(() => watched.messages.length > i);
      peer.reset();
      await watched.closed(i + 1);
    }
    assertEquals(log, ["connect", "messageReceive", "error", "close"]);
  });
});

/** Never run: what its types must let pass, and what not. */
export function types(): void {
  createWebSocket().once("message", (_, data: string | ArrayBuffer) => data);
  createWebSocketServer().once("close", ({ clientIP }, { code }) => [clientIP, code]);
  // @ts-expect-error: there is no such event
  createWebSocket().once("messageReceive", () => {});
  // @ts-expect-error: 'close' tells no number
  createWebSocketServer().once("close", (connection: number) => connection);
  // @ts-expect-error: a listener is needed
  createWebSocketServer().once("close");
}
