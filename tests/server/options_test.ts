/** Every option of `start` and `mount`: what it refuses, and that the error names it and shows the value. */

import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { readServerConfig, type ServerConfig, START_OPTIONS } from "../../server/options.ts";

/** Values that are wrong for an option, and how the error shows each. */
type Wrong = [value: unknown, shown: string][];

const NOT_A_FLAG: Wrong = [[1, "1"], ["yes", '"yes"'], [null, "null"], [{}, "an object (Object)"]];
const NOT_A_FUNCTION: Wrong = [[true, "true"], [{}, "an object (Object)"], [null, "null"]];
const NOT_A_COUNT: Wrong = [
  ...[[0, "0"], [-1, "-1"], [1.5, "1.5"], [NaN, "NaN"]] as Wrong,
  ...[["5", '"5"'], [null, "null"], [5n, "5n"]] as Wrong,
];

const WRONG: Readonly<Record<string, Wrong>> = {
  serverPort: [["8080", '"8080"'], [null, "null"], [{}, "an object (Object)"]],
  serverIP: [[5, "5"], [null, "null"], [["::"], "an array of 1"]],
  unixPath: [[5, "5"], [null, "null"], ["a\0b", '"a\\u0000b"']],
  reusePort: NOT_A_FLAG,
  compression: NOT_A_FLAG,
  maxConcurrentClientsNumber: NOT_A_COUNT,
  maxConnectionsForOneClient: NOT_A_COUNT,
  maxConnections: NOT_A_COUNT,
  serverCert: [["cert.pem", '"cert.pem"'], [{ certPath: "a" }, "an object (Object)"], [5, "5"]],
  protocol: [["a b", '"a b"'], [[], "an array of 0"], [["a", "a"], "an array of 2"], [5, "5"], [
    null,
    "null",
  ]],
  path: [
    ["chat", '"chat"'],
    ["/chat?x", '"/chat?x"'],
    [[], "an array of 0"],
    [5, "5"],
    [
      null,
      "null",
    ],
    ["/chat/:room", '"/chat/:room"'],
    [":room", '":room"'],
    ["/a/*", '"/a/*"'],
    [
      ["/a", "/:_b"],
      "an array of 2",
    ],
  ],
  maxPayload: [...NOT_A_COUNT, [2 ** 31, "2147483648"]],
  maxBufferedAmount: NOT_A_COUNT,
  maxPendingAmount: NOT_A_COUNT,
  slowPeer: [["wait", '"wait"'], [true, "true"], [null, "null"]],
  allowedOrigins: [["all", '"all"'], [["app.example.com"], '"app.example.com"'], [null, "null"]],
  allowedHosts: [["a.example", '"a.example"'], [["a:80"], '"a:80"'], [[5], "5"], [null, "null"], [
    ["a%zz"],
    '"a%zz"',
  ], [[".a%zz"], '".a%zz"']],
  authorize: NOT_A_FUNCTION,
  authorizeTimeout: [[0, "0"], [-1, "-1"], [30_001, "30001"], [NaN, "NaN"], ["1", '"1"']],
  clientAddress: NOT_A_FUNCTION,
  fetch: NOT_A_FUNCTION,
  signal: [[{}, "an object (Object)"], [null, "null"], [5, "5"]],
};

/** What falls back to 30 seconds instead, as the guide has it: the heartbeat cannot be turned off. */
const NEVER_WRONG = ["pingInterval", "pongTimeout"];

/** What `mount` has no use for. */
const WHERE_TO_LISTEN = ["serverPort", "serverIP", "serverCert", "unixPath", "reusePort"];

describe("readServerConfig()", () => {
  it("knows no option that this table does not", () => {
    assertEquals(Object.keys(WRONG).concat(NEVER_WRONG).sort(), [...START_OPTIONS].sort());
  });

  for (const [name, values] of Object.entries(WRONG)) {
    it(`refuses a wrong '${name}' with 401, naming it and the value`, () => {
      const where = name === "unixPath" ? {} : { serverPort: 0 };
      for (const [value, shown] of values) {
        const error = readServerConfig({ ...where, [name]: value });
        assertInstanceOf(error, BusinessError, `${name} ${shown}`);
        assertEquals([error.code, error.kind], [401, "argument"], error.message);
        assertStringIncludes(error.message, `Parameter error: start: '${name}' must `);
        assertEquals(
          error.message.slice(error.message.lastIndexOf(": ") + 2),
          `current value is ${shown}`,
        );
      }
      assertInstanceOf(readServerConfig({ serverPort: 0, [name]: undefined }), Object);
    });
  }

  it("takes anything for the heartbeat", () => {
    for (const name of NEVER_WRONG) {
      for (const value of [0, -1, NaN, "often", null, {}, 1e9]) {
        assertEquals(readServerConfig({ serverPort: 0, [name]: value }) instanceof Error, false);
      }
    }
  });
});

