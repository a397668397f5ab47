/** The exact boundary of each time: a millisecond less, and the last one. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { LATENCY, logEnds, MemoryPair, RTT } from "../helpers/memory_pair.ts";
import {
  PausableSocket,
  ScriptedClient,
  ScriptedServer,
  ScriptedSocket,
} from "../helpers/scripted_runtime.ts";

/** Lets one ms less pass than something takes, then the last; gives what was told by then. */
async function around(clock: FakeClock, ms: number, log: string[]): Promise<[string[], string[]]> {
  await clock.advance(ms - 1);
  const before = log.splice(0);
  await clock.advance(1);
  return [before, log.splice(0)];
}

describe("the exact moment", () => {
  it("of connectTimeout", async () => {
    await using pair = await MemoryPair.start();
    const log = logEnds(pair);
    await pair.ws.connect("ws://localhost:80/", { connectTimeout: 3 });
    pair.network.links[0]!.hold();
    assertEquals(await around(pair.clock, 3000, log), [[], ["client connectFailed"]]);
    assertEquals(pair.ws.state, "idle");
  });

  it("of connectTimeout, where the URL is asked for", async () => {
    await using pair = await MemoryPair.start({
      client: { reconnect: { shouldReconnect: () => false } },
    });
    const log = logEnds(pair);
    const never = new Promise<string>(() => {});
    await pair.ws.connect(() => never, { connectTimeout: 3 });
    assertEquals(pair.ws.state, "connecting");
    assertEquals(await around(pair.clock, 3000, log), [[], ["client connectFailed"]]);
    assertEquals(pair.ws.state, "idle");
  });

  for (const end of ["client", "server"] as const) {
    it(`of the deadline to close: the ${end} waits for 5 s`, async () => {
      await using pair = await MemoryPair.start();
      const one = await pair.open();
      const log = logEnds(pair);
      const [link] = pair.network.links;
      link!.hold();
      if (end === "client") await pair.ws.close();
      else await pair.server.close(one);
      await pair.clock.advance(0);
      const first = log.splice(0);
      assertEquals(first, end === "client" ? [] : ["server 1000"]);
      await pair.clock.advance(4999);
      assertEquals(pair.ws.state, end === "client" ? "closing" : "open");
      await pair.clock.advance(1);
      assertEquals(log.splice(0), end === "client" ? ["client 1000"] : []);
      link!.release();
      await pair.clock.advance(RTT);
      assertEquals(pair.ws.state, "idle");
      assertEquals(log.splice(0).filter((line) => line.endsWith("1000")).length <= 1, true);
    });
  }

  for (const end of ["client", "server"] as const) {
    it(`of a Ping of the ${end}, and of the end of who does not answer it`, async () => {
      const clock = new FakeClock();
      const heartbeat = { pingInterval: 4, pongTimeout: 3 };
      const log: string[] = [];
      const client = new ScriptedClient();
      const server = new ScriptedServer();
      let events: { message(data: string): void; alive(): void };
      let socket = new ScriptedSocket();
      if (end === "client") {
        const ws = createWebSocket({ clock, runtime: client });
        ws.on("error", ({ kind }) => log.push(String(kind)));
        await ws.connect("ws://localhost/", heartbeat);
        client.events.open();
        ({ events, socket } = client);
      } else {
        const it = createWebSocketServer({ clock, runtime: server });
        it.on("error", ({ kind }) => log.push(String(kind)));
        await it.start({ serverPort: 80, ...heartbeat });
        const admission = server.enter();
        admission.open(socket);
        events = admission;
      }
      const pings = () => socket.calls.filter((call) => call === "ping").length;
      await clock.advance(3999);
      assertEquals(pings(), 0);
      await clock.advance(1);
      assertEquals(pings(), 1);
      // A message is a sign of life as good as a Pong, to the last moment.
      await clock.advance(2999);
      events.message("I am here, and do not answer Pings");
      await clock.advance(1001);
      assertEquals([pings(), log], [2, []]);
      await clock.advance(2999);
      events.alive();
      await clock.advance(1001);
      assertEquals([pings(), log], [3, []]);
      assertEquals(await around(clock, 3000, log), [[], ["heartbeatTimeout"]]);
      assertEquals(socket.calls.at(-1), "terminate");
      await clock.advance(130_000);
      assertEquals([pings(), log], [3, []]);
    });
  }

  it("of the end of a server's connection that reads nothing for as long as a dead one", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    const log: string[] = [];
    server.on("close", (_, { code }) => log.push(`close ${code}`));
    server.on("error", ({ kind }) => log.push(`error ${kind}`));
    server.on("messageReceive", () => new Promise<void>(() => {}));
    await server.start({ serverPort: 80, maxPendingAmount: 1, pingInterval: 4, pongTimeout: 3 });
    const admission = runtime.enter();
    admission.open(new PausableSocket());
    admission.message("x");
    assertEquals(await around(clock, 7000, log), [[], ["error tooFast", "close 1008"]]);
    admission.closed({ code: 1008, reason: "" });
    await clock.advance(130_000);
    assertEquals(log, []);
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  });

  for (const how of ["close", "terminate"] as const) {
    it(`of nothing more, where one that is not read from is ended by ${how}()`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedServer();
      const server = createWebSocketServer({ clock, runtime, stats: true });
      const log: string[] = [];
      server.on("close", (_, { code }) => log.push(`close ${code}`));
      server.on("error", ({ kind }) => log.push(`error ${kind}`));
      server.on("messageReceive", () => new Promise<void>(() => {}));
      await server.start({ serverPort: 80, maxPendingAmount: 1, pingInterval: 4, pongTimeout: 3 });
      const admission = runtime.enter();
      const socket = new PausableSocket();
      admission.open(socket);
      admission.message("x");
      await server[how](server.listAllConnections()[0]!);
      admission.closed({ code: 1000, reason: "" });
      await clock.advance(130_000);
      assertEquals(log, [how === "close" ? "close 1000" : "close 1006"]);
      assertEquals(server.stats()!.connections, 0);
      assertEquals(socket.calls.includes("ping"), false);
      await clock.until(server.stop());
    });
  }

  it("of the place of one who was let in and does not open: 2 s", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime });
    await server.start({ serverPort: 80, maxConnections: 1 });
    runtime.enter();
    await clock.advance(1999);
    assertEquals((runtime.request() as Response).status, 503);
    await clock.advance(1);
    const admission = runtime.enter();
    const socket = new ScriptedSocket();
    admission.open(socket);
    assertEquals(server.listAllConnections().length, 1);
    const stopped = server.stop();
    admission.closed({ code: 1001, reason: "" });
    await clock.until(stopped);
  });

  it("of stop(): 4 s for peers that do not answer", async () => {
    const pair = await MemoryPair.start();
    await pair.open();
    pair.network.links[0]!.hold();
    const log: string[] = [];
    void pair.server.stop().then(() => log.push("stopped"));
    assertEquals(await around(pair.clock, 4000, log), [[], ["stopped"]]);
    pair.network.links[0]?.release();
    await pair[Symbol.asyncDispose]();
  });

  it("of another attempt, and of a connection that is stable", async () => {
    await using pair = await MemoryPair.start({
      client: {
        reconnect: {
          minDelay: 1,
          maxDelay: 100,
          factor: 2,
          attempts: 3,
          stableAfter: 5,
          random: () => 1,
        },
      },
    });
    const log: string[] = [];
    const ws = pair.ws as unknown as { on(event: string, listener: (info: never) => void): void };
    ws.on(
      "reconnecting",
      ({ attempt, delay }: { attempt: number; delay: number }) =>
        log.push(`${attempt} in ${delay}`),
    );
    ws.on("open", () => log.push("open"));
    await pair.ws.connect("ws://localhost:80/");
    await pair.clock.advance(RTT);
    assertEquals(log.splice(0), ["open"]);
    const lose = async (after: number) => {
      await pair.clock.advance(after - LATENCY);
      pair.network.links[0]!.cut();
      await pair.clock.advance(LATENCY);
      return log.splice(0);
    };
    const opensAfter = async (seconds: number) => {
      await pair.clock.advance(seconds * 1000 + RTT - 1);
      assertEquals(log, []);
      await pair.clock.advance(1);
      assertEquals(log.splice(0), ["open"]);
    };
    assertEquals(await lose(100), ["1 in 1"]);
    await opensAfter(1);
    assertEquals(await lose(4999), ["2 in 2"]);
    await opensAfter(2);
    assertEquals(await lose(5001), ["1 in 1"]);
    await opensAfter(1);
    assertEquals(await lose(10), ["2 in 2"]);
    await opensAfter(2);
    assertEquals(await lose(10), ["3 in 4"]);
    await opensAfter(4);
    assertEquals(await lose(10), []);
    assertEquals(pair.ws.state, "idle");
  });
});
