/** What every broker has to hold, whatever it is made of. */

import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { afterAll, describe, it } from "@std/testing/bdd";
import type { Broker } from "../../cluster.ts";
import { LogReader } from "./log_reader.ts";
import { until } from "./until.ts";

/** A log under test, and what may befall it. All brokers of one ground are of the same log. */
export interface Ground extends AsyncDisposable {
  /** Another node's end of the log. */
  broker(): Broker | Promise<Broker>;
  /** The engine is away for a moment, and has all that it had. */
  restart(): Promise<void>;
  /** The engine comes back with nothing. */
  empty(): Promise<void>;
  /** Notes what there is; what it returns has the engine come back with that. */
  snapshot(): Promise<() => Promise<void>>;
  /** Drops the oldest entries but so many, while nobody is told anything. */
  trim(keep: number, meanwhile: () => Promise<void>): Promise<void>;
  /** Makes the engine hang for a while. */
  hang(ms: number): Promise<void>;
}

/** Appends until it is in, as a log does: it may be in more than once. */
export async function insist(
  broker: Pick<Broker, "append">,
  entry: string,
  ms = 30_000,
): Promise<void> {
  for (const end = performance.now() + ms;;) {
    try {
      return await broker.append(entry);
    } catch (cause) {
      if (performance.now() > end) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/**
 * Registers the suite.
 *
 * @param lingers For how many milliseconds a client may have timers of its own after it was closed.
 * @param hangs For how many milliseconds the engine hangs.
 */
export function brokerContract(
  name: string,
  start: () => Promise<Ground>,
  { lingers = 0, hangs = 3500 }: { lingers?: number; hangs?: number } = {},
): void {
  describe(`the contract of a broker, ${name}`, () => {
    if (lingers > 0) afterAll(() => delay(lingers));

    it("tells what is kept, says so, and tells what comes, in one order to all", async () => {
      await using ground = await start();
      const [one, other] = [await ground.broker(), await ground.broker()];
      await one.append("a");
      await other.append("b");
      await using early = await new LogReader(one).whenReady();
      await using late = await new LogReader(other).whenReady();
      await one.append("c");
      for (const reader of [early, late]) {
        await reader.told("c");
        assertEquals(reader.log, ["a", "b", "<ready>", "c"]);
        assertEquals([reader.unsaid, reader.states], [undefined, [true]]);
      }
      assertEquals(early.positions, late.positions);
      await Promise.all([one.close(), other.close()]);
    });

    it("is ready at once where there is nothing yet", async () => {
      await using ground = await start();
      const broker = await ground.broker();
      await using reader = await new LogReader(broker).whenReady();
      assertEquals(reader.log, ["<ready>"]);
      await broker.close();
    });

    it("carries any text there is", async () => {
      await using ground = await start();
      const broker = await ground.broker();
      const texts = ["", "\n", "\0", "two\nlines\r\n", "中文 👋 \u2028", "x".repeat(1024 * 1024)];
      await using reader = await new LogReader(broker).whenReady();
      for (const text of texts) await broker.append(text);
      await reader.told(texts.at(-1)!);
      assertEquals(reader.entries.map(brief), texts.map(brief));
      assertEquals(reader.unsaid, undefined);
      await broker.close();
    });

    it("has all that several nodes append at once, each node's in its order", async () => {
      await using ground = await start();
      const brokers = [await ground.broker(), await ground.broker(), await ground.broker()];
      const readers = await Promise.all(brokers.map((broker) => new LogReader(broker).whenReady()));
      await Promise.all(brokers.map(async (broker, node) => {
        for (let n = 0; n < 100; n++) await broker.append(`${node}:${n}`);
      }));
      for (const reader of readers) {
        await until("all are told", () => reader.entries.length === 300);
        assertEquals(reader.entries, readers[0]!.entries);
        assertEquals(reader.unsaid, undefined);
        for (const node of [0, 1, 2]) {
          const own = reader.entries.filter((entry) => entry.startsWith(`${node}:`));
          assertEquals(own, Array.from({ length: 100 }, (_, n) => `${node}:${n}`));
        }
      }
      await Promise.all(readers.map((reader) => reader.end()));
      await Promise.all(brokers.map((broker) => broker.close()));
    });

    it("ends reading when its signal aborts, and reads again from what is kept", async () => {
      await using ground = await start();
      const broker = await ground.broker();
      const first = await new LogReader(broker).whenReady();
      await broker.append("a");
      await first.told("a");
      await first.end();
      await broker.append("b");
      await using second = await new LogReader(broker).whenReady();
      assertEquals([first.log, second.log], [["<ready>", "a"], ["a", "b", "<ready>"]]);
      await broker.close();
    });

    it("ends readers when it is closed, and refuses what is appended then", async () => {
      await using ground = await start();
      const broker = await ground.broker();
      const reader = await new LogReader(broker).whenReady();
      await broker.close();
      await reader.end();
      await assertRejects(() => broker.append("a"), Error, "closed");
      const late = new LogReader(broker);
      await late.ended;
      assertEquals([late.log, late.states], [[], []]);
      await broker.close();
    });

    it("loses nothing when the engine is away for a moment", async () => {
      await using ground = await start();
      const [one, other] = [await ground.broker(), await ground.broker()];
      await using reader = await new LogReader(one).whenReady();
      for (let n = 0; n < 10; n++) await other.append(`before ${n}`);
      await reader.told("before 9");
      await ground.restart();
      for (let n = 0; n < 10; n++) await insist(other, `after ${n}`);
      await reader.told("after 9");
      const told = reader.entries.filter((entry, at, all) => all.indexOf(entry) === at);
      assertEquals(told.length, 20);
      assertEquals([reader.lostReasons, reader.unsaid], [[], undefined]);
      // A client that connects again by itself, and in time, keeps it to itself.
      assertEquals(reader.states, reader.states.length === 1 ? [true] : [true, false, true]);
      await Promise.all([one.close(), other.close()]);
    });

    it("waits while the engine hangs, and loses nothing", async () => {
      await using ground = await start();
      const broker = await ground.broker();
      await using reader = await new LogReader(broker).whenReady();
      await broker.append("before");
      const hanging = ground.hang(hangs);
      const appending = insist(broker, "after");
      await hanging;
      await appending;
      await reader.told("after");
      assertEquals([reader.lostReasons, reader.unsaid], [[], undefined]);
      await broker.close();
    });

    it("says once that the log is gone, and tells all of the new one", async () => {
      await using ground = await start();
      const [one, other] = [await ground.broker(), await ground.broker()];
      await using reader = await new LogReader(one).whenReady();
      await other.append("a");
      await reader.told("a");
      await ground.empty();
      for (let n = 0; n < 5; n++) await insist(other, `new ${n}`);
      await reader.told("new 4");
      assertEquals(reader.log.slice(0, 3), ["<ready>", "a", "<lost: gone>"]);
      assertEquals(
        [...new Set(reader.entries)],
        ["a", 0, 1, 2, 3, 4].map((n) => n === "a" ? n : `new ${n}`),
      );
      assertEquals(reader.lostReasons, ["gone"]);
      // Both may have begun a new log: then the second says by its epoch that it is another one, and nothing is lost.
      for (const [at, { epoch, offset }] of reader.positions.entries()) {
        const last = reader.positions[at - 1];
        if (last?.epoch === epoch) assertEquals(offset, last.offset + 1);
      }
      assertNotEquals(reader.positions.at(-1)!.epoch, reader.positions[0]!.epoch);
      await Promise.all([one.close(), other.close()]);
    });

    it("says that what was read is in the log no more, and tells what took its place", async () => {
      await using ground = await start();
      const [one, other] = [await ground.broker(), await ground.broker()];
      for (const entry of ["a", "b", "c"]) await one.append(entry);
      const restore = await ground.snapshot();
      await using reader = await new LogReader(one).whenReady();
      for (const entry of ["lost 1", "lost 2"]) await insist(one, entry);
      await reader.told("lost 2");
      await restore();
      // As many as were lost, and more: by their numbers alone they would follow.
      for (let n = 0; n < 5; n++) await insist(other, `new ${n}`);
      await reader.told("new 4");
      await reader.whenLost("forked");
      const after = reader.log.slice(reader.log.lastIndexOf("<lost: forked>") + 1);
      const seen = [...new Set(after)];
      for (const entry of ["new 0", "new 1", "new 2", "new 3", "new 4"]) {
        assert(seen.includes(entry), `${entry} of ${JSON.stringify(reader.log)}`);
      }
      assertEquals(reader.lostReasons, ["forked"]);
      await insist(one, "more");
      await reader.told("more");
      assertNotEquals(reader.positions.at(-1)!.epoch, reader.positions[0]!.epoch);
      await Promise.all([one.close(), other.close()]);
    });

    it("says that some were trimmed before they were told", async () => {
      await using ground = await start();
      const [one, other] = [await ground.broker(), await ground.broker()];
      await using reader = await new LogReader(one).whenReady();
      await insist(one, "a");
      await reader.told("a");
      await ground.trim(2, async () => {
        for (let n = 0; n < 300; n++) await other.append(`${n}`);
      });
      await reader.told("299");
      const at = reader.log.indexOf("<lost: trimmed>");
      assertEquals(reader.log.slice(0, 2), ["<ready>", "a"]);
      assertEquals(reader.log.slice(at + 1), ["298", "299"]);
      assertEquals([reader.lostReasons, reader.unsaid], [["trimmed"], undefined]);
      assertEquals(reader.positions.at(-1)!.epoch, reader.positions[0]!.epoch);
      await Promise.all([one.close(), other.close()]);
    });
  });
}

function brief(text: string): string {
  return text.length > 50 ? `${text.slice(0, 10)}… ${text.length}` : text;
}
