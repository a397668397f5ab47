import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError, WebSocketRequestOptions } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { answerOf, refusal, Session, untyped, within } from "../helpers/client.ts";
import { PING } from "../peers/raw.ts";

describe("createWebSocket().connect() options", () => {
  const unknown: [string, unknown][] = [
    ["timeout", 5],
    ["Protocol", "chat"],
    ["headers", {}],
    ["pinginterval", 5],
    ["toString", 5],
    ["nonsense", false],
    ["nonsense", null],
  ];
  for (const [name, value] of unknown) {
    it(`answers 401 naming it when there is an unknown '${name}' of ${value}`, async () => {
      await using session = await Session.start();
      const options = { [name]: value };
      const error = await refusal(untyped(session.ws).connect(session.url, options));
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, `'${name}'`);
      const [again] = await answerOf((callback) =>
        untyped(session.ws).connect(session.url, options, callback)
      );
      assertEquals((again as BusinessError).code, 401);
      assertEquals(session.ws.state, "idle");
    });
  }

  it("takes undefined options for left out, also unknown ones", async () => {
    await using session = await Session.start();
    const names = ["header", "protocol", "caPath", "clientCert", "skipServerCertVerification"];
    names.push("minSupportTlsProtocol", "proxy", "pingInterval", "pongTimeout", "connectTimeout");
    names.push("signal", "nonsense");
    const options = Object.fromEntries(names.map((name) => [name, undefined]));
    await session.open(options as WebSocketRequestOptions);
    assertEquals(session.log.names, ["open", "openInfo"]);
  });

  const nothing: [string, unknown][] = [
    ["caPath", ""],
    ["clientCert", { certPath: "", keyPath: "" }],
    ["clientCert", { certPath: "", keyPath: "", keyPassword: "" }],
    ["skipServerCertVerification", false],
    ["proxy", "system"],
    ["proxy", "no-proxy"],
    ["minSupportTlsProtocol", 2],
    ["protocol", ""],
    ["header", {}],
  ];
  for (const [name, value] of nothing) {
    it(`connects when ${name} is ${JSON.stringify(value)}, which asks for nothing`, async () => {
      await using session = await Session.start();
      await session.open({ [name]: value });
      assertEquals(session.log.names, ["open", "openInfo"]);
    });
  }

  it("answers 2302002 when one path of clientCert is '' and the other is not", async () => {
    await using session = await Session.start();
    for (const [certPath, keyPath] of [["", "key.pem"], ["cert.pem", ""]] as const) {
      const call = session.ws.connect(session.url, { clientCert: { certPath, keyPath } });
      assertEquals((await refusal(call)).code, 2302002);
    }
  });

  const wrong: [string, unknown[]][] = [
    ["caPath", [null, 5, {}, true]],
    ["clientCert", [
      null,
      "cert.pem",
      5,
      [],
      {},
      { certPath: "a" },
      { keyPath: "a" },
      { certPath: "a", keyPath: 5 },
      { certPath: "a", keyPath: "b", keyPassword: 5 },
      { certPath: "a", keyPath: "b", password: "c" },
    ]],
    ["skipServerCertVerification", [null, "true", 1, 0]],
    ["minSupportTlsProtocol", [null, "TLS_V_1_2", -1, 4, 1.5, NaN]],
    ["proxy", [
      null,
      "",
      "none",
      "SYSTEM",
      "http://127.0.0.1:8080",
      5,
      [],
      {},
      { host: "127.0.0.1" },
      { port: 8080 },
      { host: "", port: 8080 },
      { host: 5, port: 8080 },
      { host: "127.0.0.1", port: "8080" },
      { host: "127.0.0.1", port: 0 },
      { host: "127.0.0.1", port: 65536 },
      { host: "127.0.0.1", port: 80.5 },
      { host: "127.0.0.1", port: 80, username: 5 },
      { host: "127.0.0.1", port: 80, exclusionList: "a" },
      { host: "127.0.0.1", port: 80, exclusionList: [5] },
      { host: "127.0.0.1", port: 80, user: "a" },
    ]],
  ];
  for (const [name, values] of wrong) {
    for (const value of values) {
      it(`answers 401 naming it when ${name} is ${JSON.stringify(value)}`, async () => {
        await using session = await Session.start();
        const error = await refusal(untyped(session.ws).connect(session.url, { [name]: value }));
        assertEquals(error.code, 401);
        assertStringIncludes(error.message, `'${name}'`);
      });
    }
  }
});

describe("createWebSocket().connect() with pingInterval and pongTimeout", () => {
  const impossible = [0, -1, NaN, Infinity, -Infinity, 30_001, 1e9, "5", null, {}, true, 5n];
  for (const value of impossible) {
    const shown = `${String(value)} (${value === null ? "null" : typeof value})`;

    it(`pings after 30 s when pingInterval is ${shown}`, async () => {
      const clock = new FakeClock();
      await using session = await Session.start({ client: { clock } });
      const peer = await session.open({ pingInterval: value as number });
      clock.tick(29_000);
      await within(session.ws.send("29 s"));
      await within(peer.next(1));
      assertEquals(peer.frames.filter(({ opcode }) => opcode === PING), []);
      clock.tick(1500);
      const ping = await within(peer.next(PING));
      assertEquals([ping.fin, ping.masked, ping.rsv], [true, true, 0]);
      assertEquals(session.ws.state, "open");
    });

    it(`waits 30 s for a Pong when pongTimeout is ${shown}`, async () => {
      const clock = new FakeClock();
      await using session = await Session.start({ client: { clock }, server: { pong: false } });
      const peer = await session.open({ pongTimeout: value as number });
      clock.tick(30_500);
      await within(peer.next(PING));
      clock.tick(28_000);
      assertEquals([session.ws.state, ...session.log.names], ["open", "open", "openInfo"]);
      clock.tick(2500);
      assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
      assertEquals(session.log.errors[0]!.code, 200);
      assertEquals(session.log.closes, [{ code: 1006, reason: "The link is down" }]);
      await within(peer.ended);
    });
  }
});
