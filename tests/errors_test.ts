import { assertEquals, assertFalse } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, businessError } from "../errors.ts";

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

  it("shows its message in its stack", () => {
    assertEquals(
      new BusinessError(1, "what it says").stack?.split("\n")[0]?.includes("what it says"),
      true,
    );
  });
});
