import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type ConnectOptions, readConnectOptions } from "../../client/options.ts";
import { BusinessError } from "../../errors.ts";
import { TlsProtocol } from "../../mod.ts";

function refused(options: unknown): BusinessError {
  const error = readConnectOptions(options);
  assertInstanceOf(error, BusinessError);
  assertEquals(error.code, 401);
  return error;
}

describe("readConnectOptions()", () => {
  it("takes a proxy's address with or without brackets, and refuses what is no host", () => {
    for (const host of ["::1", "[::1]", "127.0.0.1", "proxy.example"]) {
      const read = readConnectOptions({ proxy: { host, port: 1 } });
      assert(!(read instanceof Error), host);
      assertEquals((read.proxy as { host: string }).host, host);
    }
    for (const host of ["", "::g", "[::1", "a b", "a/b", "user@host"]) {
      assertStringIncludes(refused({ proxy: { host, port: 1 } }).message, "'proxy'");
    }
  });

  it("takes as long to open as a timer can wait, and no longer", () => {
    for (const connectTimeout of [Number.MIN_VALUE, 0.001, 2_147_483]) {
      const read = readConnectOptions({ connectTimeout }) as ConnectOptions;
      assertEquals(read.connectTimeout, connectTimeout);
    }
    for (const connectTimeout of [0, -1, NaN, 2_147_483.001, Infinity, "1"]) {
      assertStringIncludes(refused({ connectTimeout }).message, "at most 2147483");
    }
  });

  it("takes the same subprotocols in 'protocol' and 'header', and refuses others", () => {
    const header = { "Sec-WebSocket-Protocol": "a, b" };
    const read = readConnectOptions({ header, protocol: "a,b" }) as ConnectOptions;
    assertEquals([read.protocols, read.headers], [["a", "b"], {}]);
    assertEquals((readConnectOptions({ header, protocol: "" }) as ConnectOptions).protocols, [
      "a",
      "b",
    ]);
    for (const inHeader of ["a b", ",", "a,a"]) {
      refused({ header: { "sec-websocket-protocol": inHeader }, protocol: "a" });
    }
    const { message } = refused({ header, protocol: "b" });
    assertStringIncludes(
      message,
      "'protocol' must be what 'header' says too: current value is text, which is not shown",
    );
  });

  it("refuses a header that cannot be read", () => {
    const refuse = () => {
      throw new RangeError("no");
    };
    for (
      const [header, why] of [
        [new Proxy({}, { ownKeys: refuse }), "options cannot be read: RangeError: no"],
        // One of a class is not copied before it is looked at.
        [
          Object.defineProperty(new class {}(), "x-a", { enumerable: true, get: refuse }),
          "'header' must be one that can be read: current value is RangeError: no",
        ],
      ] as const
    ) {
      assertStringIncludes(refused({ header }).message, why);
    }
  });
});

/** Any value in place of an option. */
const given = (name: string, value: unknown) => ({ [name]: value });
const CERT = { certPath: "c", keyPath: "k" };
const PROXY = { host: "h", port: 1 };
/** Has a header that is no property of its own. */
class TokenOf {
  app = "a";
  get authorization(): string {
    return "x";
  }
}
/** Has none. */
class Named extends class {
  shout(): void {}
} {
  name = "n";
}
const HIDDEN = "text, which is not shown";
const AN_OBJECT = "an object (Object)";
const RECORD = "must be a plain object of text values";
const TOKENS = "must be different tokens, separated by commas";
const CERT_RULE = "must be an object with 'certPath', 'keyPath' and maybe 'keyPassword', all text";
const PROXY_RULE = "must be 'system', 'no-proxy' or an object with 'host', 'port' and maybe " +
  "'username', 'password' and 'exclusionList'";
const SECONDS = "must be a number of seconds above 0 and at most 2147483";
const FLAG = "must be true or false";

