import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ConnectionLimits } from "../../server/limits.ts";

describe("ConnectionLimits", () => {
  it("lets everybody in with no limits", () => {
    const admissions = new ConnectionLimits(Infinity, Infinity);
    for (let i = 0; i < 5000; i++) assertEquals(admissions.enter(`ip${i % 50}`)?.status, undefined);
  });

  it("counts clients by address: 503 for one too many", () => {
    const admissions = new ConnectionLimits(2, Infinity);
    assertEquals(["a", "b", "a", "c", "b"].map((ip) => admissions.enter(ip)?.status), [
      undefined,
      undefined,
      undefined,
      503,
      undefined,
    ]);
  });

  it("counts connections of each address: 429 for one too many", () => {
    const admissions = new ConnectionLimits(Infinity, 2);
    assertEquals(["a", "a", "a", "b", "b", "b"].map((ip) => admissions.enter(ip)?.status), [
      undefined,
      undefined,
      429,
      undefined,
      undefined,
      429,
    ]);
  });

  it("answers a new address 503 and a known one 429 where both limits are reached", () => {
    const admissions = new ConnectionLimits(1, 1);
    assertEquals(["a", "b", "a"].map((ip) => admissions.enter(ip)?.status), [undefined, 503, 429]);
  });

  it("has room at once for who comes after one that has left", () => {
    const admissions = new ConnectionLimits(1, 2);
    admissions.enter("a");
    admissions.enter("a");
    admissions.release("a");
    assertEquals(admissions.enter("b")?.status, 503);
    assertEquals(admissions.enter("a")?.status, undefined);
    admissions.release("a");
    admissions.release("a");
    assertEquals(admissions.enter("b")?.status, undefined);
    assertEquals(admissions.enter("a")?.status, 503);
  });

  it("does not count who was refused", () => {
    const admissions = new ConnectionLimits(1, 1);
    admissions.enter("a");
    for (let i = 0; i < 10; i++) admissions.enter(i % 2 ? "a" : "b");
    admissions.release("a");
    assertEquals(admissions.enter("b")?.status, undefined);
  });
});

describe("ConnectionLimits with a limit on all connections", () => {
  it("refuses whoever comes when there are so many, until one leaves", () => {
    const limits = new ConnectionLimits(Infinity, Infinity, 2);
    assertEquals([limits.enter("a"), limits.enter("a")], [undefined, undefined]);
    for (const ip of ["a", "b"]) assertEquals(limits.enter(ip)?.reason, "max_connections");
    limits.release("a");
    assertEquals(limits.enter("b"), undefined);
  });
});
