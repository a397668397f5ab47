/**
 * What HarmonyOS' own conformance suites ask of a client, asked of `./harmony`
 * (OpenHarmony, `xts_acts`, `telephony/networkmanager/websocket`): by callback and by promise, as they do.
 * What they ask for that is not so here is said so at its place.
 */

import { assertEquals, assertThrows } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import webSocket, { BusinessError } from "../../harmony.ts";
import { within } from "../helpers/client.ts";
import { type Answer, ask, type Call, WAYS } from "../helpers/platform.ts";

const { warn } = console;

/** The server that all of them connect to: an echo. */
const echo = webSocket.createWebSocketServer();
let url = "";

/** A client, what it has told, and its end. */
class Client implements AsyncDisposable {
  readonly ws = webSocket.createWebSocket();
  readonly told: string[] = [];

  /** Listens to an event. */
  on(type: "open" | "openInfo" | "message" | "dataEnd" | "close" | "error", tell = type): void {
    this.ws.on(type, () => void this.told.push(tell));
  }

  /** Opens a connection, and answers when 'open' has been told. */
  async open(options: webSocket.WebSocketRequestOptions = {}): Promise<webSocket.OpenResult> {
    const opened = this.ws.opened;
    await this.ws.connect(url, options);
    return await within(opened);
  }

