/** A server that cannot read its log, and what a node remembers of the others. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Broker, BrokerReader } from "../../cluster.ts";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";
import { ClusteredServers, ips } from "../helpers/clustered_servers.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { Cluster } from "../helpers/nodes.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";

/** A log that never says that it is ready, until its reader leaves. */
class SilentBroker implements Broker {
  append(): Promise<void> {
    return new Promise(() => {});
  }

  read(_: unknown, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe("start() of a server with a broker", () => {
  const down = new MemoryBroker();
  down.down();
  const cause = "the log in memory is down";
  for (
    const [what, broker, why] of [
      ["is silent", new SilentBroker(), undefined],
      ["is down", down, cause],
    ] as const
  ) {
    it(`waits 5 s for one that ${what}, says why, and may be called again`, async () => {
      const clock = new FakeClock();
      const runtime = new ScriptedServer();
      const server = createWebSocketServer({ broker, clock, runtime });
      for (let times = 0; times < 2; times++) {
        const began = clock.now();
        const starting = assertRejects(() => server.start({ serverPort: 80 }), BusinessError);
        const error = await clock.until(starting) as BusinessError;
        assertEquals(clock.now() - began, 5000);
        const text = "start: the broker could not be read within 5 s";
        assertEquals([error.code, error.kind, error.message], [
          2302999,
          "brokerDown",
          `Websocket Unknown Other Error: ${text}${why === undefined ? "" : `: Error: ${why}`}`,
        ]);
        assertEquals((error.cause as Error | undefined)?.message, why);
      }
      assertEquals(clock.pending, 0);
    });
  }
});

/** A log of which so much is told as reading begins, and nothing more. */
class ToldBroker extends SilentBroker {
  readonly #tell: (reader: BrokerReader) => void;

  constructor(tell: (reader: BrokerReader) => void) {
    super();
    this.#tell = tell;
  }

  override read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    this.#tell(reader);
    return super.read(reader, signal);
  }
}

describe("why start() could not read the broker", () => {
  const states: Record<string, [string | undefined, ...(string | undefined)[]]> = {
    "is that of the last time that it was down": ["first", undefined, "last"],
    "is not known where it is up again": ["first", undefined],
  };
  for (const [what, causes] of Object.entries(states)) {
    it(what, async () => {
      const clock = new FakeClock();
      const broker = new ToldBroker(({ state }) => {
        for (const cause of causes) state(cause === undefined, cause && new Error(cause));
      });
      const server = createWebSocketServer({ broker, clock, runtime: new ScriptedServer() });
      const starting = assertRejects(() => server.start({ serverPort: 80 }), BusinessError);
      const { cause, message } = await clock.until(starting) as BusinessError;
      const last = causes.at(-1);
      assertEquals((cause as Error | undefined)?.message, last);
      assertEquals(message.endsWith(last === undefined ? "within 5 s" : `: Error: ${last}`), true);
    });
  }
});

describe("start() of a server with a broker and a signal", () => {
  it("leaves nothing behind where the broker is there as the signal has aborted", async () => {
    const clock = new FakeClock();
    const broker = new ToldBroker((reader) => {
      reader.state(true);
      reader.ready();
    });
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ broker, clock, presence: true, runtime });
    const signal = AbortSignal.abort("enough");
    const starting = assertRejects(() => server.start({ serverPort: 80, signal }), BusinessError);
    assertEquals((await clock.until(starting) as BusinessError).kind, "aborted");
    assertEquals(clock.pending, 0);
  });

  for (const call of ["start", "mount"] as const) {
    for (const waited of [0, 3000]) {
      it(`gives up at once where it is aborted after ${waited} ms: ${call}`, async () => {
        const clock = new FakeClock();
        const broker = new MemoryBroker({ clock });
        const server = createWebSocketServer({ broker, clock, runtime: new ScriptedServer() });
        const leaving = new AbortController();
        const left = countListeners(leaving.signal);
        const { signal } = leaving;
        const begin = (more: object) =>
          call === "start" ? server.start({ serverPort: 80, ...more }) : server.mount(more);
        broker.down();
        if (waited === 0) leaving.abort("enough");
        const starting = assertRejects(() => begin({ signal }), BusinessError);
        await clock.advance(waited);
        leaving.abort("enough");
        const { kind, message, cause } = await starting as BusinessError;
        assertEquals([kind, message, cause], [
          "aborted",
          `Websocket Unknown Other Error: ${call}: 'signal' has aborted already`,
          "enough",
        ]);
        assertEquals([clock.now(), clock.pending, left()], [1000 + waited, 0, 0]);
        broker.up();
        await clock.until(Promise.resolve(begin({})));
        assertEquals(await clock.until(server.stop()), true);
      });
    }
  }