describe("each option of connect()", () => {
  /** What is taken: what was given, and what is read of it. */
  const TAKEN: [string, unknown, Partial<ConnectOptions>][] = [
    ["header", { "X-A": "1", "x-a": "2", "X-B": "\t é" }, {
      headers: { "x-a": "2", "x-b": "\t é" },
    }],
    ["header", Object.assign(Object.create(null), { a: "" }), { headers: { a: "" } }],
    ["header", new Named(), { headers: { name: "n" } }],
    ["header", { "Sec-WebSocket-Protocol": " a , b " }, { headers: {}, protocols: ["a", "b"] }],
    ["header", { "sec-websocket-protocol": "" }, { headers: {}, protocols: [] }],
    ["protocol", "a", { protocols: ["a"] }],
    ["protocol", "a,b , c", { protocols: ["a", "b", "c"] }],
    ["protocol", "", { protocols: [] }],
    ["caPath", "p", { caPath: "p" }],
    ["clientCert", CERT, { clientCert: CERT }],
    ["clientCert", { ...CERT, keyPassword: "x" }, { clientCert: { ...CERT, keyPassword: "x" } }],
    ["clientCert", { certPath: "", keyPath: "" }, { clientCert: undefined }],
    ["skipServerCertVerification", true, { insecure: true }],
    ["skipServerCertVerification", false, { insecure: false }],
    ...[0, 1, 2, 3].map((minTls) =>
      ["minSupportTlsProtocol", minTls, { minTls }] as [string, unknown, object]
    ),
    ["proxy", "system", { proxy: "system" }],
    ["proxy", "no-proxy", { proxy: "no-proxy" }],
    ["proxy", { ...PROXY, port: 65535 }, { proxy: { ...PROXY, port: 65535 } }],
    ["proxy", { ...PROXY, username: undefined, password: undefined, exclusionList: undefined }, {
      proxy: { ...PROXY, username: undefined, password: undefined, exclusionList: undefined },
    }],
    ["proxy", { ...PROXY, username: "u", password: "p", exclusionList: ["a"] }, {
      proxy: { ...PROXY, username: "u", password: "p", exclusionList: ["a"] },
    }],
    ["compression", true, { compression: true }],
    ["pingInterval", "any", { pingInterval: "any" }],
    ["pongTimeout", -1, { pongTimeout: -1 }],
    ["connectTimeout", 0.001, { connectTimeout: 0.001 }],
    ["connectTimeout", 2_147_483, { connectTimeout: 2_147_483 }],
  ];
  const DEFAULTS: ConnectOptions = {
    headers: {},
    protocols: [],
    connectTimeout: 20,
    signal: undefined,
    pingInterval: undefined,
    pongTimeout: undefined,
    caPath: "",
    clientCert: undefined,
    insecure: false,
    minTls: 0,
    proxy: "system",
    compression: false,
  };
  it("is read, and all others are as they were", () => {
    assertEquals([readConnectOptions(undefined), readConnectOptions({})], [DEFAULTS, DEFAULTS]);
    for (const [name, value, read] of TAKEN) {
      assertEquals(readConnectOptions(given(name, value)), { ...DEFAULTS, ...read }, name);
    }
    const { signal } = new AbortController();
    assertEquals((readConnectOptions({ signal }) as ConnectOptions).signal, signal);
  });

  /** What is refused: the value, the rule, and what the error shows of it. */
  const REFUSED: [string, unknown, string, string][] = [
    ["header", "a: b", RECORD, HIDDEN],
    ["header", new Headers(), RECORD, "an object (Headers)"],
    ["header", new Request("http://a/"), RECORD, "an object (Request)"],
    ["header", new TokenOf(), RECORD, AN_OBJECT],
    ["header", new (class extends TokenOf {})(), RECORD, AN_OBJECT],
    ["header", Object.create({ authorization: "x" }), RECORD, AN_OBJECT],
    ["protocol", 5, TOKENS, "a number, which is not shown"],
    ["protocol", "a b", TOKENS, HIDDEN],
    ["protocol", "a,,b", TOKENS, HIDDEN],
    ["protocol", "a,a", TOKENS, HIDDEN],
    ["caPath", 5, "must be text", "5"],
    ...["c", null, {}, { certPath: "c" }, { keyPath: "k" }, { ...CERT, keyPassword: 5 }, {
      ...CERT,
      other: "x",
    }, { ...CERT, certPath: 5 }].map((value) =>
      ["clientCert", value, CERT_RULE, value === "c" ? '"c"' : value ? AN_OBJECT : "null"] as [
        ...[string, unknown],
        ...[string, string],
      ]
    ),
    ["skipServerCertVerification", 1, FLAG, "1"],
    ["compression", "yes", FLAG, '"yes"'],
    ...[-1, 4, 1.5, "1"].map((value) =>
      ["minSupportTlsProtocol", value, "must be one of TlsProtocol", JSON.stringify(value)] as [
        ...[string, unknown],
        ...[string, string],
      ]
    ),
    ["proxy", "none", PROXY_RULE, '"none"'],
    ["proxy", 5, PROXY_RULE, "5"],
    ["proxy", "http://u:p@proxy:1/?p", PROXY_RULE, '"http://…@proxy:1/?…"'],
    ["proxy", null, PROXY_RULE, "null"],
    ...[
      { host: "h" },
      { port: 1 },
      { ...PROXY, host: "" },
      { ...PROXY, host: 5 },
      ...["a b", "a/b", "a\\b", "a?b", "a#b", "u@h", "[::1", ":::", ...'a"b a`b a{b a}b'.split(" ")]
        .map((host) => ({
          host,
          port: 1,
        })),
      ...[0, -1, 1.5, 65536, "1"].map((port) => ({ ...PROXY, port })),
      { ...PROXY, username: 5 },
      { ...PROXY, password: 5 },
      { ...PROXY, other: "x" },
      { ...PROXY, exclusionList: "a" },
      { ...PROXY, exclusionList: ["a", 5] },
      { ...PROXY, exclusionList: ["a", undefined] },
    ].map((value) => ["proxy", value, PROXY_RULE, AN_OBJECT] as [string, unknown, string, string]),
    ...[0, -1, 2_147_484, 2_147_483.5, Infinity, NaN].map((value) =>
      ["connectTimeout", value, SECONDS, String(value)] as [string, unknown, string, string]
    ),
    ["connectTimeout", "5", SECONDS, '"5"'],
    ["signal", {}, "must be an AbortSignal", AN_OBJECT],
  ];
  it("is refused by name, with its rule and what was given", () => {
    for (const [name, value, rule, shown] of REFUSED) {
      const { message } = refused(given(name, value));
      const said = `Parameter error: connect: '${name}' ${rule}: current value is ${shown}`;
      assertEquals(message, said);
    }
    assertEquals(
      refused("a: b").message,
      `Parameter error: connect: options must be an object: current value is ${HIDDEN}`,
    );
  });

  it("has a name for each version of TLS, with the number that the device has for it", () => {
    const versions = { TLS_V_1_0: 0, TLS_V_1_1: 1, TLS_V_1_2: 2, TLS_V_1_3: 3 };
    assertEquals([{ ...TlsProtocol }, Object.isFrozen(TlsProtocol)], [versions, true]);
  });

  it("is as it was at the call, however deep it is changed later", () => {
    const value = { ...PROXY, exclusionList: ["a"] };
    const { proxy } = readConnectOptions({ proxy: value }) as ConnectOptions;
    value.exclusionList.push("b");
    value.host = "other";
    assertEquals(proxy, { ...PROXY, exclusionList: ["a"] });
  });
});

