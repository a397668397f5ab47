/** The exact boundary of each limit, and of each time, of a server that is one of several. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { refusal } from "../helpers/client.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";
import { HANDSHAKE, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** Comes once, and knows nothing of resuming. */
const PLAIN = { reconnect: false, resume: false } as const;

/** A node with so many clients in a topic. */
async function peopled(nodes: NodesInMemory, options: WebSocketServerOptions, count = 1) {
  const server = await nodes.node(options);
  server.on("connect", (one) => void server.join(one, "news"));
  for (let i = 0; i < count; i++) await nodes.client(PLAIN);
  return server;
}

const only = (server: WebSocketServer) => server.listAllConnections()[0] as WebSocketConnection;

describe("a node that hears nothing of the broker", () => {
  for (const [presence, seconds] of [[true, 15], [{ lease: 6 }, 6]] as const) {
    it(`sends who is in a topic away after a lease of ${seconds} s, each with a second of its own`, async () => {
      await using nodes = new NodesInMemory();
      const server = await peopled(nodes, { presence }, 12);
      const told: string[] = [];
      server.on("close", (_, { code, reason }) => told.push(`${code} ${reason}`));
      nodes.broker.down();
      await nodes.clock.advance(seconds * 1000 - 1);
      assertEquals(told, []);
      await nodes.clock.advance(1);
      const after = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2];
      assertEquals(told, after.map((second) => `1012 retry after ${second}`));
      nodes.broker.up();
      await nodes.settle(1000);
    });
  }

  it("says after 5 s that what it was to publish waits in vain, and then at once", async () => {
    await using nodes = new NodesInMemory();
    const server = await peopled(nodes, {});
    nodes.broker.down();
    const answers: string[] = [];
    const publish = () => void kindOf(server.publish("t", "x")).then((kind) => answers.push(kind));
    publish();
    await nodes.clock.advance(0);
    publish();
    await nodes.clock.advance(4999);
    assertEquals(answers, []);
    await nodes.clock.advance(1);
    assertEquals(answers.sort(), ["brokerDown", "unconfirmed"]);
    publish();
    await nodes.clock.advance(0);
    assertEquals(answers.length, 3);
    nodes.broker.up();
    await nodes.settle(1000);
  });

  it("has 16 MiB wait for it, and no more", async () => {
    await using nodes = new NodesInMemory();
    const server = await peopled(nodes, {});
    nodes.broker.down();
    const around = '["message","t",""]'.length;
    const answers = Array.from(
      { length: 32 },
      () => kindOf(server.publish("t", "x".repeat(512 * 1024 - around))),
    );
    const why = (await refusal(server.publish("t", ""))).message;
    assertStringIncludes(why, "publish: more than 16777216 bytes wait for the broker");
    await nodes.settle(6000);
    assertEquals((await Promise.all(answers)).includes("queueFull"), false);
    nodes.broker.up();
    await nodes.settle(1000);
  });
});

describe("a node that starts while the broker is away", () => {
  it("is refused after 5 s", async () => {
    await using nodes = new NodesInMemory();
    const { broker, clock, network } = nodes;
    broker.down();
    const server = createWebSocketServer({ broker, clock, runtime: network.server, history: true });
    let answer = "none yet";
    void kindOf(server.start({ serverPort: 9 })).then((kind) => answer = kind);
    await clock.advance(0);
    await clock.advance(4999);
    assertEquals(answer, "none yet");
    await clock.advance(1);
    assertEquals(answer, "brokerDown");
    assertEquals([server.address, await kindOf(server.stop())], [undefined, "notRunning"]);
    broker.up();
  });
});

describe("what the others see of a connection", () => {
  for (const [length, isShown] of [[16_384, true], [16_385, false]] as const) {
    it(`may have ${isShown ? "" : "no more than "}16384 characters: ${length}`, async () => {
      await using nodes = new NodesInMemory();
      const text = "x".repeat(length - '{"a":""}'.length);
      const server = await peopled(nodes, { presence: { member: () => ({ a: text }) } });
      const [member] = server.presence("news") as { member?: { a: string } }[];
      assertEquals(JSON.stringify(member).includes(text), isShown);
      assertEquals(nodes.errors, isShown ? [] : ["hookFailed"]);
    });
  }
});

describe("a topic's name", () => {
  it("has 65,536 characters at the most where there is a broker", async () => {
    await using nodes = new NodesInMemory();
    const server = await peopled(nodes, {});
    const one = only(server);
    assertEquals(await kindOf(server.join(one, "x".repeat(65_536))), "[object Object]");
    const { code, message } = await refusal(server.join(one, "x".repeat(65_537)));
    assertEquals(code, 401);
    assertStringIncludes(message, "topic must have at most 65536 characters");
  });
});

describe("a client that has chosen to resume", () => {
  it("has 10 s to say where it was", async () => {
    await using nodes = new NodesInMemory();
    const runtime = new ScriptedServer();
    await nodes.node({ runtime, history: true });
    const headers = { ...HANDSHAKE, "sec-websocket-protocol": "resume.netkit.1" };
    const admission = await runtime.request({ headers }) as Admission;
    const socket = new ScriptedSocket();
    admission.open(socket);
    await nodes.clock.advance(9999);
    assertEquals(socket.calls, ["send"]);
    await nodes.clock.advance(1);
    assertEquals(socket.calls, ["send", "terminate"]);
    admission.closed({ code: 1002, reason: "" });
  });
});
