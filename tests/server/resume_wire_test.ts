/** What goes over the wire where clients resume, and the options. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { numbers, ResumingServers, text, type Told } from "../helpers/resuming_servers.ts";

/** A client by hand: it says what it likes, and sees all frames. */
async function raw(world: ResumingServers, protocol = "resume.netkit.1"): Promise<Told> {
  return await world.client({ resume: false, reconnect: false }, protocol);
}

describe("the wire", () => {
  it("is that of an ordinary WebSocket whose messages begin with a line", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    const heard: unknown[] = [];
    server.on("messageReceive", ({ data }) => void heard.push(text(data)));
    const { ws, log } = await raw(world);
    assertEquals(ws.protocol, "resume.netkit.1");
    assertEquals(log, ['{"resume":1,"epoch":"1"}\n']);
    assertEquals(server.listAllConnections(), [], "it is not there before it has said hello");
    await ws.send('{"resume":1}\n');
    await world.settle();
    const [connection] = server.listAllConnections();
    await server.send("for it", connection!);
    await world.publish("t", "for all");
    await world.clock.until(server.publish("t", new Uint8Array([7])));
    await ws.send("\nhello");
    await ws.send(new Uint8Array([10, 1, 2]));
    await world.clock.until(server.leave(connection!, "t"));
    await world.settle();
    assertEquals(heard, ["hello", "bytes 1,2"]);
    assertEquals(log.slice(1), [
      '{"joined":"t","at":"1.0"}\n',
      "\nfor it",
      "2.0\nfor all",
      "bytes 51,46,48,10,7",
      '{"left":"t"}\n',
    ]);
    await world.clock.until(ws.close());
  });

  it("is as ever for a client that does not offer it, and its subprotocol is the user's", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    const heard: unknown[] = [];
    server.on("messageReceive", ({ data }) => void heard.push(data));
    const plain = await raw(world, "");
    const { ws, log } = await world.client();
    assertEquals([plain.ws.protocol, ws.protocol], ["", ""]);
    await Promise.all([plain.ws.send("hello"), ws.send("\nhello")]);
    await world.publish("t", "a");
    await world.clock.until(server.broadcast("b"));
    const [one, other] = server.listAllConnections();
    await world.clock.until(server.publish("t", "not for one", { except: one! }));
    await world.clock.until(server.publish("t", "not for both", { except: [one!, other!] }));
    await world.settle();
    assertEquals(heard.sort(), ["\nhello", "hello"]);
    assertEquals([...plain.log, ...log].sort(), ["a", "a", "b", "b", "not for one"]);
    await Promise.all([plain, { ws }].map(({ ws }) => world.clock.until(ws.close())));
  });

  it("is negotiated beside subprotocols of the user's", async () => {
    await using world = new ResumingServers();
    const server = createWebSocketServer({
      ...{ clock: world.clock, runtime: world.network.server, history: true },
    });
    world.servers.push(server);
    const seen: unknown[] = [];
    server.on("connect", (connection) => {
      seen.push(connection.protocol);
      void server.join(connection, "t");
    });
    const protocol = (offered: string[]) => {
      seen.push(offered);
      return "chat";
    };
    await world.clock.until(server.start({ serverPort: 1, protocol }));
    await world.settle();
    const { ws, log } = await world.client({}, "v2, chat");
    assertEquals(ws.protocol, "chat");
    assertEquals(seen, [["v2", "chat"], "chat"]);
    await world.cut(() => world.publish("t", "a"));
    assertEquals(log, [{ topic: "t", recovered: true, missed: 1 }, "a"]);
    await world.clock.until(ws.close());
  });

  const lies: Record<string, string> = {
    "a greeting that is none": "hello\n",
    "JSON that is no greeting": '{"resume":2}\n',
    "a list that is no object": '{"resume":1,"at":[1]}\n',
    "no list at all": '{"resume":1,"at":7}\n',
    "an epoch that is none": '{"resume":1,"epoch":7}\n',
    "a place that is none": '{"resume":1,"epoch":"1","at":{"t":"1"}}\n',
    "1,001 topics": `{"resume":1,"epoch":"1","at":${
      JSON.stringify(Object.fromEntries(numbers(1001).map((n) => [n, "1.0"])))
    }}\n`,
    "64 KiB": `{"resume":1,"epoch":"1","at":{"${"x".repeat(65536)}":"1.0"}}\n`,
    "half a line": '{"resume":1',
  };
  for (const [what, hello] of Object.entries(lies)) {
    it(`is not spoken with who greets with ${what}, and nobody else is harmed`, async () => {
      await using world = new ResumingServers();
      const server = await world.start();
      const honest = await world.client();
      const liar = await raw(world);
      await liar.ws.send(hello);
      await world.settle();
      assertEquals(liar.ws.state, "idle");
      assertEquals(server.listAllConnections().length, 1);
      await world.publish("t", "a");
      await world.settle();
      assertEquals(honest.log, ["a"]);
      await world.clock.until(honest.ws.close());
    });
  }

  it("is not spoken with who says nothing for ten seconds, or sends no header", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    const silent = await raw(world);
    const late = await raw(world);
    const sloppy = await raw(world);
    await sloppy.ws.send('{"resume":1}\n');
    await world.settle();
    const closed = sloppy.ws.closed;
    await sloppy.ws.send("no header");
    await world.settle();
    assertEquals((await closed).code, 1002);
    await world.settle(9500);
    assertEquals([silent.ws.state, late.ws.state], ["open", "open"]);
    await late.ws.send('{"resume":1}\n');
    await world.settle(1000);
    assertEquals([silent.ws.state, late.ws.state], ["idle", "open"]);
    assertEquals(server.listAllConnections().length, 1);
    await world.clock.until(late.ws.close());
  });

  it("answers who lies about where it was with 'false', and delivers from there", async () => {
    await using world = new ResumingServers();
    await world.start();
    await world.publish("t", "past");
    const hellos = [
      '{"resume":1,"epoch":"1","at":{"t":"999999999999.0"}}\n',
      '{"resume":1,"epoch":"of another log","at":{"t":"0.0"}}\n',
      '{"resume":1,"at":{"t":"1.0"}}\n',
    ];
    for (const hello of hellos) {
      const { ws, log } = await raw(world);
      await ws.send(hello);
      await world.settle();
      await world.publish("t", "while it waits");
      await world.settle(5000);
      await world.publish("t", "after");
      await world.settle();
      const [, joined, ...more] = log as string[];
      assertMatch(joined!, /^\{"joined":"t","at":"\d+\.0","recovered":false,"missed":0\}\n$/);
      assertEquals(more.map((line) => line.split("\n")[1]), ["after"]);
      await world.clock.until(ws.close());
      await world.settle();
    }
  });

  it("waits for a server that is behind, and forgets who leaves meanwhile", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    await world.publish("t", "1", "2");
    const last = world.broker.entries.length;
    const { ws, log } = await raw(world);
    const leaver = await raw(world);
    for (const one of [ws, leaver.ws]) {
      await one.send(`{"resume":1,"epoch":"1","at":{"t":"${last + 1}.0"}}\n`);
    }
    await world.settle();
    const [, second] = server.listAllConnections();
    const left = server.leave(second!, "t");
    await world.publish("t", "seen elsewhere");
    await world.publish("t", "new");
    await world.settle();
    await left;
    const lines = log.slice(1).map((line) => (line as string).split("\n")[1]);
    assertEquals(lines, ["", "new"]);
    assertStringIncludes(log[1] as string, `"at":"${last + 1}.0","recovered":true,"missed":0`);
    assertEquals(leaver.log.slice(1), ['{"left":"t"}\n']);
    await Promise.all([ws, leaver.ws].map((ws) => world.clock.until(ws.close())));
  });

  it("'join' twice while it waits for its log: both answer once it has caught up, and say the same", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    await world.publish("t", "1");
    const last = world.broker.entries.length;
    const { ws } = await raw(world);
    await ws.send(`{"resume":1,"epoch":"1","at":{"t":"${last + 1}.0"}}\n`);
    await world.settle();
    const [one] = server.listAllConnections();
    const answers: unknown[] = [];
    void server.join(one!, "t").then((answer) => answers.push(answer));
    await world.settle(100);
    assertEquals([world.joined, answers], [[], []]);
    await world.publish("t", "seen elsewhere");
    await world.settle();
    const recovered = [{ recovered: true, missed: 0 }];
    assertEquals([world.joined, answers], [recovered, recovered]);
    assertEquals(await world.clock.until(server.join(one!, "t")), { missed: 0 });
    await world.clock.until(ws.close());
  });

  it("'leave' while it waits for its log, beside another topic: a later 'join' has it in", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    await world.publish("t", "1");
    const last = world.broker.entries.length;
    const { ws, log } = await raw(world);
    await ws.send(`{"resume":1,"epoch":"1","at":{"t":"${last + 1}.0"}}\n`);
    await world.settle();
    const [one] = server.listAllConnections();
    await world.clock.until(server.join(one!, "u"));
    assertEquals(await server.leave(one!, "t"), true);
    await world.settle();
    assertEquals(await world.clock.until(server.join(one!, "t")), { missed: 0 });
    await world.publish("t", "new");
    await world.settle();
    assertStringIncludes(log.at(-1) as string, "\nnew");
    await world.clock.until(ws.close());
  });

  it("waits 5 s where it is behind in the same log, and a second where the log is another", async () => {
    await using world = new ResumingServers();
    await world.start();
    await world.publish("t", "1");
    const last = world.broker.entries.length;
    const { ws, log } = await raw(world);
    await ws.send(`{"resume":1,"epoch":"1","at":{"t":"${last + 1}.0"}}\n`);
    await world.settle(4900);
    assertEquals(log.length, 1);
    await world.publish("t", "seen elsewhere");
    await world.settle();
    assertStringIncludes(log[1] as string, '"recovered":true,"missed":0');
    for (const [epoch, ms] of [["1", 5000], ["2", 1000]] as const) {
      const { ws, log } = await raw(world);
      await ws.send(`{"resume":1,"epoch":"${epoch}","at":{"t":"${last + 9}.0"}}\n`);
      await world.settle(ms - 100);
      assertEquals(log.length, 1, epoch);
      await world.settle(100);
      assertStringIncludes(log[1] as string, '"recovered":false');
      await world.clock.until(ws.close());
    }
    await world.clock.until(ws.close());
  });

  it("forgets who has left: no timer is left, and a join that waited is answered", async () => {
    await using world = new ResumingServers();
    await world.start();
    const before = world.clock.pending;
    const { ws } = await raw(world);
    await ws.send('{"resume":1,"epoch":"1","at":{"t":"99.0"}}\n');
    await world.settle();
    assert(world.clock.pending > before);
    assertEquals(world.joined, []);
    await world.clock.until(ws.close());
    await world.settle(100);
    assertEquals(world.joined, [{ recovered: false, missed: 0 }]);
    await world.settle(100_000); // those of the connection itself
    assertEquals(world.clock.pending, before);
  });

  it("lets a server stop while somebody has not greeted, or waits", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    const silent = await raw(world);
    const ahead = await raw(world);
    await ahead.ws.send('{"resume":1,"epoch":"1","at":{"t":"99.0"}}\n');
    await world.settle();
    const ends = Promise.all([silent.ws.closed, ahead.ws.closed]);
    await world.clock.until(server.stop());
    assertEquals((await ends).map(({ code }) => code), [1001, 1001]);
  });
});

describe("the options", () => {
  it("are checked", async () => {
    const rules: [unknown, string][] = [
      [{ history: 1 }, "'history' must be true, false, or an object"],
      [{ history: { maxMessages: 0 } }, "'history'"],
      [{ history: { maxBytes: 1.5 } }, "'history'"],
      [{ history: { maxAge: 0 } }, "'history'"],
      [{ history: { more: 1 } }, "'history'"],
      [{ history: [] }, "'history'"],
    ];
    for (const [options, what] of rules) {
      const server = createWebSocketServer(options as WebSocketServerOptions);
      const error = await server.start({ serverPort: 0 }).catch((error) => error);
      assert(error instanceof BusinessError);
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, what);
    }
    const ws = createWebSocket({ resume: true });
    const error = await ws.connect("ws://localhost/").catch((error) => error);
    assertStringIncludes(error.message, "'resume' must have 'reconnect' beside it");
  });
});
