/** A log in memory of which a link hears late, and readers that end in the midst of being told. */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BrokerReader, memoryBroker } from "../../cluster.ts";
import { BusinessError } from "../../mod.ts";
import { FakeClock, MemoryBroker, type MemoryBrokerLink } from "../../testing.ts";
import { countListeners } from "../helpers/leftovers.ts";

/** A reader that notes what it is told, in short, and does something on each entry. */
function reader(log: string[], then: (entry: string) => void = () => {}): BrokerReader {
  return {
    entry: ({ epoch, offset }, entry) => {
      log.push(`${epoch}.${offset} ${entry}`);
      then(entry);
    },
    ready: () => log.push("ready"),
    lost: (why) => log.push(`lost ${why}`),
    state: (up) => log.push(up ? "up" : "down"),
  };
}

/** A log, a link that is read, and what was told. */
async function world(then?: (entry: string) => void) {
  const clock = new FakeClock();
  const broker = new MemoryBroker({ clock });
  const link = broker.link();
  const log: string[] = [];
  const ending = new AbortController();
  const done = link.read(reader(log, then), ending.signal);
  await clock.advance(0);
  assertEquals(log.splice(0), ["up", "ready"]);
  return { clock, broker, link, log, ending, done };
}

describe("a log in memory", () => {
  it("has its time from the system where it is given no clock", async () => {
    const broker = new MemoryBroker({ latency: 2 });
    const log: string[] = [];
    const told = Promise.withResolvers<void>();
    const ending = new AbortController();
    const done = broker.read(reader(log, () => told.resolve()), ending.signal);
    await broker.append("a");
    await told.promise;
    assertEquals(log.at(-1), "1.1 a");
    ending.abort();
    await done;
    await broker.close();
  });

  it("is known to be another though the one before is heard of after it", async () => {
    const { clock, broker, link, log } = await world();
    link.hold("entries");
    link.delay(50);
    await broker.append("a");
    link.delay(0);
    broker.empty();
    await broker.append("b");
    await clock.advance(60); // it hears of the first log's entry
    link.release();
    await clock.advance(0);
    assertEquals(log, ["lost gone", "2.1 b"]);
    await broker.close();
  });

  it("is not known to be another before that is heard of", async () => {
    const { clock, broker, link, log } = await world();
    link.delay(50);
    broker.empty();
    await broker.append("a");
    link.hold("entries");
    link.release(); // looks at what there is to tell
    await clock.advance(49);
    assertEquals(log, []);
    await clock.advance(1);
    assertEquals(log, ["lost gone", "2.1 a"]);
    await broker.close();
  });

  it("tells no more to a reader that ends in the midst of it", async () => {
    const { clock, broker, link, log, ending, done } = await world((entry) => {
      if (entry === "b") ending.abort();
    });
    link.hold("entries");
    for (const entry of ["a", "b", "c"]) await broker.append(entry);
    link.release();
    await clock.advance(0);
    await done;
    assertEquals(log, ["1.1 a", "1.2 b"]);
    await broker.close();
  });

  const within: [what: string, befall: (link: MemoryBrokerLink, broker: MemoryBroker) => void][] = [
    ["goes down", (link) => link.down()],
    ["is held", (link) => link.hold("entries")],
    ["has its log go down", (_, broker) => broker.down()],
  ];
  for (const [what, befall] of within) {
    it(`tells no more over a link that ${what} in the midst of it, until that is over`, async () => {
      let then: (entry: string) => void = () => {};
      const { clock, broker, link, log } = await world((entry) => then(entry));
      then = (entry) => entry === "b" && befall(link, broker);
      link.hold("entries");
      for (const entry of ["a", "b", "c"]) await broker.append(entry);
      link.release();
      await clock.advance(0);
      const isHeld = what === "is held";
      assertEquals(log.splice(0), ["1.1 a", "1.2 b", ...isHeld ? [] : ["down"]]);
      broker.mend();
      await clock.advance(0);
      assertEquals(log, [...isHeld ? [] : ["up"], "1.3 c"]);
      await broker.close();
    });
  }

  for (const end of ["its end", "a break"]) {
    it(`is not ready for a reader that comes to ${end} with the last entry that was there`, async () => {
      const clock = new FakeClock();
      const broker = new MemoryBroker({ clock });
      await broker.append("a");
      const link = broker.link();
      const log: string[] = [];
      const ending = new AbortController();
      void link.read(
        reader(log, () => end === "a break" ? link.down() : ending.abort()),
        ending.signal,
      );
      await clock.advance(0);
      assertEquals(log.splice(0), ["up", "1.1 a", ...end === "a break" ? ["down"] : []]);
      broker.mend();
      await clock.advance(0);
      assertEquals(log, end === "a break" ? ["up", "ready"] : []);
      await broker.close();
    });
  }

  it("is said to be down, or another, when what is held is released, or it is up again", async () => {
    const { clock, broker, link, log } = await world();
    link.hold("entries");
    link.down();
    await clock.advance(0);
    assertEquals(log, []);
    link.release();
    await clock.advance(0);
    assertEquals(log.splice(0), ["down"]);
    broker.cut(0);
    await clock.advance(0);
    assertEquals(log, []);
    link.up();
    await clock.advance(0);
    assertEquals(log, ["up", "lost forked"]);
    await broker.close();
  });

  it("tells two readers of one link, of which one ends", async () => {
    const { clock, broker, link, log, ending } = await world();
    const second: string[] = [];
    const reading = link.read(reader(second), new AbortController().signal);
    await broker.append("a");
    await clock.advance(0);
    ending.abort();
    await broker.append("b");
    await clock.advance(0);
    assertEquals([log, second], [["1.1 a"], ["up", "1.1 a", "ready", "1.2 b"]]);
    await broker.close();
    await reading;
  });

  it("is as large as it may be, also when it has lost its tail", async () => {
    const broker = new MemoryBroker({ maxBytes: 10 });
    for (const entry of ["aaaa", "bbbb"]) await broker.append(entry);
    broker.cut(1);
    for (const entry of ["cccc", "dddd"]) await broker.append(entry);
    assertEquals(broker.entries, ["cccc", "dddd"]);
    await broker.close();
  });

  it("is closed for links that come later, too", async () => {
    const broker = new MemoryBroker();
    await broker.close();
    const link = broker.link();
    await assertRejects(() => link.append("a"), Error, "the log in memory is closed");
    const log: string[] = [];
    await link.read(reader(log), new AbortController().signal);
    assertEquals(log, []);
  });

  it("leaves no listener on the signal of a reader, however it ends", async () => {
    const broker = new MemoryBroker();
    for (const end of [(aborter: AbortController) => aborter.abort(), () => broker.close()]) {
      const aborter = new AbortController();
      const listeners = countListeners(aborter.signal);
      const done = broker.link().read(reader([]), aborter.signal);
      assertEquals(listeners(), 1);
      await end(aborter);
      await done;
      assertEquals(listeners(), 0);
    }
  });

  it("says whose option is wrong", () => {
    assertThrows(
      () => new MemoryBroker({ maxBytes: 0 }),
      BusinessError,
      "MemoryBroker: 'maxBytes'",
    );
    assertThrows(() => memoryBroker({ maxBytes: 0 }), BusinessError, "memoryBroker: 'maxBytes'");
  });

  it("takes its size alone where it is not made to fail", async () => {
    const broker = memoryBroker({ maxBytes: 5 });
    for (const entry of ["aaaa", "bbbb"]) await broker.append(entry);
    const log: string[] = [];
    const ending = new AbortController();
    const note = reader(log);
    const done = broker.read({ ...note, ready: () => ending.abort() }, ending.signal);
    await done;
    assertEquals(log.map((line) => line.replace(/^\d+\./, "")), ["up", "2 bbbb"]);
    await broker.close();
    for (const options of [{ latency: 1 }, { maxBytes: 0 }, { maxBytes: "1" }]) {
      const error = assertThrows(() => memoryBroker(options as never), BusinessError);
      assertEquals((error as BusinessError).code, 401);
    }
  });
});