  /** Closes it, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.ws[Symbol.asyncDispose]();
  }
}

const MISSING = "/nowhere/cert.pem";
const JSON_TYPE = { header: { "Content-Type": "application/json" } };

describe("what the platform's suites ask of a client of ./harmony", () => {
  beforeAll(async () => {
    console.warn = () => {};
    echo.on("messageReceive", ({ clientConnection, data }) => {
      void echo.send(data, clientConnection).catch(() => {});
    });
    await echo.start({
      serverPort: 0,
      serverIP: "127.0.0.1",
      maxConcurrentClientsNumber: 10,
      maxConnectionsForOneClient: 10,
    });
    url = `ws://127.0.0.1:${echo.address!.port}/`;
  });
  afterAll(async () => {
    await echo.stop();
    console.warn = warn;
  });

  describe("connect()", () => {
    const here = Symbol("the server's URL");
    const cases: [args: unknown[], answer: Answer][] = [
      [[null], 401],
      [[""], 2302001],
      [["hello"], 2302001],
      [["123"], 2302001],
      [["192.168.1.111"], 2302001],
      [["ws://"], -1],
      [[here], true],
      [[null, JSON_TYPE], 401],
      [["", JSON_TYPE], 2302001],
      [["123", JSON_TYPE], 2302001],
      [["ws://", JSON_TYPE], -1],
      [[null, null], 401],
      [[here, null], 401],
      [[here, {}], true],
      [[here, JSON_TYPE], true],
      [[here, { header: { "Content-Type": 30 } }], true],
      [[here, { header: "test header" }], true],
      [[here, { header: null }], true],
      [[here, { protocol: "" }], true],
      [[here, { protocol: "123" }], true],
      [[here, { protocol: "Sec-WebSocket-Protocol" }], true],
      [[here, { protocol: null }], true],
      [[here, { protocol: undefined }], 401],
      [[here, { proxy: "system" }], true],
      [[here, { proxy: "no-proxy" }], true],
      [[here, { proxy: null }], true],
      [[here, { proxy: "" }], 401],
      ...([0, 1, 2, 3, undefined, 4, -1] as unknown[]).map((minSupportTlsProtocol) =>
        [[here, { ...JSON_TYPE, minSupportTlsProtocol }], true] as [unknown[], Answer]
      ),
      [[here, { supportOriginPort: true }], true],
      [[here, { skipServerCertVerification: false, pingInterval: 30, pongTimeout: 30 }], true],
      [[here, { caPath: MISSING }], 2302002],
      [[here, { clientCert: { certPath: MISSING, keyPath: MISSING } }], 2302002],
      [[here, { caPath: "", clientCert: { certPath: "", keyPath: "", keyPassword: "" } }], true],
      [["192.168.1.111", { clientCert: { certPath: "", keyPath: "" } }], 2302001],
      [[here, { notKnown: 1 }], true],
    ];
    for (const [i, [args, answer]] of cases.entries()) {
      for (const way of WAYS) {
        const shown = args.map((arg) => arg === here ? "URL" : JSON.stringify(arg)).join(", ");
        it(`answers ${answer} to (${shown}), by ${way} (${i})`, async () => {
          await using client = new Client();
          const given = args.map((arg) => arg === here ? url : arg);
          assertEquals(await ask(way, client.ws, "connect", given), answer);
        });
      }
    }

    for (const way of WAYS) {
      it(`answers 2302003 to the second, by ${way}`, async () => {
        await using client = new Client();
        assertEquals(await ask(way, client.ws, "connect", [url]), true);
        assertEquals(await ask(way, client.ws, "connect", [url, JSON_TYPE]), 2302003);
        await within(client.ws.opened);
        assertEquals(await ask(way, client.ws, "connect", [url]), 2302003);
      });
    }

    it("leaves the options alone", async () => {
      await using client = new Client();
      const options = { ...JSON_TYPE, minSupportTlsProtocol: webSocket.TlsProtocol.TLS_V_1_2 };
      await client.open(options);
      assertEquals(options, { ...JSON_TYPE, minSupportTlsProtocol: 2 });
    });
  });

  describe("send()", () => {
    const long = "an upload or a download is put into the queue. ".repeat(100);
    const cases: [what: string, data: unknown, answer: Answer][] = [
      ["null", null, 401],
      ["''", "", true],
      ["text", "Hello", true],
      ["long text", long, true],
      ["an ArrayBuffer", new ArrayBuffer(96), true],
      // The suite wants 401: here views are taken, as they are what programs hold on these runtimes.
      ["an Int8Array, which it refuses", new Int8Array(0), true],
    ];
    for (const [what, data, answer] of cases) {
      for (const way of WAYS) {
        it(`answers ${answer} to ${what} in 'open', by ${way}`, async () => {
          await using client = new Client();
          const answered = new Promise<Answer>((resolve) => {
            client.ws.on("open", (_err, { status }) => {
              assertEquals(status, 101);
              ask(way, client.ws, "send", [data]).then(resolve);
            });
          });
          await client.ws.connect(url);
          assertEquals(await within(answered), answer);
        });
      }
    }

    for (const way of WAYS) {
      it(`answers -1 with no connection, by ${way}`, async () => {
        const ws = webSocket.createWebSocket();
        assertEquals(await ask(way, ws, "send", ["Hello"]), -1);
      });

      it(`answers true twice, and both come back, by ${way}`, async () => {
        await using client = new Client();
        await client.open();
        const both = new Promise<unknown[]>((resolve) => {
          const data: unknown[] = [];
          client.ws.on("message", (_err, value) => void (data.push(value) === 2 && resolve(data)));
        });
        for (const text of ["one", "two"]) {
          assertEquals(await ask(way, client.ws, "send", [text]), true);
        }
        assertEquals(await within(both), ["one", "two"]);
      });
    }
  });

  describe("close()", () => {
    const NORMAL = { code: 1000, reason: "CLOSE_NORMAL" };
    const cases: [args: unknown[], answer: Answer, result?: webSocket.CloseResult][] = [
      [[], true, NORMAL],
      [[null], 401],
      [[{}], true, NORMAL],
      [[{ code: -100, reason: "error" }], true, { code: 1000, reason: "error" }],
      [[{ code: 0, reason: "error" }], true, { code: 1000, reason: "error" }],
      [[{ code: 1, reason: "test reason" }], true, { code: 1000, reason: "test reason" }],
      [[{ code: 100, reason: "error" }], true, { code: 1000, reason: "error" }],
      [[{ code: 1000, reason: "error" }], true, { code: 1000, reason: "error" }],
      [[{ code: 1000, reason: "" }], true, { code: 1000, reason: "" }],
      [[{ code: -100, reason: null }], true, NORMAL],
      [[{ code: 100, reason: null }], true, NORMAL],
      [[{ code: "1001" }], true, NORMAL],
      [[{ code: 1001, reason: "a", more: 1 }], true, { code: 1001, reason: "a" }],
    ];
    for (const [args, answer, result] of cases) {
      for (const way of WAYS) {
        it(`answers ${answer} to (${JSON.stringify(args).slice(1, -1)}), by ${way}`, async () => {
          await using client = new Client();
          await client.open();
          const closed = new Promise((resolve) =>
            client.ws.on("close", (_, value) => resolve(value))
          );
          assertEquals(await ask(way, client.ws, "close", args), answer);
          if (result !== undefined) assertEquals(await within(closed), result);
        });
      }
    }

    for (const way of WAYS) {
      for (const args of [[], [{ code: 1000, reason: "error" }]]) {
        it(`answers 2302999 to ${args.length} with no connection, by ${way}`, async () => {
          const ws = webSocket.createWebSocket();
          assertEquals(await ask(way, ws, "close", args), 2302999);
        });
      }

      it(`answers 2302999 to the second, by ${way}`, async () => {
        await using client = new Client();
        await client.open();
        assertEquals(await ask(way, client.ws, "close", []), true);
        assertEquals(await ask(way, client.ws, "close", []), 2302999);
        await within(client.ws.closed);
        assertEquals(await ask(way, client.ws, "close", []), 2302999);
      });
    }
  });

  describe("on() and off()", () => {
    const types = ["open", "openInfo", "message", "dataEnd", "close"] as const;

    /** A whole conversation; gives what was told of one event. */
    async function converse(type: typeof types[number], before: (client: Client) => void) {
      await using client = new Client();
      before(client);
      await client.open();
      const answer = client.ws[Symbol.asyncIterator]().next();
      await client.ws.send("Hello");
      await within(answer);
      await client.ws.close();
      await within(client.ws.closed);
      await undefined;
      return client.told.filter((name) => name === type).length;
    }

