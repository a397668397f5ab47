/** Every option of `start` and `mount`: what it refuses, and that the error names it and shows the value. */

import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { readServerConfig, START_OPTIONS } from "../../server/options.ts";

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
  path: [["chat", '"chat"'], ["/chat?x", '"/chat?x"'], [[], "an array of 0"], [5, "5"], [
    null,
    "null",
  ]],
  maxPayload: [...NOT_A_COUNT, [2 ** 31, "2147483648"]],
  maxBufferedAmount: NOT_A_COUNT,
  maxPendingAmount: NOT_A_COUNT,
  slowPeer: [["wait", '"wait"'], [true, "true"], [null, "null"]],
  allowedOrigins: [["all", '"all"'], [["app.example.com"], '"app.example.com"'], [null, "null"]],
  allowedHosts: [["a.example", '"a.example"'], [["a:80"], '"a:80"'], [[5], "5"], [null, "null"]],
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
