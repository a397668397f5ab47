/**
 * Resuming on real networks, beside whoever does not know of it: those see an ordinary WebSocket, and
 * nothing of theirs is changed.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import {
  acceptHead,
  header,
  rawConnect,
  type RawPeer,
  RawServer,
  TEXT,
  textOf,
} from "../peers/raw.ts";
import { CLIENTS, SERVERS, SMALL, told } from "./peers.ts";

/** A client that resumes, and what it is told. */
function watched(): { ws: WebSocketClient; log: unknown[]; heard(count: number): Promise<void> } {
  const ws = createWebSocket({ resume: true, reconnect: { minDelay: 0.01, maxDelay: 0.05 } });
  const log: unknown[] = [];
  let look = () => {};
  const note = (what: unknown) => {
    log.push(what);
    look();
  };
  ws.on("open", () => note("open"));
  ws.on("message", (_, data) => {
    note(typeof data === "string" ? data : told(new Uint8Array(data)));
  });
  ws.on("recovered", (info) => note(info));
  const heard = (count: number) =>
    within(
      new Promise<void>((resolve) => {
        look = () => {
          if (log.length >= count) resolve();
        };
        look();
      }),
    ).catch(() => {
      throw new Error(`only this was heard: ${JSON.stringify(log)}`);
    });
  return { ws, log, heard };
}

/** The first message that a raw peer gets. */
async function textOfNext(peer: RawPeer): Promise<string> {
  const { payload } = await within(peer.next(TEXT));
  return textOf(payload);
}

const urlOf = ({ port }: WatchedServer) => `ws://127.0.0.1:${port}/`;

/** A server with a history that takes everybody into `t`. */
async function serve(): Promise<WatchedServer> {
  const served = await WatchedServer.start({
    fetch: () => new Response("<!doctype html>", { headers: { "content-type": "text/html" } }),
  }, { history: true });
  served.server.on("connect", (connection) => void served.server.join(connection, "t"));
  return served;
}

describe("a client that resumes and a server with a history", () => {
  for (const how of ["FIN", "RST", "black hole"] as const) {
    it(`miss nothing over a ${how}`, async () => {
      await using served = await serve();
      await using gate = await TcpGate.listen(served.port);
      const { ws, log, heard } = watched();
      // A page's client cannot ping; these can, and are quick to see that nobody is there.
      await ws.connect(`ws://127.0.0.1:${gate.port}/`, { pingInterval: 1, pongTimeout: 1 });
      await heard(1);
      const connection = await served.connected(1);
      await served.server.publish("t", "a");
      await heard(2);
      if (how === "black hole") {
        gate.state = "black hole";
        await served.server.publish("t", "b");
        await served.server.publish("t", new Uint8Array([1, 10]));
        await new Promise((resolve) => ws.once("close", resolve));
        gate.state = "open";
      } else {
        const gone = new Promise((resolve) => served.server.once("close", resolve));
        if (how === "RST") gate.reset();
        else void served.server.terminate(connection);
        await within(gone);
        await served.server.publish("t", "b");
        await served.server.publish("t", new Uint8Array([1, 10]));
      }
      await heard(6);
      await served.server.publish("t", "c");
      await heard(7);
      assertEquals(log, [
        ...["open", "a", "open"],
        { topic: "t", recovered: true, missed: 2 },
        ...["b", { binary: "010a" }, "c"],
      ]);
      await ws.close();
      await within(ws.closed);
    });
  }

  it("say their own messages in both directions, and to one connection alone", async () => {
    await using served = await serve();
    served.echo();
    const { ws, log, heard } = watched();
    await ws.connect(urlOf(served));
    for (const message of SMALL) {
      await ws.send("text" in message ? message.text : Buffer.from(message.binary, "hex"));
    }
    await heard(1 + SMALL.length);
    const echoed = log.slice(1).map((one) => typeof one === "string" ? told(one) : one);
    assertEquals(echoed, SMALL);
    assertEquals([ws.protocol, served.connections[0]!.protocol], ["", ""]);
    await ws.close();
    await within(ws.closed);
  });
});

