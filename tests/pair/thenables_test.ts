/** Listeners that return a thenable which is no promise. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { Listeners } from "../../internal/listeners.ts";
import { Receipt } from "../../internal/receipt.ts";
import { socketOf } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";

/** One that calls what it is given without a look, a little later, and gives nothing itself. */
const thenable = (settle: (done: () => void, fail: (cause: unknown) => void) => void) => ({
  then(done: () => void, fail: (cause: unknown) => void): void {
    queueMicrotask(() => settle(done, fail));
  },
});

describe("a listener that returns a thenable", () => {
  it("is at work until that is settled", async () => {
    const listeners = new Listeners<"open">(["open", "error"]);
    const log: unknown[] = [];
    listeners.on("error", (error: unknown) => log.push((error as BusinessError).cause));
    listeners.on("open", () => thenable((done) => (log.push("done"), done())));
    await listeners.emit("open");
    assertEquals(log, ["done"]);
    listeners.once("open", () => thenable((_, fail) => fail("failed")));
    await listeners.emit("open");
    assertEquals(log, ["done", "done", "failed"]);
  });

  it("acknowledges its message when that is settled", async () => {
    const listeners = new Listeners<"open">(["open", "error"]);
    const log: unknown[] = [];
    listeners.on("open", () => thenable((done) => (log.push("done"), done())));
    const receipt = new Receipt((refused) => log.push(refused ?? "accepted"));
    receipt.end(listeners.emitTo(receipt.watch(listeners.list("open"))));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(log, ["done", "accepted"]);
  });
});

describe("a listener of a server that returns a thenable", () => {
  for (const isAlone of [true, false]) {
    it(`is waited for before more is read, and its failure is told, alone: ${isAlone}`, async () => {
      // Each message counts as 1,024 bytes more than it has.
      await using pair = await MemoryPair.start({ config: { maxPendingAmount: 1500 } });
      const { clock, server, ws } = pair;
      const told: unknown[] = [];
      const errors: BusinessError[] = [];
      const ends: (() => void)[] = [];
      server.on("error", (error) => void errors.push(error));
      server.on("messageReceive", ({ data }) => {
        told.push(data);
        return { then: (done: () => void) => void ends.push(done) } as never;
      });
      if (!isAlone) server.on("messageReceive", () => {});
      await pair.open();
      for (const data of ["1", "2", "3"]) await ws.send(data);
      await clock.advance(100);
      assertEquals(told, ["1", "2"]);
      for (const end of ends.splice(0)) end();
      await clock.advance(100);
      assertEquals(told, ["1", "2", "3"]);
      for (const end of ends.splice(0)) end();
      server.off("messageReceive");
      server.on("messageReceive", () => thenable((_, fail) => fail("bad")) as never);
      if (!isAlone) server.on("messageReceive", () => {});
      for (const data of ["4", "5", "6"]) await ws.send(data);
      await clock.advance(100);
      assertEquals(
        errors.map(({ kind, cause }) => [kind, cause]),
        Array(3).fill(["listenerFailed", "bad"]),
      );
    });
  }
});

/** What is asked by a server, and what an answer that comes later has done. */
const ASKED: [name: string, config: (answer: () => unknown) => object, good: unknown][] = [
  ["authorize", (authorize) => ({ authorize }), true],
  ["clientAddress", (clientAddress) => ({ clientAddress }), "192.0.2.1"],
  ["fetch", (fetch) => ({ fetch }), new Response(null, { status: 204 })],
];

describe("a function of a server's config that answers with a thenable", () => {
  for (const [name, config, good] of ASKED) {
    it(`is waited for, and may fail: ${name}`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedServer();
      const server = createWebSocketServer({ clock, runtime });
      const errors: unknown[] = [];
      server.on("error", ({ kind, cause }) => void errors.push([kind, cause]));
      const answers = [
        { then: (done: (value: unknown) => void) => void queueMicrotask(() => done(good)) },
        { then: (_: unknown, fail: (cause: unknown) => void) => void fail("bad") },
      ];
      await server.start({ serverPort: 80, ...config(() => answers.shift()) });
      const ask = () =>
        name === "fetch" ? runtime.ask(new Request("http://localhost/")) : runtime.request();
      const first = await ask();
      const second = await ask();
      const isIn = first instanceof Response ? first.status : "let in";
      assertEquals(isIn, name === "fetch" ? 204 : "let in");
      assertEquals(second instanceof Response && second.status, 500);
      assertEquals(errors, [["hookFailed", "bad"]]);
      await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    });
  }
});

describe("a listener of a socket that returns a thenable", () => {
  for (const history of [false, true]) {
    it(`is at work until that is settled, acknowledging: ${history}`, async () => {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server, history });
      const log: unknown[] = [];
      server.on("connect", (connection) => {
        socketOf(server, connection).onmessage = ({ data }) =>
          thenable((done, fail) => {
            log.push(data);
            if (data === "good") done();
            else fail(new Error("bad"));
          });
      });
      await clock.until(server.start({ serverPort: 80 }));
      const options = history ? { reconnect: true, resume: true } : {};
      const ws = createWebSocket({ clock, runtime: network.client, ...options });
      void ws.connect("ws://localhost/");
      await clock.until(ws.opened);
      const { error } = console;
      console.error = ({ message }: Error) => log.push(message.split(": ")[1]);
      const how = history ? { acknowledge: true } : undefined;
      try {
        for (const data of ["good", "bad"]) {
          await clock.until(
            ws.send(data, how).catch(({ kind }: BusinessError) => void log.push(kind)),
          );
          await clock.advance(1);
        }
      } finally {
        console.error = error;
      }
      const failed = "a listener of 'message' failed";
      assertEquals(log, ["good", "bad", failed, ...history ? ["refusedByPeer"] : []]);
      void ws.close();
      await clock.until(server.stop());
    });
  }
});
