import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Broker,
  type BrokerEvent,
  BusinessError,
  type ClusterMember,
  createWebSocket,
  createWebSocketServer,
  type PresenceEvent,
  type PublishedMessage,
  type WebSocketClient,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerOptions,
} from "../../mod.ts";
import { FakeClock, MemoryBroker, MemoryNetwork } from "../../testing.ts";

// Loaded when the first server starts that has a broker, which takes time that no fake clock knows of.
await import("../../server/clustered.ts");

/** Servers that share a log, on a network in memory and a clock that stands still. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly broker = new MemoryBroker();
  readonly servers: WebSocketServer[] = [];
  readonly errors: BusinessError[] = [];
  readonly #clients: WebSocketClient[] = [];

  make(options: WebSocketServerOptions = {}): WebSocketServer {
    const { clock, broker, network } = this;
    const given = { clock, broker, runtime: network.server, node: `n${this.servers.length}` };
    const server = createWebSocketServer({ ...given, ...options });
    server.on("error", (error) => this.errors.push(error));
    this.servers.push(server);
    return server;
  }

  async start(server: WebSocketServer): Promise<void> {
    await this.clock.until(server.start({ serverPort: 1 + this.servers.indexOf(server) }));
  }

  /** Makes some and starts them; each takes its connections into the topic `t`. */
  async begin(count: number, options: WebSocketServerOptions = {}): Promise<WebSocketServer[]> {
    for (let n = 0; n < count; n++) {
      const server = this.make(options);
      server.on("connect", (connection) => void server.join(connection, "t"));
      await this.start(server);
    }
    await this.settle(100);
    return this.servers;
  }

  /** A client of a server, and what it is told. */
  async client(server: WebSocketServer): Promise<{ ws: WebSocketClient; log: unknown[] }> {
    const ws = createWebSocket({ clock: this.clock, runtime: this.network.client });
    const log: unknown[] = [];
    ws.on("message", (_, data) => void log.push(data));
    ws.on("close", (_, close) => void log.push(close));
    await this.clock.until(ws.connect(`ws://localhost:${1 + this.servers.indexOf(server)}/`));
    this.#clients.push(ws);
    await this.settle();
    return { ws, log };
  }

  async settle(ms = 10): Promise<void> {
    await this.clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) await this.clock.advance(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.broker.mend();
    for (const server of this.servers) {
      if (server.address !== undefined) await this.clock.until(server.stop());
    }
    await this.settle(5000);
    assertEquals(this.clock.pending, 0, "timers are left");
  }
}

async function refused(promise: Promise<unknown>): Promise<[number, string | undefined]> {
  const error = await assertRejects(() => promise, BusinessError) as BusinessError;
  return [error.code, error.kind];
}

const ips = (members: ClusterMember[]) => members.map(({ node }) => node.split("~")[0]).sort();

