import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Backlog } from "../../server/inbound_backlog.ts";

/** A backlog whose owner writes down what it is told. */
function watched(limit: number, canPause = true) {
  const log: string[] = [];
  const backlog = new Backlog(limit, {
    pause: () => (log.push("pause"), canPause),
    resume: () => void log.push("resume"),
    dropTooFast: () => void log.push("overflow"),
  });
  /** Adds a message of so many bytes; gives what ends the work on it. */
  const add = (bytes: number, text = false) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    backlog.add(text ? "x".repeat(bytes) : new ArrayBuffer(bytes), promise);
    return { resolve, reject };
  };
  return { log, add };
}

/** Lets what is settled be noticed. */
const noticed = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

describe("Backlog", () => {
  it("is silent up to the limit, each message weighing 1,024 bytes more than its data", () => {
    const { log, add } = watched(3000);
    add(476);
    add(476, true);
    assertEquals(log, []);
    add(0); // not even an empty one goes beyond
    assertEquals(log, ["pause"]);
  });

  it("pauses once, and resumes when half is done", async () => {
    const { log, add } = watched(3000);
    const works = [add(476), add(476), add(476), add(476)];
    assertEquals(log, ["pause"]);
    works[0]!.resolve();
    works[1]!.resolve();
    await noticed();
    assertEquals(log, ["pause"]); // 3000 are left
    works[2]!.resolve();
    await noticed();
    assertEquals(log, ["pause", "resume"]); // 1500 are
    works[3]!.resolve();
    await noticed();
    assertEquals(log, ["pause", "resume"]);
  });

  it("counts work that fails as done", async () => {
    const { log, add } = watched(100);
    add(200).reject(new Error("failed"));
    await noticed();
    assertEquals(log, ["pause", "resume"]);
  });

  it("counts work that fails as done, and says that it failed, to whom it may concern", async () => {
    const log: unknown[] = [];
    const backlog = new Backlog(100, {
      pause: () => (log.push("pause"), true),
      resume: () => void log.push("resume"),
      dropTooFast: () => void log.push("overflow"),
    });
    for (const why of ["first", "second"]) {
      backlog.add("", Promise.reject(why), (cause) => void log.push(cause));
      await noticed();
    }
    assertEquals(log, ["pause", "resume", "first", "pause", "resume", "second"]);
  });

  it("pauses again and again", async () => {
    const { log, add } = watched(100);
    for (let n = 1; n <= 3; n++) {
      add(200).resolve();
      await noticed();
      assertEquals(log.length, 2 * n);
    }
  });

  it("never pauses for many small ones that are done in time", async () => {
    const { log, add } = watched(2000);
    for (let i = 0; i < 100; i++) {
      add(1).resolve();
      await noticed();
    }
    assertEquals(log, []);
  });

  it("tells of the overflow, once, where reading cannot be stopped", () => {
    const { log, add } = watched(100, false);
    add(200);
    add(200);
    add(200);
    assertEquals(log, ["pause", "pause", "overflow"]);
  });

  it("lets one be alone that is longer than the limit, again and again", async () => {
    const { log, add } = watched(100, false);
    for (let n = 0; n < 3; n++) {
      add(200).resolve();
      await noticed();
    }
    assertEquals(log, Array(3).fill("pause"));
  });
});
