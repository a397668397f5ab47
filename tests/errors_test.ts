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

  it("shows its message in its stack", () => {
    assertEquals(
      new BusinessError(1, "what it says").stack?.split("\n")[0]?.includes("what it says"),
      true,
    );
  });
});