describe("a server that is one of several", () => {
  it("publishes to all, and says to how many it went here", async () => {
    await using world = new World();
    const [one, other, third] = await world.begin(3);
    const here = [await world.client(one!), await world.client(one!)];
    const there = await world.client(other!);
    assertEquals(await world.clock.until(one!.publish("t", "a")), { sent: 2, tooSlow: 0 });
    assertEquals(await world.clock.until(other!.publish("t", "b")), { sent: 1, tooSlow: 0 });
    assertEquals(await world.clock.until(third!.publish("t", "c")), { sent: 0, tooSlow: 0 });
    assertEquals(await world.clock.until(third!.publish("nobody's", "d")), { sent: 0, tooSlow: 0 });
    assertEquals(await world.clock.until(third!.broadcast("e")), { sent: 0, tooSlow: 0 });
    await world.settle();
    for (const { log } of [...here, there]) assertEquals(log, ["a", "b", "c", "e"]);
  });

  it("has one order everywhere", async () => {
    await using world = new World();
    const servers = await world.begin(3);
    const clients = await Promise.all(servers.map((server) => world.client(server)));
    const published = servers.flatMap((server, s) =>
      Array.from({ length: 20 }, (_, n) => server.publish("t", `${s}:${n}`))
    );
    await world.clock.until(Promise.all(published));
    await world.settle();
    assertEquals(clients[0]!.log.length, 60);
    for (const { log } of clients) assertEquals(log, clients[0]!.log);
  });

  it("leaves out whom it was told to, on this server", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2);
    const clients = [
      await world.client(one!),
      await world.client(one!),
      await world.client(other!),
    ];
    const [first] = one!.listAllConnections();
    const result = await world.clock.until(one!.publish("t", "a", { except: first! }));
    assertEquals(result, { sent: 1, tooSlow: 0 });
    await world.clock.until(one!.broadcast("b", { except: one!.listAllConnections() }));
    await world.settle();
    assertEquals(clients.map(({ log }) => log), [[], ["a"], ["a", "b"]]);
  });

  it("takes a connection that joins again for the one that it was", async () => {
    await using world = new World();
    const [one] = await world.begin(1, { presence: true });
    const link = world.broker.link();
    const other = world.make({ broker: link, presence: true });
    await world.start(other);
    await world.client(one!);
    await world.settle(100);
    assertEquals(other.presence("t").length, 1);
    const changes: PresenceEvent[] = [];
    other.on("presence", (change) => changes.push(change));
    const [connection] = one!.listAllConnections();
    link.gap(1); // that it leaves is not told
    await one!.leave(connection!, "t");
    await world.settle();
    await one!.join(connection!, "t");
    await world.settle(200);
    assertEquals([changes, other.presence("t").length], [[], 1]);
  });

  it("leaves no timer where the broker goes away while it stops", async () => {
    await using world = new World(); // which asserts it
    const [server] = await world.begin(1, { presence: { lease: 3 } });
    const states: boolean[] = [];
    server!.on("broker", ({ up }) => states.push(up));
    world.broker.fail("held"); // its goodbye takes a while
    const stopping = server!.stop();
    await world.settle();
    world.broker.down();
    await world.clock.until(stopping);
    assertEquals(states, [false]);
  });

  it("carries bytes and any text", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2);
    const { log } = await world.client(other!);
    const bytes = Uint8Array.of(0, 10, 255);
    for (const data of ["", "two\nlines", "中文 👋", bytes, bytes.buffer, new Uint8Array()]) {
      await world.clock.until(one!.publish("t", data));
    }
    await world.settle();
    const buffer = bytes.buffer;
    assertEquals(log, ["", "two\nlines", "中文 👋", buffer, buffer, new ArrayBuffer()]);
  });

  it("is heard by the programs of all, which are told whose it is", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2);
    const heard: [string, PublishedMessage][] = [];
    one!.subscribe("t", (message) => heard.push(["one", message]));
    const end = other!.subscribe("t", (message) => heard.push(["other", message]));
    await world.clock.until(one!.publish("t", Uint8Array.of(1)));
    await world.settle();
    end();
    await world.clock.until(other!.publish("t", "b"));
    await world.settle();
    const data = Uint8Array.of(1).buffer;
    assertEquals(heard, [
      ["one", { topic: "t", data, local: true }],
      ["other", { topic: "t", data, local: false }],
      ["one", { topic: "t", data: "b", local: false }],
    ]);
  });

  it("tells nobody what was published before it came", async () => {
    await using world = new World();
    const [one] = await world.begin(1);
    await world.clock.until(one!.publish("t", "before"));
    const late = world.make();
    const heard: unknown[] = [];
    late.subscribe("t", ({ data }) => heard.push(data));
    await world.start(late);
    await world.clock.until(one!.publish("t", "after"));
    await world.settle();
    assertEquals(heard, ["after"]);
  });

  it("refuses what it refuses alone, and what no entry can carry", async () => {
    await using world = new World();
    const [one] = await world.begin(1);
    assertEquals(await refused(one!.publish(5 as never, "a")), [401, "argument"]);
    assertEquals(await refused(one!.publish("t", 5 as never)), [401, "argument"]);
    assertEquals(await refused(one!.publish("t", "x".repeat(2 ** 20))), [401, "argument"]);
    const { ws } = await world.client(one!);
    const [connection] = one!.listAllConnections();
    assertEquals(await refused(one!.join(connection!, "x".repeat(70_000))), [401, "argument"]);
    await world.clock.until(ws.close());
  });

  it("says what has become of what it published while the broker is away", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2);
    const { log } = await world.client(other!);
    const events: BrokerEvent[] = [];
    one!.on("broker", (event) => void events.push(event));
    world.broker.down();
    const soon = one!.publish("t", "soon");
    await world.settle(3000);
    world.broker.up();
    assertEquals(await world.clock.until(soon), { sent: 0, tooSlow: 0 });
    await world.settle();
    world.broker.down();
    const long = refused(one!.publish("t", "long"));
    await world.settle(5100);
    assertEquals(await long, [2302999, "unconfirmed"]);
    assertEquals(await refused(one!.publish("t", "more")), [2302999, "brokerDown"]);
    world.broker.up();
    await world.settle(1500);
    assertEquals(log, ["soon", "long"]);
    assertEquals(events.map(({ up }) => up), [false, true, false, true]);
    assert(events[0]!.cause instanceof Error);
  });

  it("does not end the process with a refusal that nobody handles", async () => {
    await using world = new World();
    const [one] = await world.begin(1);
    world.broker.down();
    const { error } = console;
    const printed: unknown[] = [];
    console.error = (what) => printed.push(what);
    try {
      void one!.publish("t", "a");
      await world.settle(6000);
      await new Promise((resolve) => setTimeout(resolve, 10));
    } finally {
      console.error = error;
    }
    assertEquals(printed.map((error) => (error as BusinessError).kind), ["unconfirmed"]);
  });

  it("tells that entries were lost, and what is not ours", async () => {
    await using world = new World();
    const [one] = await world.begin(1);
    const events: BrokerEvent[] = [];
    one!.on("broker", (event) => void events.push(event));
    world.broker.empty();
    await world.settle();
    assertEquals(events, [{ up: true, lost: "gone" }]);
    await world.broker.append("hello");
    await world.settle();
    assertEquals(world.errors.map(({ kind }) => kind), ["foreignEntry"]);
  });

  it("counts what it sees, and tells an observer", async () => {
    await using world = new World();
    const seen: unknown[] = [];
    const observer = {
      entry: (length: number, lag: number | undefined) => seen.push([length > 0, lag]),
      broker: (up: boolean, lost: string | undefined) => seen.push([up, lost]),
    };
    const [one, other] = await world.begin(2, { stats: true, observer });
    seen.length = 0;
    const before = one!.stats()!.broker!;
    await world.clock.until(other!.publish("t", "a"));
    assertEquals(seen, [[true, undefined], [true, 0]]);
    world.broker.down();
    await world.settle();
    void one!.publish("t", "abc").catch(() => {});
    assertEquals(one!.stats()!.broker!.queued, '["message","t","abc"]'.length);
    world.broker.up();
    await world.settle(100);
    world.broker.empty();
    await world.settle();
    const { entries, reconnects, gaps, queued, bytes } = one!.stats()!.broker!;
    assertEquals([entries - before.entries, reconnects, gaps, queued], [2, 1, 1, 0]);
    assert(bytes > before.bytes);
    assertEquals(createWebSocketServer({ stats: true }).stats()!.broker, undefined);
  });
});

