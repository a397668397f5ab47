/** The exact boundary of each limit and of each time: what is still let through, and one more. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { LATENCY, MemoryPair, type MemoryPairOptions } from "../helpers/memory_pair.ts";
import {
  PausableSocket,
  ScriptedClient,
  ScriptedServer,
  ScriptedSocket,
} from "../helpers/scripted_runtime.ts";

/** There and back. */
const RTT = 2 * LATENCY;

/** Writes down what both ends tell. */
function listen({ server, ws }: MemoryPair): string[] {
  const log: string[] = [];
  server.on("close", (_, { code }) => log.push(`server ${code}`));
  server.on("error", ({ kind }) => log.push(`server ${kind}`));
  ws.on("close", (_, { code }) => log.push(`client ${code}`));
  ws.on("error", ({ kind }) => log.push(`client ${kind}`));
  return log;
}

/** What a call answers: its value, or the kind of the error. */
function answer(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: BusinessError) => error.kind);
}

/** Lets one ms less pass than something takes, then the last; gives what was told by then. */
async function around(clock: FakeClock, ms: number, log: string[]): Promise<[string[], string[]]> {
  await clock.advance(ms - 1);
  const before = log.splice(0);
  await clock.advance(1);
  return [before, log.splice(0)];
}

describe("the exact boundary of a limit", () => {
  for (const [side, ends] of [["server", 4], ["client", 4]] as const) {
    it(`of maxPayload, where the ${side} gets the message`, async () => {
      const options: MemoryPairOptions = side === "server"
        ? { config: { maxPayload: ends } }
        : { client: { maxPayload: ends } };
      await using pair = await MemoryPair.start(options);
      const log = listen(pair);
      const heard: unknown[] = [];
      pair.ws.on("message", (_, data) => heard.push(data));
      pair.server.on("messageReceive", ({ data }) => heard.push(data));
      const one = await pair.open();
      const send = (data: string) =>
        side === "server" ? pair.ws.send(data) : pair.server.send(data, one);
      await send("1234");
      await send("äö");
      await pair.clock.advance(RTT);
      assertEquals([heard, log], [["1234", "äö"], []]);
      await send("äö5");
      await pair.clock.advance(3 * RTT);
      assertEquals(heard.length, 2);
      assertEquals(
        log.sort(),
        side === "server"
          ? ["client 1009", "server 1009", "server tooBig"]
          : ["client 1009", "client tooBig", "server 1009"],
      );
    });
  }

  it("of maxPayload, on what is sent", async () => {
    await using pair = await MemoryPair.start({
      config: { maxPayload: 3 },
      client: { maxPayload: 2 },
    });
    const one = await pair.open();
    const answers = [
      pair.server.send("123", one),
      pair.server.send("1234", one),
      pair.server.publish("topic", "123"),
      pair.server.publish("topic", "1234"),
      pair.ws.send("12"),
      pair.ws.send("123"),
    ].map(answer);
    assertEquals(await Promise.all(answers), [
      true,
      "argument",
      { sent: 0, tooSlow: 0 },
      "argument",
      true,
      "argument",
    ]);
  });

  for (const slowPeer of ["drop", "refuse"] as const) {
    it(`of maxBufferedAmount, where a slow peer is to ${slowPeer}`, async () => {
      await using pair = await MemoryPair.start({ config: { maxBufferedAmount: 10, slowPeer } });
      const log = listen(pair);
      const one = await pair.open();
      pair.network.links[0]!.hold("toClient");
      assertEquals(await answer(pair.server.send("1234567890", one)), true);
      assertEquals([pair.server.bufferedAmount(one), log], [10, []]);
      const more = await answer(pair.server.send("1", one));
      await pair.clock.advance(1);
      assertEquals(
        [more, log.splice(0)],
        slowPeer === "drop" ? [true, ["server tooSlow", "server 1013"]] : ["queueFull", []],
      );
      pair.network.links[0]!.release();
      await pair.clock.advance(3 * RTT);
      assertEquals(log, slowPeer === "drop" ? ["client 1013"] : []);
      if (slowPeer === "drop") return;
      assertEquals(await answer(pair.server.send("1234567890", one)), true);
    });
  }

  for (const slowPeer of ["drop", "refuse"] as const) {
    it(`of maxBufferedAmount for a topic, where a slow peer is to ${slowPeer}`, async () => {
      await using pair = await MemoryPair.start({ config: { maxBufferedAmount: 10, slowPeer } });
      const log = listen(pair);
      const one = await pair.open();
      await pair.server.join(one, "news");
      pair.network.links[0]!.hold("toClient");
      assertEquals(await pair.server.publish("news", "1234567890"), { sent: 1, tooSlow: 0 });
      assertEquals(log, []);
      assertEquals(
        await pair.server.publish("news", "1"),
        { sent: slowPeer === "drop" ? 1 : 0, tooSlow: 1 },
      );
      await pair.clock.advance(1);
      assertEquals(log, slowPeer === "drop" ? ["server tooSlow", "server 1013"] : []);
    });
  }

  it("of maxBufferedAmount of a client", async () => {
    await using pair = await MemoryPair.start({ client: { maxBufferedAmount: 10 } });
    await pair.open();
    pair.network.links[0]!.hold("toServer");
    assertEquals(await answer(pair.ws.send("1234567890")), true);
    assertEquals(await answer(pair.ws.send("1")), "queueFull");
    pair.network.links[0]!.release();
    await pair.clock.advance(RTT);
    assertEquals(await answer(pair.ws.send("12345678901")), "queueFull");
    assertEquals(await answer(pair.ws.send("1234567890")), true);
  });

  it("of reconnect.maxQueued, while connecting for the first time and between two attempts", async () => {
    await using pair = await MemoryPair.start({
      client: { reconnect: { maxQueued: 10, minDelay: 1, maxDelay: 1, random: () => 1 } },
    });
    const heard: unknown[] = [];
    pair.server.on("messageReceive", ({ data }) => heard.push(data));
    await pair.ws.connect("ws://localhost:80/");
    for (const name of ["first", "again"]) {
      assertEquals(await answer(pair.ws.send("1234567890")), false);
      assertEquals(await answer(pair.ws.send("1")), "queueFull");
      assertEquals(pair.ws.bufferedAmount, 10);
      await pair.clock.advance(1000 + 2 * RTT);
      assertEquals([name, heard.splice(0)], [name, ["1234567890"]]);
      pair.network.links[0]!.cut();
      await pair.clock.advance(RTT);
      assertEquals(pair.ws.state, "reconnecting");
    }
  });

  const LIMITS: [Partial<WebSocketServerConfig>, hosts: string[], outcome: string[]][] = [
    [{ maxConnections: 2 }, ["1", "1", "2"], ["open", "open", "503"]],
    [{ maxConnectionsForOneClient: 2 }, ["1", "1", "1", "2"], ["open", "open", "429", "open"]],
    [{ maxConcurrentClientsNumber: 2 }, ["1", "2", "2", "3"], ["open", "open", "open", "503"]],
  ];
  for (const [config, hosts, outcome] of LIMITS) {
    it(`of ${Object.keys(config)}, which those who left do not count for`, async () => {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server });
      await server.start({ serverPort: 80, ...config });
      for (const how of ["close", "terminate", "cut"]) {
        const told: string[] = [];
        const clients = [];
        for (const host of hosts) {
          const ws = createWebSocket({ clock, runtime: network.clientAt(`192.0.2.${host}`) });
          ws.on("error", ({ data }) => told.push(data!));
          ws.on("open", () => told.push("open"));
          await ws.connect("ws://localhost/");
          await clock.advance(10);
          clients.push(ws);
        }
        assertEquals(told, outcome);
        if (how === "close") { for (const ws of clients) await answer(ws.close()); }
        if (how === "cut") { for (const link of network.links) link.cut(); }
        if (how === "terminate") {
          for (const one of server.listAllConnections()) await server.terminate(one);
        }
        await clock.advance(10);
        assertEquals([server.listAllConnections().length, network.links.length], [0, 0]);
      }
      await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    });
  }

  const MESSAGES: [limit: number, messages: string[], calls: string[]][] = [
    [2052, ["1", "234"], []],
    [2052, ["1", "2345"], ["pause", "resume after 2"]],
    [3072, ["", "", "1"], ["pause", "resume after 2"]],
    [2560, ["", "x".repeat(256), "y".repeat(256)], ["pause", "resume after 2"]],
    [2559, ["", "x".repeat(256), "y".repeat(256)], ["pause", "resume after 3"]],
  ];
  for (const [limit, messages, calls] of MESSAGES) {
    const lengths = messages.map(({ length }) => length).join(", ");
    it(`of maxPendingAmount ${limit}, with messages of ${lengths} bytes: ${calls.join(", ")}`, async () => {
      assertEquals(await pausing(limit, messages), calls);
    });
  }
});