describe("a header of connect()", () => {
  it("is left out where the handshake says the same anyway, and else refused", () => {
    const url = "ws://example.com:8080/";
    const cases: [string, string[], string[]][] = [
      ["Connection", ["Upgrade", "keep-alive, upgrade", "Keep-Alive , UPGRADE", " upgrade "], [
        ...["close", "upgrade, close", "xupgrade", "keep-alive", "keep-alive upgrade", ""],
      ]],
      ["Content-Length", ["0"], ["1", "10", "00", ""]],
      ["Upgrade", ["websocket", "WebSocket"], ["websocket2", "h2c, websocket", ""]],
      ["Sec-WebSocket-Version", ["13"], ["8", "113", "130"]],
      ["Sec-WebSocket-Key", [], ["AAAAAAAAAAAAAAAAAAAAAA=="]],
      ["Sec-WebSocket-Extensions", [], ["permessage-deflate"]],
      ["Sec-WebSocket-Protocols", [], ["a"]],
      ["Transfer-Encoding", [], ["chunked"]],
      ["Host", ["example.com:8080", "EXAMPLE.com:8080", " example.com:8080 "], [
        ...["example.com", "other:8080", "", "a b", "example.com:8080/", "u@example.com:8080"],
        ...["example.com:8080?", "example.com:8080#", "example.com:8080\\", ":::"],
      ]],
    ];
    for (const [name, same, others] of cases) {
      for (const value of same) {
        const read = readConnectOptions({ header: { [name]: value } }, url);
        assertEquals((read as ConnectOptions).headers, {}, `${name}: ${value}`);
      }
      for (const value of others) {
        const read = readConnectOptions({ header: { [name]: value } }, url);
        assertInstanceOf(read, BusinessError, `${name}: ${value}`);
        assertEquals(
          read.message,
          `Parameter error: connect: 'header' ${name.toLowerCase()} must be left to the ` +
            `handshake: current value is ${HIDDEN}`,
        );
      }
    }
  });

  it("may have a name that only begins or ends as one of the handshake's", () => {
    const names = [
      ...["host", "connection", "upgrade", "content-length", "transfer-encoding"],
      ...["sec-websocket-key", "sec-websocket-protocol"],
    ];
    for (const name of names) {
      const header: Record<string, string> = { [`x-${name}`]: "1" };
      if (!name.startsWith("sec-")) header[`${name}s`] = "2";
      assertEquals((readConnectOptions({ header }) as ConnectOptions).headers, header);
    }
  });

  it("that names the host is the URL's with or without the port that is meant anyway", () => {
    const header = { host: "example.com:443" };
    assert(!(readConnectOptions({ header }, "wss://example.com/") instanceof Error));
    assert(readConnectOptions({ header }, "ws://example.com/") instanceof Error);
    for (const url of [undefined, 5, "no URL"]) {
      assert(readConnectOptions({ header }, url) instanceof Error);
    }
  });

  it("is refused by a name that is none, of which no more than a name is shown", () => {
    for (
      const [key, shown] of [["a b: secret", "a…"], ["X-A:\nsecret", "X-A…"], ["", "…"], ["é", "…"]]
    ) {
      assertEquals(
        refused({ header: { [key!]: "x" } }).message,
        `Parameter error: connect: 'header' must have tokens as names: current value is "${shown}"`,
      );
    }
  });

  it("is refused by a value that is no line of Latin-1", () => {
    for (const value of ["a\nb", "a\r\nb: c", "\0", "\x7f", "字", "\u0100", "x\x1f"]) {
      assertEquals(
        refused({ header: { "X-A": value } }).message,
        `Parameter error: connect: 'header' x-a must be one line of Latin-1: current value is ${HIDDEN}`,
      );
    }
    assertEquals(
      refused({ header: { "X-A": 5 } }).message,
      "Parameter error: connect: 'header' x-a must be text: current value is a number, which is not shown",
    );
  });

  it("has subprotocols that are tokens", () => {
    assertEquals(
      refused({ header: { "sec-websocket-protocol": "a b" } }).message,
      `Parameter error: connect: 'header' sec-websocket-protocol ${TOKENS}: current value is ${HIDDEN}`,
    );
  });
});
