import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  hostAllowed,
  originAllowed,
  readHost,
  readOrigin,
  readOrigins,
} from "../../server/origin.ts";

function request(origin: string | undefined, host = "example.com"): Request {
  const headers = origin === undefined ? { host } : { host, origin };
  return new Request("http://example.com/", { headers });
}

describe("originAllowed()", () => {
  it("lets in who sends no Origin, whatever is allowed", () => {
    for (const allowed of ["same-host", "*", readOrigins(["https://a.example"])] as const) {
      assertEquals(originAllowed(request(undefined), allowed), true);
    }
  });

  it("lets in everybody with '*'", () => {
    for (const origin of ["null", "x", "http://b.example"]) {
      assertEquals(originAllowed(request(origin), "*"), true);
    }
  });

  it("compares with a list exactly", () => {
    const list = ["https://a.example", "http://b.example:81"];
    const allowed = (origin: string) => originAllowed(request(origin), readOrigins(list));
    assertEquals(list.map(allowed), [true, true]);
    const others = ["http://a.example", "https://a.example:1", "https://A.example", "null", "x"];
    assertEquals(others.map(allowed), others.map(() => false));
  });

  it("compares host names with 'same-host', in any spelling, ports and schemes aside", () => {
    const same: [string, string][] = [
      ["http://example.com", "example.com"],
      ["https://example.com:1", "example.com:2"],
      ["https://EXAMPLE.com", "Example.COM"],
      ["http://[::1]:1", "[0:0:0:0:0:0:0:1]:2"],
      ["http://xn--bcher-kva.example", "xn--bcher-kva.example:81"],
    ];
    for (const [origin, host] of same) {
      assertEquals([origin, originAllowed(request(origin, host), "same-host")], [origin, true]);
    }
    const other: [string, string][] = [
      ["http://example.org", "example.com"],
      ["http://example.com.org", "example.com"],
      ["http://a.example.com", "example.com"],
      ["http://example.com@example.org", "example.com"],
      ["null", "null"],
      ["example.com", "example.com"],
      ["example.com:80", "example.com"],
      ["", "example.com"],
    ];
    for (const [origin, host] of other) {
      assertEquals([origin, originAllowed(request(origin, host), "same-host")], [origin, false]);
    }
  });

  it("takes an origin without a host for no host's, not even for that of no host", () => {
    for (const origin of ["file://", "about:blank", "data:text/plain,x"]) {
      for (const host of ["", "a b", "example.com"]) {
        assertEquals([origin, originAllowed(request(origin, host), "same-host")], [origin, false]);
      }
    }
  });

  it("takes the host of the URL where no header names it, as HTTP/1.0 allows", () => {
    const headers = { origin: "http://example.com:1" };
    const [same, other] = ["http://example.com/", "http://other.example/"].map((url) =>
      originAllowed(new Request(url, { headers }), "same-host")
    );
    assertEquals([same, other], [true, false]);
  });
});

describe("originAllowed() with subdomains", () => {
  const list = readOrigins(["https://*.example.com", "http://*.example.org:8080"]);
  const allowed = (origin: string) => originAllowed(request(origin), list);

  it("lets in each subdomain, with the same scheme and port", () => {
    const pages = ["https://a.example.com", "https://a.b.example.com", "http://a.example.org:8080"];
    assertEquals(pages.filter(allowed), pages);
  });

  it("lets in nobody else", () => {
    const pages = [
      ...["https://example.com", "http://a.example.com", "https://a.example.com:8443", "x"],
      ...["https://aexample.com", "https://a.example.com.evil", "http://a.example.org"],
      ...["https://evil/.example.com", "https://x@a.example.com", "https://A.example.com", "null"],
    ];
    assertEquals(pages.filter(allowed), []);
  });
});

describe("readOrigin()", () => {
  it("has one spelling for what has one meaning", () => {
    const spellings = {
      "https://app.example.com": [
        ...["https://app.example.com", "https://app.example.com/", "https://APP.example.com"],
        ...[
          "HTTPS://app.example.com",
          "https://app.example.com:443",
          "https://app.example.com:443/",
        ],
      ],
      "http://localhost:3000": ["http://localhost:3000", "http://LOCALHOST:3000/"],
      "http://localhost": ["http://localhost:80"],
      "http://xn--bcher-kva.example": ["http://bücher.example"],
      "chrome-extension://abcdef": ["chrome-extension://abcdef"],
      "xhttps://app.example.com": ["xhttps://app.example.com"], // some program's own
      "null": ["null"],
    };
    for (const [origin, entries] of Object.entries(spellings)) {
      for (const entry of entries) assertEquals(readOrigin(entry), origin, entry);
    }
  });

  it("knows what can never match", () => {
    const wrong = [
      ...["app.example.com", "", "*", "https://", "https://*", "https://a.*.com", "*.example.com"],
      ...[
        "https://a.example/x",
        "https://a.example/?",
        "https://a.example#",
        "https://a.example?x",
      ],
      ...["https://user@a.example", "//a.example", "https://a b", "https://*.127.0.0.1"],
      ...[
        "https://*.[::1]",
        "chrome-extension://a/b",
        " chrome-extension://a",
        "1x://a",
        "https://a.example:99999",
        ...["wss://a.example", "ws://a.example:80", "ftp://a.example", "file://a"],
        5,
        null,
        {},
      ],
    ];
    for (const entry of wrong) assertEquals(readOrigin(entry), undefined, String(entry));
  });
});

describe("readHost()", () => {
  const good: [string, string][] = [
    ["example.com", "example.com"],
    ["EXAMPLE.com", "example.com"],
    ["x", "x"],
    [".x", ".x"],
    [".Example.com", ".example.com"],
    ["127.0.0.1", "127.0.0.1"],
    ["::1", "[::1]"],
    ["0:0:0:0:0:0:0:1", "[::1]"],
    ["[::1]", "[::1]"],
    ["[0:0::1]", "[::1]"],
    ["bücher.example", "xn--bcher-kva.example"],
  ];
  for (const [entry, host] of good) {
    it(`reads ${entry} as ${host}`, () => assertEquals(readHost(entry), host));
  }

  const bad = [
    ...["", ".", "..x", "x y", "x:80", "x/", "x?", "x#", "a@x", "*.x", "x*", "[::1", "[x]", "[]"],
    ...[
      ".127.0.0.1",
      ".1.2",
      "[::1]:80",
      "x[::1]",
      "http://x",
      "x]",
      " x",
      "x ",
      5,
      null,
      undefined,
      ["x"],
    ],
  ];
  for (const entry of bad) {
    it(`refuses ${JSON.stringify(entry)}`, () => assertEquals(readHost(entry), undefined));
  }
});

describe("hostAllowed()", () => {
  const allowed = (host: string, ...list: string[]) => hostAllowed(request(undefined, host), list);

  it("compares names in any spelling, ports aside", () => {
    for (const host of ["a.example", "A.Example:8080"]) {
      assertEquals(allowed(host, "b.example", "a.example"), true);
    }
    for (const host of ["x.a.example", "a.example.org", "a", "a b"]) {
      assertEquals(allowed(host, "a.example"), false);
    }
    assertEquals(allowed("a.example"), false);
  });

  it("has subdomains alone where there is a dot before", () => {
    assertEquals(allowed("x.a.example", ".a.example"), true);
    assertEquals(allowed("x.y.a.example:1", ".a.example"), true);
    for (const host of ["a.example", "xa.example", "x.a.example.org"]) {
      assertEquals(allowed(host, ".a.example"), false);
    }
    assertEquals(allowed("a.", "a."), true); // a dot behind is part of a name
  });
});