/** What a connection is told to do while listeners work on messages, and are done one by one. */
async function pausing(maxPendingAmount: number, messages: string[]): Promise<string[]> {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime });
  await server.start({ serverPort: 80, maxPendingAmount });
  const admission = runtime.enter();
  const socket = new PausableSocket();
  admission.open(socket);
  const log: string[] = [];
  const work: PromiseWithResolvers<void>[] = [];
  server.on("messageReceive", () => {
    const one = Promise.withResolvers<void>();
    work.push(one);
    return one.promise;
  });
  for (const message of messages) admission.message(message);
  log.push(...socket.calls.splice(0));
  for (const [index, { resolve }] of work.entries()) {
    resolve();
    await clock.advance(0);
    log.push(...socket.calls.splice(0).map((call) => `${call} after ${index + 1}`));
  }
  const stopped = server.stop();
  admission.closed({ code: 1001, reason: "" });
  await clock.until(stopped);
  assertEquals(clock.pending, 0);
  return log;
}

describe("the exact moment", () => {
  it("of connectTimeout", async () => {
    await using pair = await MemoryPair.start();
    const log = listen(pair);
    await pair.ws.connect("ws://localhost:80/", { connectTimeout: 3 });
    pair.network.links[0]!.hold();
    assertEquals(await around(pair.clock, 3000, log), [[], ["client connectFailed"]]);
    assertEquals(pair.ws.state, "idle");
  });

  it("of connectTimeout, where the URL is asked for", async () => {
    await using pair = await MemoryPair.start({
      client: { reconnect: { shouldReconnect: () => false } },
    });
    const log = listen(pair);
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
      const log = listen(pair);
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