    for (const type of types) {
      it(`tells '${type}' to the listener, once`, async () => {
        assertEquals(await converse(type, (client) => client.on(type)), 1);
      });

      it(`tells '${type}' to nobody after off(type), also twice`, async () => {
        for (const times of [1, 2]) {
          const told = await converse(type, (client) => {
            client.on(type);
            for (let i = 0; i < times; i++) client.ws.off(type);
          });
          assertEquals(told, 0);
        }
      });

      it(`tells '${type}' to nobody after off(type, listener)`, async () => {
        const told = await converse(type, (client) => {
          const listener = () => void client.told.push(type);
          client.ws.on(type, listener);
          client.ws.off(type, listener);
        });
        assertEquals(told, 0);
      });

      it(`tells '${type}' to a listener that is added after off(type)`, async () => {
        const told = await converse(type, (client) => {
          client.ws.off(type);
          client.on(type);
        });
        assertEquals(told, 1);
      });
    }

    it("throws 401 for null, in on() and in off()", () => {
      const ws = webSocket.createWebSocket();
      for (const call of ["on", "off"] as const) {
        const method = (ws as unknown as Record<string, Call>)[call]!;
        const error = assertThrows(() => void method.call(ws, null, () => {}), BusinessError);
        assertEquals(error.code, 401);
      }
      const error = assertThrows(() => ws.off(null as never), BusinessError);
      assertEquals(error.code, 401);
    });

    it("tells 'error' with 200 for a URL with no host, unless it is off", async () => {
      for (const isOff of [false, true]) {
        const ws = webSocket.createWebSocket();
        const codes: number[] = [];
        ws.off("error");
        ws.on("error", ({ code }) => void codes.push(code));
        if (isOff) ws.off("error");
        const failed = ws.opened.catch(() => {});
        assertEquals(await ask("callback", ws, "connect", ["ws://"]), -1);
        await within(failed);
        await undefined;
        assertEquals(codes, isOff ? [] : [200]);
      }
    });

    it("tells openInfo no protocol where the server chose none", async () => {
      await using client = new Client();
      const info = new Promise((resolve) => client.ws.on("openInfo", (_, value) => resolve(value)));
      await client.open();
      assertEquals(await within(info), { status: 101, message: "Switching Protocols" });
    });

    // The suite wants 'openInfo' with no protocol: here it is as in a page, which would not open either.
    it("tells 'error' where the server chooses none of what was offered", async () => {
      await using client = new Client();
      client.on("openInfo");
      const failed = new Promise((resolve) => client.ws.on("error", ({ code }) => resolve(code)));
      const options = { ...JSON_TYPE, protocol: "Sec-WebSocket-Protocol" };
      assertEquals(await client.ws.connect(url, options), true);
      assertEquals([await within(failed), client.told], [200, []]);
    });

    it("tells 'headerReceive' before 'open', unless it is off", async () => {
      for (const isOff of [false, true]) {
        await using client = new Client();
        client.on("open");
        client.ws.on("headerReceive", () => void client.told.push("not this one"));
        client.ws.off("headerReceive");
        client.ws.off("headerReceive");
        client.ws.on("headerReceive", ({ upgrade }) => void client.told.push(`told ${upgrade}`));
        if (isOff) client.ws.off("headerReceive");
        await client.open();
        assertEquals(client.told, isOff ? ["open"] : ["told websocket", "open"]);
      }
    });
  });
});
