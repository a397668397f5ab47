import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { causeOf, CloseDeadline, LOOK_MS, unsentError } from "../../internal/close_deadline.ts";

const KIB_64 = 64 * 1024;

describe("CloseDeadline", () => {
  it("gives five seconds to answer where nothing is queued", () => {
    const deadline = new CloseDeadline(0, 1000);
    assertEquals([1000, 1001, 5999, 6000, 7000].map((now) => deadline.look(0, now)), [
      ...[5000, 4999, 1, 0, 0],
    ]);
  });

  it("has a queue looked at four times a second", () => {
    const deadline = new CloseDeadline(1, 0);
    assertEquals(LOOK_MS, 250);
    assertEquals([0, 4749, 4750, 4751, 5000].map((now) => deadline.look(1, now)), [
      ...[250, 250, 250, 249, 0],
    ]);
  });

  it("begins anew when 64 KiB more are read, and no sooner", () => {
    const queued = 10 * KIB_64;
    const deadline = new CloseDeadline(queued, 0);
    assertEquals(deadline.look(queued - KIB_64 + 1, 4999), 1);
    assertEquals(deadline.look(queued - KIB_64, 4999), 250);
    assertEquals(deadline.look(queued - KIB_64, 9998), 1);
    assertEquals(deadline.look(queued - 2 * KIB_64 + 1, 9999), 0);
  });

  it("counts what is read from where it began anew", () => {
    const deadline = new CloseDeadline(3 * KIB_64, 0);
    assertEquals(deadline.look(2 * KIB_64, 4000), 250);
    assertEquals(deadline.look(1 * KIB_64 + 1, 8999), 1);
    assertEquals(deadline.look(1 * KIB_64, 8999), 250);
  });

  it("begins anew once when the queue is empty, however little was in it", () => {
    const deadline = new CloseDeadline(10, 0);
    assertEquals(deadline.look(0, 4999), 5000);
    assertEquals(deadline.look(0, 5999), 4000);
    assertEquals(deadline.look(0, 9999), 0);
  });

  it("is over after two minutes, however much is read", () => {
    const deadline = new CloseDeadline(1000 * KIB_64, 500);
    let queued = 1000 * KIB_64;
    for (let now = 500; now < 120_000; now += 4000) {
      assertEquals(deadline.look(queued -= KIB_64, now), 250);
    }
    assertEquals(deadline.look(queued -= KIB_64, 120_499), 1);
    assertEquals(deadline.look(queued - KIB_64, 120_500), 0);
  });
});

describe("unsentError()", () => {
  it("says how many bytes, who closed, and for what", () => {
    const cause = new Error("enough");
    const [asked, other] = [unsentError(7, true, { cause }), unsentError(8, false)];
    const words = "Websocket Unknown Other Error:";
    assertEquals([asked.message, other.message], [
      `${words} close: 7 bytes that were queued were not sent in time`,
      `${words} 8 bytes that were queued were not sent before the server closed`,
    ]);
    assertEquals([asked.kind, asked.data, asked.cause], ["unsent", "7", cause]);
    assertEquals([other.kind, other.data, other.cause], ["unsent", "8", undefined]);
  });
});

describe("causeOf()", () => {
  it("is what a signal has aborted for, and nothing where it has not", () => {
    const aborter = new AbortController();
    assertEquals([causeOf(undefined), causeOf(aborter.signal)], [{}, {}]);
    const reason = new Error("enough");
    aborter.abort(reason);
    assertEquals(causeOf(aborter.signal), { cause: reason });
  });
});
