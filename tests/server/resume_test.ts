import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type JoinResult,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { FakeClock, MemoryBroker, MemoryNetwork } from "../../testing.ts";

// Loaded when they are needed, which takes time that no fake clock knows of.
await Promise.all([import("../../server/clustered.ts"), import("../../client/resume.ts")]);

/** What a client is told, in order: texts, and what 'recovered' tells. */
interface Told {
  ws: WebSocketClient;
  log: unknown[];
  errors: string[];
}

/** Servers with a history that share a log, on a network in memory and a clock that stands still. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly broker = new MemoryBroker();
  readonly servers: WebSocketServer[] = [];
  readonly errors: BusinessError[] = [];
  readonly #clients: WebSocketClient[] = [];
  readonly joined: (boolean | JoinResult)[] = [];
  /** The topics that whoever connects is taken into. */
  topics = ["t"];
  /** Which server new connections come to. */
  at = 0;

  async start(options: WebSocketServerOptions = {}): Promise<WebSocketServer> {
    const { clock, broker, network } = this;
    const server = createWebSocketServer({
      ...{ clock, broker, runtime: network.server, history: true },
      ...options,
    });
    server.on("error", (error) => this.errors.push(error));
    server.on("connect", (connection) => this.#connected(server, connection));
    this.servers.push(server);
    await this.clock.until(server.start({ serverPort: this.servers.length }));
    await this.settle();
    return server;
  }

  async #connected(server: WebSocketServer, connection: WebSocketConnection): Promise<void> {
    for (const topic of this.topics) {
      void server.join(connection, topic).then((joined) => this.joined.push(joined), () => {});
    }
    await undefined;
  }

  async client(options?: WebSocketClientOptions, protocol?: string): Promise<Told> {
    const ws = createWebSocket({
      ...{ clock: this.clock, runtime: this.network.client, resume: true },
      reconnect: { minDelay: 1, factor: 1, random: () => 1 },
      ...options,
    });
    const told: Told = { ws, log: [], errors: [] };
    ws.on("message", (_, data) => void told.log.push(text(data)));
    ws.on("recovered", (info) => void told.log.push(info));
    ws.on("error", ({ kind }) => void told.errors.push(`${kind}`));
    const url = () => `ws://localhost:${1 + this.at}/`;
    await this.clock.until(
      options?.reconnect === false
        ? ws.connect(url(), { protocol })
        : ws.connect(url, { protocol }),
    );
    await this.settle();
    this.#clients.push(ws);
    return told;
  }

  /** Cuts all connections; those that reconnect are back after a second. */
  async cut(meanwhile: () => Promise<unknown> | undefined = () => undefined): Promise<void> {
    await this.settle();
    for (const link of this.network.links) link.cut();
    await this.settle();
    await meanwhile();
    await this.settle(1500);
  }

  /** Publishes, and has it arrive. */
  async publish(topic: string, ...texts: string[]): Promise<void> {
    const [server] = this.servers;
    await this.clock.until(Promise.all(texts.map((text) => server!.publish(topic, text))));
    await this.settle();
  }

  async settle(ms = 10): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 10; turn++) await this.clock.advance(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.broker.mend();
    for (const ws of this.#clients) if (ws.state !== "idle") void ws.close().catch(() => {});
    for (const server of this.servers) {
      if (server.address !== undefined) await this.clock.until(server.stop({ code: 1000 }));
    }
    await this.settle(5000);
    for (const link of this.network.links) link.cut();
    await this.settle(100);
    assertEquals(this.clock.pending, 0, "timers are left");
  }
}

function text(data: unknown): unknown {
  return typeof data === "string" ? data : `bytes ${[...new Uint8Array(data as ArrayBuffer)]}`;
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, n) => `${from + n}`);

