/** What is ordered of a log in memory more than once, in which order that comes, and what is as large as it may be. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeClock, MemoryBroker } from "../../testing.ts";

async function world(options: { latency?: number; maxBytes?: number } = {}) {
  const clock = new FakeClock();
  const broker = new MemoryBroker({ clock, ...options });
  const link = broker.link();
  const log: string[] = [];
  void link.read({
    entry: ({ offset }, entry) => log.push(`${offset} ${entry}`),
    ready: () => {},
    lost: (why) => log.push(why),
    state: () => {},
  }, new AbortController().signal);
  await clock.advance(options.latency ?? 0);
  return { clock, broker, link, log };
}

/** What an append comes to. */
async function outcome(promise: Promise<void>): Promise<string> {
  return await promise.then(() => "in", ({ message }: Error) => message.split(": ").at(-1)!);
}

describe("what is ordered of a log in memory", () => {
  it("has what a link holds arrive in the order in which it was appended", async () => {
    const { clock, broker, link, log } = await world();
    for (const what of ["appends", "both"] as const) {
      link.hold(what);
      const held = ["a", "b", "c"].map((entry) => link.append(entry));
      await clock.advance(1000);
      link.release();
      await Promise.all(held);
    }
    await clock.advance(0);
    assertEquals(broker.entries, ["a", "b", "c", "a", "b", "c"]);
    assertEquals(log, ["1 a", "2 b", "3 c", "4 a", "5 b", "6 c"]);
    broker.fail("held", "held", "held");
    const all = ["d", "e", "f"].map((entry) => broker.append(entry));
    assertEquals(broker.held, 3);
    broker.release();
    await Promise.all(all);
    assertEquals(broker.entries.slice(6), ["d", "e", "f"]);
    await broker.close();
  });

  it("holds nothing that comes while the log is down", async () => {
    const { clock, broker, link, log } = await world({ latency: 1 });
    link.hold("appends");
    const append = outcome(link.append("a"));
    broker.down();
    await clock.advance(1);
    broker.up();
    link.release();
    await clock.advance(10);
    assertEquals([await append, log, broker.entries], ["the log in memory is down", [], []]);
    await broker.close();
  });

  it("has a gap for all who read by a link, and for nobody else", async () => {
    const { clock, broker, link, log } = await world();
    const logs = [link, broker.link()].map((link) => {
      const log: string[] = [];
      void link.read({
        entry: ({ offset }, entry) => log.push(`${offset} ${entry}`),
        ready: () => {},
        lost: (why) => log.push(why),
        state: () => {},
      }, new AbortController().signal);
      return log;
    });
    await clock.advance(0);
    link.gap(1);
    for (const entry of ["a", "b"]) await link.append(entry);
    await clock.advance(0);
    assertEquals([log, ...logs], [["trimmed", "2 b"], ["trimmed", "2 b"], ["1 a", "2 b"]]);
    await broker.close();
  });

  it("adds gaps up, until one of them has come", async () => {
    const { clock, broker, link, log } = await world();
    link.gap(1);
    link.gap(0);
    link.gap(2);
    for (const entry of ["a", "b", "c", "d", "e"]) await link.append(entry);
    await clock.advance(0);
    assertEquals(log.splice(0), ["trimmed", "4 d", "5 e"]);
    link.gap(1);
    await link.append("f");
    await clock.advance(0);
    link.gap(1); // before what was missing is told
    for (const entry of ["g", "h"]) await link.append(entry);
    await clock.advance(0);
    assertEquals(log, ["trimmed", "8 h"]);
    await broker.close();
  });

  it("befalls a link before what befalls whoever appends", async () => {
    const { broker, link } = await world();
    broker.fail("lost answer", "held");
    link.fail("refused");
    assertEquals(await outcome(link.append("a")), "refused");
    assertEquals(await outcome(link.append("b")), "lost answer");
    const held = outcome(broker.append("c"));
    assertEquals([broker.entries, broker.held], [["b"], 1]);
    broker.release(false);
    assertEquals([await held, broker.entries, broker.held], ["held", ["b"], 0]);
    assertEquals(await outcome(link.append("d")), "in");
    await broker.close();
  });

  for (const latency of [0, 5]) {
    it(`is mended to what it was at first: a latency of ${latency} ms`, async () => {
      const { clock, broker, link, log } = await world({ latency });
      const later = broker.link();
      for (const mend of [() => broker.mend(), () => (link.mend(), later.mend())]) {
        link.delay(1000);
        later.delay(0);
        mend();
        for (const one of [link, later]) {
          log.length = 0;
          const told: string[] = [];
          void one.append("x").then(() => told.push("in"));
          await clock.advance(Math.max(0, 2 * latency - 1));
          assertEquals(told.length, latency === 0 ? 1 : 0, "too soon");
          await clock.advance(1);
          assertEquals([told, log.length], [["in"], 1]);
        }
      }
      await broker.close();
    });
  }

  it("keeps what is as large as it may be, and drops one for a character more", async () => {
    const { broker } = await world({ maxBytes: 10 });
    for (const entry of ["aaaaa", "bbbbb"]) await broker.append(entry);
    assertEquals(broker.entries, ["aaaaa", "bbbbb"]);
    await broker.append("c");
    assertEquals(broker.entries, ["bbbbb", "c"]);
    await broker.append("dddd");
    assertEquals(broker.entries, ["bbbbb", "c", "dddd"]);
    // What was lost takes up nothing, and what was kept does.
    broker.cut(2);
    await broker.append("eeeee");
    assertEquals(broker.entries, ["bbbbb", "eeeee"]);
    broker.trim(1);
    await broker.append("fffff");
    assertEquals(broker.entries, ["eeeee", "fffff"]);
    broker.cut(3); // of two
    assertEquals(broker.entries, []);
    await broker.append("gone");
    broker.empty();
    await broker.append("0123456789");
    assertEquals(broker.entries, ["0123456789"]);
    await broker.close();
    await assertRejects(() => broker.append("a"), Error, "closed");
  });

  it("says of all that is under way that it is closed, and keeps no timer for it", async () => {
    for (const what of ["link", "broker"] as const) {
      const { clock, broker, link } = await world({ latency: 10 });
      broker.fail("held");
      const appends = [link.append("held back"), link.append("on its way")];
      await clock.advance(10);
      link.hold();
      appends.push(link.append("waits at the link"));
      await clock.advance(15);
      appends.push(link.append("has just begun"));
      const outcomes = Promise.all(appends.map(outcome));
      await (what === "link" ? link : broker).close();
      if (what === "link") broker.release(false); // what is held is the log's own
      const closed = "the log in memory is closed";
      assertEquals(await outcomes, [what === "link" ? "held" : closed, "in", closed, closed]);
      assertEquals([broker.held, clock.pending], [0, 0]);
      await broker.close();
    }
  });

  it("shows what is kept as it was then, and what is written into that changes nothing", async () => {
    const { broker } = await world();
    for (const entry of ["a", "b"]) await broker.append(entry);
    const shown = broker.entries as string[];
    await broker.append("c");
    broker.trim(1);
    assertEquals([shown, broker.entries], [["a", "b"], ["b", "c"]]);
    shown.push("d");
    (broker.entries as string[]).length = 0;
    assertEquals(broker.entries, ["b", "c"]);
    await broker.close();
  });

  it("keeps 16,777,216 characters unless told otherwise", async () => {
    const { broker } = await world();
    const entry = "x".repeat(512 * 1024);
    for (let n = 0; n < 32; n++) await broker.append(entry);
    assertEquals(broker.entries.length, 32);
    await broker.append("y");
    assertEquals(broker.entries.length, 32);
    await broker.close();
  });
});
