/** Servers that share a log. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Broker,
  type BrokerEvent,
  BusinessError,
  createWebSocketServer,
  type PresenceEvent,
  type PublishedMessage,
} from "../../mod.ts";
import { ClusteredServers, refused } from "../helpers/clustered_servers.ts";

describe("a server that is one of several", () => {
  it("publishes to all, and says to how many it went here", async () => {
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers(); // which asserts it
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
    await using world = new ClusteredServers();
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

  for (const history of [false, true]) {
    it(`is heard by the programs of all, which are told whose it is, with history: ${history}`, async () => {
      await using world = new ClusteredServers();
      const [one, other] = await world.begin(2, { history });
      const heard: [string, PublishedMessage][] = [];
      one!.subscribe("t", (message) => heard.push(["one", message]));
      const end = other!.subscribe("t", (message) => heard.push(["other", message]));
      await world.clock.until(one!.publish("t", Uint8Array.of(1)));
      await world.settle();
      end();
      one!.subscribe("", ({ data }) => heard.push(["a topic with no name", data as never]));
      await world.clock.until(other!.broadcast("all")); // which is no topic's
      await world.clock.until(other!.publish("t", "b"));
      await world.settle();
      const data = Uint8Array.of(1).buffer;
      assertEquals(heard, [
        ["one", { topic: "t", data, local: true }],
        ["other", { topic: "t", data, local: false }],
        ["one", { topic: "t", data: "b", local: false }],
      ]);
    });
  }

  it("tells nobody what was published before it came", async () => {
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
    const seen: unknown[] = [];
    const observer = {
      entry: (length: number, lag: number | undefined) => seen.push([length, lag]),
      broker: (up: boolean, lost: string | undefined) => seen.push([up, lost]),
    };
    const [one, other] = await world.begin(2, { stats: true, observer });
    seen.length = 0;
    const before = one!.stats()!.broker!;
    await world.clock.until(other!.publish("t", "a"));
    const { length } = world.broker.entries.at(-1)!;
    assertEquals(seen, [[length, undefined], [length, 0]]);
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
    await using world = new ClusteredServers();
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
      await using world = new ClusteredServers();
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
    await using world = new ClusteredServers();
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
