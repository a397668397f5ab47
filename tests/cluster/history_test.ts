import { assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { History, type Missed } from "../../cluster/history.ts";
import { FakeClock } from "../../testing.ts";

const at = (offset: number, index = 0, epoch = "e") => ({ epoch, offset, index });
const brief = ({ recovered, messages }: Missed) =>
  recovered ? messages.map(({ data }) => data) : false;

function start(limits: Partial<ConstructorParameters<typeof History>[0]> = {}) {
  const clock = new FakeClock();
  const history = new History({ messages: 100, bytes: 1e6, age: 300_000, ...limits }, clock);
  return { clock, history };
}

describe("the history of topics", () => {
  it("has what was published after a place, and nothing of other topics", () => {
    const { history } = start();
    history.add("a", at(1, 0), "1.0");
    history.add("b", at(1, 1), "1.1");
    history.add("a", at(1, 2), "1.2");
    history.add("a", at(2), "2.0");
    assertEquals(brief(history.since("a", at(0))), ["1.0", "1.2", "2.0"]);
    assertEquals(brief(history.since("a", at(1, 0))), ["1.2", "2.0"]);
    assertEquals(brief(history.since("a", at(1, 1))), ["1.2", "2.0"]);
    assertEquals(brief(history.since("a", at(2))), []);
    assertEquals(brief(history.since("b", at(1, 1))), []);
    assertEquals(brief(history.since("nobody's", at(1))), []);
    assertEquals(history.position, at(2));
  });

  it("knows nothing of another epoch, nor of what was before it began", () => {
    const { history } = start();
    assertEquals(brief(history.since("a", at(1))), false);
    history.add("a", at(50, 3), "x");
    assertEquals(brief(history.since("a", at(49, 7))), false);
    assertEquals(brief(history.since("a", at(50, 0))), ["x"]);
    assertEquals(brief(history.since("b", at(49))), false);
    history.add("a", at(1, 0, "f"), "y");
    assertEquals(brief(history.since("a", at(50, 3))), false);
    assertEquals(brief(history.since("a", at(0, 0, "f"))), ["y"]);
  });

  it("knows nothing of what is before a gap", () => {
    const { history } = start();
    history.add("a", at(1), "x");
    history.clear();
    assertEquals([history.position, history.bytes], [undefined, 0]);
    history.add("a", at(9), "y");
    assertEquals(brief(history.since("a", at(1))), false);
    assertEquals(brief(history.since("a", at(9))), []);
  });

  it("lets go of nothing new for what is older than a gap, or of another epoch", async () => {
    const ways: Record<string, [gap: (history: History) => void, epoch: string]> = {
      "a gap": [(history) => history.clear(), "e"],
      "an epoch": [() => {}, "f"],
    };
    for (const [what, [gap, epoch]] of Object.entries(ways)) {
      const { clock, history } = start({ age: 10_000 });
      history.add("a", at(1), "x");
      gap(history);
      await clock.advance(5000);
      for (const n of [2, 3]) history.add("a", at(n, 0, epoch), `${n}`);
      await clock.advance(6000); // the first would be too old by now
      assertEquals(brief(history.since("a", at(2, 0, epoch))), ["3"], what);
      assertEquals(history.bytes > 0, true, what);
    }
  });

  it("keeps so many messages of a topic", () => {
    const { history } = start({ messages: 3 });
    for (let n = 1; n <= 500; n++) history.add("a", at(n), `${n}`);
    history.add("b", at(501), "b");
    assertEquals(brief(history.since("a", at(496))), false);
    assertEquals(brief(history.since("a", at(497))), ["498", "499", "500"]);
    assertEquals(brief(history.since("b", at(1))), ["b"], "another topic is whole");
    assertLessOrEqual(history.bytes, 4 * 110);
  });

  it("keeps as many messages of a topic whose oldest were too old", async () => {
    const { history, clock } = start({ messages: 3, age: 1000 });
    for (const n of [1, 2]) history.add("a", at(n), `${n}`);
    await clock.advance(1001);
    for (const n of [3, 4, 5]) history.add("a", at(n), `${n}`);
    assertEquals(brief(history.since("a", at(2))), ["3", "4", "5"]);
    history.add("a", at(6), "6");
    assertEquals(brief(history.since("a", at(2))), false);
    assertEquals(brief(history.since("a", at(3))), ["4", "5", "6"]);
  });

  it("keeps what is so old at the most", async () => {
    const { history, clock } = start({ age: 1000 });
    history.add("a", at(1), "1");
    await clock.advance(600);
    history.add("a", at(2), "2");
    await clock.advance(600);
    assertEquals(brief(history.since("a", at(0))), false);
    assertEquals(brief(history.since("a", at(1))), ["2"]);
    await clock.advance(600);
    assertEquals(brief(history.since("a", at(1))), false);
    assertEquals(brief(history.since("a", at(2))), []);
    assertEquals(history.bytes, 0);
    // A topic of which nothing is left is known as well as any.
    history.add("a", at(3), "3");
    assertEquals(brief(history.since("a", at(1))), false);
    assertEquals(brief(history.since("a", at(2))), ["3"]);
  });

  it("keeps what is as old as may be, and not a millisecond longer", async () => {
    const { history, clock } = start({ age: 1000 });
    history.add("a", at(1), "1");
    await clock.advance(1000);
    assertEquals(brief(history.since("a", at(0))), ["1"]);
    await clock.advance(1);
    assertEquals(brief(history.since("a", at(0))), false);
  });

  it("forgets with a log what it has dropped of that", async () => {
    const { history, clock } = start({ age: 1000, messages: 1 });
    for (const n of [7, 8]) history.add("a", at(n), "old");
    await clock.advance(1001);
    assertEquals(brief(history.since("nobody's", at(7))), false);
    history.add("b", at(1, 0, "f"), "new");
    for (const [topic, missed] of [["nobody's", []], ["a", []], ["b", ["new"]]] as const) {
      assertEquals(brief(history.since(topic, at(0, 0, "f"))), [...missed], topic);
    }
    history.clear();
    history.add("b", at(2, 0, "f"), "newer");
    for (const topic of ["nobody's", "a"]) {
      assertEquals(brief(history.since(topic, at(2, 0, "f"))), [], topic);
    }
  });

  it("keeps so many bytes of all topics, the newest", () => {
    const { history } = start({ bytes: 10_000 });
    const data = "x".repeat(449); // 998 bytes each, with what it costs besides, and two for the name of each topic
    for (let n = 1; n <= 100; n++) history.add(`${n % 7}`, at(n), data);
    assertLessOrEqual(history.bytes, 10_000);
    assertEquals(history.since("0", at(91)).messages.length, 1);
    assertEquals(brief(history.since("0", at(84))), [data, data].slice(0, 2));
    assertEquals(brief(history.since("0", at(77))), false);
  });

  it("counts the names of topics", () => {
    const { history } = start({ bytes: 10_000 });
    const name = (n: number) => `${n}`.padEnd(1000, ".");
    for (let n = 1; n <= 100; n++) {
      for (const data of ["a", "b"]) history.add(name(n), at(2 * n, data === "a" ? 0 : 1), data);
      assertLessOrEqual(history.bytes, 10_000);
    }
    // 2 × 1000 bytes for the name, and 2 × (2 + 100) for the messages.
    const kept = Array.from({ length: 100 }, (_, n) => history.since(name(n + 1), at(2 * n)));
    assertEquals(kept.map(({ messages }) => messages.length).filter((count) => count > 0), [
      2,
      2,
      2,
      2,
    ]);
    history.clear();
    assertEquals(history.bytes, 0);
  });

  it("costs nothing for topics of which nothing is left", () => {
    const { history } = start({ bytes: 10_000 });
    const before = history.bytes;
    for (let n = 1; n <= 20_000; n++) history.add(`topic ${n}`, at(n), "x");
    assertLess(history.bytes - before, 10_001);
    assertEquals(brief(history.since("topic 20000", at(19_999))), ["x"]);
    assertEquals(brief(history.since("topic 1", at(20_000))), []);
    assertEquals(brief(history.since("topic 1", at(10))), false);
  });

  it("carries bytes", () => {
    const { history } = start();
    history.add("a", at(1), Uint8Array.of(1, 2));
    assertEquals(history.since("a", at(0)).messages[0]!.data, Uint8Array.of(1, 2));
  });

  it("agrees with a list of all there was", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    for (let round = 0; round < 200; round++) {
      const { history } = start({ messages: 1 + random(5), bytes: 200 + random(3000) });
      const all: { topic: string; offset: number; index: number; data: string }[] = [];
      let [offset, index] = [1, 0];
      for (let n = 0; n < 60; n++) {
        if (random(2) === 0) [offset, index] = [offset + 1, 0];
        else index++;
        const topic = `${random(4)}`;
        all.push({ topic, offset, index, data: `${n}` });
        history.add(topic, at(offset, index), `${n}`);
        const since = { offset: random(offset + 1), index: random(3) };
        for (const topic of ["0", "1", "2", "3"]) {
          const { recovered, messages } = history.since(topic, { epoch: "e", ...since });
          if (!recovered) continue;
          const truth = all.filter((one) =>
            one.topic === topic &&
            (one.offset > since.offset || (one.offset === since.offset && one.index > since.index))
          );
          assertEquals(messages.map(({ data }) => data), truth.map(({ data }) => data));
        }
        const newest = all.findLast((one) => one.topic === topic)!;
        const missed = history.since(topic, { epoch: "e", ...newest });
        assertEquals(brief(missed), [], "the newest is always known");
      }
    }
  });
});