describe("a client that resumes", () => {
  for (const kind of SERVERS) {
    for (const protocols of [[], ["chat"]]) {
      it(`is an ordinary one to ${kind.name} with ${protocols.length} subprotocols`, async () => {
        const host = await kind.host();
        const peer = await host.start();
        peer.do({ do: "listen", protocols });
        const { port } = await peer.next("listening");
        const { ws, log, heard } = watched();
        await ws.connect(`ws://127.0.0.1:${port}/`, { protocol: protocols.join() });
        await heard(1); // after two seconds where the first subprotocol was chosen, whatever it means
        await ws.send("hello\n");
        assertEquals(await peer.next("message"), { text: "hello\n" });
        peer.do({ do: "send", text: "\nhello" });
        await heard(2);
        assertEquals(log, ["open", "\nhello"]);
        assertEquals(ws.protocol, protocols.join());
        await ws.close();
        await within(ws.closed);
        await peer[Symbol.asyncDispose]();
        await host.close();
      });
    }
  }

  it("is an ordinary one to a server with no history", async () => {
    await using served = await WatchedServer.start();
    const { ws, log, heard } = watched();
    await ws.connect(urlOf(served));
    await ws.send("hello");
    await served.until(() => served.messages.length > 0);
    // The first may be one that the runtime gave up, as nothing that it had offered was chosen.
    const { clientConnection } = served.messages[0]!;
    await served.server.send("\nhello", clientConnection);
    await heard(2);
    assertEquals([ws.protocol, ...log], ["", "open", "\nhello"]);
    await ws.close();
    await within(ws.closed);
    assertEquals(served.errors.map(({ kind }) => kind), onDeno ? [] : ["lost"]);
  });

  it("is one to who chooses the first subprotocol and greets otherwise, or not at all", async () => {
    const raw = await RawServer.listen({
      answer: (request) => {
        const [first] = header(request, "sec-websocket-protocol").split(",");
        return acceptHead(request, [`Sec-WebSocket-Protocol: ${first}`]);
      },
    });
    const { ws, log, heard } = watched();
    await ws.connect(raw.url);
    const greeter = await within(raw.accept());
    greeter.send(TEXT, "welcome");
    await heard(2);
    await ws.send("hello");
    assertEquals(await textOfNext(greeter), "hello");
    greeter.socket.destroy();
    const silent = await within(raw.accept());
    await ws.send("queued");
    await heard(3);
    assertEquals(await textOfNext(silent), "queued");
    silent.send(TEXT, '{"resume":1}\n'); // now it is too late for that: the client comes again
    const third = await within(raw.accept());
    third.send(TEXT, '{"resume":1,"epoch":"e"}\n');
    assertEquals(await textOfNext(third), '{"resume":1,"at":{}}\n');
    await heard(4);
    assertEquals(log, ["open", "welcome", "open", "open"]);
    third.send(TEXT, "no header"); // and a server that breaks the rules is left
    const fourth = await within(raw.accept());
    fourth.send(TEXT, '{"resume":1,"epoch":"e"}\n');
    await heard(5);
    fourth.send(TEXT, "what?\nis that");
    await within(raw.accept());
    await ws.close();
    await raw.close();
  });

  it("tells what it cannot know when it comes to a server that cannot resume", async () => {
    const names = ["chat+resume.netkit.1", "chat"];
    const raw = await RawServer.listen({
      answer: (request) => acceptHead(request, [`Sec-WebSocket-Protocol: ${names.shift()}`]),
    });
    const { ws, log, heard } = watched();
    await ws.connect(raw.url, { protocol: "chat" });
    const peer = await within(raw.accept());
    peer.send(TEXT, '{"resume":1,"epoch":"e"}\n');
    await textOfNext(peer);
    peer.send(TEXT, '{"joined":"t","at":"1.0"}\n');
    peer.send(TEXT, '{"what":"comes later"}\n'); // what is not known is left alone
    peer.send(TEXT, "1.1\na");
    await heard(2);
    peer.socket.destroy();
    const foreign = await within(raw.accept());
    foreign.send(TEXT, "hello");
    await heard(5);
    assertEquals(log, ["open", "a", "open", { topic: "t", recovered: false, missed: 0 }, "hello"]);
    assertEquals(ws.protocol, "chat");
    await ws.close();
    await within(ws.closed);
    await raw.close();
  });

  it("does not ask twice where nobody listens, or it is refused for another reason", async () => {
    let asked = 0;
    const raw = await RawServer.listen({
      answer: () => {
        asked++;
        return "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
      },
    });
    const { ws } = watched();
    const failed = new Promise((resolve) => ws.once("error", resolve));
    await ws.connect(raw.url);
    await within(failed);
    if (ws.state !== "idle") await ws.close();
    assert(asked <= 2); // one runtime does not tell the status
    await raw.close();
    const { ws: other } = watched();
    const refused = new Promise((resolve) => other.once("error", resolve));
    await other.connect(raw.url);
    await within(refused);
    await other.close();
  });
});

for (const kind of CLIENTS) {
  describe(`a server with a history and ${kind.name}`, () => {
    it("exchange what they did before, byte for byte", async () => {
      await using served = await serve();
      served.echo();
      const host = await kind.host();
      const peer = await host.start();
      peer.do({ do: "connect", url: urlOf(served) });
      await peer.next("open");
      await served.connected(1);
      for (const message of SMALL) peer.do({ do: "send", ...message });
      await peer.next("message", SMALL.length);
      await served.server.publish("t", "published");
      await peer.next("message", SMALL.length + 1);
      const messages = peer.of("message").map(({ event: _, ...what }) => what);
      assertEquals(messages, [...SMALL, { text: "published" }]);
      await peer[Symbol.asyncDispose]();
      await host.close();
    });
  });
}

describe("a server with a history", () => {
  it("frees the place of a client that leaves before it has said where it was", async () => {
    await using served = await serve();
    const raw = await rawConnect(served.port, {
      headers: { "sec-websocket-protocol": "resume.netkit.1" },
    });
    assertMatch(await textOfNext(raw), /^{"resume":1,"epoch":"\d+"}\n$/);
    raw.socket.destroy();
    await served.server.stop(); // it waits for whoever is there
    assertEquals(served.log, []);
  });
});
