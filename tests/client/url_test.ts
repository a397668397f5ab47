import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { hasNoHost, noHostFailure, noHostRefusal, urlError } from "../../client/url.ts";

describe("urlError()", () => {
  it("takes URLs of both schemes", () => {
    const good = [
      "ws://h",
      "ws://h/",
      "wss://h:443/p?q=1",
      "ws://127.0.0.1:1",
      "ws://[::1]:65535/",
    ];
    good.push("ws://u:p@h/", "ws://EXAMPLE.com/ÄÖ", "ws://例え.jp/");
    for (const url of good) assertEquals(urlError(url), undefined, url);
  });

  const bad: [string, string[]][] = [
    ["must not be empty", [""]],
    ["must begin with ws:// or wss://", [
      "http://h/",
      "https://h/",
      "WS://h/",
      "Wss://h/",
      "ws:/h",
      "ws:h",
      " ws://h/",
      "//h",
      "h",
      "/",
      "file:///x",
      "javascript:1",
    ]],
    ["must have no fragment", ["ws://h/#x", "ws://h/#"]],
    ["must be one that can be parsed", ["ws://h:65536/", "ws://h:x/", "ws://[::1/", "ws://a b/"]],
    ["must have a port from 1 to 65535", ["ws://h:0/", "wss://h:00/"]],
  ];
  for (const [rule, urls] of bad) {
    for (const url of urls) {
      it(`says that ${JSON.stringify(url)} ${rule}`, () => {
        const error = urlError(url);
        assertEquals(error?.code, 2302001);
        assertStringIncludes(error!.message, `Websocket url error: connect: the URL ${rule}`);
      });
    }
  }

  it("takes 8195 bytes and not one more", () => {
    const url = (bytes: number) => `ws://h/${"x".repeat(bytes - 7)}`;
    assertEquals(urlError(url(8195)), undefined);
    const error = urlError(url(8196))!;
    assertEquals(error.code, 2302001);
    assertStringIncludes(error.message, "connect: the URL must be at most 8195 bytes: current");
    assertEquals(urlError(`ws://h/${"字".repeat(2729)}`), undefined); // 8194 bytes
    assertEquals(urlError(`ws://h/${"字".repeat(2730)}`)?.code, 2302001);
  });

  it("leaves an empty host to the dial", () => {
    for (
      const url of [
        "ws://",
        "wss://",
        "ws:///path",
        "ws://:80/",
        "ws://?q",
        "ws://u@",
        "ws://a@b@:80",
      ]
    ) {
      assertEquals(urlError(url), undefined, url);
    }
  });
});

describe("hasNoHost()", () => {
  it("tells where nothing stands for the host", () => {
    for (
      const url of [
        "ws://",
        "wss://",
        "ws:///path",
        "ws://:80/",
        "ws://?q",
        "ws://u:p@/",
        "ws://a@b@:80",
        "ws://\\a",
      ]
    ) {
      assertEquals(hasNoHost(url), true, url);
    }
    for (
      const url of ["ws://h", "ws://h:80", "ws://u@h/", "ws://[::1]", "ws://a@b@h/", "http://"]
    ) {
      assertEquals(hasNoHost(url), url === "http://", url);
    }
  });
});

describe("a URL without a host", () => {
  it("is refused, and told in 'error', in the same words and with a cause", () => {
    const [refused, told] = [noHostRefusal("ws://")!, noHostFailure()];
    for (const [code, error] of [[-1, refused], [200, told]] as const) {
      assertEquals(error.code, code);
      assertEquals(error.message, "Websocket connect failed: the URL has no host");
      assertEquals((error.cause as Error).message, "the URL has no host");
    }
    assertEquals([refused.data, told.data], [undefined, "0"]);
    assertEquals(noHostRefusal("ws://h"), undefined);
  });
});
