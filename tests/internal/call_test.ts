import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readCall } from "../../internal/result.ts";

const callback = () => {};

describe("readCall()", () => {
  it("takes the callback off where it is last", () => {
    assertEquals(readCall("connect", ["url", callback], 2), {
      values: ["url"],
      callback,
      error: undefined,
    });
    assertEquals(readCall("connect", ["url", {}, callback], 2).values, ["url", {}]);
    assertEquals(readCall("close", [callback], 1), { values: [], callback, error: undefined });
  });

  it("counts trailing undefineds as left out, before the callback too", () => {
    assertEquals(readCall("close", [undefined], 1).values, []);
    assertEquals(readCall("close", [undefined, undefined, undefined], 1).error, undefined);
    const { values, callback: found } = readCall("connect", ["url", callback, undefined], 2);
    assertEquals([values, found], [["url"], callback]);
    assertEquals(readCall("connect", ["url", undefined, callback], 2).values, ["url", undefined]);
  });

  it("keeps null, which is a value", () => {
    assertEquals(readCall("close", [null], 1).values, [null]);
  });

  it("takes array-likes, as `arguments` is one", () => {
    assertEquals(readCall("send", { length: 1, 0: "data" }, 1).values, ["data"]);
  });

  it("answers 401 to too many, and to the callback that is among them", () => {
    const call = readCall("close", [{}, {}, callback], 1);
    assertEquals(call.error?.code, 401);
    assertEquals(call.callback, callback);
    assertStringIncludes(call.error!.message, "close: takes at most 1 argument");
    assertStringIncludes(call.error!.message, "2 were given");
  });

  it("finds a callback that is not last, and leaves it among the values", () => {
    const call = readCall("connect", ["url", callback, 5], 2);
    assertEquals(call.callback, callback);
    assertEquals(call.values, ["url", callback, 5]);
    assertEquals(call.error?.code, 401);
  });
});
