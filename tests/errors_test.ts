import { assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, businessError, errorLike } from "../errors.ts";

describe("BusinessError", () => {
  it("prints its code before its message, and no kind", () => {
    const error = businessError("connectFailed", "no answer", { data: "503" });
    assertEquals(
      JSON.stringify(error),
      '{"code":200,"message":"Websocket connect failed: no answer","data":"503"}',
    );
  });

  it("has a kind that tells apart what one code has in common", () => {
    const full = businessError("queueFull", "a");
    const unsent = businessError("unsent", "a");
    assertEquals([full.kind, unsent.kind], ["queueFull", "unsent"]);
    assertEquals(full.code, unsent.code);
    assertFalse(Object.keys(full).includes("kind"));
  });

  it("has no kind where whoever made it gave none", () => {
    assertEquals(new BusinessError(401, "mine").kind, undefined);
  });

  it("has what it was made with and nothing else, and so has a copy of it", () => {
    const details = {
      cause: new Error("before"),
      data: "503",
      reason: "max_clients",
      clientIP: "127.0.0.1",
      clientPort: 1,
    } as const;
    const names = Object.keys(details) as (keyof typeof details)[];
    for (const given of [[], ...names.map((name) => [name]), names]) {
      const options = Object.fromEntries(given.map((name) => [name, details[name]]));
      const error = businessError("handshakeRefused", "no", options);
      for (const one of [error, errorLike(error)]) {
        assertEquals(names.filter((name) => one[name] !== undefined), given);
        assertEquals(["cause" in one, one.kind], [given.includes("cause"), "handshakeRefused"]);
        assertEquals(given.map((name) => one[name]), given.map((name) => details[name]));
        const shown = ["code", "message", ...("data" in options ? ["data"] : [])];
        assertEquals(Object.keys(one), shown);
      }
    }
  });

  it("has data that is empty or 0, where that is what it was made with", () => {
    for (const data of ["", 0, false, null]) {
      const error = new BusinessError(1, "mine", { data });
      assertEquals(
        JSON.stringify(error),
        `{"code":1,"message":"mine","data":${JSON.stringify(data)}}`,
      );
    }
  });

  it("can be given other words by whoever passes it on, as any error", () => {
    const error = businessError("lost", "a");
    error.message = `chat: ${error.message}`;
    assertEquals(
      JSON.stringify(error),
      '{"code":200,"message":"chat: Websocket connect failed: a"}',
    );
    assertEquals(errorLike(error).message, "chat: Websocket connect failed: a");
  });

  it("shows its code and its message in a loop, and no name", () => {
    const shown = (one: object) =>
      Object.entries(Object.getOwnPropertyDescriptors(one))
        .filter(([, { enumerable }]) => enumerable).map(([name]) => name);
    const error = businessError("lost", "a");
    assertEquals([shown(error), shown(Object.getPrototypeOf(error))], [["code", "message"], []]);
  });

  it("shows its message in its stack", () => {
    assertEquals(
      new BusinessError(1, "what it says").stack?.split("\n")[0]?.includes("what it says"),
      true,
    );
  });
});
