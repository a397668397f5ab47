/** Messages that the other side acknowledges, in both directions. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type {
  BusinessError,
  SendOptions,
  StandardSchema,
  WebSocketClient,
  WebSocketConnection,
  WebSocketServer,
} from "../../mod.ts";
import { refusal } from "../helpers/client.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

const ACK = { acknowledge: true } as const;

/** Comes back whatever has happened, after a second. */
const ALWAYS = { minDelay: 1, factor: 1, random: () => 1, shouldReconnect: () => true };

/** A promise that is settled by hand. */
const deferred = () => Promise.withResolvers<void>();

/** The only connection of a server. */
const only = (server: WebSocketServer) => server.listAllConnections()[0] as WebSocketConnection;

/** A message of a call that is refused. */
async function wordsOf(call: Promise<unknown>): Promise<string> {
  return (await refusal(call)).message;
}

/** Collects what messages have come to, in the order in which they do. */
class Answers {
  readonly log: string[] = [];

  add(name: string, answer: Promise<unknown>): void {
    void kindOf(answer).then((what) => this.log.push(`${name} ${what}`));
  }
}

const numbers: StandardSchema<number> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "number" ? { value } : { issues: [{ message: "is no number" }] },
  },
};

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
    const { ws } = await raw(nodes);
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
      [["x", { more: 1 }], "send: 'more' is no option: current value is 1"],
      [[5, ACK], "send: data must be text"],
      [["x", ACK, 5, 6], "send: takes at most 2 arguments and a callback: 4 were given"],
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

describe("a break", () => {
  it("before it has arrived has it sent again, in order with all others", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const ws = await nodes.client();
    const answers = new Answers();
    answers.add("first", ws.send("first", ACK)); // from now on the server knows who it is
    await nodes.settle();
    answers.add("a", ws.send("a", ACK));
    nodes.cut();
    answers.add("b", ws.send("b", ACK));
    await nodes.settle();
    assertEquals(ws.state, "reconnecting");
    answers.add("c", ws.send("c"));
    answers.add("d", ws.send("d", ACK));
    answers.add("e", ws.send("e"));
    assertEquals(ws.bufferedAmount, 5);
    await nodes.back();
    assertEquals(nodes.seen.slice(1), ["1 a", "1 b", "1 c", "1 d", "1 e"]);
    assertEquals(answers.log.slice(1), ["c false", "e false", "a true", "b true", "d true"]);
  });

  it("has what is sent in 'shouldReconnect', and bytes as they were, in their places", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const seen: unknown[] = [];
    server.on("messageReceive", ({ data }) => {
      seen.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
    });
    const answers: Promise<string>[] = [];
    const reconnect = {
      ...ALWAYS,
      shouldReconnect: () => {
        answers.push(kindOf(ws.send("second", ACK)));
        return true;
      },
    };
    const ws = await nodes.client({ reconnect });
    const bytes = new Uint8Array([1, 2]);
    answers.push(kindOf(ws.send(bytes, ACK)));
    bytes[0] = 9;
    nodes.cut();
    await nodes.settle();
    bytes[1] = 9;
    await nodes.back();
    assertEquals(seen, [[1, 2], "second"]);
    assertEquals(await Promise.all(answers), ["true", "true"]);
  });

  it("before the first one has arrived leaves a server that cannot know where it was", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const ws = await nodes.client();
    const answers = [kindOf(ws.send("a", ACK))];
    nodes.cut();
    await nodes.settle();
    answers.push(kindOf(ws.send("b", ACK)));
    await nodes.back();
    assertEquals(nodes.seen, ["1 a again?", "1 b"]);
    assertEquals(await Promise.all(answers), ["true", "true"]);
  });

  it("before the answer has arrived brings the answer, and the listeners see it once", async () => {
    await using nodes = new NodesInMemory();
    const work = deferred();
    await nodes.node({}, {}, (data) => {
      if (data === "at work") return work.promise;
      nodes.cut(); // what is answered now is lost
      if (data === "refused") throw new Error("no");
      return undefined;
    });
    const ws = await nodes.client();
    const answers = new Answers();
    for (const data of ["at work", "accepted", "refused"]) {
      answers.add(data, ws.send(data, ACK));
      await nodes.settle();
      await nodes.back();
    }
    assertEquals(answers.log, ["accepted true", "refused refusedByPeer"]);
    work.resolve();
    await nodes.settle();
    assertEquals(answers.log.slice(2), ["at work true"]);
    assertEquals(nodes.seen, ["1 at work", "1 accepted", "1 refused"]);
  });

  it("that lasts while the listeners are at work brings the answer on the next connection", async () => {
    await using nodes = new NodesInMemory();
    const work = deferred();
    await nodes.node({}, {}, () => work.promise);
    const ws = await nodes.client();
    const answer = kindOf(ws.send("a", ACK));
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    work.resolve(); // nobody is there to be told
    await nodes.back();
    assertEquals(await answer, "true");
    assertEquals(nodes.seen, ["1 a"]);
  });

  it("that leads to another server has it told that it may be a repetition", async () => {
    await using nodes = new NodesInMemory();
    const lose = () => nodes.cut();
    await nodes.node({}, {}, lose);
    await nodes.node({}, {}, (data) => {
      if (data === "a") return;
      lose();
    });
    const ws = await nodes.client();
    const answers = new Answers();
    answers.add("a", ws.send("a", ACK));
    nodes.at = 2;
    await nodes.back();
    answers.add("b", ws.send("b", ACK)); // this is the first time: nobody has seen it
    nodes.at = 1;
    await nodes.back();
    assertEquals(nodes.seen, ["1 a", "2 a again?", "2 b", "1 b again?"]);
    await nodes.back();
    assertEquals(answers.log, ["a true", "b true"]);
    answers.add("c", ws.send("c", ACK));
    await nodes.back();
    assertEquals(nodes.seen.slice(4), ["1 c"]); // here and nowhere else
    assertEquals(answers.log.slice(2), ["c true"]);
  });

  it("longer than 'maxAge', or over a restart, has it told that it may be a repetition", async () => {
    await using nodes = new NodesInMemory();
    let loses = true;
    const hear = () => loses && nodes.cut();
    const server = await nodes.node({ history: { maxAge: 3 } }, {}, hear);
    const ws = await nodes.client({ reconnect: { minDelay: 2, factor: 3, random: () => 1 } });
    const answers = new Answers();
    answers.add("a", ws.send("a", ACK));
    await nodes.settle(2500);
    assertEquals([...nodes.seen, ...answers.log], ["1 a", "a true"]);
    answers.add("b", ws.send("b", ACK));
    await nodes.settle(4000);
    assertEquals(answers.log.slice(1), []);
    await nodes.settle(3000);
    assertEquals(nodes.seen, ["1 a", "1 b", "1 b again?"]);
    await nodes.clock.until(server.stop({ code: 1012 }));
    await nodes.clock.until(server.start({ serverPort: 1 }));
    loses = false;
    await nodes.settle(60_000);
    assertEquals(nodes.seen.slice(3), ["1 b again?"]);
    assertEquals(answers.log.slice(1), ["b true"]);
  });

  it("to a server that cannot resume has it refused: nobody knows", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => nodes.cut());
    await nodes.node({ broker: undefined, history: false }, {}, () => {});
    const ws = await nodes.client();
    const answer = wordsOf(ws.send("a", ACK));
    await nodes.settle();
    nodes.at = 2;
    const later = refusal(ws.send("b", ACK));
    await nodes.back();
    assertMatch(await answer, /was not acknowledged, and may have been seen: the server cannot/);
    assertEquals((await later).kind, "argument");
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
    const answers = [kindOf(ws.send("12345", ACK)), kindOf(ws.send("67890", ACK))];
    assertEquals(
      await wordsOf(ws.send("x", ACK)),
      "Websocket Unknown Other Error: send: 10 bytes in 2 messages wait to be acknowledged, and " +
        "10 bytes may",
    );
    answers.push(kindOf(ws.send("", ACK))); // it has no bytes
    await nodes.settle();
    assertEquals(ws.stats()!.unacknowledged, { messages: 3, bytes: 10 });
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
    assertEquals(server.stats()!.unacknowledged, { messages: 4, bytes: 14 });
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

