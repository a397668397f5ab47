/** Messages that are acknowledged, on real networks that break. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketClient } from "../../mod.ts";
import { within } from "../helpers/client.ts";
import { kindOf } from "../helpers/nodes_in_memory.ts";
import { Program } from "../helpers/programs.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { acceptHead, CLOSE, RawServer, TEXT, textOf } from "../peers/raw.ts";

const ACK = { acknowledge: true } as const;

const client = (): WebSocketClient =>
  createWebSocket({ resume: true, reconnect: { minDelay: 0.01, maxDelay: 0.05 } });

/** Resolves at the next event of a name. */
const next = (ws: WebSocketClient, event: "open" | "close") =>
  within(new Promise((resolve) => ws.once(event, resolve)));

describe("acknowledged messages", () => {
  for (const how of ["FIN", "RST", "black hole"] as const) {
    it(`are sent again after a ${how}, and told once`, async () => {
      await using served = await WatchedServer.start(undefined, { history: true });
      await using gate = await TcpGate.listen(served.port);
      const told: unknown[] = [];
      const { promise: work, resolve: finish } = Promise.withResolvers<void>();
      served.server.on("messageReceive", ({ data, mayRepeat }) => {
        told.push(mayRepeat ? `${data} again?` : data);
        return data === "at work" ? work : undefined;
      });
      const ws = client();
      ws.on("error", () => {});
      await ws.connect(`ws://127.0.0.1:${gate.port}/`, { pingInterval: 1, pongTimeout: 1 });
      assertEquals(await within(ws.send("before", ACK)), true);
      const answers = [ws.send("at work", ACK)];
      await served.until(() => served.messages.length === 2);
      if (how === "black hole") {
        gate.state = "black hole";
        answers.push(ws.send("into the hole", ACK));
        await next(ws, "close");
        gate.state = "open";
      } else {
        const closed = next(ws, "close");
        if (how === "RST") gate.reset();
        else await served.server.terminate(served.server.listAllConnections()[0]!);
        answers.push(ws.send("into the hole", ACK));
        await closed;
      }
      answers.push(ws.send("after it", ACK));
      finish();
      assertEquals(await within(Promise.all(answers)), [true, true, true]);
      assertEquals(told, ["before", "at work", "into the hole", "after it"]);
      await ws.close();
      await within(ws.closed);
    });
  }

  it("are acknowledged by a client over a real network, and by a 'for await'", async () => {
    await using served = await WatchedServer.start(undefined, { history: true });
    const ws = client();
    await ws.connect(`ws://127.0.0.1:${served.port}/`);
    const connection = await served.connected(1);
    const told: unknown[] = [];
    const loop = (async () => {
      for await (const data of ws) {
        told.push(data);
        if (data === "3") break;
      }
    })();
    const answers = ["1", "2", "3"].map((data) => served.server.send(data, connection, ACK));
    assertEquals(await within(Promise.all(answers)), [true, true, true]);
    await loop;
    assertEquals(told, ["1", "2", "3"]);
    await ws.close();
    await within(ws.closed);
  });

  it("are acknowledged once each, and other messages are not", async () => {
    const raw = await RawServer.listen({
      answer: (request) => acceptHead(request, ["Sec-WebSocket-Protocol: resume.netkit.1"]),
    });
    const ws = client();
    await ws.connect(raw.url);
    const peer = await within(raw.accept());
    peer.send(TEXT, '{"resume":1,"epoch":"e"}\n');
    const hello = textOf((await within(peer.next(TEXT))).payload);
    assertEquals(hello, '{"resume":1,"at":{}}\n');
    for (const line of ["#1\nfirst", "\nsecond", "\nthird", "#2\nfourth"]) peer.send(TEXT, line);
    const told: unknown[] = [];
    for await (const data of ws) if (told.push(data) === 4) break;
    await ws.close();
    await within(peer.next(CLOSE)); // all that it has to say comes before
    assertEquals(told, ["first", "second", "third", "fourth"]);
    assertEquals(peer.texts().slice(1), ['{"ack":1}\n', '{"ack":2}\n']);
    await raw.close();
  });

  it("are refused by a server that stops answering for good, when the client is closed", async () => {
    const server = createWebSocketServer({ history: true });
    server.on("messageReceive", () => new Promise(() => {}));
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const ws = client();
    await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
    await within(ws.opened);
    const answer = kindOf(ws.send("x", ACK));
    await ws.close();
    assertEquals(await within(answer), "unacknowledged");
    await server.stop();
  });
});

describe("a server that is killed", () => {
  it("has its messages sent to another: what was accepted was seen, and repetitions are marked", async () => {
    const nodes = await Promise.all([0, 1].map(async () => {
      const program = Program.here("acknowledging_node.ts", []);
      const [, port] = await within(program.line(/^port (\d+)$/m));
      return { program, port };
    }));
    const ws = client();
    ws.on("error", () => {});
    let at = 0;
    await ws.connect(() => `ws://127.0.0.1:${nodes[at]!.port}/`);
    const texts = Array.from({ length: 300 }, (_, n) => `m${n}`);
    const accepted: string[] = [];
    const answers: Promise<unknown>[] = [];
    for (const [n, text] of texts.entries()) {
      answers.push(ws.send(text, ACK).then(() => accepted.push(text)));
      // In the middle of it: some are on their way, some at work, and some have no answer yet.
      if (n % 10 === 0) await answers[n - 5];
      if (n === 150) {
        at = 1;
        nodes[0]!.program.kill("SIGKILL");
      }
    }
    await within(Promise.all(answers));
    assertEquals(accepted.length, texts.length);
    await ws.close();
    await within(ws.closed);
    nodes[1]!.program.kill("SIGKILL");
    const ends = await Promise.all(nodes.map(({ program }) => program.ended));
    const [first, second] = ends.map(({ stdout }) =>
      Array.from(stdout.matchAll(/^has (m\d+)( again\?)?$/gm), ([, text, mark]) => ({ text, mark }))
    );
    const seen = new Set([...first!, ...second!].map(({ text }) => text));
    assertEquals(accepted.filter((text) => !seen.has(text)), []);
    const both = second!.filter(({ text }) => first!.some((other) => other.text === text));
    assertEquals(both.filter(({ mark }) => mark === undefined), []);
    for (const one of [first!, second!]) {
      assertEquals(new Set(one.map(({ text }) => text)).size, one.length, "twice on one server");
    }
    assert(second!.some(({ mark }) => mark === undefined), "new ones are not marked");
    assertEquals(second!.map(({ text }) => text), texts.slice(texts.indexOf(second![0]!.text!)));
  });
});
