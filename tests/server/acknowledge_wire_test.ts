/** What goes over the wire where messages are acknowledged. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DEFAULT_MAX_PAYLOAD } from "../../internal/payload.ts";
import { ACK, Answers, deferred, NO_REASONS, only, rawClient } from "../helpers/acknowledging.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

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
    const { ws, log } = await rawClient(nodes);
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

  for (const maxPayload of [10, DEFAULT_MAX_PAYLOAD, DEFAULT_MAX_PAYLOAD + 1]) {
    it(`says how much the server takes, which is all that it does: ${maxPayload} bytes`, async () => {
      await using nodes = new NodesInMemory();
      await nodes.node({}, { maxPayload }, () => {});
      const most = 3 * maxPayload + 1000;
      const reconnect = { minDelay: 1, factor: 1, random: () => 1, maxQueued: most };
      const ws = await nodes.client({ maxBufferedAmount: most, maxPayload: most, reconnect });
      const calls = [maxPayload, maxPayload + 1].map((size) =>
        kindOf(ws.send(new Uint8Array(size), ACK))
      );
      await nodes.settle();
      assertEquals(await Promise.all(calls), ["true", "refusedByPeer"]);
    });
  }

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
      const { ws } = await rawClient(nodes);
      const { closed } = ws;
      for (const line of lines) await ws.send(line);
      await nodes.settle();
      assertEquals((await closed).code, 1002);
    });
  }

  for (const { what, refused } of NO_REASONS) {
    it(`goes on after an answer whose reason is ${what}`, async () => {
      await using nodes = new NodesInMemory();
      const server = await nodes.node({}, {}, () => {});
      const { ws } = await rawClient(nodes);
      const answers = new Answers();
      answers.add("1", server.send("one", only(server), ACK));
      await ws.send(`{"ack":1,"refused":${refused}}\n`);
      await ws.send("#1\nstill here");
      await nodes.settle();
      assertEquals([answers.log, nodes.seen], [["1 unacknowledged"], ["1 still here"]]);
    });
  }

  it("says that a message is too big, and closes", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, { maxPayload: 10 }, () => {});
    const { ws, log } = await rawClient(nodes);
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
      const { ws, log } = await rawClient(nodes);
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
    const [one, other] = [await rawClient(nodes), await rawClient(nodes)];
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
    const [old, now] = [await rawClient(nodes), await rawClient(nodes)];
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
    const { ws } = await rawClient(nodes);
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
