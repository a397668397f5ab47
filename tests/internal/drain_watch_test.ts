import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DrainWatch, drainWatchOn, OVER } from "../../internal/drain_watch.ts";
import { FakeClock } from "../../testing.ts";

/** A queue that falls at a steady rate, in bytes a millisecond. */
class Queue {
  looks = 0;
  readonly #clock: FakeClock;
  readonly #from: number;
  readonly #bytes: number;
  readonly #rate: number;

  constructor(clock: FakeClock, bytes: number, rate: number) {
    this.#clock = clock;
    this.#from = clock.now();
    this.#bytes = bytes;
    this.#rate = rate;
  }

  get bufferedAmount(): number {
    this.looks++;
    return Math.max(0, this.#bytes - (this.#clock.now() - this.#from) * this.#rate);
  }
}

/** A watch that looks, and a note of what it answers. */
function looking(clock = new FakeClock()) {
  const watch = new DrainWatch<Queue>({ clock, isTold: false });
  const answers: unknown[] = [];
  const wait = (queue: Queue, bytes = 0) =>
    void watch.wait(queue, bytes).then((drained) => answers.push([bytes, drained, clock.now()]));
  return { clock, watch, answers, wait };
}

describe("DrainWatch", () => {
  it("looks at a queue that any number wait for", async () => {
    const { clock, answers, wait } = looking();
    const queue = new Queue(clock, 1000, 1);
    for (let i = 0; i < 200_000; i++) wait(queue);
    await clock.advance(1100);
    assertEquals(answers.length, 200_000);
  });

  it("answers at once where no more are queued, with no timer", async () => {
    const { clock, answers, wait } = looking();
    wait(new Queue(clock, 10, 1), 10);
    assertEquals(clock.pending, 0);
    await clock.advance(0);
    assertEquals(answers, [[10, true, 1000]]);
  });

  it("looks sooner at a queue that falls soon, and leaves no timer", async () => {
    for (const rate of [1, 10, 1000, 40_000]) {
      const { clock, answers, wait } = looking();
      const queue = new Queue(clock, 100 * rate, rate); // each takes 100 ms
      wait(queue);
      await clock.advance(300);
      const [[, drained, at] = []] = answers as [number, boolean, number][];
      assertEquals(drained, true);
      assertLess(at! - 1100, 3, `rate ${rate}: late`);
      assertLess(queue.looks, 12, `rate ${rate}: busy`);
      assertEquals(clock.pending, 0);
    }
  });

  it("looks ten times a second at a queue that does not fall", async () => {
    const { clock, watch, answers, wait } = looking();
    const queue = new Queue(clock, 1000, 0);
    wait(queue);
    await clock.advance(10_000);
    assertEquals(answers, []);
    assert(queue.looks > 90 && queue.looks < 120, `${queue.looks} looks`);
    watch.over(queue);
    await clock.advance(0);
    assertEquals([answers, clock.pending], [[[0, false, 11_000]], 0]);
  });

  it("looks less and less often at a queue that does not fall, each at its own times", async () => {
    const TIMES = [0, 1, 3, 7, 15, 31, 63, 127, 227, 327];
    const { clock, watch, wait } = looking();
    const looks: number[][] = [[], [], []];
    const queues = looks.map((times, index) => {
      const began = clock.now() + 2 * index;
      return {
        get bufferedAmount() {
          times.push(clock.now() - began);
          return 1000;
        },
      } as Queue;
    });
    for (const queue of queues) {
      wait(queue);
      await clock.advance(2);
    }
    await clock.advance(327 + 4 - 6);
    assertEquals(looks, [[...TIMES], [...TIMES], [...TIMES]]);
    for (const queue of queues) watch.over(queue);
    await clock.advance(1000);
    assertEquals([looks.map(({ length }) => length), clock.pending], [[10, 10, 10], 0]);
  });

  it("looks when a queue will have fallen, by how it fell since the last look", async () => {
    const { clock, answers, wait } = looking();
    const began = clock.now();
    const looks: number[] = [];
    const queue = {
      /** It falls by 10 bytes a millisecond, from the fifth on. */
      get bufferedAmount() {
        const now = clock.now() - began;
        looks.push(now);
        return Math.max(0, 100 - 10 * Math.max(0, now - 5));
      },
    } as Queue;
    wait(queue, 10);
    wait(queue, 50);
    await clock.advance(100);
    // At 7 it has fallen by 20 in 4 ms: 30 more take 6. At 13, by 60 in 6 ms: 10 more take one.
    assertEquals([looks, clock.fired], [[0, 0, 1, 3, 7, 13, 14], 5]);
    assertEquals(answers, [[50, true, began + 13], [10, true, began + 14]]);
    assertEquals(clock.pending, 0);
  });

  it("tells each who waits for a queue when it is their turn", async () => {
    const { clock, answers, wait } = looking();
    const queue = new Queue(clock, 1000, 10);
    for (const bytes of [0, 500, 900, 500]) wait(queue, bytes);
    await clock.advance(200);
    const told = answers as [number, boolean, number][];
    assertEquals(told.map(([bytes]) => bytes), [900, 500, 500, 0]);
    for (const [bytes, , at] of told) assertLess(at - (2000 - bytes) / 10 - 900, 5);
    assertEquals(clock.pending, 0);
  });

  it("has one timer for ten thousand, and no more looks than it needs", async () => {
    const { clock, watch, answers, wait } = looking();
    const queues = Array.from({ length: 10_000 }, (_, i) => new Queue(clock, 1000, i % 2));
    for (const queue of queues) wait(queue);
    assertEquals(clock.pending, 1);
    await clock.advance(2000);
    assertEquals([answers.length, clock.pending], [5000, 1]);
    const looks = queues.reduce((sum, queue) => sum + queue.looks, 0);
    assertLess(looks, 10_000 * 30);
    for (const queue of queues) watch.over(queue);
    await clock.advance(0);
    assertEquals([answers.length, clock.pending], [10_000, 0]);
  });

  it("goes on for the others when one is over", async () => {
    const { clock, watch, answers, wait } = looking();
    const [one, other] = [new Queue(clock, 10, 0), new Queue(clock, 10, 1)];
    wait(one);
    wait(other);
    watch.over(one);
    watch.over(one);
    await clock.advance(50);
    assertEquals((answers as boolean[][]).map(([, drained]) => drained), [false, true]);
    assertEquals(clock.pending, 0);
  });

  it("tells all who wait for one that is over", async () => {
    const { clock, watch, answers, wait } = looking();
    const queue = new Queue(clock, 1000, 0);
    for (const bytes of [0, 5, 0, 900]) wait(queue, bytes);
    watch.over(queue);
    await clock.advance(0);
    assertEquals(answers.map((one) => (one as unknown[]).slice(0, 2)), [
      ...[[0, false], [5, false], [0, false], [900, false]],
    ]);
    assertEquals(clock.pending, 0);
  });

  it("tells all who wait for one that is gone whether bytes of it are lost, and leaves no timer", async () => {
    for (const lost of [0, 1]) {
      const { clock, watch, answers, wait } = looking();
      const queue = { looks: 0, bufferedAmount: 10 } as Queue;
      wait(queue);
      Object.assign(queue, { bufferedAmount: 0 });
      watch.gone(queue, lost);
      assertEquals(clock.pending, 0);
      await clock.advance(0);
      assertEquals(answers, [[0, lost === 0, 1000]]);
      watch.gone(queue, lost);
    }
  });

  it("waits anew after the only one that it waited for was over", async () => {
    const { clock, watch, answers, wait } = looking();
    const gone = new Queue(clock, 1000, 0);
    wait(gone);
    watch.over(gone);
    assertEquals(clock.pending, 0);
    await clock.advance(1000);
    wait(new Queue(clock, 10, 1));
    await clock.advance(50);
    assertEquals(answers.map((answer) => (answer as unknown[])[1]), [false, true]);
  });

  it("keeps nothing of a queue that has fallen, nor a timer once the last other is over", async () => {
    const { clock, watch, wait } = looking();
    const fallen = new Queue(clock, 10, 1);
    wait(fallen);
    await clock.advance(100);
    assertEquals(clock.pending, 0);
    const { looks } = fallen;
    const other = new Queue(clock, 1000, 0);
    wait(other);
    await clock.advance(150);
    watch.over(other);
    assertEquals([clock.pending, fallen.looks], [0, looks]);
  });

  it("looks when it is told, where it is told, and has no timer", async () => {
    const clock = new FakeClock();
    const watch = new DrainWatch<{ bufferedAmount: number }>({ clock, isTold: true });
    const queue = { bufferedAmount: 10 };
    const answers: unknown[] = [];
    for (const bytes of [0, 5]) {
      void watch.wait(queue, bytes).then((drained) => answers.push([bytes, drained]));
    }
    for (const left of [6, 5, 1, 0]) {
      queue.bufferedAmount = left;
      watch.fell(queue);
      watch.fell({ bufferedAmount: 0 });
    }
    await clock.advance(1000);
    assertEquals([answers, clock.fired], [[[5, true], [0, true]], 0]);
  });
});

describe("what is over", () => {
  it("has not drained", async () => assertEquals(await OVER, false));
});

describe("drainWatchOn()", () => {
  it("looks by itself, as a client's runtime tells nothing", async () => {
    const clock = new FakeClock();
    const answers: boolean[] = [];
    void drainWatchOn(clock).wait(new Queue(clock, 10, 1), 0).then((one) => answers.push(one));
    await clock.advance(20);
    assertEquals(answers, [true]);
  });

  it("is one for each clock", () => {
    const [one, other] = [new FakeClock(), new FakeClock()];
    assertStrictEquals(drainWatchOn(one), drainWatchOn(one));
    assert(drainWatchOn(one) !== drainWatchOn(other));
  });
});
