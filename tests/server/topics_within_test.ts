/** Who joins or leaves a topic in the middle of a message to it: an observer is told of each connection that is sent it. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
} from "../../mod.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";
import { until } from "../helpers/until.ts";

/** A server that does something as it sends "one" to the first connection. */
function acting(act: (server: WebSocketServer, others: WebSocketConnection[]) => unknown) {
  const connections: WebSocketConnection[] = [];
  const told: string[] = [];
  let hasActed = false;
  const options = {
    observer: {
      sent(connection: WebSocketConnection, data: unknown) {
        told.push(`${connections.indexOf(connection)} ${data}`);
        if (data !== "one" || hasActed) return;
        hasActed = true;
        act(server, connections.slice(1));
      },
    },
  };
  let server!: WebSocketServer;
  const is = (one: WebSocketServer) => {
    server = one;
    server.on("connect", (connection) => void connections.push(connection));
    return server;
  };
  return { options, connections, told, is };
}

describe("a message to a topic", () => {
  for (const call of ["publish", "broadcast"] as const) {
    it(`is not for who joins in the middle of it: ${call}()`, async () => {
      const { options, connections, told, is } = acting((server, [other]) => {
        void server.join(other!, "t");
      });
      const server = is(createWebSocketServer(options));
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      const heard: string[][] = [[], []];
      const clients = heard.map((log) => {
        const ws = createWebSocket();
        ws.on("message", (_err, data) => void log.push(`${data}`));
        return ws;
      });
      for (const [n, ws] of clients.entries()) {
        await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
        await until("it is there", () => connections.length === n + 1);
      }
      await server.join(connections[0]!, "t");
      const send = (text: string) =>
        call === "publish" ? server.publish("t", text) : server.broadcast(text);
      const all = call === "broadcast";
      assertEquals((await send("one")).sent, all ? 2 : 1);
      assertEquals((await send("two")).sent, 2);
      await until("it has come", () => heard.every((log) => log.includes("two")));
      assertEquals(heard, [["one", "two"], all ? ["one", "two"] : ["two"]]);
      assertEquals(told, all ? ["0 one", "1 one", "0 two", "1 two"] : ["0 one", "0 two", "1 two"]);
      for (const ws of clients) await ws.close();
      await server.stop();
    });
  }

  it("comes to all before what an observer publishes, or sends, as it is told of it", async () => {
    const { options, connections, told, is } = acting((server, [other]) => {
      void server.publish("t", "two");
      void server.send("to one", other!);
    });
    const server = is(createWebSocketServer(options));
    const subscribed: unknown[] = [];
    server.subscribe("t", ({ data }) => subscribed.push(data));
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const heard: string[][] = [[], [], []];
    const clients = heard.map((log) => {
      const ws = createWebSocket();
      ws.on("message", (_err, data) => void log.push(`${data}`));
      return ws;
    });
    for (const [n, ws] of clients.entries()) {
      await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
      await until("it is there", () => connections.length === n + 1);
      await server.join(connections[n]!, "t");
    }
    await server.publish("t", "one");
    await until("it has come", () => heard[1]!.length === 3 && heard[2]!.length === 2);
    assertEquals(heard, [["one", "two"], ["one", "two", "to one"], ["one", "two"]]);
    assertEquals(subscribed, ["one", "two"]);
    assertEquals(told.length, 7);
    for (const ws of clients) await ws.close();
    await server.stop();
  });

  it("comes to all before what is published as one of them is dropped for it", async () => {
    await using nodes = new NodesInMemory();
    const { connections, is } = acting(() => {});
    const none = { broker: undefined, history: false } as const;
    const server = is(await nodes.node(none, { maxBufferedAmount: 10 }));
    server.on("error", ({ kind }) => {
      if (kind === "tooSlow") void server.publish("t", "lost");
    });
    const heard: string[][] = [];
    for (let n = 0; n < 3; n++) {
      const log: string[] = [];
      heard.push(log);
      const ws = await nodes.client({ resume: false, reconnect: false });
      ws.on("message", (_err, data) => void log.push(`${data}`));
      await server.join(connections[n]!, "t");
    }
    nodes.network.links[1]!.hold("toClient");
    await server.send("12345678", connections[1]!);
    assertEquals(await server.publish("t", "one"), { sent: 3, tooSlow: 1 });
    await nodes.settle();
    assertEquals([heard[0], heard[2]], [["one", "lost"], ["one", "lost"]]);
  });

  it("comes once to who joins in the middle of it, and is told what it has missed", async () => {
    await using nodes = new NodesInMemory();
    const { options, connections, is } = acting((server, others) => {
      void server.join(others.at(-1)!, "t");
    });
    const server = is(await nodes.node(options));
    const [, ws] = [await nodes.client(), await nodes.client()];
    const log: unknown[] = [];
    ws.on("message", (_err, data) => log.push(data));
    ws.on("recovered", ({ recovered, missed }) => log.push(recovered, missed));
    for (const connection of connections) await server.join(connection, "t");
    await nodes.clock.until(server.publish("t", "zero"));
    await nodes.settle();
    nodes.network.links.at(-1)!.cut();
    await nodes.back();
    assertEquals((await nodes.clock.until(server.publish("t", "one"))).sent, 1);
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "two"));
    await nodes.settle();
    assertEquals(log, ["zero", true, 1, "one", "two"]);
  });

  it("has been sent to who leaves in the middle of it", async () => {
    await using nodes = new NodesInMemory();
    const { options, connections, told, is } = acting((server, [other]) => {
      void server.leave(other!, "t");
    });
    const server = is(await nodes.node({ ...options, history: false }));
    for (let n = 0; n < 2; n++) await nodes.client();
    for (const connection of connections) await server.join(connection, "t");
    await nodes.clock.until(server.publish("t", "one"));
    await nodes.settle();
    assertEquals(told, ["0 one", "1 one"]);
  });
});
