import {
  assertEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Deferred } from "../../client/deferred.ts";

describe("Deferred", () => {
  it("can be asked for before and after it is settled", async () => {
    const deferred = new Deferred<number>();
    const before = deferred.promise;
    deferred.resolve(1);
    assertStrictEquals(deferred.promise, before);
    assertEquals(await before, 1);
  });

  it("gives an object that nobody can change for the others, nor what it was made of", async () => {
    const deferred = new Deferred<{ code: number }>();
    const given = { code: 1000 };
    deferred.resolve(given);
    given.code = 1; // a listener's own
    const got = await deferred.promise;
    assertThrows(() => got.code = 2, TypeError);
    assertEquals([await deferred.promise, Object.isFrozen(given)], [{ code: 1000 }, false]);
  });

  it("keeps the first result", async () => {
    const deferred = new Deferred<number>();
    deferred.resolve(1);
    deferred.resolve(2);
    deferred.reject(new Error("no"));
    assertEquals(await deferred.promise, 1);
  });

  it("rejects, and harms nobody where nobody waits", async () => {
    const deferred = new Deferred<number>();
    deferred.reject(new Error("unheard")); // would fail this test were it unhandled
    await new Promise((resolve) => setTimeout(resolve, 0));
    await assertRejects(() => deferred.promise, Error, "unheard");
  });

  it("makes room for the next result only once there is one", async () => {
    const deferred = new Deferred<number>();
    const first = deferred.promise;
    deferred.renew();
    assertStrictEquals(deferred.promise, first);
    deferred.resolve(1);
    deferred.renew();
    const second = deferred.promise;
    assertNotStrictEquals(second, first);
    deferred.renew();
    assertStrictEquals(deferred.promise, second);
    deferred.resolve(2);
    assertEquals([await first, await deferred.promise], [1, 2]);
    deferred.renew();
    const third = deferred.promise;
    deferred.renew();
    assertStrictEquals(deferred.promise, third);
    deferred.reject(new Error("no"));
    deferred.renew();
    assertNotStrictEquals(deferred.promise, third);
  });
});
