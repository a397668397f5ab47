/** How long a server that has a broker may take to stop. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Broker, BrokerReader } from "../../cluster.ts";
import { createWebSocketServer } from "../../mod.ts";
import type { ListenerEvents, ListenOptions, TcpListener } from "../../runtime/contract.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** A runtime whose answers that are under way never end by themselves. */
class BusyServer extends ScriptedServer {
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    super();
    this.#clock = clock;
  }

  override listen(options: ListenOptions, events: ListenerEvents): TcpListener {
    const close = (ms: number) =>
      new Promise<void>((resolve) => void this.#clock.setTimer(resolve, ms));
    return { ...super.listen(options, events), close };
  }
}

describe("stop() of a server with a broker", () => {
  for (
    const [what, faults, ms] of [["takes nothing", ["held"], 4800], ["is well", [], 4400]] as const
  ) {
    it(`takes ${ms} ms where no peer and no answer ends, and the broker ${what}`, async () => {
      const clock = new FakeClock();
      const broker = new MemoryBroker({ clock });
      const runtime = new BusyServer(clock);
      const server = createWebSocketServer({ broker, clock, runtime, presence: true });
      await clock.until(server.start({ serverPort: 80 }));
      runtime.enter().open(new ScriptedSocket());
      await clock.advance(100);
      broker.fail(...faults);
      const began = clock.now();
      assertEquals(await clock.until(server.stop()), true);
      assertEquals(clock.now() - began, ms);
      broker.mend();
      await broker.close();
      assertEquals(clock.pending, 0);
    });
  }

  it("gives the broker 700 ms where nothing else takes long", async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ broker, clock, runtime, presence: true });
    await clock.until(server.start({ serverPort: 80 }));
    broker.fail("held");
    const began = clock.now();
    assertEquals(await clock.until(server.stop()), true);
    assertEquals(clock.now() - began, 700);
    broker.mend();
    await broker.close();
  });

  for (const [what, isReady] of [["stops", true], ["cannot be started", false]] as const) {
    it(`settles where the broker goes on reading as the server ${what}`, async () => {
      const clock = new FakeClock();
      let reader!: BrokerReader;
      const broker: Broker = {
        append: () => Promise.resolve(),
        read(given) {
          reader = given;
          reader.state(true);
          if (isReady) reader.ready();
          return new Promise(() => {});
        },
        close: () => Promise.resolve(),
      };
      const own = { broker, clock, history: true, presence: true };
      const server = createWebSocketServer({ ...own, runtime: new ScriptedServer() });
      const log: unknown[] = [];
      server.on("error", ({ kind, message }) => log.push(kind, message.replace(/^.*?: /, "")));
      server.subscribe("t", ({ data }) => void log.push(data));
      const started = clock.until(server.start({ serverPort: 80 })).catch(({ kind }) => kind);
      const began = clock.now();
      if (isReady) {
        assertEquals(await started, true);
        reader.entry({ epoch: "e", offset: 1 }, '["other",1]\n["message","t","heard"]');
        assertEquals(await clock.until(server.stop()), true);
        const why = "stop: the broker goes on reading, though its signal has aborted";
        assertEquals([log.splice(0), clock.now() - began], [["heard", "brokerDown", why], 4800]);
      } else {
        assertEquals(await started, "brokerDown");
        assertEquals(clock.now() - began, 6000);
      }
      server.on("broker", (told) => log.push(told));
      server.on("presence", (told) => log.push(told));
      for (const offset of [2, 3]) {
        reader.entry({ epoch: "e", offset }, `["other",${offset}]\n["message","t","too late"]`);
      }
      reader.ready();
      reader.lost("gone");
      reader.state(false);
      await clock.advance(60_000);
      assertEquals([log, clock.pending], [[], 0]);
    });
  }

  it("gives the broker 200 ms to end, though nothing is left of the time", async () => {
    const clock = new FakeClock();
    const errors: string[] = [];
    const broker: Broker = {
      append: () => new Promise(() => {}),
      read(reader, signal) {
        reader.state(true);
        reader.ready();
        const ends = (resolve: () => void) => void clock.setTimer(resolve, 199);
        return new Promise((resolve) => signal.addEventListener("abort", () => ends(resolve)));
      },
      close: () => Promise.resolve(),
    };
    const server = createWebSocketServer({
      ...{ broker, clock, runtime: new BusyServer(clock), presence: true },
    });
    server.on("error", ({ message }) => errors.push(message));
    await clock.until(server.start({ serverPort: 80 }));
    const began = clock.now();
    assertEquals(await clock.until(server.stop()), true);
    assertEquals([clock.now() - began, errors], [4999, []]);
  });

  it("lets go of the broker within 5 s where it cannot listen", async () => {
    const clock = new FakeClock();
    const broker: Broker = {
      append: () => Promise.resolve(),
      read(reader) {
        reader.state(true);
        reader.ready();
        return new Promise(() => {});
      },
      close: () => Promise.resolve(),
    };
    class Occupied extends ScriptedServer {
      override listen(): TcpListener {
        throw new Error("occupied");
      }
    }
    const server = createWebSocketServer({ broker, clock, runtime: new Occupied() });
    const errors: unknown[] = [];
    server.on("error", ({ kind }) => errors.push(kind));
    const began = clock.now();
    const started = server.start({ serverPort: 80 }).then(() => "started", () => "refused");
    assertEquals(await clock.until(started), "refused");
    assertEquals([clock.now() - began, errors, clock.pending], [5000, ["brokerDown"], 0]);
  });
});