describe("a break", () => {
  for (const kind of ["the embedded log", "a broker"]) {
    it(`is filled in the turn of the join, in order and once, with ${kind}`, async () => {
      await using world = new World();
      const server = await world.start(kind === "a broker" ? {} : { broker: undefined });
      const { ws, log } = await world.client();
      await world.publish("t", "a", "b");
      await world.clock.until(server.publish("t", new Uint8Array([1, 10, 3])));
      await world.cut(() => world.publish("t", "c", "", "d\ne"));
      await world.publish("t", "f");
      await world.settle();
      const recovered = { topic: "t", recovered: true, missed: 3 };
      assertEquals(log, ["a", "b", "bytes 1,10,3", recovered, "c", "", "d\ne", "f"]);
      assertEquals(world.joined, [{ missed: 0 }, { recovered: true, missed: 3 }]);
      await world.clock.until(ws.close());
    });
  }

  it("is filled on another server, and bytes come back as bytes", async () => {
    await using world = new World();
    await world.start();
    const other = await world.start();
    const { ws, log } = await world.client();
    world.at = 1;
    await world.cut(() => world.clock.until(other.publish("t", new Uint8Array([10, 0, 255]))));
    assertEquals(log, [{ topic: "t", recovered: true, missed: 1 }, "bytes 10,0,255"]);
    await world.clock.until(ws.close());
  });

  it("of 10,000 messages is filled, and one message over the bounds is told", async () => {
    await using world = new World();
    await world.start({ history: { maxMessages: 10_000, maxAge: 60 } });
    const { ws, log } = await world.client();
    await world.publish("t", "first");
    await world.cut(() => world.publish("t", ...numbers(10_000)));
    const recovered = { topic: "t", recovered: true, missed: 10_000 };
    assertEquals(log, ["first", recovered, ...numbers(10_000)]);
    log.length = 0;
    await world.cut(() => world.publish("t", ...numbers(10_001)));
    await world.publish("t", "after");
    await world.settle();
    assertEquals(log, [{ topic: "t", recovered: false, missed: 0 }, "after"]);
    await world.clock.until(ws.close());
  });

  it("longer than 'maxAge' is told, and one in which nothing was said is none", async () => {
    await using world = new World();
    await world.start({ history: { maxAge: 2 } });
    const { ws, log } = await world.client({
      reconnect: { minDelay: 5, factor: 1, random: () => 1 },
    });
    await world.publish("t", "a");
    await world.cut(() => world.settle(4000));
    await world.cut(async () => {
      await world.publish("t", "b");
      await world.settle(4000);
    });
    assertEquals(log, [
      "a",
      { topic: "t", recovered: true, missed: 0 },
      { topic: "t", recovered: false, missed: 0 },
    ]);
    await world.clock.until(ws.close());
  });

  it("in which more was missed than may be queued to a client is told", async () => {
    await using world = new World();
    const server = createWebSocketServer({
      ...{ clock: world.clock, runtime: world.network.server, history: true },
    });
    server.on("connect", (connection) => void server.join(connection, "t"));
    world.servers.push(server);
    await world.clock.until(server.start({ serverPort: 1, maxBufferedAmount: 1000 }));
    await world.settle();
    const { ws, log } = await world.client();
    await world.cut(() => world.publish("t", "x".repeat(400)));
    assertEquals(log, [{ topic: "t", recovered: false, missed: 0 }]);
    await world.clock.until(ws.close());
  });

  it("gives nothing of a topic that the server does not have the client join again", async () => {
    await using world = new World();
    await world.start();
    world.topics = ["t", "secret"];
    const { ws, log } = await world.client();
    world.topics = ["t"];
    await world.cut(() => world.publish("secret", "not for it"));
    await world.publish("secret", "nor this");
    assertEquals(log, [{ topic: "t", recovered: true, missed: 0 }]);
    world.topics = ["secret"]; // and when it may again, it is what it has missed
    await world.cut();
    assertEquals(log.slice(1), [
      { topic: "secret", recovered: true, missed: 2 },
      ...["not for it", "nor this"],
    ]);
    await world.clock.until(ws.close());
  });

  it("follows each topic by itself: later joins, and topics that were left", async () => {
    await using world = new World();
    const server = await world.start();
    const connections: WebSocketConnection[] = [];
    server.on("connect", (connection) => void connections.push(connection));
    world.topics = ["t"];
    const { ws, log } = await world.client();
    await world.publish("t", "t1");
    await world.publish("u", "before it was there");
    await world.clock.until(server.join(connections[0]!, "u"));
    assertEquals(await world.clock.until(server.join(connections[0]!, "u")), { missed: 0 });
    await world.publish("u", "u1");
    await world.clock.until(server.leave(connections[0]!, "t"));
    await world.settle();
    world.topics = ["u", "t"];
    await world.cut(async () => {
      await world.publish("t", "t2");
      await world.publish("u", "u2");
    });
    assertEquals(log, ["t1", "u1", { topic: "u", recovered: true, missed: 1 }, "u2"]);
    await world.clock.until(ws.close());
  });

  it("while missed messages are being told is filled from there", async () => {
    await using world = new World();
    await world.start();
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    await world.cut(() => world.publish("t", ...numbers(5)));
    await world.cut(() => world.publish("t", "b"));
    await world.cut();
    const lines = log.filter((one) => typeof one === "string");
    assertEquals(lines, ["a", ...numbers(5), "b"]);
    await world.clock.until(ws.close());
  });

  it("over which the topics were quiet and others were not is none", async () => {
    await using world = new World();
    await world.start({ history: { maxBytes: 2000 } });
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    await world.publish("loud", ...numbers(100));
    await world.settle(60_000); // it is told meanwhile where the log stands
    await world.cut();
    assertEquals(log, ["a", { topic: "t", recovered: true, missed: 0 }]);
    await world.clock.until(ws.close());
  });
});

