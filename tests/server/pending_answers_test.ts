/** Clients that are gone before, or while, a function of the user's decides about them. */

import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** A server with one place, whose `authorize` answers when it is told to. */
async function start() {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime });
  const log: unknown[] = [];
  server.on("error", ({ kind }) => void log.push(kind));
  server.on("connect", () => void log.push("connect"));
  const answers: ((answer: true) => void)[] = [];
  await server.start({
    serverPort: 80,
    maxConnections: 1,
    authorize: () => new Promise<true>((resolve) => answers.push(resolve)),
  });
  const end = async () => {
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  };
  return { clock, runtime, log, answers, end };
}

describe("a client that 'authorize' decides about", () => {
  for (const when of ["before", "while"]) {
    it(`and is gone ${when} it does gives its place back, and nobody is told`, async () => {
      const { clock, runtime, log, answers, end } = await start();
      const aborter = new AbortController();
      if (when === "before") aborter.abort();
      const waits = runtime.request({ signal: aborter.signal });
      await clock.advance(0);
      aborter.abort();
      const answer = await waits;
      assertInstanceOf(answer, Response);
      assertEquals([answer.status, log], [400, []]);
      answers[0]!(true);
      await clock.advance(0);
      const next = runtime.request();
      answers[1]!(true);
      const admission = await next;
      if (admission instanceof Response) throw new Error(`${admission.status}`);
      admission!.open(new ScriptedSocket());
      assertEquals(log, ["connect"]);
      admission!.closed({ code: 1000, reason: "" });
      await end();
    });
  }

  for (const isLate of [false, true]) {
    it(`is refused with 503 where that stops the server: ${isLate ? "later" : "at once"}`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedServer();
      const server: WebSocketServer = createWebSocketServer({ clock, runtime });
      const log: unknown[] = [];
      server.on("error", ({ kind, reason }) => void log.push([kind, reason]));
      let stopped!: Promise<boolean>;
      const authorize = () => {
        stopped = server.stop();
        return isLate ? Promise.resolve(true as const) : true;
      };
      await server.start({ serverPort: 80, authorize });
      const answer = await runtime.request();
      assertEquals(answer instanceof Response && answer.status, 503);
      assertEquals(log, [["handshakeRefused", "server_stopping"]]);
      assertEquals(await clock.until(stopped), true);
      assertEquals(clock.pending, 0);
    });
  }

  for (const name of ["authorize", "clientAddress"] as const) {
    it(`has its own time, however many wait for '${name}'`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedServer();
      const server = createWebSocketServer({ clock, runtime });
      const log: string[] = [];
      server.on("error", ({ message }) => void log.push(message));
      await server.start({
        serverPort: 80,
        authorizeTimeout: 10,
        [name]: () => new Promise(() => {}),
      });
      const late: number[] = [];
      for (let n = 0; n < 3; n++) {
        void Promise.resolve(runtime.request()).then((answer) => {
          assertEquals(answer instanceof Response && answer.status, 503);
          late.push(clock.now());
        });
        await clock.advance(4000);
      }
      await clock.advance(20_000);
      assertEquals(late.map((at) => at - late[0]!), [0, 4000, 8000]);
      assertEquals(log.length, 3);
      for (const line of log) assertStringIncludes(line, `'${name}' gave no answer within 10 s`);
      await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    });
  }

  it("is refused with 500 for an answer that is none, which the error has", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    const causes: unknown[] = [];
    server.on("error", ({ cause }) => void causes.push((cause as Error).cause));
    const verdict = new Error("the database is away");
    await server.start({ serverPort: 80, authorize: () => verdict as never });
    const answer = await runtime.request();
    assertEquals(answer instanceof Response && answer.status, 500);
    assertEquals(causes.map((cause) => cause === verdict), [true]);
    await clock.until(server.stop());
  });

  it("may have its answer to the last moment, and none after that", async () => {
    for (const [ms, status] of [[9999, undefined], [10_000, 503]] as const) {
      const { clock, runtime, log, answers, end } = await start();
      const waits = runtime.request();
      await clock.advance(ms);
      answers[0]!(true);
      const answer = await waits;
      assertEquals(answer instanceof Response ? answer.status : undefined, status);
      assertEquals(log, status === undefined ? [] : ["handshakeRefused"]);
      if (!(answer instanceof Response)) answer!.closed({ code: 1006, reason: "" });
      await end();
    }
  });

  it("leaves nothing to wait for once it was decided about", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    server.on("error", () => {});
    const authorize = () => Promise.resolve(new Response(null, { status: 403 }));
    await server.start({ serverPort: 80, authorize });
    for (let asked = 0; asked < 2; asked++) {
      const answer = await runtime.request();
      assertEquals(answer instanceof Response && answer.status, 403);
      await clock.advance(6000);
    }
    assertEquals([clock.pending, clock.fired], [0, 1]); // the one timer of the first, which has found nobody
    await clock.until(server.stop());
  });
});
