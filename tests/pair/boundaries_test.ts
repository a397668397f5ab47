/** The exact boundary of each limit: what is still let through, and one more. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { logEnds, MemoryPair, type MemoryPairOptions, RTT } from "../helpers/memory_pair.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

describe("the exact boundary of a limit", () => {
  for (const [side, ends] of [["server", 4], ["client", 4]] as const) {
    it(`of maxPayload, where the ${side} gets the message`, async () => {
      const options: MemoryPairOptions = side === "server"
        ? { config: { maxPayload: ends } }
        : { client: { maxPayload: ends } };
      await using pair = await MemoryPair.start(options);
      const log = logEnds(pair);
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

  const peers = (["drop", "refuse"] as const).flatMap((slowPeer) =>
    (["itself", "a copy"] as const).map((given) => ({ slowPeer, given }))
  );
  for (const { slowPeer, given } of peers) {
    it(`of maxBufferedAmount, where a slow peer is to ${slowPeer}, given as ${given}`, async () => {
      await using pair = await MemoryPair.start({ config: { maxBufferedAmount: 10, slowPeer } });
      const log = logEnds(pair);
      const own = await pair.open();
      const one = given === "itself" ? own : { ...own };
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
      const log = logEnds(pair);
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
