/** The headers of a server's answer, put together. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { apart, responseHeaders } from "../../runtime/answer_headers.ts";

describe("responseHeaders()", () => {
  const cases: [pairs: [string, string][], headers: Record<string, string | string[]>][] = [
    [[], {}],
    [[["A", "1"], ["b", ""], ["a", "2, 3"]], { a: "1, 2, 3", b: "" }],
    [[["Set-Cookie", "a=1"]], { "set-cookie": ["a=1"] }],
    [[["set-cookie", "a=1"], ["SET-COOKIE", "b=2"]], { "set-cookie": ["a=1", "b=2"] }],
    [[["set-cookie", "a=1, b=2"]], { "set-cookie": ["a=1, b=2"] }], // one cookie, against the RFC
    [[["set-cookie", "a=x,y=z"], ["set-cookie", ""]], { "set-cookie": ["a=x,y=z", ""] }],
    [[["set-cookie2", "a=1, b=2"]], { "set-cookie2": "a=1, b=2" }],
  ];
  for (const [pairs, headers] of cases) {
    it(`are ${JSON.stringify(headers)}`, () => {
      assertEquals(responseHeaders(pairs), headers);
    });
  }
});

describe("a great many cookies", () => {
  it("take no more time each than few do", () => {
    const count = 90_000;
    const joined = { "set-cookie": "a=, ".repeat(count - 1) + "a=1" };
    const start = performance.now();
    const told = responseHeaders(apart(joined))["set-cookie"];
    const took = performance.now() - start;
    assertEquals([told?.length, told?.at(-1)], [count, "a=1"]);
    assert(took < 5000, `took ${took} ms`);
  });
});

describe("headers that Deno has joined", () => {
  const cases: [joined: string, cookies: string[]][] = [
    ["", [""]],
    ["a=1", ["a=1"]],
    ["a=1; Path=/, b=2, c=", ["a=1; Path=/", "b=2", "c="]],
    ["a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT, __Host-b=2; Secure", [
      "a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
      "__Host-b=2; Secure",
    ]],
    ["a=x,y=z", ["a=x,y=z"]],
  ];
  for (const [joined, cookies] of cases) {
    it(`are ${cookies.length} cookies: ${joined}`, () => {
      const told = responseHeaders(apart({ "set-cookie": joined, "set-cookie2": joined }));
      assertEquals(told, { "set-cookie": cookies, "set-cookie2": joined });
    });
  }
});