/** A client by hand: it says what it likes, and sees all frames. */
async function raw(nodes: NodesInMemory): Promise<{ ws: WebSocketClient; log: string[] }> {
  const ws = await nodes.client({ resume: false, reconnect: false }, "resume.netkit.1");
  const log: string[] = [];
  ws.on("message", (_err, data) => void log.push(`${data}`));
  await ws.send('{"resume":1}\n');
  await nodes.settle();
  return { ws, log };
}

const ID = "0123456789abcdef";

/** What a client says of itself. */
const introduction = (given: object = {}) =>
  `${JSON.stringify({ session: ID, nth: 1, first: 1, sent: 0, ...given })}\n`;

describe("the wire", () => {
  it("is a line with a number, and a line with the answer", async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node({}, {}, (data) => {
      if (data === "bad") throw new Error("no");
    });
    const { ws, log } = await raw(nodes);
    for (const line of [introduction(), "#1\ngood", "#2\nbad", "#1\ngood", "#2\nbad"]) {
      await ws.send(line);
    }
    const connection = only(server);
    const answers = new Answers();
    answers.add("1", server.send("one", connection, ACK));
    answers.add("2", server.send("two", connection, ACK));
    answers.add("3", server.send("three", connection, ACK));
    answers.add("4", server.send("four", connection, ACK));
    await nodes.settle();
    const told = ['{"ack":1}\n', '{"ack":2,"refused":"failed"}\n{"ack":3,"refused":"whatever"}\n'];
    await ws.send(told[0]!);
    await ws.send('{"ack":2,"refused":"failed"}\n');
    await ws.send('{"ack":3,"refused":"of its own"}\n');
    await ws.send('{"ack":99}\n'); // nobody waits for that
    await ws.send('{"what":"comes later"}\n');
    await nodes.settle();
    assertEquals(log, [
      ...["#1\none", "#2\ntwo", "#3\nthree", "#4\nfour"],
      ...['{"ack":1}\n', '{"ack":2,"refused":"failed"}\n'],
      ...['{"ack":1}\n', '{"ack":2,"refused":"failed"}\n'],
    ]);
    assertEquals(nodes.seen, ["1 good", "1 bad"]);
    assertEquals(answers.log, ["1 true", "2 refusedByPeer", "3 unacknowledged"]);
    await nodes.clock.until(ws.close());
    await nodes.settle();
    assertEquals(answers.log.slice(3), ["4 unacknowledged"]);
  });

  const lies: Record<string, string[]> = {
    "a session that is none": [introduction({ session: 7 })],
    "a session that is short": [introduction({ session: "short" })],
    "a session of other characters": [introduction({ session: "!".repeat(20) })],
    "a count that is none": [introduction({ nth: "1" })],
    "numbers that are none": [introduction({ first: 0.5 })],
    "two sessions": [introduction(), introduction({ session: `${ID}2` })],
    "a session after the first message": ["#1\nhello", introduction()],
    "a number that is none": ["#x\nhello"],
    "a number that is too long": [`#${"1".repeat(16)}\nhello`],
  };
  for (const [what, lines] of Object.entries(lies)) {
    it(`is not spoken on with who sends ${what}`, async () => {
      await using nodes = new NodesInMemory();
      await nodes.node({}, {}, () => {});
      const { ws } = await raw(nodes);
      const { closed } = ws;
      for (const line of lines) await ws.send(line);
      await nodes.settle();
      assertEquals((await closed).code, 1002);
    });
  }

  it("says that a message is too big, and closes", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, { maxPayload: 10 }, () => {});
    const { ws, log } = await raw(nodes);
    const { closed } = ws;
    await ws.send(`#1\n${"x".repeat(11)}`);
    await nodes.settle();
    assertEquals(log, ['{"ack":1,"refused":"too big"}\n']);
    assertEquals((await closed).code, 1009);
  });

  it("takes who does not say who it is for somebody new on each connection", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    for (let n = 0; n < 2; n++) {
      const { ws, log } = await raw(nodes);
      for (const line of ["#5\na", "#5\na"]) await ws.send(line);
      await nodes.settle();
      assertEquals(log, ['{"ack":5}\n', '{"ack":5}\n']);
      await nodes.clock.until(ws.close());
    }
    assertEquals(nodes.seen, ["1 a", "1 a"]);
  });

  it("drops nothing of two that say they are the same", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const [one, other] = [await raw(nodes), await raw(nodes)];
    for (const { ws } of [one, other]) await ws.send(introduction());
    for (const { ws } of [one, other]) {
      await ws.send("#1\na");
      await ws.send("#2\nb");
    }
    await nodes.settle();
    for (const { log } of [one, other]) assertEquals(log, ['{"ack":1}\n', '{"ack":2}\n']);
    assertEquals(nodes.seen, ["1 a", "1 b", "1 a", "1 b"]);
    await nodes.clock.until(other.ws.close());
    await one.ws.send("#3\nc");
    await nodes.settle();
    assertEquals(one.log.slice(2), ['{"ack":3}\n']);
  });

  it("is the new connection's where the old one is not over yet", async () => {
    await using nodes = new NodesInMemory();
    const work = deferred();
    await nodes.node({}, {}, (data) => data === "a" ? work.promise : undefined);
    const [old, now] = [await raw(nodes), await raw(nodes)];
    await old.ws.send(introduction());
    await old.ws.send("#1\na");
    await nodes.settle();
    await now.ws.send(introduction({ nth: 2, sent: 1 }));
    await now.ws.send("#1\na");
    await now.ws.send("#2\nb");
    await nodes.settle();
    await nodes.clock.until(old.ws.close());
    await nodes.settle();
    work.resolve();
    await nodes.settle();
    assertEquals(nodes.seen, ["1 a", "1 b"]);
    assertEquals([old.log, now.log], [[], ['{"ack":2}\n', '{"ack":1}\n']]);
  });

  it("lets a client that does not read the answers go", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, { maxBufferedAmount: 10_000 }, () => {});
    const { ws } = await raw(nodes);
    const { closed } = ws;
    const [link] = nodes.network.links.slice(-1);
    link!.hold("toClient");
    for (let n = 1; n <= 3000; n++) await ws.send(`#${n}\n`);
    await nodes.settle();
    link!.release();
    await nodes.settle();
    assert(nodes.errors.includes("tooSlow"), `${nodes.errors}`);
    assert(nodes.seen.length < 3000);
    await closed;
  });
});
