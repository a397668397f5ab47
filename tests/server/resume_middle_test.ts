/** What a program does in the middle of what a client has missed: an observer is told of each message. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketConnection, WebSocketServer } from "../../mod.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

type Act = (server: WebSocketServer, connection: WebSocketConnection) => unknown;

const RECOVERED = { topic: "t", recovered: true, missed: 3 };

/** A client that has missed "1", "2" and "3"; as the first is sent to it the program does something. */
async function missed(nodes: NodesInMemory, act: Act) {
  const sent: unknown[] = [];
  let isBack = false;
  const server: WebSocketServer = await nodes.node({
    observer: {
      sent: (connection, data) => {
        sent.push(data);
        if (isBack && data === "1") act(server, connection);
      },
    },
  });
  const log: unknown[] = [];
  server.on("connect", (connection) => void server.join(connection, "t").catch(() => {}));
  server.on("close", (_, { code }) => log.push(`server ${code}`));
  const ws = await nodes.client();
  nodes.cut();
  await nodes.settle();
  ws.on("message", (_err, data) => log.push(data));
  ws.on("recovered", (info) => log.push(info));
  ws.on("close", (_err, { code }) => log.push(code));
  for (const text of ["1", "2", "3"]) await nodes.clock.until(server.publish("t", text));
  isBack = true;
  log.length = 0;
  await nodes.back();
  return { server, sent, log, ws };
}

/** How many connections a message is sent to that is published now. */
async function reached(nodes: NodesInMemory, server: WebSocketServer): Promise<number> {
  const { sent } = await nodes.clock.until(server.publish("t", "after"));
  await nodes.settle();
  return sent;
}

describe("in the middle of what a client has missed", () => {
  const ends: [string, Act, number][] = [
    ["close", (server, one) => server.close(one, { code: 4000, reason: "enough" }), 4000],
    ["terminate", (server, one) => server.terminate(one), 1006],
    ["stop", (server) => void server.stop(), 1001],
  ];
  for (const [call, act, code] of ends) {
    it(`${call}() has nothing more sent, and the connection is in no topic`, async () => {
      await using nodes = new NodesInMemory();
      const { server, sent, log } = await missed(nodes, act);
      assertEquals(sent, ["1"]);
      assertEquals(log.filter((one) => typeof one === "string"), [`server ${code}`, "1"]);
      if (call === "stop") return;
      assertEquals([await reached(nodes, server), sent], [0, ["1"]]);
    });
  }

  it("leave() lets the rest arrive, and the client is not in the topic afterwards", async () => {
    await using nodes = new NodesInMemory();
    const { server, log } = await missed(nodes, (server, one) => void server.leave(one, "t"));
    assertEquals([await reached(nodes, server), log], [0, [RECOVERED, "1", "2", "3"]]);
    const [one] = server.listAllConnections();
    assertEquals(await nodes.clock.until(server.join(one!, "t")), { missed: 0 });
    assertEquals([await reached(nodes, server), log.slice(4)], [1, ["after"]]);
    nodes.cut();
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "4"));
    await nodes.back();
    assertEquals(log.slice(5), ["server 1006", 1006, { ...RECOVERED, missed: 1 }, "4"]);
  });

  it("what is published comes after it, and what is sent between two", async () => {
    await using nodes = new NodesInMemory();
    const { server, log } = await missed(nodes, (server, one) => {
      void server.publish("t", "4");
      void server.send("direct", one);
    });
    assertEquals(await reached(nodes, server), 1);
    assertEquals(log, [RECOVERED, "1", "direct", "2", "3", "4", "after"]);
    nodes.cut();
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "5"));
    await nodes.back();
    assertEquals(log.slice(7), ["server 1006", 1006, { ...RECOVERED, missed: 1 }, "5"]);
  });
});

describe("what is sent in the middle of what a client has missed", () => {
  it("is none of that, though it says the same, as is seen where the connection breaks then", async () => {
    await using nodes = new NodesInMemory();
    let hasSent = false;
    let hasCut = false;
    const { log } = await missed(nodes, (server, one) => {
      if (hasSent) return;
      hasSent = true;
      void server.join(one, "new"); // so that the client knows of a later place
      void server.send("1", one);
      nodes.clients[0]!.on("message", (_err, data) => {
        if (data !== "2" || hasCut) return;
        hasCut = true;
        nodes.cut();
      });
    });
    await nodes.back();
    const broken = ["server 1006", 1006];
    const first = [RECOVERED, "1", "1", "2"];
    assertEquals(log.filter((one) => !broken.includes(one as string)), [
      ...first,
      { ...RECOVERED, missed: 1 },
      "3",
    ]);
  });
});

describe("'member' of 'presence'", () => {
  it("may close the connection that joins, which is in no topic then", async () => {
    await using nodes = new NodesInMemory();
    const member = (one: WebSocketConnection) => {
      if (isClosing) void server.close(one, { code: 4000, reason: "" });
      return {};
    };
    let isClosing = true;
    const server: WebSocketServer = await nodes.node({ presence: { member } });
    const joins: Promise<string>[] = [];
    server.on("connect", (one) => void joins.push(kindOf(server.join(one, "t"))));
    for (const closes of [true, false]) {
      isClosing = closes;
      await nodes.client({ reconnect: false, resume: false });
      assertEquals([server.presence("t").length, await reached(nodes, server)], [
        ...(closes ? [0, 0] : [1, 1]),
      ]);
    }
    assertEquals(await Promise.all(joins), ["notOpen", "[object Object]"]);
  });
});
