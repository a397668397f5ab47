/** When a log is read again that could not be, and what of that is told: no engine, and no time that passes. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BrokerReader } from "../../cluster/broker.ts";
import { Reading, Readings } from "../../cluster/brokers/reading.ts";
import { until } from "../helpers/until.ts";

type Attempt = "ends" | "fails" | "is up and fails";

/** Reads as it is told to: each attempt takes so many milliseconds, and comes to something. */
class ScriptedReading extends Reading<string> {
  readonly attempts: [ms: number, comesTo: Attempt][];
  readonly ahead: string[] = [];
  readonly log: string[];
  readonly #pass: (ms: number) => void;

  constructor(
    attempts: [number, Attempt][],
    log: string[],
    pass: (ms: number) => void,
    signal: AbortSignal,
  ) {
    const reader: BrokerReader = {
      entry() {},
      ready() {},
      lost() {},
      state: (up, cause) => log.push(up ? "up" : `down: ${(cause as Error).message}`),
    };
    super(reader, signal);
    this.attempts = attempts;
    this.log = log;
    this.#pass = pass;
  }

  protected override async read(): Promise<void> {
    const [ms, comesTo] = this.attempts.shift() ?? [0, "ends"];
    await undefined;
    if (comesTo === "is up and fails") {
      this.see();
      this.up();
    }
    this.#pass(ms);
    if (this.attempts.length === 0) this.end();
    if (comesTo !== "ends") throw new Error("no luck");
  }

  protected override tellAhead(row: string): void {
    this.ahead.push(row);
  }

  protected override interrupt(): void {
    if (this.log.at(-1) !== "interrupted") this.log.push("interrupted");
  }
}

/** Reads until it is interrupted. */
class WaitingReading extends ScriptedReading {
  #end: () => void = () => {};

  protected override read(): Promise<void> {
    return new Promise((resolve) => this.#end = resolve);
  }

  protected override interrupt(): void {
    this.#end();
  }

  /** The stream is the one that was read. */
  found(): void {
    this.see();
  }
}

/** Fails once, and then reads until it is interrupted. */
class LuckyReading extends WaitingReading {
  #isFirst = true;

  protected override read(): Promise<void> {
    if (!this.#isFirst) {
      this.up();
      return super.read();
    }
    this.#isFirst = false;
    return Promise.reject(new Error("no luck"));
  }
}

/** Has a reading run to its end while time is what the test says. Returns how long it paused each time. */
async function run(attempts: [number, Attempt][]): Promise<{ pauses: number[]; log: string[] }> {
  const [now, set] = [performance.now, globalThis.setTimeout];
  const pauses: number[] = [];
  const log: string[] = [];
  let time = 1000;
  performance.now = () => time;
  globalThis.setTimeout = ((task: () => void, ms: number) => {
    pauses.push(ms);
    queueMicrotask(task);
  }) as unknown as typeof setTimeout;
  try {
    const { signal } = new AbortController();
    const reading = new ScriptedReading(attempts, log, (ms) => void (time += ms), signal);
    await new Readings<string>().run(reading);
  } finally {
    performance.now = now;
    globalThis.setTimeout = set;
  }
  return { pauses, log };
}

const fails = (count: number, ms = 0, comesTo: Attempt = "fails") =>
  Array<[number, Attempt]>(count).fill([ms, comesTo]);

describe("a log that cannot be read", () => {
  const first = [20, 40, 80, 160, 320, 640, 1000];
  const cases: [name: string, attempts: [number, Attempt][], pauses: number[]][] = [
    ["is tried again sooner at first, and each second at last", fails(10), [...first, 1000, 1000]],
    ["is not tried again when it has ended", fails(1), []],
    ["is tried again soon after it was read for over 5 s", [
      ...fails(7),
      [5001, "is up and fails"],
      ...fails(3),
    ], [...first, 20, 40, 80]],
    ["is not after 5 s or less", [...fails(7), [5000, "fails"], ...fails(2)], [
      ...[...first, 1000, 1000],
    ]],
    ["is tried again soon each time that it was read for long", fails(4, 6000), [20, 20, 20]],
    ["is read again where reading just ends", [[0, "ends"], [0, "ends"], [0, "ends"]], [20, 40]],
  ];
  for (const [name, attempts, pauses] of cases) {
    it(name, async () => {
      assertEquals((await run(attempts)).pauses, pauses);
    });
  }

  it("is told to be down once, and up once, however often it is tried", async () => {
    const { log } = await run([
      ...fails(3),
      [0, "is up and fails"],
      ...fails(2),
      [0, "is up and fails"],
      [0, "ends"],
    ]);
    assertEquals(log.filter((line) => line !== "interrupted"), [
      ...["down: no luck", "up", "down: no luck", "up", "down: no luck"],
    ]);
    // What it was at is ended before it is said to be down: nothing goes on over the old connection.
    assertEquals(log.slice(0, 2), ["interrupted", "down: no luck"]);
  });
});

describe("those who read by one broker", () => {
  it("are told what was appended where it is known that the stream is the one that was read", () => {
    const controller = new AbortController();
    const reading = new ScriptedReading([], [], () => {}, controller.signal);
    reading.appended("a");
    assertEquals([reading.isSeen, reading.ahead], [false, []], "nobody has looked");
    (reading as unknown as { see(): void }).see();
    reading.appended("b");
    assertEquals([reading.isSeen, reading.ahead], [true, ["b"]]);
    reading.doubt();
    reading.appended("c");
    (reading as unknown as { see(): void }).see();
    controller.abort();
    reading.appended("d");
    assertEquals([reading.isSeen, reading.ahead], [false, ["b"]]);
  });

  it("are waited for until each has looked, has ended, or has taken too long", async () => {
    const readings = new Readings<string>();
    assertEquals(readings.isSeen, true, "nobody reads");
    await readings.seen(5);
    const all = [1, 2].map(() => {
      const controller = new AbortController();
      const reading = new WaitingReading([], [], () => {}, controller.signal);
      return { reading, controller, running: readings.run(reading) };
    });
    const [one, other] = all as [typeof all[0], typeof all[0]];
    assertEquals([readings.size, readings.isSeen], [2, false]);
    one.reading.found();
    assertEquals(readings.isSeen, false, "one of two has not");
    const late = await readings.seen(5).catch(({ message }: Error) => message);
    assertEquals(late, "the log could not be read within 5 ms");
    const seen = readings.seen(60_000);
    other.reading.found();
    await seen;
    assertEquals(readings.isSeen, true);
    one.reading.doubt();
    assertEquals(readings.isSeen, false);
    const ended = readings.seen(60_000);
    one.controller.abort();
    await ended;
    await one.running;
    assertEquals([readings.size, readings.isSeen], [1, true]);
    other.reading.doubt();
    const none = readings.seen(60_000).catch(({ message }: Error) => message);
    await readings.end();
    assertEquals(await none, "reading has ended");
    await other.running;
    assertEquals(readings.size, 0);
  });

  it("say why it could not be read to those who wait, until it can", async () => {
    const readings = new Readings<string>();
    const { signal } = new AbortController();
    const reading = new LuckyReading([], [], () => {}, signal);
    const running = readings.run(reading);
    const late = () => readings.seen(5).catch(({ message }: Error) => message);
    assertEquals(await late(), "the log could not be read within 5 ms: Error: no luck");
    await until("it can", () => reading.log.includes("up"));
    assertEquals(await late(), "the log could not be read within 5 ms");
    await readings.end();
    await running;
  });
});
