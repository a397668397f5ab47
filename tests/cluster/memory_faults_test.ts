import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeClock, MemoryBroker, type MemoryBrokerLink } from "../../testing.ts";

/** A reader of a link: what it is told, in short. */
function readerOf(link: MemoryBrokerLink, ending = new AbortController()) {
  const log: string[] = [];
  const done = link.read({
    entry: ({ epoch, offset }, entry) => log.push(`${epoch}.${offset} ${entry}`),
    ready: () => log.push("ready"),
    lost: (why) => log.push(`lost ${why}`),
    state: (up, cause) => {
      const why = cause === undefined ? "" : `: ${(cause as Error).message}`;
      log.push(`${up ? "up" : "down"}${why}`);
    },
  }, ending.signal);
  return { log, ending, done };
}

/** A log, some links, and a reader of each, on a clock that stands still. */
async function world(links: number, options: { latency?: number; maxBytes?: number } = {}) {
  const clock = new FakeClock();
  const broker = new MemoryBroker({ clock, ...options });
  const all = Array.from({ length: links }, () => broker.link());
  const readers = all.map((link) => readerOf(link));
  await clock.advance(options.latency ?? 0);
  const take = () => readers.map(({ log }) => log.splice(0));
  assertEquals(take(), readers.map(() => ["up", "ready"]));
  return { clock, broker, all, readers, take };
}

const DOWN = "down: the log in memory is down";

