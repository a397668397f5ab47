import {
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../errors.ts";
import {
  ANY,
  BINARY_TYPE,
  BYTES,
  checkArgument,
  CLOCK,
  COUNT,
  DURATION,
  FLAG,
  FUNCTION,
  hasTexts,
  isNone,
  isToken,
  MAX_PAYLOAD,
  NUMBER,
  NUMBER_OF,
  OBJECT,
  OBSERVER,
  oneOf,
  readOptions,
  readProtocols,
  type Rule,
  SCHEMA,
  SIGNAL,
  TEXT,
  withFunctions,
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

  it("names those that there are where it does not know one", () => {
    assertEquals(
      refusal("f", { named: 5 }, rules).message,
      `Parameter error: f: 'named' is no option; there are ${Object.keys(rules).join(", ")}: ` +
        "current value is 5",
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
  const fn = () => {};
  const values: Record<string, unknown> = {
    text: "x",
    word: "arraybuffer",
    other: "uint8array",
    flag: false,
    below: -1,
    zero: 0,
    half: 0.5,
    one: 1,
    most: 2 ** 31 - 1,
    over: 2 ** 31,
    unsafe: 2 ** 53,
    infinity: Infinity,
    nan: NaN,
    object: {},
    fn,
    signal: new AbortController().signal,
    clock: { now: fn, setTimer: fn, clearTimer: fn },
    dated: { now: fn, setTimer: fn, clearTimer: fn, wall: fn },
    broken: { now: fn, setTimer: fn, clearTimer: 1 },
    stopped: { now: fn, setTimer: fn, clearTimer: fn, wall: 1 },
    observer: { sent: fn },
    deaf: { sent: 1 },
    schema: { "~standard": { version: 1, vendor: "x", validate: fn } },
  };
  const clocks = ["clock", "dated", "broken", "stopped"];
  const objects = ["object", "signal", ...clocks, "observer", "deaf", "schema"];
  const passing: [string, Rule, string, string[]][] = [
    ["TEXT", TEXT, "must be text", ["text", "word", "other"]],
    ["FLAG", FLAG, "must be true or false", ["flag"]],
    ["NUMBER", NUMBER, "must be a number", [
      ...["below", "zero", "half", "one", "most", "over", "unsafe", "infinity", "nan"],
    ]],
    ["OBJECT", OBJECT, "must be an object", objects],
    ["COUNT", COUNT, "must be an integer above 0", ["one", "most", "over"]],
    ["MAX_PAYLOAD", MAX_PAYLOAD, "must be an integer from 1 to 2147483647", ["one", "most"]],
    ["BYTES", BYTES, "must be a number of bytes from 0 on", [
      ...["zero", "half", "one", "most", "over", "unsafe", "infinity"],
    ]],
    ["DURATION", DURATION, "must be a number of milliseconds from 0 on", [
      ...["zero", "half", "one", "most", "over", "unsafe"],
    ]],
    ["NUMBER_OF", NUMBER_OF, "must be an integer from 0 on", ["zero", "one", "most", "over"]],
    ["oneOf()", oneOf("x", "uint8array"), "must be 'x' or 'uint8array'", ["text", "other"]],
    ["BINARY_TYPE", BINARY_TYPE, "must be 'arraybuffer' or 'uint8array'", ["word", "other"]],
    ["FUNCTION", FUNCTION, "must be a function", ["fn"]],
    ["SIGNAL", SIGNAL, "must be an AbortSignal", ["signal"]],
    ["SCHEMA", SCHEMA, "must be a Standard Schema, version 1", ["schema"]],
    ["OBSERVER", OBSERVER, "must be an object of functions", objects.filter((o) => o !== "deaf")],
    [
      "CLOCK",
      CLOCK,
      "must be an object with the functions now, setTimer, clearTimer, and maybe wall",
      ["clock", "dated"],
    ],
    ["withFunctions()", withFunctions("now"), "must be an object with the functions now", clocks],
    ["ANY", ANY, "", Object.keys(values)],
  ];
  for (const [name, [passes, rule], says, expected] of passing) {
    it(`${name} lets ${expected.join(", ")} pass, no more`, () => {
      const found = Object.entries(values).filter(([, value]) => passes(value));
      assertEquals(found.map(([key]) => key), expected);
      assertEquals(rule, says);
      if (name !== "ANY") assertEquals([null, []].map(passes), [false, false]);
    });
  }
});

describe("readOptions() says", () => {
  it("'config' where the call takes one, and keeps why it cannot be read", () => {
    for (const [call, name] of [["start", "config"], ["mount", "config"], ["stop", "options"]]) {
      const error = refusal(call!, 5, {});
      const rule = `${call}: ${name} must be an object: current value is 5`;
      assertEquals(error.message, `Parameter error: ${rule}`);
      const cause = new RangeError("no");
      const options = new Proxy({}, {
        ownKeys() {
          throw cause;
        },
      });
      const unread = refusal(call!, options, {});
      assertStringIncludes(unread.message, `${call}: ${name} cannot be read: RangeError: no`);
      assertStrictEquals(unread.cause, cause);
      assertEquals(unread.code, 401);
    }
  });

  it("nothing of text that may be a secret, nor of what is misspelt beside it", () => {
    const secret: Rule = [() => false, "must be none", "secret"];
    const rules = { size: COUNT, password: secret };
    assertStringIncludes(refusal("f", { passwort: "hunter2" }, rules).message, "is not shown");
    assertStringIncludes(refusal("f", { password: "hunter2" }, rules).message, "is not shown");
    assertStringIncludes(refusal("f", { size: "x" }, rules).message, 'current value is "x"');
    assertStringIncludes(refusal("f", { sizes: "x" }, { size: COUNT }).message, '"x"');
  });

  it("what is two levels deep as it was, and no more", () => {
    const bare = Object.assign(Object.create(null), { host: "a" });
    const options = { bare, plain: { inner: { host: "a" } }, odd: new URL("ws://a") };
    const rules = { bare: OBJECT, plain: OBJECT, odd: OBJECT };
    const given = readOptions("f", options, rules) as typeof options;
    bare.host = options.plain.inner.host = "b";
    assertEquals(given.bare, { host: "a" });
    assertStrictEquals(given.plain.inner, options.plain.inner);
    assertStrictEquals(given.odd, options.odd);
    const flat = readOptions("f", options, rules, 1) as typeof options;
    assertStrictEquals(flat.plain, options.plain);
  });
});

describe("an object of texts", () => {
  it("has all that it must have, and nothing else but what it may", () => {
    const has = (value: unknown) => hasTexts(value, ["a", "b"], ["c"]);
    for (const value of [{ a: "", b: "x" }, { a: "1", b: "2", c: "3", d: undefined }]) {
      assertEquals(has(value), true, JSON.stringify(value));
    }
    const bad = [{}, { a: "" }, { b: "" }, { a: "", b: undefined }, { a: "", b: "", d: "" }];
    for (const value of [...bad, { a: "", b: 1 }, { a: "", b: "", c: 1 }, null, [], "ab"]) {
      assertEquals(has(value), false, JSON.stringify(value));
    }
  });

  it("is none where both of its paths are empty", () => {
    assertEquals(isNone({ certPath: "", keyPath: "" }), true);
    const others = [{ certPath: "", keyPath: "x" }, { certPath: "x", keyPath: "" }, {}, null];
    for (const value of [...others, undefined, { certPath: "" }, { keyPath: "" }]) {
      assertEquals(isNone(value), false, JSON.stringify(value));
    }
  });
});

describe("checkArgument()", () => {
  it("throws where the rule does not let the value pass", () => {
    assertEquals(checkArgument("f: x", COUNT, 1), undefined);
    const error = assertThrows(() => checkArgument("f: x", COUNT, 0), BusinessError);
    assertEquals(
      error.message,
      "Parameter error: f: x must be an integer above 0: current value is 0",
    );
  });
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
    assertEquals(readProtocols("chat,Chat"), ["chat", "Chat"]); // case counts (RFC 6455 §4.1)
  });

  it("is undefined for anything that is no list of different tokens", () => {
    for (const text of [",", "a,", ",a", "a,,b", "a b", "a,a", "a;b", "é"]) {
      assertEquals(readProtocols(text), undefined, text);
    }
  });
});