describe("a server that is about to be one of several", () => {
  it("hears nothing before it listens", async () => {
    const broker: Broker = {
      append: () => Promise.resolve(),
      read(reader, signal) {
        reader.state(true);
        reader.ready();
        const position = { epoch: "1", offset: 1 };
        reader.entry(position, '["a",1]\n["message","t","early"]\n["message",null,"early"]');
        return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      close: () => Promise.resolve(),
    };
    await using world = new World();
    const server = world.make({ broker });
    server.subscribe("t", () => world.errors.push(new BusinessError(0, "heard")));
    await world.start(server);
    await world.settle();
    assertEquals(world.errors, []);
  });
});

describe("a broker that stops reading before it is told to", () => {
  const STOPS: Record<string, Broker["read"]> = {
    "by throwing": () => {
      throw new Error("no reading here");
    },
    "by rejecting": () => Promise.reject(new Error("no reading here")),
    "as it was closed": () => Promise.resolve(),
  };
  for (const [how, read] of Object.entries(STOPS)) {
    it(`keeps a server from starting, and says why: ${how}`, async () => {
      await using world = new World();
      const { broker } = world;
      let isMended = false;
      const stops: Broker = {
        append: (entry) => broker.append(entry),
        read: (reader, signal) => isMended ? broker.read(reader, signal) : read(reader, signal),
        close: () => Promise.resolve(),
      };
      const server = world.make({ broker: stops });
      const start = assertRejects(() => server.start({ serverPort: 1 }), BusinessError);
      await world.settle(5100);
      const { kind, message } = await start as BusinessError;
      const why = how === "as it was closed" ? "the broker has stopped reading" : "no reading here";
      assertEquals([kind, message.includes(why)], ["brokerDown", true], message);
      assertEquals([server.address, world.clock.pending], [undefined, 0]);
      isMended = true;
      await world.start(server);
      assertEquals(await world.clock.until(server.publish("t", "a")), { sent: 0, tooSlow: 0 });
    });
  }

  it("is down: that is told, and clients are sent elsewhere after the lease", async () => {
    await using world = new World();
    const server = world.make({ presence: { lease: 2 } });
    const events: unknown[] = [];
    server.on("broker", ({ up, cause }) => events.push(cause === undefined ? up : `${cause}`));
    server.on("connect", (connection) => void server.join(connection, "t"));
    await world.start(server);
    const { log } = await world.client(server);
    await world.broker.close();
    await world.settle(1900);
    assertEquals([events, log], [[true, "Error: the broker has stopped reading"], []]);
    await world.settle(200);
    assertEquals(log, [{ code: 1012, reason: "retry after 1" }]);
  });
});

describe("presence on several servers", () => {
  it("is known at once on all of them, and who came and went", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: true });
    const events: PresenceEvent[] = [];
    other!.on("presence", (event) => void events.push(event));
    const { ws } = await world.client(one!);
    await world.client(other!);
    for (const server of [one!, other!]) assertEquals(ips(server.presence("t")), ["n0", "n1"]);
    await world.clock.until(ws.close());
    await world.settle();
    for (const server of [one!, other!]) assertEquals(ips(server.presence("t")), ["n1"]);
    assertEquals(events.map(({ topic, joined, left }) => [topic, ips(joined), ips(left)]), [
      ["t", ["n0"], []],
      ["t", ["n1"], []],
      ["t", [], ["n0"]],
    ]);
    assertMatch(other!.presence("t")[0]!.node, /^n1~[0-9a-f]{8}$/);
    assertEquals(other!.presence("nobody's"), []);
  });

  it("says of those who left whether their server is gone, or has left as it should", async () => {
    await using world = new World();
    const presence = { lease: 3 };
    const [one, other] = await world.begin(2, { presence });
    const link = world.broker.link();
    const [, , third] = await world.begin(1, { broker: link, presence });
    const events: PresenceEvent[] = [];
    for (const server of [other!, third!]) await world.client(server);
    one!.on("presence", (event) => void events.push(event));
    link.down(); // as all of a server that was killed
    await world.settle(4500);
    await world.clock.until(other!.stop());
    await world.settle();
    assertEquals(events.map(({ joined, left, gone }) => [joined, ips(left), gone]), [
      [[], ["n2"], true],
      [[], ["n1"], undefined],
    ]);
    assertEquals(events.map((event) => "gone" in event), [true, false]);
    link.up();
  });

  it("counts a connection once in each topic it is in, until it leaves", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: true });
    await world.client(one!);
    const [connection] = one!.listAllConnections();
    for (const topic of ["t", "t", "u"]) await one!.join(connection!, topic);
    await world.settle();
    assertEquals([other!.presence("t").length, other!.presence("u").length], [1, 1]);
    await one!.leave(connection!, "t");
    await one!.leave(connection!, "t");
    await world.settle();
    assertEquals([other!.presence("t").length, other!.presence("u").length], [0, 1]);
    assertEquals(await world.clock.until(other!.publish("t", "a")), { sent: 0, tooSlow: 0 });
  });

  it("shows of a connection what it is told to", async () => {
    await using world = new World();
    const shown: object = { name: "Li", at: new Date(0) };
    const member = (connection: WebSocketConnection) => ({ ...shown, url: connection.url });
    const [one, other] = await world.begin(2, { presence: { member } });
    await world.client(one!);
    const context = { name: "Li", at: "1970-01-01T00:00:00.000Z", url: "/" };
    for (const server of [one!, other!]) {
      const [{ node, ...rest }] = server.presence("t") as [ClusterMember];
      assertEquals([node.slice(0, 3), rest], ["n0~", { clientIP: "127.0.0.1", context }]);
    }
  });

  it("asks once what a connection is shown with, for each topic", async () => {
    await using world = new World();
    let asked = 0;
    const [one] = await world.begin(1, { presence: { member: () => ({ asked: ++asked }) } });
    await world.client(one!);
    const [connection] = one!.listAllConnections();
    for (const topic of ["t", "u", "u"]) await one!.join(connection!, topic);
    await world.settle();
    assertEquals([asked, one!.presence("u")[0]!.context], [2, { asked: 2 }]);
  });

  it("shows nothing of a connection of which there is nothing to show", async () => {
    await using world = new World();
    const [one] = await world.begin(1, { presence: { member: () => undefined } });
    await world.client(one!);
    assertEquals(Object.keys(one!.presence("t")[0]!), ["node", "clientIP"]);
  });

  it("says so where what is to be shown cannot be", async () => {
    await using world = new World();
    const wrong = [
      () => "text" as never,
      () => [] as object,
      () => () => {},
      () => ({ text: "x".repeat(17_000) }),
      () => ({ count: 5n }),
      () => Promise.resolve({ name: "Li" }),
      () => Promise.reject(new Error("nobody waits for it")),
      () => {
        throw new Error("no");
      },
    ];
    let at = 0;
    const [one, other] = await world.begin(2, { presence: { member: () => wrong[at++]!() } });
    for (let n = 0; n < wrong.length; n++) await world.client(one!);
    assertEquals(other!.presence("t").map(({ context }) => context), wrong.map(() => undefined));
    assertEquals(world.errors.map(({ kind }) => kind), Array(wrong.length).fill("hookFailed"));
    for (const { message } of world.errors) assertMatch(message, /'member' of 'presence' /);
    const { message, cause } = world.errors.at(-1)!;
    assertMatch(message, /: 'member' of 'presence' failed: Error: no$/);
    assertEquals((cause as Error).message, "no");
  });

  it("is over in each topic that a connection was in, those that it has not left by itself", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: true });
    const { ws } = await world.client(one!);
    const [connection] = one!.listAllConnections();
    for (const topic of ["u", "v"]) await one!.join(connection!, topic);
    await one!.leave(connection!, "u");
    await world.settle();
    const counts = () => ["t", "u", "v"].map((topic) => other!.presence(topic).length);
    assertEquals(counts(), [1, 0, 1]);
    await world.clock.until(ws.close());
    await world.settle();
    assertEquals(counts(), [0, 0, 0]);
  });

  it("is over for all of a server's when it begins to stop", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: true });
    const { ws, log } = await world.client(one!);
    const stopping = one!.stop({ retryAfter: 5 });
    await world.settle();
    assertEquals(other!.presence("t"), []);
    assertEquals(await world.clock.until(stopping), true);
    assertEquals([log, ws.state], [[{ code: 1012, reason: "retry after 1" }], "idle"]);
    assertThrows(() => other!.presence(5 as never), BusinessError, "presence: topic must be text");
    assertEquals(one!.presence("t"), []);
  });

  it("is over for a server's that vanishes within its lease and a second", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: { lease: 2 } });
    await world.client(one!);
    const { append } = world.broker;
    world.broker.append = (entry) =>
      entry.startsWith('["n0~') ? new Promise(() => {}) : append.call(world.broker, entry);
    await world.settle(3000);
    assertEquals(other!.presence("t"), []);
    world.broker.append = append;
  });

  it("is that of this server where there is no broker", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: true, broker: undefined });
    await world.client(one!);
    assertEquals([ips(one!.presence("t")), ips(other!.presence("t"))], [["n0"], []]);
    assertEquals(await world.clock.until(one!.publish("t", "a")), { sent: 1, tooSlow: 0 });
  });

  it("is refused where it was not asked for", () => {
    const error = assertThrows(() => createWebSocketServer().presence("t"), BusinessError);
    assertEquals([(error as BusinessError).code, (error as BusinessError).kind], [
      2302999,
      "unsupported",
    ]);
  });
});

