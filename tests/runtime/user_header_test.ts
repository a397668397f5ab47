/** The user and the password of a URL, where a runtime is told them in a header. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { DialRequest } from "../../runtime/contract.ts";
import { withUserAsHeader } from "../../runtime/user_header.ts";

const requestOf = (url: string, headers: Record<string, string> = {}) =>
  ({ url, headers }) as DialRequest;

describe("withUserAsHeader()", () => {
  for (
    const [user, said] of [
      ["ada:secret", "ada:secret"],
      ["ada", "ada:"],
      [":secret", ":secret"],
      ["a%40b:c%2Fd", "a@b:c/d"],
      ["a%zz:%E9", "a%zz:\u00e9"], // no escape, and no UTF-8
    ] as const
  ) {
    it(`says ${user} in 'authorization', and no more in the URL`, () => {
      const { url, headers } = withUserAsHeader(requestOf(`ws://${user}@h/x?y`, { "x-a": "1" }));
      const authorization = `Basic ${btoa(said)}`;
      assertEquals([url, headers], ["ws://h/x?y", { authorization, "x-a": "1" }]);
    });
  }

  it("leaves a header that was given as it is", () => {
    const { url, headers } = withUserAsHeader(
      requestOf("ws://a:b@h/", { authorization: "Bearer c" }),
    );
    assertEquals([url, headers], ["ws://h/", { authorization: "Bearer c" }]);
  });

  it("changes nothing where there is no user", () => {
    const request = requestOf("ws://h/", { authorization: "Bearer c" });
    assertStrictEquals(withUserAsHeader(request), request);
  });
});