describe("a log", () => {
  it("that was lost is told of once, and what comes then is recovered again", async () => {
    await using world = new World();
    await world.start();
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    world.broker.empty();
    await world.settle();
    await world.publish("t", "b");
    await world.cut(() => world.publish("t", "c"));
    assertEquals(log, [
      "a",
      { topic: "t", recovered: false, missed: 0 },
      "b",
      { topic: "t", recovered: true, missed: 1 },
      "c",
    ]);
    await world.clock.until(ws.close());
  });

  it("that was lost is known anew before anything is published", async () => {
    await using world = new World();
    await world.start();
    const { ws, log } = await world.client();
    world.broker.empty();
    await world.cut(() => world.publish("t", "a"));
    assertEquals(log, [
      { topic: "t", recovered: false, missed: 0 },
      { topic: "t", recovered: true, missed: 1 },
      "a",
    ]);
    await world.clock.until(ws.close());
  });

  it("of which a server could not read a part is told, during the break or not", async () => {
    for (const isAway of [false, true]) {
      await using world = new World();
      await world.start();
      const { broker } = world;
      const link = broker.link();
      await world.start({ broker: link });
      world.at = 1;
      const { ws, log } = await world.client();
      await world.publish("t", "a");
      const trim = async () => {
        link.hold("entries");
        await world.publish("t", "not read");
        broker.trim(1000);
        link.release();
        await world.settle();
      };
      if (isAway) await world.cut(trim);
      else await trim();
      await world.settle(1000);
      await world.publish("t", "b");
      assertEquals(log, ["a", { topic: "t", recovered: false, missed: 0 }, "b"], `${isAway}`);
      await world.clock.until(ws.close());
    }
  });

  it("that was lost, or cut back, during the break is told", async () => {
    for (const harm of ["empty", "cut"] as const) {
      await using world = new World();
      await world.start();
      const { ws, log } = await world.client();
      await world.publish("t", "a", "b");
      await world.cut(async () => {
        if (harm === "empty") world.broker.empty();
        else world.broker.cut(1);
        await world.settle();
        await world.publish("t", "c");
      });
      await world.settle(1000); // the server waits in case it is behind
      await world.publish("t", "d");
      await world.settle();
      assertEquals(log, ["a", "b", { topic: "t", recovered: false, missed: 0 }, "d"], harm);
      await world.clock.until(ws.close());
    }
  });

  it("is read by a server that starts before it listens: the past is there", async () => {
    await using world = new World();
    await world.start();
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    await world.cut(async () => {
      await world.publish("t", "b");
      await world.start();
      world.at = 1;
    });
    assertEquals(log, ["a", { topic: "t", recovered: true, missed: 1 }, "b"]);
    await world.clock.until(ws.close());
  });
});

/** A client by hand: it says what it likes, and sees all frames. */
async function raw(world: World, protocol = "resume.netkit.1"): Promise<Told> {
  return await world.client({ resume: false, reconnect: false }, protocol);
}

describe("the wire", () => {
  it("is that of an ordinary WebSocket whose messages begin with a line", async () => {
    await using world = new World();
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
    await using world = new World();
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
    await using world = new World();
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
      await using world = new World();
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
    await using world = new World();
    const server = await world.start();
    const silent = await raw(world);
    const sloppy = await raw(world);
    await sloppy.ws.send('{"resume":1}\n');
    await world.settle();
    const closed = sloppy.ws.closed;
    await sloppy.ws.send("no header");
    await world.settle();
    assertEquals((await closed).code, 1002);
    await world.settle(10_000);
    assertEquals(silent.ws.state, "idle");
    assertEquals(server.listAllConnections(), []);
  });

  it("answers who lies about where it was with 'false', and delivers from there", async () => {
    await using world = new World();
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
    await using world = new World();
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

  it("waits 5 s where it is behind in the same log, and a second where the log is another", async () => {
    await using world = new World();
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
    await using world = new World();
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
    await using world = new World();
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
