import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../errors.ts";
import {
  ANY,
  COUNT,
  FLAG,
  FUNCTION,
  isToken,
  NUMBER,
  OBJECT,
  readOptions,
  readProtocols,
  type Rule,
  SIGNAL,
  TEXT,
} from "../../internal/validate.ts";

function refusal(...args: Parameters<typeof readOptions>): BusinessError {
  const error = readOptions(...args);
  assertInstanceOf(error, BusinessError);
  return error;
}

describe("readOptions()", () => {
  const rules = { size: COUNT, name: TEXT };

  it("takes what the rules let pass, and what is undefined", () => {
    for (const options of [{}, { size: 1, name: undefined }, { unknown: undefined }]) {
      assertEquals(readOptions("f", options, rules), options);
    }
  });

  it("answers 401 to what is no object of options", () => {
    for (const options of [undefined, null, 1, "x", [], () => {}, new Map(), Promise.resolve({})]) {
      assertEquals(refusal("f", options, rules).code, 401);
    }
  });

  it("names the option that is wrong, the rule, and what was given", () => {
    assertEquals(
      refusal("f", { name: "x", size: 0 }, rules).message,
      "Parameter error: f: 'size' must be an integer above 0: current value is 0",
    );
  });

  it("names one that it does not know in one line, whatever is in its name", () => {
    const { message } = refusal("f", { "a\n\x1b[31mb": 1 }, rules);
    assertStringIncludes(message, "f: 'a\\u000a\\u001b[31mb' is no option");
  });

  it("ignores no option that it does not know, whatever its name", () => {
    for (const name of ["sizes", "toString", "constructor", ""]) {
      const error = refusal("f", { [name]: 1 }, rules);
      assertStringIncludes(error.message, `'${name}' is no option`);
    }
  });
});

describe("the options that were read", () => {
  it("are those that are not enumerable and those of a class, too", () => {
    class Sized {
      get size(): number {
        return 2;
      }
    }
    const hidden = Object.defineProperty({}, "size", { value: 3 });
    for (
      const [options, size] of [[new Sized(), 2], [hidden, 3], [Object.create({ size: 4 }), 4]]
    ) {
      assertEquals(readOptions("f", options, { size: COUNT }), { size: size as number });
    }
  });

  it("have arrays of their own, whatever the depth", () => {
    const list = ["a"];
    for (const depth of [1, 2]) {
      const given = readOptions("f", { list }, { list: ANY }, depth);
      list[0] = "b";
      assertEquals(given, { list: ["a"] });
      list[0] = "a";
    }
  });

  it("are as they were at the call, two levels deep", () => {
    const options = { proxy: { host: "a" } };
    const given = readOptions("f", options, { proxy: OBJECT });
    options.proxy.host = "b";
    assertEquals(given, { proxy: { host: "a" } });
  });

  it("are each read once", () => {
    let reads = 0;
    const options = {
      get size() {
        return ++reads;
      },
    };
    assertEquals(readOptions("f", options, { size: COUNT }), { size: 1 });
    assertEquals(reads, 1);
  });
});

describe("the rules", () => {
  const object = {};
  const fn = () => {};
  const { signal } = new AbortController();
  const values = {
    text: "x",
    flag: false,
    zero: 0,
    one: 1,
    half: 0.5,
    nan: NaN,
    object,
    fn,
    signal,
  };
  const passing: [string, Rule, string[]][] = [
    ["TEXT", TEXT, ["text"]],
    ["FLAG", FLAG, ["flag"]],
    ["NUMBER", NUMBER, ["zero", "one", "half", "nan"]],
    ["OBJECT", OBJECT, ["object", "signal"]],
    ["COUNT", COUNT, ["one"]],
    ["FUNCTION", FUNCTION, ["fn"]],
    ["SIGNAL", SIGNAL, ["signal"]],
    ["ANY", ANY, Object.keys(values)],
  ];
  for (const [name, [passes], expected] of passing) {
    it(`${name} lets ${expected.join(", ")} pass, no more`, () => {
      const found = Object.entries(values).filter(([, value]) => passes(value));
      assertEquals(found.map(([key]) => key), expected);
      if (name !== "ANY") assertEquals([null, []].map(passes), [false, false]);
    });
  }
});

describe("isToken()", () => {
  it("is true for a token only", () => {
    for (const text of ["a", "chat.v1", "x-y_z", "!#$%&'*+-.^_`|~09AZ"]) {
      assertEquals(isToken(text), true, text);
    }
    for (const text of ["", " ", "a b", "a,b", "a/b", "é", "a\n", '"a"', "a:b", "(a)", "\0"]) {
      assertEquals(isToken(text), false, text);
    }
  });
});

describe("readProtocols()", () => {
  it("splits at commas and drops blanks", () => {
    assertEquals(readProtocols(""), []);
    assertEquals(readProtocols("  "), []);
    assertEquals(readProtocols("chat"), ["chat"]);
    assertEquals(readProtocols("a,b , c"), ["a", "b", "c"]);
  });

  it("is undefined for anything that is no list of different tokens", () => {
    for (const text of [",", "a,", ",a", "a,,b", "a b", "a,a", "a;b", "é"]) {
      assertEquals(readProtocols(text), undefined, text);
    }
  });
});
