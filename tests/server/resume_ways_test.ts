/** Resuming beside what else a client and a server can do. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type StandardSchema,
  type WebSocketClient,
  type WebSocketServer,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";

const objects: StandardSchema<{ n: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => ({ value: value as { n: number } }),
  },
};

/** A node that takes everybody into `t`. */
async function nodeOf(nodes: NodesInMemory, options = {}) {
  const server = await nodes.node(options);
  server.on("connect", (connection) => void server.join(connection, "t"));
  return server;
}

describe("a break, and", () => {
  it("'for await': the loop goes on with what was missed", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodeOf(nodes);
    const ws = await nodes.client();
    const told: unknown[] = [];
    const loop = (async () => {
      for await (const data of ws) if (told.push(data) === 5) break;
    })();
    await nodes.clock.until(server.publish("t", "0"));
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    for (const text of ["1", "2", "3"]) await nodes.clock.until(server.publish("t", text));
    await nodes.back();
    await nodes.clock.until(server.publish("t", "4"));
    await nodes.clock.until(loop);
    assertEquals(told, ["0", "1", "2", "3", "4"]);
  });

  it("'schema': what was missed is what it makes of it", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodeOf(nodes);
    const { clock, network } = nodes;
    const ws = createWebSocket({
      ...{ clock, runtime: network.client, resume: true, schema: objects },
      reconnect: { minDelay: 1, factor: 1, random: () => 1 },
    });
    nodes.clients.push(ws as unknown as WebSocketClient);
    const told: number[] = [];
    ws.on("message", (_err, { n }) => void told.push(n));
    await clock.until(ws.connect("ws://localhost:1/"));
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    for (const n of [1, 2]) await clock.until(server.publish("t", JSON.stringify({ n })));
    await nodes.back();
    assertEquals(told, [1, 2]);
  });

  it("'stats': headers, greetings and answers do not count", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodeOf(nodes, { stats: true });
    server.on("messageReceive", () => {});
    const ws = await nodes.client({ stats: true });
    nodes.cut();
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "12345"));
    await nodes.back();
    await ws.send("123");
    void ws.send("1234", { acknowledge: true }).catch(() => {});
    await nodes.settle();
    for (const [side, sent, received] of [[ws, 7, 5], [server, 5, 7]] as const) {
      const stats = side.stats()!;
      assertEquals([stats.sent.bytes, stats.received.bytes], [sent, received]);
      assertEquals([stats.opened, stats.closed, stats.unsent], [2, 1, 0]);
    }
  });

  it("'maxPayload': what has just so many bytes comes in with its header, over a break, too", async () => {
    for (const maxPayload of [10, 300_000]) {
      await using nodes = new NodesInMemory();
      const got: number[] = [];
      const hear = (data: string | ArrayBuffer) => got.push((data as string).length) && undefined;
      await nodes.node({}, { maxPayload }, hear);
      const ws = await nodes.client();
      await ws.send("x".repeat(maxPayload));
      const answer = ws.send("y".repeat(maxPayload), { acknowledge: true });
      nodes.cut();
      await nodes.back();
      assertEquals([await answer, got.at(-1), nodes.errors], [true, maxPayload, ["lost", "lost"]]);
    }
  });

  it("'maxPayload': a greeting may have as many topics as ever, be it small", async () => {
    await using nodes = new NodesInMemory();
    const topics = Array.from({ length: 20 }, (_, n) => `${n} ${"x".repeat(3000)}`);
    const server = await nodes.node({}, { maxPayload: 10 });
    server.on("connect", (connection) => {
      for (const topic of topics) void server.join(connection, topic);
    });
    const ws = await nodes.client();
    const told: unknown[] = [];
    ws.on("recovered", ({ recovered }) => told.push(recovered));
    nodes.cut();
    await nodes.back();
    assertEquals([told, ws.state], [topics.map(() => true), "open"]);
  });

  it("'slowPeer': what is to be acknowledged is refused where the queue has no room for it", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node({}, { slowPeer: "refuse", maxBufferedAmount: 30 });
    const ws = await nodes.client();
    const told: unknown[] = [];
    ws.on("message", (_err, data) => void told.push(data));
    const [one] = server.listAllConnections();
    const [link] = nodes.network.links;
    link!.hold("toClient");
    assertEquals(await kindOf(server.send("x".repeat(20), one!)), "true");
    const queued = server.bufferedAmount(one!);
    const ask = (bytes: number) => server.send("y".repeat(bytes), one!, { acknowledge: true });
    assertEquals(await kindOf(ask(31 - queued)), "queueFull");
    const fits = ask(30 - queued);
    assertEquals(await kindOf(ask(1)), "queueFull");
    link!.release("toClient");
    await nodes.settle();
    assertEquals(await fits, true);
    assertEquals(told, ["x".repeat(20), "y".repeat(30 - queued)]);
  });

  it("'history' and 'presence' that the program changes afterwards: they are what was given", async () => {
    await using nodes = new NodesInMemory();
    const history = { maxMessages: 2 };
    const presence = { lease: 2, member: () => ({ name: "Li" }) };
    const { broker, clock, network } = nodes;
    const given = { broker, clock, runtime: network.server, history, presence };
    const server = createWebSocketServer(given);
    nodes.servers.push(server);
    Object.assign(history, { maxMessages: 1 });
    Object.assign(presence, { lease: 3000, member: () => ({ name: "Mo" }) });
    server.on("connect", (connection) => void server.join(connection, "t"));
    await clock.until(server.start({ serverPort: 1 }));
    const ws = await nodes.client();
    const told: unknown[] = [];
    ws.on("message", (_err, data) => void told.push(data));
    assertEquals(server.presence("t").map(({ context }) => context), [{ name: "Li" }]);
    nodes.cut();
    await nodes.settle();
    for (const text of ["1", "2"]) await clock.until(server.publish("t", text));
    await nodes.back();
    assertEquals(told, ["1", "2"]);
    const alive = broker.entries.filter((entry) => entry.includes('["alive",null,2]'));
    assertEquals(alive.length > 0, true);
  });

  it("'join' twice: the second says as the first that nothing was missed", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const clients = [await nodes.client(), await nodes.client({ resume: false })];
    for (const one of server.listAllConnections()) {
      const answers = [await server.join(one, "t"), await server.join(one, "t")];
      assertEquals(answers, [{ missed: 0 }, { missed: 0 }]);
    }
    const told: unknown[] = [];
    for (const ws of clients) ws.on("message", (_err, data) => void told.push(data));
    await nodes.clock.until(server.publish("t", "once"));
    await nodes.settle();
    assertEquals(told, ["once", "once"]);
  });

  it("two tabs with one cookie: neither takes anything of the other's", async () => {
    await using nodes = new NodesInMemory();
    const seen: string[] = [];
    const server = await nodeOf(nodes);
    server.on("messageReceive", ({ data }) => void seen.push(`${data}`));
    const tabs = await Promise.all([0, 1].map(async () => {
      const { clock, network } = nodes;
      const ws = createWebSocket({
        ...{ clock, runtime: network.client, resume: true },
        reconnect: { minDelay: 1, factor: 1, random: () => 1 },
      });
      nodes.clients.push(ws);
      const log: unknown[] = [];
      ws.on("message", (_err, data) => void log.push(data));
      ws.on("recovered", ({ recovered, missed }) => void log.push([recovered, missed]));
      await clock.until(ws.connect("ws://localhost:1/", { header: { cookie: "session=one" } }));
      return { ws, log };
    }));
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "a"));
    await nodes.settle();
    nodes.network.links[0]!.cut(); // one of them alone
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "b"));
    const answers = tabs.map(({ ws }, n) => ws.send(`from ${n}`, { acknowledge: true }));
    await nodes.back();
    nodes.cut();
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "c"));
    await nodes.back();
    assertEquals(await Promise.all(answers), [true, true]);
    assertEquals(tabs.map(({ log }) => log), [
      ["a", [true, 1], "b", [true, 1], "c"],
      ["a", "b", [true, 1], "c"],
    ]);
    assertEquals(seen.sort(), ["from 0", "from 1"]);
  });

  it("sleep: who wakes up is back at once, and has what was missed", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodeOf(nodes);
    server.on("messageReceive", () => {});
    const ws = await nodes.client({ reconnect: { minDelay: 600, maxDelay: 600 } });
    const log: unknown[] = [];
    ws.on("message", (_err, data) => void log.push(data));
    ws.on("recovered", (info) => void log.push(info));
    nodes.cut();
    await nodes.settle();
    assertEquals(ws.state, "reconnecting");
    await nodes.clock.until(server.publish("t", "a"));
    const answer = ws.send("said while asleep", { acknowledge: true });
    nodes.clock.sleep(60_000);
    await nodes.settle(3000); // not the ten minutes
    assertEquals(log, [{ topic: "t", recovered: true, missed: 1 }, "a"]);
    assertEquals([ws.state, await answer], ["open", true]);
  });
});