describe("server.mount()", () => {
  for (const [name, values] of Object.entries(WRONG)) {
    it(`refuses a wrong '${name}' as 'start' does, in its own name`, async () => {
      for (const [value, shown] of values) {
        const error = await createWebSocketServer().mount({ [name]: value }).catch((error) =>
          error
        );
        assertInstanceOf(error, BusinessError, `${name} ${shown}`);
        assertEquals([error.code, error.kind], [401, "argument"], error.message);
        assertStringIncludes(error.message, `Parameter error: mount: `);
        assertStringIncludes(error.message, name);
        if (!WHERE_TO_LISTEN.includes(name)) {
          assertStringIncludes(error.message, `'${name}' must `);
          assertStringIncludes(error.message, `: current value is ${shown}`);
        }
      }
    });
  }
});

describe("readServerConfig()", () => {
  const read = (config: object): Record<string, unknown> => {
    const found = readServerConfig(config);
    if (found instanceof Error) throw found;
    return found as unknown as Record<string, unknown>;
  };
  const refusal = (config: object): [number, string] => {
    const error = readServerConfig(config);
    assertInstanceOf(error, BusinessError);
    return [error.code, error.message.replace(/^[^:]*: /, "")];
  };

  it("has these defaults, the same where an option is undefined", () => {
    const defaults = {
      slowPeer: "drop",
      hostnames: ["::", "0.0.0.0"],
      port: 1,
      unixPath: undefined,
      compression: false,
      reusePort: false,
      maxClients: Infinity,
      maxPerClient: Infinity,
      maxConnections: Infinity,
      protocols: [],
      isHere: undefined,
      maxPayload: 5_242_864,
      signal: undefined,
      pingInterval: undefined,
      pongTimeout: undefined,
      serverCert: undefined,
      maxBufferedAmount: 16_777_216,
      maxPendingAmount: 16_777_216,
      allowedOrigins: "same-host",
      allowedHosts: undefined,
      authorize: undefined,
      authorizeTimeout: 10,
      clientAddress: undefined,
      fetch: undefined,
    };
    assertEquals(read({ serverPort: 1 }), defaults);
    const unsaid = Object.fromEntries(START_OPTIONS.map((name) => [name, undefined]));
    assertEquals(read({ ...unsaid, serverPort: 1 }), defaults);
    const none = { unixPath: "", serverIP: "", serverCert: { certPath: "", keyPath: "" } };
    assertEquals(read({ ...none, serverPort: 1, protocol: "" }), defaults);
  });

  it("takes each option to its last value", () => {
    const most = {
      serverPort: 65_535,
      serverIP: "::1",
      maxPayload: 2 ** 31 - 1,
      maxBufferedAmount: 1,
      maxPendingAmount: 1,
      maxConcurrentClientsNumber: 1,
      maxConnectionsForOneClient: 2,
      maxConnections: 3,
      slowPeer: "refuse",
      allowedOrigins: "*",
      allowedHosts: ["A.example", ".b.example"],
      authorizeTimeout: 30_000,
      compression: true,
      reusePort: true,
      serverCert: { certPath: "a", keyPath: "" },
    };
    const got = read(most);
    const { serverPort, serverIP, ...same } = most;
    const { maxConcurrentClientsNumber, maxConnectionsForOneClient, ...others } = same;
    const expected = {
      ...others,
      port: serverPort,
      hostnames: [serverIP],
      maxClients: maxConcurrentClientsNumber,
      maxPerClient: maxConnectionsForOneClient,
      allowedHosts: ["a.example", ".b.example"],
    };
    const seen = Object.fromEntries(Object.keys(expected).map((name) => [name, got[name]]));
    assertEquals(seen, expected);
    assertEquals(read({ serverPort: 0 }).port, 0);
    assertEquals(read({ serverPort: 1, authorizeTimeout: 0.001 }).authorizeTimeout, 0.001);
    assertEquals(read({ serverPort: 1, allowedOrigins: "same-host" }).allowedOrigins, "same-host");
    assertEquals(read({ serverPort: 1, slowPeer: "drop" }).slowPeer, "drop");
    assertEquals(read({ serverPort: 1, protocol: ["one"] }).protocols, ["one"]);
  });

  it("refuses an address and a port in this order, with their codes", () => {
    const port = (shown: unknown) => [
      2302005,
      `start: 'serverPort' must be an integer from 0 to 65535: current value is ${shown}`,
    ];
    for (const serverPort of [-1, 65_536, 1.5, NaN, Infinity]) {
      assertEquals(refusal({ serverPort }), port(serverPort) as [number, string]);
    }
    assertEquals(refusal({ serverPort: -1, serverIP: "localhost" }), [
      2302004,
      `start: 'serverIP' must be a literal IPv4 or IPv6 address: current value is "localhost"`,
    ]);
    assertEquals(refusal({ serverIP: "localhost" }), [
      401,
      "start: 'serverPort' must be a number: current value is undefined",
    ]);
  });

  it("refuses what is wrong in a list before an address and a port, and a limit after them", () => {
    const wrong = { serverPort: -1, serverIP: "localhost" };
    const code = (more: object) => refusal({ ...wrong, ...more })[0];
    for (const item of [5, "http://a/b", "a b"]) {
      assertEquals([code({ allowedOrigins: [item] }), code({ allowedHosts: [item] })], [401, 401]);
    }
    assertEquals([code({ protocol: ["a b"] }), code({ path: ["/", "x"] })], [401, 401]);
    assertEquals(code({ maxConnections: 0 }), 2302004);
    assertEquals(code({ serverIP: "", maxConnections: 0 }), 2302005);
  });

  it("takes a Unix socket alone, and refuses what has no meaning on it", () => {
    const { hostnames, port, unixPath } = read({ unixPath: "/run/x" });
    assertEquals([hostnames, port, unixPath], [["unix"], 0, "/run/x"]);
    const none = { serverPort: undefined, serverIP: undefined, serverCert: undefined };
    assertEquals(read({ unixPath: "/run/x", reusePort: undefined, ...none }).unixPath, "/run/x");
    const needless: [string, unknown, string][] = [
      ["serverPort", 0, "0"],
      ["serverIP", "", '""'],
      ["reusePort", false, "false"],
      ["serverCert", { certPath: "", keyPath: "" }, "an object (Object)"],
    ];
    for (const [name, value, shown] of needless) {
      assertEquals(refusal({ unixPath: "/run/x", [name]: value }), [
        401,
        `start: '${name}' must be left out where 'unixPath' is given: current value is ${shown}`,
      ]);
    }
  });

  it("shows the item of a list that is wrong, be it the first", () => {
    for (const allowedHosts of [["a b"], ["a", "a b"]]) {
      assertEquals(refusal({ serverPort: 1, allowedHosts }), [
        401,
        "start: 'allowedHosts' must have names such as 'example.com' or '.example.com', or " +
        'addresses, with no port: current value is "a b"',
      ]);
    }
  });
});

