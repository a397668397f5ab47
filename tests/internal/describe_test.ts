import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import { describe as suite, it } from "@std/testing/bdd";
import {
  describe,
  describeSecret,
  describeSubprotocol,
  describeUrl,
  publicUrl,
  quote,
  quoteAll,
  withoutSecrets,
} from "../../internal/describe.ts";

/** What a terminal takes for a command, what ends a line, and what turns the text round. */
const COMMANDS = "\x1b[2J\x07\r\n\t\x9b31m\x7f\u2028\u2029\u202e\u2066\u200f";

/** A character that does something else than to stand in its line. */
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

suite("describe()", () => {
  it("says in few words what a value is", () => {
    const values: [unknown, string][] = [
      ["text", '"text"'],
      ['a "b"\n', '"a \\"b\\"\\n"'],
      ["x".repeat(500), `"${"x".repeat(100)}…"`],
      [0, "0"],
      [-0, "0"],
      [NaN, "NaN"],
      [5n, "5n"],
      [null, "null"],
      [undefined, "undefined"],
      [true, "true"],
      [Symbol("s"), "Symbol(s)"],
      [() => {}, "a function"],
      [class {}, "a function"],
      [[1, 2], "an array of 2"],
      [{}, "an object (Object)"],
      [new Map(), "an object (Map)"],
      [Object.create(null), "an object (Object)"],
      [new TypeError("no"), "TypeError: no"],
    ];
    for (const [value, text] of values) assertEquals(describe(value), text);
  });

  it("never throws, and is never long", () => {
    const evil = new Proxy({}, {
      get() {
        throw new Error("evil");
      },
      getPrototypeOf() {
        throw new Error("evil");
      },
    });
    assertEquals(describe(evil), "a object");
    const loud = {
      get [Symbol.toStringTag]() {
        return "x".repeat(1e6);
      },
    };
    assertEquals(describe(loud).length < 200, true);
    assertEquals(describe(new Error("x".repeat(1e6))).length <= 201, true);
  });

  it("says all of it in one line that commands no terminal", () => {
    const tagged = { [Symbol.toStringTag]: COMMANDS };
    for (const value of [COMMANDS, new Error(COMMANDS), tagged, Symbol(COMMANDS)]) {
      assertFalse(CONTROL.test(describe(value)), describe(value));
    }
  });
});

suite("describeSecret() and describeUrl()", () => {
  it("show no text, and no more of a URL than is public", () => {
    assertEquals(describeSecret("token"), "text, which is not shown");
    const others = [
      5,
      5n,
      Symbol("token"),
      new Error("token"),
      {},
      ["token"],
      null,
      undefined,
      true,
      () => "token",
    ];
    assertEquals(others.map(describeSecret), [
      "a number, which is not shown",
      "a bigint, which is not shown",
      "a symbol, which is not shown",
      "an error, which is not shown",
      "an object (Object)",
      "an array of 1",
      "null",
      "undefined",
      "true",
      "a function",
    ]);
    assertEquals(describeUrl("ws://u:p@h/a?b"), '"ws://…@h/a?…"');
    assertEquals(describeUrl(5), "5");
  });
});

suite("describeSubprotocol()", () => {
  it("shows no more than 32 characters", () => {
    assertEquals(describeSubprotocol("graphql-transport-ws"), '"graphql-transport-ws"');
    assertEquals(describeSubprotocol("x".repeat(32)), `"${"x".repeat(32)}"`);
    assertEquals(describeSubprotocol(`${"x".repeat(32)}secret`), `"${"x".repeat(32)}…"`);
  });
});

suite("publicUrl()", () => {
  const urls = [
    ["ws://host/path", "ws://host/path"],
    ["ws://host/path?a=b#c", "ws://host/path?…"],
    ["ws://host/#c?d", "ws://host/#…"],
    ["ws://user:pass@host:1/", "ws://…@host:1/"],
    ["ws://user:p@ss/w@host/", "ws://…@host/"],
    ["user:pass@host", "…@host"],
    ["w:/u:p@host", "w:/…@host"],
    ["a//u:p@host", "…@host"],
    ["WSS:///u:p@host", "WSS://…@host"],
    [`${"x".repeat(10)}://u@host`, `${"x".repeat(10)}://…@host`],
    [`${"x".repeat(11)}://u@host`, "…@host"],
    ["ws://user:p#w@host/", "ws://…"],
    ["ws://user:p/w?w@host/", "ws://…"],
    ["ws://token#w@host", "ws://…"],
    ["ws://user:1?w@host/", "ws://…"],
    ["user:p?w@host", "…"],
    ["ws://host:1/path?to=a@b", "ws://host:1/path?…"],
    ["ws://host/path#a@b", "ws://host/path#…"],
    ["ws://user:p@host/path?to=a@b", "ws://…@host/path?…"],
    ["", ""],
  ];
  for (const [url, shown] of urls) {
    it(`makes ${shown} of ${url}`, () => assertEquals(publicUrl(url!), shown));
  }
});

suite("quote() and quoteAll()", () => {
  it("escape and cut what others wrote", () => {
    assertEquals(quote("a\x1b[2J\nb\u202e"), "a\\u001b[2J\\u000ab\\u202e");
    assertEquals(quote("x".repeat(201)), `${"x".repeat(200)}…`);
    assertFalse(CONTROL.test(quoteAll([COMMANDS, COMMANDS])));
  });

  it("take the first three, and count the others", () => {
    assertEquals(quoteAll([]), "");
    assertEquals(quoteAll(["a", "b", "c"]), "a; b; c");
    assertEquals(quoteAll(["a", "b", "c", "d"]), "a; b; c; and 1 more");
    assertEquals(quoteAll(["a", "b", "c", "d", "e"]), "a; b; c; and 2 more");
    assert(quoteAll(Array(100_000).fill("x".repeat(1000))).length < 700);
  });
});

suite("withoutSecrets()", () => {
  it("takes the secrets of a URL out of what a runtime threw, and keeps what it is", () => {
    const said = Object.assign(new TypeError("no way to 'ws://u:p@h/?t=1' at all"), { code: "E1" });
    const shown = withoutSecrets(said) as Error & { code: string };
    assertEquals(shown.message, "no way to 'ws://…@h/?…' at all");
    assertEquals([shown.name, shown.code], ["TypeError", "E1"]);
    assertFalse(shown.stack!.includes("t=1"));
    assertEquals(Object.keys(shown), ["code"]);
    shown.name = "Other"; // as that of any error
    assertEquals([shown.name, delete (shown as { name?: string }).name], ["Other", true]);
    assertFalse("code" in (withoutSecrets(new Error("wss://h/?a")) as Error));
    assertEquals(withoutSecrets("WSS://h/?secret\n"), "WSS://h/?…\\u000a");
    assertEquals(withoutSecrets("to 'ws://h/it's?secret' at all"), "to 'ws://h/it's?…' at all");
    assertEquals(withoutSecrets("ws://u:p@a/?t to wss://b/?s"), "ws://…@a/?… to wss://b/?…");
  });

  it("leaves alone what has none", () => {
    for (const said of [new Error("refused by ws://h/"), undefined, 5, {}, "refused"]) {
      assertStrictEquals(withoutSecrets(said), said);
    }
  });
});