describe("the start and stop of a server that is one of several", () => {
  it("is refused with 401 where an option is wrong", async () => {
    const broker = new MemoryBroker();
    for (
      const [options, what] of [
        [{ broker: {} }, "'broker' must be a broker"],
        [{ broker: "redis://" }, "'broker' must be a broker"],
        [{ broker, node: "" }, "'node' must be text"],
        [{ broker, presence: 5 }, "'presence' must be true"],
        [{ broker, presence: { lease: 0 } }, "'presence' must be true"],
        [{ broker, presence: { member: {} } }, "'presence' must be true"],
        [{ broker, presence: { leases: 5 } }, "'presence' must be true"],
      ] as const
    ) {
      const server = createWebSocketServer(options as never);
      await assertRejects(
        () => server.start({ serverPort: 0 }),
        BusinessError,
        `createWebSocketServer: ${what}`,
      );
    }
  });

  it("is refused where the broker cannot be read, and succeeds when it can", async () => {
    await using world = new World();
    world.broker.down();
    const server = world.make({ presence: true });
    const start = server.start({ serverPort: 1 });
    const message = assertRejects(() => start, BusinessError, "the log in memory is down");
    await world.settle(5100);
    await message;
    assertEquals([server.address, world.clock.pending], [undefined, 0]);
    world.broker.up();
    await world.start(server);
    assertEquals(await world.clock.until(server.publish("t", "a")), { sent: 0, tooSlow: 0 });
  });

  it("is one at a time, and a stop waits for the start", async () => {
    await using world = new World();
    world.broker.down();
    const server = world.make();
    const start = server.start({ serverPort: 1 });
    assertEquals(await refused(server.start({ serverPort: 1 })), [2302999, "alreadyRunning"]);
    assertEquals(await refused(server.mount({})), [2302999, "alreadyRunning"]);
    const stop = server.stop();
    await world.settle(100);
    world.broker.up();
    assertEquals(await world.clock.until(Promise.all([start, stop])), [true, true]);
    assertEquals(server.address, undefined);
  });

  it("is over at the end of a block that the server starts in", async () => {
    await using world = new World();
    const server = world.make();
    const start = server.start({ serverPort: 1 });
    await world.clock.until(server[Symbol.asyncDispose]());
    assertEquals([await start, server.address], [true, undefined]);
    world.broker.down();
    const second = assertRejects(() => server.start({ serverPort: 1 }), BusinessError);
    await world.clock.until(server[Symbol.asyncDispose]());
    await second;
    assertEquals([server.address, world.clock.pending], [undefined, 0]);
  });

  it("leaves the others alone where listening fails", async () => {
    await using world = new World();
    const [one] = await world.begin(1, { presence: true });
    const second = world.make({ presence: true });
    const start = world.clock.until(second.start({ serverPort: 1 }));
    assertEquals(await refused(start), [2302007, "portOccupied"]);
    await world.settle(20_000);
    assertEquals(one!.presence("t"), []);
    await world.clock.until(one!.stop());
    assertEquals(world.clock.pending, 0);
  });

  it("can be done again, and each time it is another node", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: true });
    await world.client(one!);
    const [{ node: first }] = other!.presence("t") as [ClusterMember];
    await world.clock.until(one!.stop());
    await world.start(one!);
    await world.client(one!);
    await world.settle();
    const [{ node: second }] = other!.presence("t") as [ClusterMember];
    assert(first !== second);
    assertEquals(await world.clock.until(other!.publish("t", "a")), { sent: 0, tooSlow: 0 });
  });

  it("tells those who wait what has become of what they published", async () => {
    await using world = new World();
    const [one] = await world.begin(1);
    world.broker.fail("held");
    const published = refused(one!.publish("t", "a"));
    await world.settle();
    assertEquals(await world.clock.until(one!.stop()), true);
    assertEquals(await published, [2302999, "unconfirmed"]);
    world.broker.release();
  });

  it("sends those in a topic elsewhere when it is cut off for a lease", async () => {
    await using world = new World();
    const [one, other] = await world.begin(2, { presence: { lease: 2 } });
    const clients = [await world.client(one!), await world.client(one!)];
    const stays = await world.client(one!);
    await one!.leave(one!.listAllConnections()[2]!, "t");
    world.broker.down();
    await world.settle(1900);
    assertEquals(clients.map(({ log }) => log), [[], []]);
    await world.settle(200);
    assertEquals(clients.map(({ log }) => log), [
      [{ code: 1012, reason: "retry after 1" }],
      [{ code: 1012, reason: "retry after 2" }],
    ]);
    assertEquals(stays.ws.state, "open");
    world.broker.up();
    await world.settle(3000);
    assertEquals(other!.presence("t"), []);
  });
});
