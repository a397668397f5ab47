import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, type WebSocketServer } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { TEXT } from "../peers/raw.ts";

const EVENTS = ["connect", "messageReceive", "close"] as const;

/** Makes a listener of an event fail. */
function fail(
  server: WebSocketServer,
  event: typeof EVENTS[number],
  listener: () => unknown,
): void {
  server.on(event, listener as () => void);
}

const ways: Record<string, (cause: unknown) => unknown> = {
  throws: (cause) => {
    throw cause;
  },
  rejects: (cause) => Promise.reject(cause),
  "rejects later": async (cause) => {
    for (let i = 0; i < 10; i++) await undefined;
    throw cause;
  },
};

describe("a listener of the server that fails", () => {
  for (const event of EVENTS) {
    for (const [how, failing] of Object.entries(ways)) {
      it(`is told to 'error' as 2302999 with its cause when one of '${event}' ${how}`, async () => {
        await using watched = await WatchedServer.start();
        const { server } = watched;
        const cause = new Error("what the listener threw");
        fail(server, event, () => failing(cause));
        const after: string[] = [];
        for (const other of EVENTS) server.on(other, () => void after.push(other));
        watched.echo();
        await using peers = new RawPeers(watched);
        const peer = await peers.connect();
        peer.send(TEXT, "hi");
        await deadline(peer.next(TEXT), LIMIT_MS);
        assertEquals(peer.texts(), ["hi"]);
        peer.close(1000, "bye");
        await watched.closed();
        await watched.until(() => watched.errors.length === 1);
        const [error] = watched.errors;
        assertInstanceOf(error, BusinessError);
        assertEquals(error.code, 2302999);
        assertEquals(error.message.slice(0, 29), "Websocket Unknown Other Error");
        assertStrictEquals(error.cause, cause);
        assertEquals(after, [...EVENTS]);
        const log = watched.log.filter((line) => !line.startsWith("error"));
        assertEquals(log, ["connect", "message hi", "close 1000 bye"]);
        await peers.connect();
        await watched.connected(2);
      });
    }
  }

  it("may fail with anything", async () => {
    await using watched = await WatchedServer.start();
    const causes: unknown[] = [undefined, null, 0, "text", Symbol("x"), {}, Object.create(null)];
    let next: unknown;
    watched.server.on("messageReceive", () => {
      throw next;
    });
    watched.echo();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    for (const [i, cause] of causes.entries()) {
      next = cause;
      peer.send(TEXT, `${i}`);
      await watched.until(() => watched.errors.length === i + 1);
      assertStrictEquals(watched.errors[i]!.cause, cause);
      assert("cause" in watched.errors[i]!);
    }
    await deadline(peer.next(TEXT, causes.length - 1), LIMIT_MS);
    assertEquals(peer.texts().length, causes.length);
  });

  it("is printed, and told nobody, when it is one of 'error'", async () => {
    await using watched = await WatchedServer.start({ maxConnectionsForOneClient: 1 });
    const { server } = watched;
    const printed: unknown[] = [];
    const { error: print } = console;
    console.error = (...args) => void printed.push(args[0]);
    try {
      const causes = [new Error("thrown"), new Error("rejected")];
      server.on("error", () => {
        throw causes[0];
      });
      server.on("error", () => Promise.reject(causes[1]));
      let heard = 0;
      server.on("error", () => void heard++);
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      assertEquals((await peers.handshake()).status, 429);
      await watched.until(() => watched.errors.length > 0);
      peer.send(TEXT, "still there");
      await watched.until(() => watched.messages.length === 1);
      assertEquals(watched.log, ["connect", "error 200 429", "message still there"]);
      assertEquals(heard, 1);
      assertEquals(printed.map((one) => (one as BusinessError).code), [2302999, 2302999]);
      assertEquals(printed.map((one) => (one as BusinessError).cause), causes);
    } finally {
      console.error = print;
    }
  });

  it("does not keep stop() from settling", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    fail(server, "close", () => {
      throw new Error("in close");
    });
    await using peers = new RawPeers(watched);
    await peers.connectMany(3);
    await watched.connected(3);
    assertEquals(await deadline(server.stop(), LIMIT_MS), true);
    assertEquals(watched.closes.length, 3);
    assertEquals(watched.errors.map(({ code }) => code), [2302999, 2302999, 2302999]);
  });

  it("may be slow: the next event does not wait for what it returns", async () => {
    await using watched = await WatchedServer.start();
    const never = new Promise<void>(() => {});
    for (const event of EVENTS) fail(watched.server, event, () => never);
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    peer.send(TEXT, "one");
    peer.send(TEXT, "two");
    peer.close(1000);
    await watched.closed();
    assertEquals(watched.log, ["connect", "message one", "message two", "close 1000 "]);
  });
});
