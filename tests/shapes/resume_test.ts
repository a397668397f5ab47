/** Resuming by the classes and loops that others know. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { WebSocket, type WebSocketInit } from "../../standard.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";

/** A socket that resumes, and what it is told. */
function open(nodes: NodesInMemory, more: WebSocketInit = {}) {
  const log: unknown[] = [];
  const { clock, network } = nodes;
  const socket = new WebSocket("ws://localhost:1/", [], {
    ...{ clock, runtime: network.client, resume: true },
    reconnect: { minDelay: 1, factor: 1, random: () => 1 },
    ...more,
  });
  socket.binaryType = "arraybuffer";
  socket.onopen = () => log.push("open");
  socket.onmessage = ({ data }) => log.push(data);
  socket.onclose = ({ code }) => log.push(`close ${code}`);
  socket.addEventListener("recovered", ({ detail }) => log.push(detail));
  return { socket, log };
}

describe("WebSocket of ./standard with 'resume'", () => {
  it("is told what was missed, and the event 'recovered' before that", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    server.on("connect", (connection) => void server.join(connection, "t"));
    const { socket, log } = open(nodes);
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "a"));
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    await nodes.clock.until(server.publish("t", "b"));
    await nodes.back();
    assertEquals(log, [
      ...["open", "a", "close 1006", "open"],
      { topic: "t", recovered: true, missed: 1 },
      "b",
    ]);
    assertEquals(socket.protocol, "");
    socket.close();
    await nodes.settle();
    assertEquals(log.at(-1), "close 1005");
  });

  it("acknowledges what the server wants to have acknowledged", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const { socket, log } = open(nodes);
    await nodes.settle();
    const [connection] = server.listAllConnections();
    const answer = server.send("a", connection!, { acknowledge: true });
    await nodes.settle();
    assertEquals([await answer, log], [true, ["open", "a"]]);
    socket.close();
    await nodes.settle();
  });

  it("has done with a message when its listeners have, whatever they return", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const { socket } = open(nodes);
    await nodes.settle();
    const [connection] = server.listAllConnections();
    for (const result of [null, false, 0, "text", { then: 5 }, Promise.resolve(), () => {}]) {
      socket.onmessage = () => result;
      const answer = server.send("a", connection!, { acknowledge: true });
      await nodes.settle();
      assertEquals(await answer, true);
    }
    socket.close();
    await nodes.settle();
  });

  it("asks for 'reconnect' beside it", () => {
    assertThrows(
      () => new WebSocket("ws://localhost/", [], { resume: true }),
      Error,
      "'resume' must have 'reconnect' beside it",
    );
  });
});