describe("a log in memory", () => {
  it("drops the connections of all, and of one", async () => {
    const { clock, broker, all: [one, other], take } = await world(2);
    broker.down();
    await assertRejects(() => one!.append("a"), Error, "is down");
    await clock.advance(0);
    assertEquals(take(), [[DOWN], [DOWN]]);
    broker.up();
    one!.down();
    await assertRejects(() => one!.append("a"), Error, "is down");
    await other!.append("b");
    await clock.advance(0);
    assertEquals(take(), [[], ["up", "1.1 b"]]);
    one!.up();
    await clock.advance(0);
    assertEquals(take(), [["up", "1.1 b"], []]);
    await broker.close();
  });

  it("loses an append that is under way when the connection drops", async () => {
    const { clock, broker, all: [one], take } = await world(1, { latency: 10 });
    const before = one!.append("not in"); // it is under way
    one!.down();
    await assertRejects(() => before, Error, "is down");
    one!.up();
    const after = one!.append("in");
    await clock.advance(15); // the answer is under way
    one!.down();
    await assertRejects(() => after, Error, "is down");
    broker.down();
    one!.up();
    await assertRejects(() => one!.append("c"), Error, "is down");
    broker.up();
    const late = one!.append("late");
    broker.down();
    await Promise.all([clock.advance(10), assertRejects(() => late, Error, "is down")]);
    broker.up();
    await clock.advance(10);
    assertEquals(take(), [[DOWN, "up", DOWN, "up", "1.1 in"]]);
    assertEquals(broker.entries, ["in"]);
    await broker.close();
    assertEquals(clock.pending, 0);
  });

  it("takes its time, as much as each link has", async () => {
    const { clock, broker, all: [near, far], take } = await world(2, { latency: 5 });
    far!.delay(50);
    let isAnswered = false;
    const appended = far!.append("a").then(() => isAnswered = true);
    await clock.advance(49);
    assertEquals(broker.entries, []);
    await clock.advance(1);
    assertEquals(broker.entries, ["a"]);
    await clock.advance(5);
    assertEquals(take(), [["1.1 a"], []]);
    await clock.advance(44);
    assertEquals(isAnswered, false);
    await clock.advance(1);
    assertEquals(take(), [[], ["1.1 a"]]);
    await appended;
    const second = near!.append("b");
    await clock.advance(5);
    far!.delay(0); // what is heard late is older than what is heard at once
    await clock.advance(0);
    assertEquals(take(), [[], ["1.2 b"]]);
    await clock.advance(60);
    assertEquals(take(), [["1.2 b"], []]);
    await second;
    broker.empty();
    far!.delay(50);
    await clock.advance(5);
    assertEquals(take(), [["lost gone"], ["lost gone"]]);
    await clock.advance(60);
    await broker.close();
    assertEquals(clock.pending, 0);
  });

  it("knows no less of the log when it hears of it late", async () => {
    const { clock, broker, all: [link], take } = await world(1);
    link!.hold("entries");
    link!.delay(50);
    const first = link!.append("a");
    await clock.advance(60);
    link!.delay(0);
    await link!.append("b");
    await clock.advance(60); // it hears of the first
    await first;
    link!.release();
    await clock.advance(0);
    assertEquals(take(), [["1.1 a", "1.2 b"]]);
    await broker.close();
  });

  it("refuses appends, or their answers, or keeps them: of all, and of one link", async () => {
    const { clock, broker, all: [one, other], take } = await world(2);
    broker.fail("refused", "lost answer");
    await assertRejects(() => one!.append("a"), Error, "refused");
    await assertRejects(() => other!.append("b"), Error, "lost answer");
    other!.fail("refused");
    await one!.append("c");
    await assertRejects(() => other!.append("d"), Error, "refused");
    broker.fail("held", "held", "held");
    const held = [one!.append("e"), other!.append("f")];
    assertEquals([broker.held, broker.entries], [2, ["b", "c"]]);
    broker.release();
    await Promise.all(held);
    const never = one!.append("g");
    broker.release(false);
    await assertRejects(() => never, Error, "held");
    await clock.advance(0);
    const told = ["1.1 b", "1.2 c", "1.3 e", "1.4 f"];
    assertEquals(take(), [told, told]);
    await broker.close();
  });

  it("holds what one link appends, what it is told, and both", async () => {
    const { clock, broker, all: [one, other], take } = await world(2);
    one!.hold("appends");
    const held = one!.append("a");
    await other!.append("b");
    await clock.advance(1000);
    assertEquals(take(), [["1.1 b"], ["1.1 b"]]);
    one!.release();
    await held;
    await clock.advance(0);
    one!.hold("entries");
    await one!.append("c");
    broker.down();
    broker.up();
    await clock.advance(1000);
    assertEquals(take(), [["1.2 a"], ["1.2 a", "1.3 c"]]);
    one!.release();
    await clock.advance(0);
    assertEquals(take(), [["1.3 c"], []]);
    one!.hold();
    const both = one!.append("d");
    one!.down();
    await assertRejects(() => both, Error, "is down");
    one!.up();
    one!.release(); // what has failed does not come after all
    await clock.advance(0);
    assertEquals(broker.entries, ["b", "a", "c"]);
    await broker.close();
  });

  it("loses its tail, or all, and begins a new epoch", async () => {
    const { clock, broker, all: [one], take } = await world(1);
    for (const entry of ["a", "b", "c"]) await one!.append(entry);
    await clock.advance(0);
    broker.cut(2);
    await clock.advance(0);
    broker.cut(0);
    await one!.append("d");
    await clock.advance(0);
    broker.empty();
    await one!.append("e");
    await clock.advance(0);
    assertEquals(take(), [[
      ...["1.1 a", "1.2 b", "1.3 c", "lost forked", "2.1 a"],
      ...["lost forked", "3.1 a", "3.2 d", "lost gone", "4.1 e"],
    ]]);
    await broker.close();
  });

  it("has a gap: for who was too slow when it was trimmed, and where one is ordered", async () => {
    const { clock, broker, all: [slow, one], take } = await world(2);
    slow!.hold("entries");
    for (const entry of ["a", "b", "c"]) await one!.append(entry);
    broker.trim(2);
    slow!.release();
    await clock.advance(0);
    assertEquals(take(), [["lost trimmed", "1.3 c"], ["1.1 a", "1.2 b", "1.3 c"]]);
    one!.gap(1);
    for (const entry of ["d", "e"]) await one!.append(entry);
    await clock.advance(0);
    assertEquals(take()[1], ["lost trimmed", "1.5 e"]);
    one!.gap(1);
    await one!.append("f");
    broker.empty(); // which says more
    await one!.append("g");
    await clock.advance(0);
    assertEquals(take()[1], ["lost gone", "2.1 g"]);
    await one!.append("h");
    await clock.advance(0);
    assertEquals(take()[1], ["2.2 h"]);
    await broker.close();
  });

  it("keeps as much as it may", async () => {
    const { clock, broker, all: [one], take } = await world(1, { maxBytes: 10 });
    one!.hold("entries");
    for (const entry of ["aaaa", "bbbb", "cccc"]) await one!.append(entry);
    assertEquals(broker.entries, ["bbbb", "cccc"]);
    await one!.append("longer than all that may be kept");
    assertEquals(broker.entries.length, 1);
    one!.release();
    await clock.advance(0);
    assertEquals(take(), [["lost trimmed", "1.4 longer than all that may be kept"]]);
    broker.trim(5);
    assertEquals(broker.entries, []);
    await broker.close();
  });

  it("is read from a copy that is behind", async () => {
    const { clock, broker, all: [one], take } = await world(1);
    one!.stale(1);
    for (const entry of ["a", "b"]) await one!.append(entry);
    const late = broker.link();
    late.stale(2);
    const reader = readerOf(late);
    await clock.advance(0);
    assertEquals([take()[0], reader.log.splice(0)], [["1.1 a"], ["up", "ready"]]);
    late.stale(0);
    one!.stale(0);
    await clock.advance(0);
    assertEquals([take()[0], reader.log], [["1.2 b"], ["1.1 a", "1.2 b"]]);
    await broker.close();
  });

  it("has all be well when it is told to", async () => {
    const { clock, broker, all: [one], take } = await world(1);
    const held = (broker.fail("held"), one!.append("a"));
    broker.fail("refused");
    one!.fail("refused");
    one!.gap(3);
    one!.stale(3);
    one!.delay(1000);
    one!.hold();
    one!.down();
    broker.down();
    broker.mend();
    await held;
    await one!.append("b");
    await clock.advance(0);
    assertEquals(take(), [["1.1 a", "1.2 b"]]);
    await broker.close();
  });

  it("ends one reader, one link, and all", async () => {
    const { clock, broker, all: [one, other], readers, take } = await world(2);
    readers[0]!.ending.abort();
    await readers[0]!.done;
    await one!.append("a");
    await clock.advance(0);
    assertEquals(take(), [[], ["1.1 a"]]);
    await one!.close();
    await assertRejects(() => one!.append("b"), Error, "closed");
    await readerOf(one!).done;
    const aborted = new AbortController();
    aborted.abort();
    await readerOf(other!, aborted).done;
    broker.fail("held");
    const held = other!.append("b");
    await Promise.all([broker.close(), assertRejects(() => held, Error, "closed")]);
    await readers[1]!.done;
    await assertRejects(() => broker.append("c"), Error, "closed");
    await readerOf(other!).done;
    assertEquals([take(), clock.pending], [[[], []], 0]);
  });

  it("tells a reader no more once it has ended, or once the log is another, in its midst", async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    for (const entry of ["a", "b", "c"]) await broker.append(entry);
    const link = broker.link();
    const { log, ending, done } = readerOf(link);
    const other = broker.link();
    const told: string[] = [];
    void other.read({
      entry: (_, entry) => {
        told.push(entry);
        if (entry === "a") ending.abort();
        if (entry === "b") broker.trim(3);
        if (entry === "d") other.hold("entries");
        if (entry === "e") broker.empty();
        if (entry === "g") other.down();
      },
      ready: () => told.push("ready"),
      lost: (why) => told.push(`lost ${why}`),
      state: () => {},
    }, new AbortController().signal);
    await clock.advance(0);
    await done;
    assertEquals(log, ["up", "1.1 a", "1.2 b", "1.3 c", "ready"]);
    assertEquals(told, ["a", "b", "lost trimmed", "ready"]);
    for (const entry of ["d", "e", "f"]) await broker.append(entry);
    await clock.advance(0);
    other.release();
    await clock.advance(0);
    assertEquals(told.slice(4), ["d", "e", "lost gone"]);
    for (const entry of ["g", "h"]) await broker.append(entry);
    await clock.advance(0);
    other.up();
    await clock.advance(0);
    assertEquals(told.slice(7), ["g", "h"]);
    await broker.close();
  });
});
