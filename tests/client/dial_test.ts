/** What the runtime is given of the options of `connect`, and what is refused before it is. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { buildRequest, unsupported } from "../../client/dial.ts";
import { type ConnectOptions, readConnectOptions } from "../../client/options.ts";
import type { WebSocketRequestOptions } from "../../client/types.ts";
import { BusinessError } from "../../errors.ts";
import type { DialRequest } from "../../runtime/contract.ts";
import { Certificates } from "../helpers/certificates.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const URL = "wss://localhost/";
const made = new Certificates();
const { certPath, keyPath } = made.authority("dial");
const other = made.authority("dial other");
const read = (path: string) => readFileSync(path, "utf8").trim();

function options(given: WebSocketRequestOptions): ConnectOptions {
  const read = readConnectOptions(given, URL);
  if (read instanceof Error) throw read;
  return read;
}

function build(given: WebSocketRequestOptions = {}): DialRequest | BusinessError {
  return buildRequest(new ScriptedClient(), URL, options(given));
}

/** What an error says: nothing where it is none. */
function said(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  assertInstanceOf(error, BusinessError);
  return error.message;
}

describe("buildRequest()", () => {
  it("asks for nothing that was not asked for", () => {
    assertEquals(build(), {
      url: URL,
      headers: {},
      protocols: [],
      tls: { insecure: false, minVersion: 0 },
      proxy: "system",
      compression: false,
    });
  });

  it("gives what the options and their files say", () => {
    const proxy = { host: "proxy", port: 8080 };
    const request = build({
      header: { "X-One": "1" },
      protocol: "a, b",
      caPath: other.certPath,
      clientCert: { certPath, keyPath },
      skipServerCertVerification: true,
      minSupportTlsProtocol: 3,
      proxy,
      compression: true,
    }) as DialRequest;
    const { identity, ...tls } = request.tls;
    assertEquals({ ...request, tls }, {
      url: URL,
      headers: { "x-one": "1" },
      protocols: ["a", "b"],
      tls: { insecure: true, minVersion: 3, ca: read(other.certPath) },
      proxy,
      compression: true,
    });
    assertEquals([identity!.cert, identity!.key.trim()], [read(certPath), read(keyPath)]);
  });

  it("gives a client's certificate where the authorities are the system's", () => {
    const { tls } = build({ clientCert: { certPath, keyPath } }) as DialRequest;
    assertEquals(["ca" in tls, tls.identity?.cert], [false, read(certPath)]);
  });

  it("names the option whose file is wrong", () => {
    const none = `${made.folder}/none.pem`;
    const missing = "Websocket certificate file does not exist: connect:";
    const shown = JSON.stringify(none);
    const cases: [WebSocketRequestOptions, string][] = [
      [{ caPath: none }, `${missing} 'caPath' is ${shown}`],
      [
        { clientCert: { certPath: none, keyPath } },
        `${missing} 'clientCert'.certPath is ${shown}`,
      ],
      [
        { clientCert: { certPath, keyPath: none } },
        `${missing} 'clientCert'.keyPath is ${shown}`,
      ],
      [
        { clientCert: { certPath, keyPath: other.keyPath } },
        "Parameter error: connect: 'clientCert'.keyPath must be the key of 'certPath': " +
        `current value is ${JSON.stringify(other.keyPath)}`,
      ],
    ];
    for (const [given, says] of cases) assertEquals(said(build(given)), says);
  });

  it("refuses a host that is not allowed before it reads a file", () => {
    const cause = new Error("not this one");
    const asked: string[] = [];
    const runtime = Object.assign(new ScriptedClient(), {
      denied: (url: string) => {
        asked.push(url);
        return cause;
      },
    });
    const error = buildRequest(runtime, URL, options({ caPath: `${made.folder}/none.pem` }));
    assertEquals(said(error), "Permission denied: connect: the runtime refused the URL's host");
    assertEquals([(error as BusinessError).cause, asked], [cause, [URL]]);
  });
});

describe("unsupported()", () => {
  /** What the console is told, and what is refused. */
  function ask(runtime: Partial<ScriptedClient>, given: WebSocketRequestOptions = {}) {
    const warned: unknown[] = [];
    const { warn } = console;
    console.warn = (...words) => void warned.push(...words);
    try {
      const client = Object.assign(new ScriptedClient(), runtime);
      return { error: said(unsupported(client, build() as DialRequest, options(given))), warned };
    } finally {
      console.warn = warn;
    }
  }

  it("says nothing where the runtime can do all", () => {
    const given = { pingInterval: 5, pongTimeout: 5 };
    assertEquals(ask({}, given), { error: undefined, warned: [] });
  });

  it("names the option, the runtime and why", () => {
    const unsupported = () => ({ option: "proxy", why: "it has none" });
    assertEquals(ask({ unsupported: unsupported as never }), {
      error: "Websocket Unknown Other Error: connect: 'proxy' cannot be had on the script: " +
        "it has none",
      warned: [],
    });
  });

  it("refuses what is asked of the heartbeat where there are no Pings", () => {
    for (const name of ["pingInterval", "pongTimeout"] as const) {
      assertEquals(ask({ canPing: false }, { [name]: 5 }), {
        error: `Websocket Unknown Other Error: connect: '${name}' cannot be had on the script`,
        warned: [],
      });
    }
  });

  it("says once where there are no Pings, with the name of the runtime", () => {
    const runtime = { name: "dial_test", canPing: false };
    const words = "dial_test lets no client send Ping frames: a dead server is noticed only by " +
      "the operating system. See docs/heartbeat.md in the package.";
    assertEquals(ask(runtime), { error: undefined, warned: [words] });
    assertEquals(ask(runtime), { error: undefined, warned: [] });
  });
});
