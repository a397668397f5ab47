import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../errors.ts";
import { NORMAL } from "../../internal/close_codes.ts";
import { readCloseOptions } from "../../internal/close_options.ts";

describe("readCloseOptions()", () => {
  it("is 1000 CLOSE_NORMAL by default", () => {
    assertEquals(readCloseOptions(undefined), { code: 1000, reason: "CLOSE_NORMAL" });
    assertEquals(readCloseOptions({}), NORMAL);
    assertEquals(readCloseOptions({ code: undefined, reason: undefined }), NORMAL);
  });

  it("keeps the protocol's codes and the application's", () => {
    for (const code of [1000, 1001, 1004, 1005, 1006, 1011, 1015, 3000, 3999, 4000, 4999]) {
      assertEquals(readCloseOptions({ code, reason: "" }), { code, reason: "" });
    }
  });

  it("makes 1000 of any other number", () => {
    const others = [
      0,
      -1,
      999,
      1016,
      2000,
      2999,
      5000,
      65_535,
      65_536,
      1e99,
      NaN,
      Infinity,
      3000.5,
    ];
    for (const code of others) {
      assertEquals(readCloseOptions({ code }), { code: 1000, reason: "CLOSE_NORMAL" }, `${code}`);
    }
  });

  it("keeps any reason, the empty one too", () => {
    assertEquals(readCloseOptions({ reason: "" }), { code: 1000, reason: "" });
    const reason = "x".repeat(1000);
    assertEquals(readCloseOptions({ reason }), { code: 1000, reason });
  });

  it("answers 401 to anything of a wrong type and says what it was given", () => {
    const wrong: unknown[] = [null, 1000, "bye", true, [], [1000], () => {}];
    wrong.push({ code: "1000" }, { code: null }, { code: 1000n }, { reason: 1 }, { reason: null });
    for (const options of wrong) {
      const error = readCloseOptions(options);
      assertInstanceOf(error, BusinessError);
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, "current value is");
    }
    const said = ([5, { code: "1" }, { reason: 2 }, { other: 3 }] as unknown[]).map((options) =>
      (readCloseOptions(options) as BusinessError).message
    );
    assertEquals(said, [
      "Parameter error: close: options must be an object: current value is 5",
      "Parameter error: close: 'code' must be a number: current value is \"1\"",
      "Parameter error: close: 'reason' must be text: current value is 2",
      "Parameter error: close: 'other' is no option; there are code, reason: current value is 3",
    ]);
  });
});
