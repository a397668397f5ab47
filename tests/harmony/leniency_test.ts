/** What `./harmony` makes of options, and what it says of them on the console. */

import { assertEquals, assertFalse, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { readAsClose, readAsConnect, readAsStart } from "../../harmony/leniency.ts";
import webSocket from "../../harmony.ts";
import { createWebSocket } from "../../mod.ts";
import { disposable, refusal, untyped, within } from "../helpers/client.ts";
import { header, RawServer } from "../peers/raw.ts";

const { warn } = console;
let said: unknown[] = [];

/** What is said once in a process is said once for all tests: each has names of its own. */
let number = 0;
const fresh = () => `option${number++}`;

const URL_ = "ws://example.com:8080/chat?token=secret";
const connect = (options: unknown, url: unknown = URL_) => readAsConnect(options, url);

describe("./harmony's options", () => {
  beforeEach(() => {
    said = [];
    console.warn = (...args: unknown[]) => void said.push(...args);
  });
  afterEach(() => {
    console.warn = warn;
  });

  it("leave out what is not known, and say so once", () => {
    const name = fresh();
    for (let i = 0; i < 2; i++) {
      assertEquals(connect({ [name]: "secret", pingInterval: 5 }), { pingInterval: 5 });
    }
    assertEquals(said, [`connect: '${name}' is no option, and is left out`]);
    assertEquals(readAsClose({ code: 1001, [name]: 1 }), { code: 1001 });
    assertEquals(readAsStart({ serverPort: 80, [name]: 1 }), { serverPort: 80 });
    assertEquals(said.slice(1), [
      `close: '${name}' is no option, and is left out`,
      `start: '${name}' is no option, and is left out`,
    ]);
  });

  it("leave out what an object's prototype has, as what is not its own", () => {
    assertEquals(connect({ toString: 5, constructor: 5 }), {});
  });

  it("are found where a class has getters for them", () => {
    class Options {
      get protocol(): string {
        return "chat";
      }
      get nonsense(): number {
        return 5;
      }
    }
    assertEquals(connect(new Options()), { protocol: "chat" });
    assertEquals(said, []);
  });

  it("say nothing of an option that is not known and undefined", () => {
    assertEquals(connect({ [fresh()]: undefined }), {});
    assertEquals(said, []);
  });

  it("take what the main entry takes as it is", () => {
    const { signal } = new AbortController();
    const options = {
      header: { "x-a": "1" },
      protocol: "chat",
      caPath: "ca.pem",
      clientCert: { certPath: "a", keyPath: "b", keyPassword: "c" },
      skipServerCertVerification: true,
      minSupportTlsProtocol: 3,
      proxy: { host: "proxy", port: 1, username: "u", password: "p", exclusionList: ["a"] },
      pingInterval: 5,
      pongTimeout: "5",
      connectTimeout: 9,
      signal,
    };
    assertEquals(connect(options), options);
    const authorize = () => true as const;
    const config = {
      serverPort: 80,
      serverIP: "::1",
      serverCert: { certPath: "a", keyPath: "b" },
      protocol: "chat",
      maxConcurrentClientsNumber: 11,
      maxConnectionsForOneClient: 11,
      authorize,
      signal,
    };
    assertEquals(readAsStart(config), config);
    assertEquals(readAsClose({ code: 3000, reason: "done" }), { code: 3000, reason: "done" });
    assertEquals(said, []);
  });

  it("take null for left out, and say nothing", () => {
    const names = ["header", "protocol", "proxy", "caPath", "clientCert"];
    names.push("skipServerCertVerification", "minSupportTlsProtocol", "supportOriginPort");
    assertEquals(connect(Object.fromEntries(names.map((name) => [name, null]))), {});
    assertEquals(readAsClose({ code: null, reason: null }), {});
    assertEquals(readAsStart({ serverIP: null, serverCert: null, protocol: null }), {});
    assertEquals(said, []);
  });

  it("leave out what is of the wrong type, and say so, but not the value", () => {
    const wrong = { header: "Bearer secret", caPath: 5, clientCert: "secret" };
    const flags = { skipServerCertVerification: "secret", supportOriginPort: 1 };
    assertEquals(connect({ ...wrong, ...flags, minSupportTlsProtocol: 7 }), {});
    assertEquals(connect({ minSupportTlsProtocol: -1 }), {});
    assertEquals(readAsClose({ code: "1001", reason: 5 }), {});
    assertEquals(readAsStart({ serverIP: 5, serverCert: "secret" }), {});
    assertEquals([connect({ clientCert: ["secret"] }), readAsStart({ serverCert: [] })], [{}, {}]);
    // What is said of each is in the log of `tests/log_programs/harmony.ts`: once in a process.
    assertFalse(said.join().includes("secret"));
  });

  it("keep each value that the device takes, and what the main entry takes beyond that", () => {
    const kept: [read: (options: unknown) => unknown, name: string, values: unknown[]][] = [
      [connect, "minSupportTlsProtocol", [0, 1, 2, 3]],
      [connect, "skipServerCertVerification", [true, false]],
      [connect, "caPath", ["", "ca.pem"]],
      [connect, "proxy", ["system", "no-proxy", ""]],
      [connect, "protocol", ["", "chat", "chat, other"]],
      [readAsClose, "code", [0, 1000, 4999, NaN]],
      [readAsClose, "reason", ["", "done"]],
      [readAsStart, "serverIP", ["", "127.0.0.1"]],
      [readAsStart, "protocol", ["", "chat", ["chat", "other"], () => "chat"]],
    ];
    for (const [read, name, values] of kept) {
      for (const value of values) assertEquals(read({ [name]: value }), { [name]: value }, name);
    }
    assertEquals(said, []);
  });

  it("leave out headers whose values are no text, and name them", () => {
    const name = fresh();
    const header = { "x-a": "1", [name]: 30, "x-null": null };
    assertEquals(connect({ header }), { header: { "x-a": "1" } });
    assertEquals(said, [
      `connect: 'header' '${name}' is left out: HarmonyOS takes no such number there`,
    ]);
  });

  it("leave out what is not known of a certificate and a proxy", () => {
    const name = fresh();
    const clientCert = { certPath: "a", keyPath: null, keyPassword: null, [name]: "secret" };
    assertEquals(connect({ clientCert }), { clientCert: { certPath: "a", keyPath: "" } });
    const proxy = { host: "a", port: 1, username: null, [name]: "secret" };
    assertEquals(connect({ proxy }), { proxy: { host: "a", port: 1 } });
    const serverCert = { certPath: "a", keyPath: 5, [name]: "secret" };
    assertEquals(readAsStart({ serverCert }), { serverCert: { certPath: "a", keyPath: "" } });
    assertEquals(said, [
      `connect: 'clientCert' '${name}' is no option, and is left out`,
      `connect: 'proxy' '${name}' is no option, and is left out`,
      `start: 'serverCert' '${name}' is no option, and is left out`,
    ]);
  });

  it("leave to the main entry what the device refuses", async () => {
    const ask = () => ({});
    const map = new Map([["authorization", "secret"]]);
    const lost = [map, new Headers(), [...map], Promise.resolve({})];
    for (const header of [ask, ...lost]) assertStrictEquals(headerOf({ header }), header);
    assertEquals(connect({ proxy: "none", protocol: 5 }), { proxy: "none", protocol: 5 });
    for (const wrong of [undefined, null, 5, "options", [], ask]) {
      assertStrictEquals(connect(wrong), wrong);
      assertStrictEquals(readAsClose(wrong), wrong);
      assertStrictEquals(readAsStart(wrong), wrong);
    }
    const ws = untyped(webSocket.createWebSocket() as never);
    const withHeaders = [...lost, new Request("http://x/")].map((header) => ({ header }));
    for (const wrong of [null, [], map, ...lost, ...withHeaders]) {
      assertEquals((await refusal(ws.connect(URL_, wrong))).code, 401);
    }
    for (const wrong of [{ proxy: "none" }, { protocol: "a b" }]) {
      assertEquals((await refusal(ws.connect(URL_, wrong))).code, 401);
    }
    assertEquals(said, []);
  });

  it("refuse a protocol that is written out as undefined, as the platform's suite wants it", async () => {
    const ws = webSocket.createWebSocket();
    assertEquals((await refusal(ws.connect(URL_, { protocol: undefined }))).code, 401);
    // It is said once in a process: another test may have been first.
    const words = "connect: 'protocol' must be left out rather than undefined, as on HarmonyOS";
    assertEquals(said.filter((what) => what !== words), []);
  });

  it("refuse what cannot be read", async () => {
    const ws = untyped(webSocket.createWebSocket() as never);
    for (const more of [{}, { supportOriginPort: true }]) {
      const options = {
        ...more,
        get header() {
          throw new TypeError("no");
        },
      };
      const error = await refusal(ws.connect(URL_, options));
      assertEquals(error.code, 401);
      assertInstanceOf(error.cause, TypeError);
    }
  });

  it("read each option once, as it is at the call", () => {
    let times = 0;
    const options = {
      get protocol() {
        return `chat${++times}`;
      },
    };
    assertEquals(connect(options), { protocol: "chat1" });
  });

  describe("supportOriginPort", () => {
    const origin = (options: object, url?: unknown) =>
      (connect(options, url) as { header?: { origin?: string } }).header;

    it("sends the host and the port", () => {
      assertEquals(origin({ supportOriginPort: true }), { origin: "http://example.com:8080" });
      assertEquals(origin({ supportOriginPort: true, header: { "x-a": "1" } }), {
        "x-a": "1",
        origin: "http://example.com:8080",
      } as object);
    });

    it("sends no default port", () => {
      for (const url of ["ws://example.com/", "ws://example.com:80/", "wss://example.com:443/"]) {
        assertEquals(origin({ supportOriginPort: true }, url), { origin: "http://example.com" });
      }
    });

    it("is on the wire, and no Origin is without it", async () => {
      await using server = await RawServer.listen().then(disposable);
      for (const supportOriginPort of [true, false]) {
        await using ws = webSocket.createWebSocket();
        await ws.connect(server.url, { supportOriginPort });
        const { head } = await within(server.accept());
        const expected = supportOriginPort ? `http://127.0.0.1:${server.port}` : "";
        assertEquals(header(head, "origin"), expected);
        await within(ws.opened);
      }
    });

    it("leaves an Origin alone that is in header", () => {
      for (const name of ["Origin", "origin", "ORIGIN"]) {
        const header = { [name]: "https://a.example" };
        assertEquals(origin({ supportOriginPort: true, header }), header as object);
      }
    });

    it("sends none when it is false, or where there is no URL to tell it", () => {
      assertEquals(origin({ supportOriginPort: false }), {});
      for (const url of ["nonsense", "", undefined, () => URL_]) {
        assertEquals(readAsConnect({ supportOriginPort: true }, url), { header: {} });
      }
    });

    it("leaves a header alone that is asked for each time", () => {
      const header = () => ({});
      assertStrictEquals(headerOf({ supportOriginPort: true, header }), header);
    });

    function headerOf(options: object): unknown {
      return (connect(options) as { header: unknown }).header;
    }
  });

  it("are refused by the main entry, which is as strict as ever", async () => {
    const strict = createWebSocket() as unknown as {
      connect(...args: unknown[]): Promise<boolean>;
    };
    for (
      const wrong of [
        ...[{ [fresh()]: 1 }, { header: null }, { header: "a" }, { protocol: null }],
        ...[{ proxy: null }, { minSupportTlsProtocol: 7 }, { supportOriginPort: true }],
      ]
    ) {
      assertEquals((await refusal(strict.connect(URL_, wrong))).code, 401);
    }
    assertFalse(said.length > 0);
  });
});

function headerOf(options: object): unknown {
  return (connect(options) as { header: unknown }).header;
}
