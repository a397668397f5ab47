import { assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { OwnPlaces, PLACE, type Place, TimeoutQueue } from "../../internal/timeout_queue.ts";
import { FakeClock } from "../../testing.ts";
import { collect } from "../helpers/memory.ts";

function setUp(
  { ms = 100, slack, most, mostMs, keepsTimer }: {
    ms?: number;
    slack?: number;
    most?: number;
    mostMs?: number;
    keepsTimer?: boolean;
  } = {},
) {
  const clock = new FakeClock();
  const log: string[] = [];
  const hooks = { expired: (_: string) => {}, took: 0 };
  const queue = new TimeoutQueue<string>({
    clock: {
      now: () => clock.now() + hooks.took,
      setTimer: (task, ms) => clock.setTimer(task, ms),
      clearTimer: (timer) => clock.clearTimer(timer),
    },
    ms,
    ...(slack === undefined ? {} : { slack }),
    ...(most === undefined ? {} : { most }),
    ...(mostMs === undefined ? {} : { mostMs }),
    ...(keepsTimer === undefined ? {} : { keepsTimer }),
    expired: (item, late) => {
      log.push(`${item} ${late}`);
      hooks.expired(item);
    },
  });
  return { clock, log, queue, hooks };
}

describe("TimeoutQueue", () => {
  it("has no timer with no items", () => {
    const { clock } = setUp();
    assertEquals(clock.pending, 0);
  });

  for (const [keepsTimer, pending] of [[true, 1], [false, 0]] as const) {
    it(`has ${pending === 1 ? "its" : "no"} timer when no item is left, 'keepsTimer' being ${keepsTimer}`, () => {
      const { clock, log, queue } = setUp({ keepsTimer });
      queue.add("a");
      clock.tick(30);
      queue.delete("a");
      assertEquals(clock.pending, pending);
      queue.add("b");
      assertEquals(clock.pending, 1);
      clock.tick(100);
      assertEquals([log, clock.pending], [["b 0"], 0]);
      queue.add("c");
      queue.close();
      assertEquals(clock.pending, 0);
    });
  }

  it("tells of each item when its time has passed, in order, and keeps no timer", () => {
    const { clock, log, queue } = setUp();
    queue.add("a");
    clock.tick(30);
    queue.add("b");
    assertEquals(clock.pending, 1);
    clock.tick(69);
    assertEquals(log, []);
    clock.tick(1);
    assertEquals(log, ["a 0"]);
    assertEquals(queue.size, 1);
    clock.tick(30);
    assertEquals(log, ["a 0", "b 0"]);
    assertEquals(clock.pending, 0);
  });

  it("makes an item wait from the start when it is added again", () => {
    const { clock, log, queue } = setUp();
    queue.add("a");
    queue.add("b");
    clock.tick(50);
    queue.add("a");
    clock.tick(50);
    assertEquals(log, ["b 0"]);
    clock.tick(50);
    assertEquals(log, ["b 0", "a 0"]);
  });

  it("forgets an item, and its timer with the last one", () => {
    const { clock, log, queue } = setUp();
    queue.add("a");
    queue.add("b");
    queue.delete("a");
    assertEquals(clock.pending, 1);
    clock.tick(100);
    assertEquals(log, ["b 0"]);
    queue.add("c");
    queue.delete("c");
    queue.delete("c");
    queue.delete("stranger");
    assertEquals(clock.pending, 0);
    clock.tick(1000);
    assertEquals(log, ["b 0"]);
  });

  it("is right about an item added after the one that its timer was set for has gone", () => {
    const { clock, log, queue } = setUp();
    queue.add("a");
    clock.tick(90);
    queue.add("b");
    queue.delete("a");
    clock.tick(99);
    assertEquals(log, []);
    clock.tick(1);
    assertEquals(log, ["b 0"]);
  });

  it("takes items that are due within the slack along, and those only", () => {
    const { clock, log, queue } = setUp({ slack: 10 });
    queue.add("a");
    clock.tick(10);
    queue.add("b");
    clock.tick(1);
    queue.add("c");
    clock.tick(89);
    assertEquals(log, ["a 0", "b -10"]);
    clock.tick(11);
    assertEquals(log, ["a 0", "b -10", "c 0"]);
  });

  it("tells of so many at a time, in order, and of the others at once", () => {
    const { clock, log, queue } = setUp({ most: 2 });
    for (const item of ["a", "b", "c", "d", "e"]) queue.add(item);
    clock.tick(99);
    assertEquals([log, clock.pending], [[], 1]);
    clock.tick(1);
    assertEquals(log, ["a 0", "b 0"]);
    clock.tick(1); // as short as a timer can be
    assertEquals(log, ["a 0", "b 0", "c 1", "d 1"]);
    clock.tick(1);
    assertEquals(log, ["a 0", "b 0", "c 1", "d 1", "e 2"]);
    assertEquals(clock.pending, 0);
  });

  it("tells of no other once that has taken so long, and of those at once", () => {
    const { clock, log, queue, hooks } = setUp({ most: 4, mostMs: 0.5 });
    const took = { a: 2, b: 1, c: 1, d: 2, e: 8, f: 0, g: 0, h: 0, i: 0 };
    hooks.expired = (item) => void (hooks.took += took[item as keyof typeof took] / 8);
    for (const item of Object.keys(took)) queue.add(item);
    clock.tick(100);
    assertEquals(log, ["a 0", "b 0", "c 0"]); // half a millisecond
    clock.tick(1);
    assertEquals(log.slice(3), ["d 1.5", "e 1.5"]); // 1.25 ms: one cannot be divided
    clock.tick(1);
    assertEquals(log.slice(5), ["f 3.75", "g 3.75", "h 3.75", "i 3.75"]);
    assertEquals(clock.pending, 0);
  });

  it("says how late it is after the process was blocked", () => {
    const { clock, log, queue } = setUp();
    queue.add("a");
    clock.tick(20);
    queue.add("b");
    clock.block(1000);
    assertEquals(log, ["a 920", "b 900"]);
  });

  it("lets an item that is told of add itself again, for another turn", () => {
    const { clock, log, queue, hooks } = setUp();
    hooks.expired = (item) => queue.add(item);
    queue.add("a");
    clock.tick(300);
    assertEquals(log, ["a 0", "a 0", "a 0"]);
    assertEquals(clock.pending, 1);
  });

  it("ends where items add themselves again and wait no time at all", () => {
    const { clock, log, queue, hooks } = setUp({ ms: 0 });
    hooks.expired = (item) => queue.add(item);
    queue.add("a");
    queue.add("b");
    clock.tick(1);
    assertEquals(log.length, 2);
    queue.delete("a");
    queue.delete("b");
    assertEquals(clock.pending, 0);
  });

  it("lets an item that is told of delete others", () => {
    const { clock, log, queue, hooks } = setUp();
    hooks.expired = () => queue.delete("b");
    for (const item of ["a", "b", "c"]) queue.add(item);
    clock.tick(100);
    assertEquals(log, ["a 0", "c 0"]);
    assertEquals(clock.pending, 0);
  });

  it("does not lose an item added while another is told of and one is deleted", () => {
    const { clock, log, queue, hooks } = setUp();
    hooks.expired = (item) => {
      if (item !== "a") return;
      queue.delete("b");
      queue.add("d");
    };
    for (const item of ["a", "b", "c"]) queue.add(item);
    clock.tick(100);
    assertEquals(log, ["a 0", "c 0"]);
    clock.tick(100);
    assertEquals(log, ["a 0", "c 0", "d 0"]);
  });

  it("lets an item that is told of be added again after all were removed, and then removed", () => {
    const { clock, log, queue, hooks } = setUp();
    hooks.expired = (item) => {
      queue.close();
      queue.add(item);
    };
    queue.add("a");
    clock.tick(100);
    queue.delete("a");
    clock.tick(100);
    assertEquals([log, queue.size, clock.pending], [["a 0"], 0, 0]);
  });

  it("does what a list does, whatever is added and removed, while items are told of, too", () => {
    for (let seed = 1; seed <= 30; seed++) {
      let state = seed;
      const random = (below: number) => (state = state * 48_271 % 2_147_483_647) % below;
      const { clock, queue, hooks } = setUp();
      let list: { item: string; due: number }[] = [];
      const change = () => {
        const item = "abcdefgh"[random(8)]!;
        if (random(40) === 0) {
          queue.close();
          list = [];
          return;
        }
        list = list.filter((one) => one.item !== item);
        if (random(3) === 0) return queue.delete(item);
        queue.add(item);
        list.push({ item, due: clock.now() + 100 });
      };
      hooks.expired = (item) => {
        assertEquals(list.shift(), { item, due: clock.now() }, `seed ${seed}`);
        for (let i = random(3); i > 0; i--) change();
      };
      for (let ms = 0; ms < 1000; ms++) {
        for (let i = random(3); i > 1; i--) change();
        assertEquals([queue.size, clock.pending], [list.length, Math.min(1, list.length)]);
        clock.tick(1);
        assertEquals(list.filter(({ due }) => due <= clock.now()), [], `seed ${seed}`);
      }
    }
  });

  it("has one timer for 10,000 items that come and go", () => {
    const { clock, log, queue } = setUp();
    for (let i = 0; i < 10_000; i++) {
      queue.add(String(i));
      if (i % 3 === 0) queue.delete(String(i));
      clock.tick(0.01);
      assertLessOrEqual(clock.pending, 1);
    }
    clock.tick(200);
    assertEquals(log.length, 6_666);
    assertEquals(clock.pending, 0);
  });

  it("notes a place where an item has a field for it, as long as the item waits", () => {
    class Item {
      readonly name: string;
      [PLACE]: Place<Item> | undefined = undefined;

      constructor(name: string) {
        this.name = name;
      }
    }
    const [a, b, c] = [new Item("a"), new Item("b"), new Item("c")];
    const other = { name: "other" } as Item; // in the map
    const all = [a, b, other, c];
    const clock = new FakeClock();
    const log: string[] = [];
    const queue = new TimeoutQueue<Item>({
      clock,
      ms: 100,
      places: new OwnPlaces(),
      expired(item) {
        log.push(item.name);
        if (log.length === 1) queue.add(item);
      },
    });
    const have = () => all.map((item) => [queue.has(item), item[PLACE]?.item === item]);
    for (const item of all) queue.add(item);
    assertEquals(have(), [[true, true], [true, true], [true, false], [true, true]]);
    queue.delete(b);
    assertEquals(have(), [[true, true], [false, false], [true, false], [true, true]]);
    clock.tick(100);
    assertEquals(log, ["a", "other", "c"]);
    assertEquals(have(), [[true, true], [false, false], [false, false], [false, false]]);
    queue.add(other);
    queue.close();
    assertEquals(all.map((item) => [queue.has(item), PLACE in item && item[PLACE]]), [
      [false, undefined],
      [false, undefined],
      [false, false],
      [false, undefined],
    ]);
    assertEquals(clock.pending, 0);
  });

  it("holds no item that was told of, or was deleted", async () => {
    const clock = new FakeClock();
    const queue = new TimeoutQueue<object>({ clock, ms: 100, expired() {} });
    const refs = Array.from({ length: 1000 }, (_, i) => {
      const item = { i };
      queue.add(item);
      if (i % 2 === 0) queue.delete(item);
      return new WeakRef(item);
    });
    clock.tick(100);
    await new Promise((resolve) => setTimeout(resolve)); // a WeakRef holds what it was made of for a turn
    collect();
    assertLessOrEqual(refs.filter((ref) => ref.deref() !== undefined).length, 100);
    queue.close();
  });
});