describe("a server with a history", () => {
  const config = { pingInterval: 7, maxBufferedAmount: 5000, maxPayload: 3000 };
  /** What the runtime is asked for, by such a server and by one without, and what differs. */
  async function asked(begin: (server: WebSocketServer) => Promise<unknown>) {
    const all: Record<string, unknown>[] = [];
    for (const more of [{}, { history: true }]) {
      const [runtime, clock] = [new ScriptedServer(), new FakeClock()];
      const server = createWebSocketServer({
        ...{ runtime, clock, binaryType: "uint8array", ...more } as const,
      });
      await begin(server as unknown as WebSocketServer);
      all.push(runtime.asked as Record<string, unknown>);
      await clock.until(server.stop());
    }
    const [plain, kept] = all as [Record<string, unknown>, Record<string, unknown>];
    const differ = Object.keys({ ...plain, ...kept }).filter((name) => kept[name] !== plain[name]);
    return { plain, kept, differ };
  }

  it("asks the runtime for the same as one without, and for room for a place", async () => {
    const mounted = await asked((server) => server.mount(config));
    const listening = await asked((server) => server.start({ serverPort: 80, ...config }));
    for (const { plain, kept, differ } of [mounted, listening]) {
      assertEquals([plain.maxPayload, plain.binaryType], [3000, "uint8array"]);
      assertEquals(differ, ["maxPayload"]);
      assert(kept.maxPayload as number > 3000);
    }
  });
});
