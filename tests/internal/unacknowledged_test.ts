import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { errorOf, Unacknowledged, unacknowledged } from "../../internal/unacknowledged.ts";
import { kindOf } from "../helpers/nodes_in_memory.ts";

describe("Unacknowledged", () => {
  it("counts what waits, and knows the oldest", async () => {
    const waiting = new Unacknowledged();
    assertEquals(waiting.first, 1);
    const answers = [3, 0, 5].map((bytes) => waiting.add(bytes));
    assertEquals(answers.map(({ number }) => number), [1, 2, 3]);
    assertEquals([waiting.size, waiting.bytes, waiting.first], [3, 8, 1]);
    waiting.settle(1, undefined);
    waiting.settle(1, unacknowledged("it is too late for that"));
    waiting.settle(7, undefined);
    assertEquals([waiting.size, waiting.bytes, waiting.first], [2, 5, 2]);
    waiting.end((number) => unacknowledged(`${number}`));
    assertEquals([waiting.size, waiting.bytes, waiting.first], [0, 0, 4]);
    const kinds = await Promise.all(answers.map(({ answer }) => kindOf(answer)));
    assertEquals(kinds, ["true", "unacknowledged", "unacknowledged"]);
  });

  it("is full by bytes, and by the number of messages", () => {
    const waiting = new Unacknowledged();
    void waiting.add(5).answer;
    assertEquals([waiting.isFull(5, 10), waiting.isFull(6, 10)], [false, true]);
    for (let n = 1; n < 65_535; n++) void waiting.add(0).answer;
    assertEquals(waiting.isFull(0, 10), false);
    void waiting.add(0).answer;
    assertEquals(waiting.isFull(0, 10), true);
  });
});

describe("errorOf()", () => {
  it("says what an answer means, whatever it is", () => {
    assertEquals(errorOf(undefined), undefined);
    const kinds = ["failed", "unheard", "unacceptable", "too big", "forgotten", "closed", null, {}]
      .map((refused) => errorOf(refused)!.kind);
    const [refused, unknown] = ["refusedByPeer", "unacknowledged"];
    assertEquals(kinds, [...Array(4).fill(refused), ...Array(4).fill(unknown)]);
    assertStringIncludes(errorOf("constructor")!.message, "cannot tell what has become of it");
  });
});
