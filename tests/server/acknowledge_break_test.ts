/** What becomes of messages that are to be acknowledged where the connection breaks. */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ACK, ALWAYS, Answers, deferred, wordsOf } from "../helpers/acknowledging.ts";
import { refusal } from "../helpers/client.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

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

  it("after which what was sent before it comes in late has that told as what may be a repetition", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, { pingInterval: 300 }, () => {});
    const ws = await nodes.client();
    const [late] = nodes.network.links;
    late!.hold("toServer");
    const answers = [kindOf(ws.send("a", ACK)), kindOf(ws.send("b", ACK))];
    await nodes.settle(62_000); // the client takes the server for dead, which is there again
    assertEquals(nodes.seen.splice(0), ["1 a again?", "1 b again?"]);
    assertEquals(await Promise.all(answers), ["true", "true"]);
    late!.release("toServer");
    await nodes.settle();
    assertEquals(nodes.seen, ["1 a again?", "1 b again?"]);
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