describe("an option of 'start'", () => {
  /** Each with a value that is not its default, and what of the configuration it decides. */
  const OPTIONS: [name: string, value: unknown, decides: string[]][] = [
    ["serverIP", "127.0.0.1", ["hostnames"]],
    ["reusePort", true, ["reusePort"]],
    ["compression", true, ["compression"]],
    ["maxConcurrentClientsNumber", 7, ["maxClients"]],
    ["maxConnectionsForOneClient", 7, ["maxPerClient"]],
    ["maxConnections", 7, ["maxConnections"]],
    ["serverCert", { certPath: "a", keyPath: "b" }, ["serverCert"]],
    ["protocol", "chat", ["protocols"]],
    ["path", "/chat", ["isHere"]],
    ["pingInterval", 7, ["pingInterval"]],
    ["pongTimeout", 7, ["pongTimeout"]],
    ["maxPayload", 7, ["maxPayload"]],
    ["maxBufferedAmount", 7, ["maxBufferedAmount"]],
    ["maxPendingAmount", 7, ["maxPendingAmount"]],
    ["slowPeer", "refuse", ["slowPeer"]],
    ["allowedOrigins", "*", ["allowedOrigins"]],
    ["allowedHosts", ["example.com"], ["allowedHosts"]],
    ["authorize", () => true, ["authorize"]],
    ["authorizeTimeout", 7, ["authorizeTimeout"]],
    ["clientAddress", () => "192.0.2.1", ["clientAddress"]],
    ["fetch", () => new Response(), ["fetch"]],
    ["signal", new AbortController().signal, ["signal"]],
  ];
  const read = (options: object): [string, unknown][] =>
    Object.entries(readServerConfig({ serverPort: 0, ...options }) as ServerConfig);
  const plain = new Map<string, unknown>(read({}));

  for (const [name, value, decides] of OPTIONS) {
    it(`decides nothing else: ${name}`, () => {
      const changed = read({ [name]: value })
        .filter(([field, given]) => String(given) !== String(plain.get(field)))
        .map(([field]) => field);
      assertEquals(changed, decides);
    });
  }

  it("is one of these, or says where to listen", () => {
    const named = ["serverPort", "unixPath", ...OPTIONS.map(([name]) => name)];
    assertEquals(named.toSorted(), START_OPTIONS.toSorted());
  });
});
