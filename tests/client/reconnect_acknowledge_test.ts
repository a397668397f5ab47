/** A client that reconnects, and its messages that a server is to acknowledge: their order, bytes and end. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket } from "../../mod.ts";
import { ACK, ALWAYS, Answers } from "../helpers/acknowledging.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";

describe("a client that reconnects, with messages to be acknowledged", () => {
  it("sends those again that were under way first, and counts them meanwhile", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const ws = await nodes.client({ reconnect: ALWAYS, stats: true });
    nodes.network.links[0]!.hold("toServer");
    const answers = new Answers();
    const send = (data: string) => answers.add(data, ws.send(data, ACK));
    for (const data of ["one", "two"]) send(data);
    await nodes.settle();
    const waiting = () => ws.stats()!.unacknowledged;
    assertEquals(waiting(), { messages: 2, bytes: 6 });
    const counts: unknown[] = [];
    for (const event of ["error", "close"] as const) {
      ws.on(event, () => void counts.push([event, ws.state, ws.bufferedAmount]));
    }
    nodes.cut();
    await nodes.settle();
    assertEquals(counts.at(-1), ["close", "reconnecting", 6]);
    assertEquals([ws.state, ws.bufferedAmount], ["reconnecting", 6]);
    send("three");
    answers.add("four", ws.send("four"));
    assertEquals([ws.bufferedAmount, waiting()], [15, { messages: 3, bytes: 11 }]);
    nodes.at = 99; // where nobody listens
    for (let attempt = 0; attempt < 3; attempt++) {
      await nodes.back();
      assertEquals([ws.state, ws.bufferedAmount], ["reconnecting", 15]);
      assertEquals(waiting(), { messages: 3, bytes: 11 });
    }
    nodes.at = 1;
    await nodes.back();
    const seen = nodes.seen.map((line) => line.split(" ")[1]);
    assertEquals(seen, ["one", "two", "three", "four"]);
    assertEquals(answers.log.sort(), ["four false", "one true", "three true", "two true"]);
    assertEquals([ws.bufferedAmount, waiting()], [0, undefined]);
  });

  it("counts as sent what goes out, and not what the server is known to refuse, queued or not", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, { maxPayload: 10 }, () => {});
    const told: unknown[] = [];
    const observer = { sent: (_: unknown, data: unknown) => void told.push(data) };
    const { clock, network } = nodes;
    const ws = createWebSocket({
      ...{ clock, runtime: network.client, resume: true, reconnect: ALWAYS, stats: true, observer },
    });
    const answers = new Answers();
    const send = (data: string) => answers.add(data, ws.send(data, ACK));
    const all = ["1234567890", "12345678901", "123", "1234567890123"];
    await clock.until(ws.connect("ws://localhost:1/"));
    all.slice(0, 2).forEach(send);
    answers.add("plain", ws.send("plain"));
    await nodes.settle();
    all.slice(2).forEach(send);
    await nodes.settle();
    const out = ["1234567890", "plain", "123"];
    assertEquals([told, nodes.seen], [out, out.map((data) => `1 ${data}`)]);
    assertEquals(ws.stats()!.sent, { messages: 3, bytes: out.join("").length });
    assertEquals(answers.log.sort(), [
      "123 true",
      "1234567890 true",
      "12345678901 refusedByPeer",
      "1234567890123 refusedByPeer",
      "plain false",
    ]);
    await ws.close();
    await nodes.settle();
  });

  it("says as the cause of what was never sent what its signal was aborted with", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const { clock, network } = nodes;
    const ws = createWebSocket({
      ...{ clock, runtime: network.client, resume: true, reconnect: ALWAYS },
    });
    const errors: BusinessError[] = [];
    ws.on("error", (error) => void errors.push(error));
    const aborter = new AbortController();
    await clock.until(ws.connect("ws://localhost:1/", { signal: aborter.signal }));
    await nodes.settle();
    nodes.cut();
    await nodes.settle();
    const refused = ws.send("acknowledged", ACK).catch((error: BusinessError) => error);
    assertEquals(await ws.send("plain"), false);
    errors.length = 0;
    const reason = new Error("the user has left");
    aborter.abort(reason);
    await nodes.settle();
    const { kind, cause } = await refused as BusinessError;
    assertEquals([kind, cause], ["unsent", reason]);
    assertEquals(errors.map(({ kind, cause }) => [kind, cause]), [["unsent", reason]]);
  });

  it("says it, too, as the cause of what was sent and not acknowledged", async () => {
    await using nodes = new NodesInMemory();
    await nodes.node({}, {}, () => {});
    const { clock, network } = nodes;
    const ws = createWebSocket({
      ...{ clock, runtime: network.client, resume: true, reconnect: ALWAYS },
    });
    const aborter = new AbortController();
    await clock.until(ws.connect("ws://localhost:1/", { signal: aborter.signal }));
    await nodes.settle();
    network.links[0]!.hold("toServer");
    const refused = ws.send("sent", ACK).catch((error: BusinessError) => error);
    const reason = new Error("enough");
    aborter.abort(reason);
    const { kind, cause } = await clock.until(refused) as BusinessError;
    assertEquals([kind, cause], ["unacknowledged", reason]);
    assertEquals(nodes.seen, []);
  });
});
