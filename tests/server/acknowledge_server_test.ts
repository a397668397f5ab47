/** A server's messages that the client acknowledges. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type {
  SendOptions,
  StandardSchema,
  WebSocketClient,
  WebSocketConnection,
  WebSocketServer,
} from "../../mod.ts";
import {
  ACK,
  ALWAYS,
  Answers,
  deferred,
  numbers,
  only,
  wordsOf,
} from "../helpers/acknowledging.ts";
import { refusal } from "../helpers/client.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

describe("server.send() with 'acknowledge'", () => {
  /** A server, a client, and a connection between them. */
  async function pair(nodes: NodesInMemory, config = {}, client = {}): Promise<{
    server: WebSocketServer;
    ws: WebSocketClient;
    connection: WebSocketConnection;
  }> {
    const server = await nodes.node({ stats: true }, config);
    const ws = await nodes.client(client);
    return { server, ws, connection: only(server) };
  }

  it("is true when the client's listeners have done with it", async () => {
    await using nodes = new NodesInMemory();
    const { server, ws, connection } = await pair(nodes);
    const work = deferred();
    const heard: unknown[] = [];
    ws.on("message", (_err, data) => {
      heard.push(data);
      if (data === "bad") throw new Error("cannot");
      return data === "slow" ? work.promise : undefined;
    });
    const answers = new Answers();
    for (const data of ["slow", "bad", "quick"]) {
      answers.add(data, server.send(data, connection, ACK));
    }
    answers.add("bytes", server.send(new Uint8Array([1, 10]), connection, ACK));
    for (let time = 0; time < 2; time++) {
      const { unacknowledged } = server.stats()!;
      assertEquals(unacknowledged, { messages: 4, bytes: 14 });
      Object.assign(unacknowledged!, { messages: 9, bytes: 9 });
    }
    await nodes.settle();
    assertEquals(heard.slice(0, 3), ["slow", "bad", "quick"]);
    assertEquals(new Uint8Array(heard[3] as ArrayBuffer), new Uint8Array([1, 10]));
    assertEquals(answers.log, ["bad refusedByPeer", "quick true", "bytes true"]);
    work.resolve();
    await nodes.settle();
    assertEquals(answers.log.slice(3), ["slow true"]);
    assertEquals(server.stats()!.unacknowledged, undefined);
    assertEquals(nodes.errors, ["listenerFailed"]);
  });

  it("needs room beside what is queued where a slow peer is to stay", async () => {
    await using nodes = new NodesInMemory();
    const config = { slowPeer: "refuse", maxBufferedAmount: 40 };
    const { server, connection } = await pair(nodes, config);
    const link = nodes.network.links[0]!;
    link.hold();
    assertEquals(await server.send("x".repeat(30), connection), true);
    const queued = server.bufferedAmount(connection);
    const full = await refusal(server.send("x".repeat(11), connection, ACK));
    assertEquals([full.kind, server.bufferedAmount(connection)], ["queueFull", queued]);
    assertEquals(server.stats()!.unacknowledged, undefined);
    link.release();
    await nodes.settle();
    void server.send(`${"ä".repeat(5)}x`, connection, ACK).catch(() => {});
    assertEquals(server.stats()!.unacknowledged, { messages: 1, bytes: 11 });
    await nodes.settle();
  });

  it("is true when a 'for await' has asked for the next one, or has ended", async () => {
    await using nodes = new NodesInMemory();
    const { server, ws, connection } = await pair(nodes);
    const work = deferred();
    const loop = (async () => {
      for await (const data of ws) {
        if (data === "1") await work.promise;
        if (data === "2") break;
      }
    })();
    const answers = new Answers();
    for (const data of ["1", "2", "3"]) answers.add(data, server.send(data, connection, ACK));
    await nodes.settle();
    assertEquals(answers.log, []);
    work.resolve();
    await loop;
    await nodes.settle();
    assertEquals(answers.log, ["1 true", "2 true", "3 refusedByPeer"]);
    answers.add("4", server.send("4", connection, ACK));
    await nodes.settle();
    assertEquals(answers.log.slice(3), ["4 refusedByPeer"]); // nobody listens
  });

  it("is refused where the client's 'schema' or 'maxPayload' is against it", async () => {
    await using nodes = new NodesInMemory();
    const reconnect = { ...ALWAYS };
    const options = { schema: numbers as StandardSchema<never>, maxPayload: 5, reconnect };
    const { server, ws } = await pair(nodes, {}, options);
    const told: unknown[] = [];
    ws.on("message", (_err, data) => void told.push(data));
    for (const [data, words] of [["1", "true"], ['"x"', "schema"], ["123456", "maxPayload"]]) {
      const answer = server.send(data!, only(server), ACK).catch(({ message }) => message);
      await nodes.settle();
      assertStringIncludes(`${await answer}`, words!);
      await nodes.back();
    }
    assertEquals(told, [1]);
  });

  it("is refused when the connection is over, as who comes back may be another", async () => {
    await using nodes = new NodesInMemory();
    const { server, ws, connection } = await pair(nodes);
    let count = 0;
    ws.on("message", () => {
      count++;
      return new Promise(() => {});
    });
    const answer = wordsOf(server.send("a", connection, ACK));
    await nodes.settle();
    nodes.cut();
    await nodes.back();
    assertMatch(await answer, /not acknowledged, and may have been seen: the connection is over$/);
    assertEquals(count, 1);
    assertEquals(await kindOf(server.send("b", connection, ACK)), "noConnection");
  });

  it("does not hear of a listener that has done with it when its connection is over", async () => {
    await using nodes = new NodesInMemory();
    const { server, ws, connection } = await pair(nodes);
    const work = deferred();
    ws.on("message", () => work.promise);
    const answer = kindOf(server.send("a", connection, ACK));
    await nodes.settle();
    nodes.cut();
    await nodes.back();
    work.resolve();
    await nodes.settle();
    assertEquals(await answer, "unacknowledged");
    assertEquals(await kindOf(server.send("b", only(server))), "true");
  });

  it("is refused with 401 where the client, or the server, cannot", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    await nodes.client({ resume: false });
    const error = await refusal(server.send("x", only(server), ACK));
    assertEquals(error.code, 401);
    assertMatch(
      error.message,
      /send: 'acknowledge' must be left out where the client cannot resume, as that of [\d.:]+: /,
    );
    nodes.at = 2;
    const without = await nodes.node({ broker: undefined, history: false });
    await nodes.client({ resume: false });
    assertMatch(
      await wordsOf(without.send("x", only(without), ACK)),
      /where the server was made without 'history': current value is true$/,
    );
    const wrong = { acknowledge: "yes" } as unknown as SendOptions;
    assertEquals((await refusal(without.send("x", only(without), wrong))).code, 401);
    assertEquals(await without.send("x", only(without), { acknowledge: false }), true);
  });

  it("is bounded, and refused where a slow client is to stay", async () => {
    for (const slowPeer of ["drop", "refuse"] as const) {
      await using nodes = new NodesInMemory();
      const config = { maxBufferedAmount: 100, slowPeer };
      const { server, ws, connection } = await pair(nodes, config);
      ws.on("message", () => new Promise(() => {}));
      for (let n = 0; n < 2; n++) {
        void server.send("x".repeat(50), connection, ACK).catch(() => {});
        await nodes.settle();
      }
      assertEquals(
        (await wordsOf(server.send("x", connection, ACK))).replace(/[\d.]+:\d+$/, "it"),
        "Websocket Unknown Other Error: send: 'maxBufferedAmount' is 100, and 100 bytes in 2 " +
          "messages wait to be acknowledged by it",
      );
      assertEquals(await kindOf(server.send("x".repeat(50), connection)), "true");
    }
  });
});
