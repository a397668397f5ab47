/** A client's messages that the server acknowledges. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError, SendOptions, StandardSchema } from "../../mod.ts";
import {
  ACK,
  ALWAYS,
  Answers,
  deferred,
  numbers,
  only,
  rawClient,
  wordsOf,
} from "../helpers/acknowledging.ts";
import { refusal } from "../helpers/client.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

describe("send() with 'acknowledge'", () => {
  it("is true when the server's listeners have done with it", async () => {
    await using nodes = new NodesInMemory();
    const work = deferred();
    const server = await nodes.node({}, {}, (data) => data === "slow" ? work.promise : undefined);
    server.on("messageReceive", () => {});
    const ws = await nodes.client();
    const answers = new Answers();
    answers.add("slow", ws.send("slow", ACK));
    answers.add("quick", ws.send("quick", ACK));
    answers.add("bytes", ws.send(new Uint8Array([10, 1]), ACK));
    answers.add("plain", ws.send("plain", { acknowledge: false }));
    answers.add("plain", ws.send("plain", {}));
    await nodes.settle();
    assertEquals(nodes.seen, [
      ...["1 slow", "1 quick", "1 [object ArrayBuffer]", "1 plain", "1 plain"],
    ]);
    assertEquals(answers.log, ["plain true", "plain true", "quick true", "bytes true"]);
    work.resolve();
    await nodes.settle();
    assertEquals(answers.log.slice(4), ["slow true"]);
  });

  it("answers to a callback as well", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, (data) => {
      if (data === "bad") throw new Error("cannot");
    });
    const ws = await nodes.client();
    const told: unknown[] = [];
    const note = (error: BusinessError | undefined, ok?: boolean) => told.push(error?.kind ?? ok);
    assertEquals(ws.send("good", ACK, note) as unknown, undefined);
    ws.send("bad", ACK, note);
    ws.send("wrong", { acknowledge: 1 } as unknown as SendOptions, note);
    ws.send(5 as unknown as string, ACK, note);
    await nodes.settle();
    assertEquals(told, ["argument", "argument", true, "refusedByPeer"]);
  });

  it("is refused where a listener throws or rejects, and says no more than that", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node({}, {}, (data) => {
      if (data === "throw") throw new Error("a secret");
      return data === "reject" ? Promise.reject(new Error("a secret")) : undefined;
    });
    server.on("messageReceive", () => Promise.resolve("fine"));
    const ws = await nodes.client();
    for (const data of ["throw", "reject"]) {
      const words = wordsOf(ws.send(data, ACK));
      await nodes.settle();
      assertEquals(
        await words,
        "Websocket Unknown Other Error: send: the peer did not accept the message: one of its " +
          "listeners failed",
      );
    }
    const good = ws.send("good", ACK);
    await nodes.settle();
    assertEquals(await good, true);
    assertEquals(nodes.errors, ["listenerFailed", "listenerFailed"]);
  });

  it("is refused where nobody listens", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node();
    const ws = await nodes.client();
    const words = wordsOf(ws.send("hello?", ACK));
    await nodes.settle();
    assertMatch(await words, /: it has no listener$/);
  });

  it("is refused where 'schema' does not accept it, and not sent again", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({ schema: numbers as StandardSchema<never> }, {}, () => {});
    const ws = await nodes.client({ reconnect: { ...ALWAYS } });
    const answers = new Answers();
    for (const data of ["1", '"x"', "2"]) answers.add(data, ws.send(data, ACK));
    await nodes.settle();
    await nodes.back();
    assertEquals(answers.log, ["1 true", '"x" refusedByPeer', "2 true"]);
    assertEquals(nodes.seen, ["1 1", "1 2"]);
    assertEquals(nodes.errors, ["unacceptable"]);
  });

  it("is refused where it is over the server's 'maxPayload', and not sent", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, { maxPayload: 10 }, () => {});
    const ws = await nodes.client();
    const words = wordsOf(ws.send("x".repeat(11), ACK));
    const good = kindOf(ws.send("x".repeat(10), ACK));
    await nodes.settle();
    assertStringIncludes(await words, "it is over its 'maxPayload'");
    assertEquals(await good, "true");
    assertEquals(nodes.errors, []);
  });

  it("is refused where the connection is closed before the listeners have it", async () => {
    for (const who of ["observer", "validator"]) {
      await using nodes = new NodesInMemory();
      const close = () => void server.close(only(server), { code: 1012 });
      const schema: StandardSchema<never> = {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value) => {
            close();
            return { value: value as never };
          },
        },
      };
      const options = who === "observer" ? { observer: { received: close } } : { schema };
      const server = await nodes.node(options, {}, () => {});
      const ws = await nodes.client();
      const words = wordsOf(ws.send("1", ACK));
      await nodes.back();
      assertMatch(await words, /may have been seen: the peer cannot tell what has become of it$/);
      assertEquals(nodes.seen, []);
    }
  });

  it("is a sign of life, also where it is a repetition or an answer", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node({}, { pingInterval: 2, pongTimeout: 2 }, () => {});
    const { ws } = await rawClient(nodes);
    nodes.network.links[0]!.hold("toClient"); // no Ping arrives, and no Pong comes
    for (const line of ["#1\na", "#1\na", '{"ack":7}\n', "#2\nb"]) {
      await nodes.settle(1500);
      await ws.send(line);
    }
    await nodes.settle();
    assertEquals(server.listAllConnections().length, 1);
    await nodes.settle(4000);
    assertEquals(server.listAllConnections().length, 0); // silence is none
  });

  it("is refused with 401 where nobody can acknowledge it", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const plain = await nodes.client({ resume: false });
    assertEquals(
      await wordsOf(plain.send("x", ACK)),
      "Parameter error: send: 'acknowledge' must be left out where the client was made without " +
        "'resume': current value is true",
    );
    nodes.at = 2;
    await nodes.node({ broker: undefined, history: false }, {}, () => {});
    const ws = await nodes.client();
    const words = wordsOf(ws.send("x", ACK));
    assertMatch(await words, /401|left out where the server cannot resume: current value is true$/);
    assertEquals((await refusal(ws.send("y", ACK))).code, 401);
    assertEquals(nodes.seen, []);
    await nodes.clock.until(ws.close());
    await nodes.settle();
    // The same where that is found out later.
    void ws.connect("ws://localhost:2/").catch(() => {});
    const early = refusal(ws.send("z", ACK));
    await nodes.back();
    assertEquals((await early).code, 401);
  });

  it("is refused where the client is not connected, and checks what it is given", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const ws = await nodes.client();
    const wrong: [unknown[], string][] = [
      [["x", 5], "send: options must be an object: current value is 5"],
      [["x", null], "send: options must be an object: current value is null"],
      [["x", { acknowledge: 1 }], "send: 'acknowledge' must be true or false: current value is 1"],
      [["x", { more: 1 }], "send: 'more' is no option; there are acknowledge: current value is 1"],
      [[5, ACK], "send: data must be text"],
      [["x", ACK, 5, 6], "send: takes data, options and a callback: 4 arguments were given"],
    ];
    for (const [args, what] of wrong) {
      const error = await refusal((ws.send as (...args: unknown[]) => Promise<boolean>)(...args));
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, what);
    }
    await nodes.clock.until(ws.close());
    assertEquals(await kindOf(ws.send("x", ACK)), "notOpen");
    await nodes.settle();
    assertEquals(await kindOf(ws.send("x", ACK)), "notOpen");
  });
});

describe("what waits to be acknowledged", () => {
  it("is bounded, by the lower of two limits, whether there is a connection or not", async () => {
    await using nodes = new NodesInMemory();
    const work = deferred();
    await nodes.node({}, {}, () => work.promise);
    const reconnect = { minDelay: 1, factor: 1, random: () => 1, maxQueued: 10 };
    const lower = await nodes.client({ reconnect, maxBufferedAmount: 9 });
    void lower.send("12345", ACK);
    await nodes.settle();
    assertMatch(await wordsOf(lower.send("12345", ACK)), /5 bytes in 1 message.* 9 bytes may$/);
    const ws = await nodes.client({ reconnect, stats: true });
    const answers = [kindOf(ws.send("12345", ACK)), kindOf(ws.send("678ä", ACK))];
    assertEquals(
      await wordsOf(ws.send("x", ACK)),
      "Websocket Unknown Other Error: send: 10 bytes in 2 messages wait to be acknowledged, and " +
        "10 bytes may",
    );
    answers.push(kindOf(ws.send("", ACK))); // it has no bytes
    await nodes.settle();
    for (let time = 0; time < 2; time++) {
      const { unacknowledged } = ws.stats()!;
      assertEquals(unacknowledged, { messages: 3, bytes: 10 });
      Object.assign(unacknowledged!, { messages: 9, bytes: 9 });
    }
    work.resolve();
    await nodes.settle();
    assertEquals(await Promise.all(answers), ["true", "true", "true"]);
    assertEquals(ws.stats()!.unacknowledged, undefined);
    nodes.cut();
    await nodes.settle();
    void ws.send("12345", ACK).catch(() => {});
    assertEquals(
      await wordsOf(ws.send("123456", ACK)),
      "Websocket Unknown Other Error: send: 'reconnect.maxQueued' is 10, and 5 bytes are queued " +
        "already",
    );
    await nodes.back();
  });
});

describe("close() while messages wait to be acknowledged", () => {
  it("refuses those that were sent, and those that were not", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => new Promise(() => {}));
    const ws = await nodes.client();
    const log: string[] = [];
    const note = (name: string, answer: Promise<boolean>) =>
      void answer.catch(({ message }) => log.push(`${name}: ${message}`));
    note("sent", ws.send("a", ACK));
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    note("queued", ws.send("b", ACK));
    ws.on("close", () => log.push("close"));
    await nodes.clock.until(ws.close());
    await nodes.settle();
    const words = "Websocket Unknown Other Error: send: the message was";
    assertEquals(log, [
      "close",
      `sent: ${words} not acknowledged, and may have been seen: the client is closed`,
      `queued: ${words} never sent`,
    ]);
    assertEquals(nodes.errors.filter((kind) => kind !== "lost"), []);
  });

  it("says nothing of them where they were acknowledged before", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const ws = await nodes.client();
    const answer = kindOf(ws.send("a", ACK));
    await nodes.settle();
    await nodes.clock.until(ws.close());
    assertEquals(await answer, "true");
  });
});