  it("hears its signal once it listens, by one listener", async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    const server = createWebSocketServer({ broker, clock, runtime: new ScriptedServer() });
    const leaving = new AbortController();
    const left = countListeners(leaving.signal);
    await clock.until(server.start({ serverPort: 80, signal: leaving.signal }));
    assertEquals(left(), 1);
    leaving.abort();
    await clock.advance(10_000);
    assertEquals([server.address, left()], [undefined, 0]);
  });
});

/** A log that is long: so many entries, one each two seconds. */
class LongBroker extends SilentBroker {
  readonly #clock: FakeClock;
  readonly #count: number;
  readonly #isWhole: boolean;

  constructor(clock: FakeClock, count: number, isWhole: boolean) {
    super();
    this.#clock = clock;
    this.#count = count;
    this.#isWhole = isWhole;
  }

  override read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    reader.state(true);
    const tell = (offset: number) => {
      if (offset > this.#count) return this.#isWhole && reader.ready();
      reader.entry({ epoch: "1", offset }, `["other~1",${offset}]\n["message","t","a"]`);
      this.#clock.setTimer(() => tell(offset + 1), 2000);
    };
    tell(1);
    return super.read(reader, signal);
  }
}

describe("start() of a server with a broker whose log is long", () => {
  for (const isWhole of [true, false]) {
    it(`waits as long as it is read${isWhole ? "" : ", and for 5 s after that"}`, async () => {
      const clock = new FakeClock();
      const broker = new LongBroker(clock, 10, isWhole);
      const server = createWebSocketServer({ broker, clock, runtime: new ScriptedServer() });
      const began = clock.now();
      const started = server.start({ serverPort: 80 }).catch(({ kind }) => kind);
      assertEquals(await clock.until(started), isWhole ? true : "brokerDown");
      assertEquals(clock.now() - began, isWhole ? 20_000 : 18_000 + 5000);
      if (isWhole) await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    });
  }
});

describe("a node", () => {
  it("remembers how far each of 10,000 others was read, those that were heard last", async () => {
    const cluster = new Cluster(1);
    await cluster.settle(100);
    const say = (n: number) => cluster.broker.append(`["${n}",1]\n["message","t","${n}"]`);
    for (let n = 0; n < 10_000; n++) await say(n);
    for (const n of [0, 9999]) await say(n);
    const [node] = cluster.nodes;
    await cluster.settle();
    assertEquals([node!.texts.length, node!.duplicates], [10_000, 2]);
    for (const n of [10_000, 2, 0]) await say(n); // one is more than that: the first is forgotten
    await cluster.settle();
    assertEquals(node!.texts.slice(10_000), ["10000", "0"]);
  });
});

describe("a server that shares a log", () => {
  it("tells nobody what was published before it was there", async () => {
    await using world = new ClusteredServers();
    const [one] = await world.begin(1);
    await world.clock.until(one!.publish("t", "past"));
    const late = world.make();
    const heard: unknown[] = [];
    late.subscribe("t", ({ data }) => void heard.push(data));
    await world.start(late);
    await world.clock.until(one!.publish("t", "now"));
    await world.settle();
    assertEquals(heard, ["now"]);
  });

  it("asks who is there where it cannot know what the log has lost", async () => {
    await using world = new ClusteredServers();
    const [one] = await world.begin(1, { presence: true });
    const link = world.broker.link();
    const [, other] = await world.begin(1, { presence: true, broker: link });
    const { ws } = await world.client(one!);
    assertEquals(ips(other!.presence("t")), ["n0"]);
    link.hold("entries");
    await world.clock.until(ws.close());
    await world.settle();
    world.broker.trim(world.broker.entries.length);
    await world.clock.until(one!.publish("t", "a"));
    link.release();
    await world.settle(100);
    assertEquals(ips(other!.presence("t")), []);
  });
});
