import { assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { CloseResult } from "../../client/types.ts";
import { fromWire, toWire } from "../../internal/close_frame.ts";

describe("toWire()", () => {
  it("sends 1000 for codes that must not be sent", () => {
    const sent = [1000, 1001, 1004, 1005, 1006, 1010, 1015, 3000, 4999].map((code) =>
      toWire({ code, reason: "" }).code
    );
    assertEquals(sent, [1000, 1001, 1000, 1000, 1000, 1010, 1000, 3000, 4999]);
  });

  it("cuts the reason to 123 bytes between two characters", () => {
    const cut = (reason: string) => toWire({ code: 1000, reason }).reason;
    assertEquals(cut("x".repeat(123)), "x".repeat(123));
    assertEquals(cut("x".repeat(124)), "x".repeat(123));
    assertEquals(cut("é".repeat(62)), "é".repeat(61));
    assertEquals(cut("字".repeat(41)), "字".repeat(41));
    assertEquals(cut("字".repeat(42)), "字".repeat(41));
    assertEquals(cut("😀".repeat(31)), "😀".repeat(30));
    assertEquals(cut("x".repeat(121) + "字"), "x".repeat(121));
    for (const reason of ["x", "é", "字", "😀", "x😀", "\ud800"]) {
      const bytes = new TextEncoder().encode(cut(reason.repeat(200)));
      assertLessOrEqual(bytes.length, 123);
      assertEquals(new TextDecoder("utf-8", { fatal: true }).decode(bytes).length > 40, true);
    }
  });
});

describe("fromWire()", () => {
  it("reports a Close frame as it came", () => {
    assertEquals(fromWire(1000, "bye"), { code: 1000, reason: "bye" });
    assertEquals(fromWire(4999, ""), { code: 4999, reason: "" });
    assertEquals(fromWire(1001, "x"), { code: 1001, reason: "x" });
  });

  it("cuts a reason that no Close frame may hold", () => {
    assertEquals(fromWire(4000, "x".repeat(60_000)), { code: 4000, reason: "x".repeat(123) });
    assertEquals(fromWire(4000, "é".repeat(62)), { code: 4000, reason: "é".repeat(61) });
  });

  it("reports one with no code as 1000 and no reason", () => {
    assertEquals(fromWire(1005, ""), { code: 1000, reason: "" });
    assertEquals(fromWire(1005, "what a runtime may say"), { code: 1000, reason: "" });
  });

  it("tells where none came, and never gives code 0", () => {
    for (const code of [0, -1, 999, 1006, 1015]) {
      assertEquals(fromWire(code, "") as CloseResult | undefined, undefined);
    }
  });
});
