import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { isAddress } from "../../server/address.ts";

describe("isAddress()", () => {
  const good = [
    ...["0.0.0.0", "127.0.0.1", "10.20.30.40", "255.255.255.255", "1.1.1.1"],
    ...["::", "::0", "::1", "10::", "fe80::1", "FE80::A", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
  ];
  for (const text of good) {
    it(`is true for ${text}`, () => assertEquals(isAddress(text), true));
  }

  const bad = [
    ...["", "1", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4x", "x1.2.3.4", "1.2.3."],
    ...["256.1.1.1", "1.256.1.1", "1.1.256.1", "1.1.1.256", "999.1.1.1", "1.1.1.1000"],
    ...["01.1.1.1", "1.01.1.1", "1.1.1.01", "1.1.1.001", "0001.1.1.1", "1a1b1c1", "-1.1.1.1"],
    ...[
      ":",
      ":::",
      "1:2",
      "::g",
      "12345::",
      "::1%1",
      "[::1]",
      "::1]/[",
      "::1]:80/[",
      "::1]/[::1",
      "::1.2.3",
    ],
    ...["localhost", "a.b.c.d", "1.2.3.4:80", "http://1.2.3.4"],
  ];
  for (const text of bad) {
    it(`is false for ${JSON.stringify(text)}`, () => assertEquals(isAddress(text), false));
  }
});
