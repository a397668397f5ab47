/**
 * The client on a platform that has the WHATWG's WebSocket and no more, as pages have: on the
 * WebSocket of the runtime that runs these tests, against a raw server. `tests/interop/page_test.ts` has it
 * in a browser, and `tests/package/npm_test.ts` on Node.
 */

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  TlsProtocol,
  type WebSocketClientOptions,
  type WebSocketRequestOptions,
} from "../../mod.ts";
import type { End } from "../../runtime/contract.ts";
import { webClient } from "../../runtime/web/client.ts";
import { FakeClock } from "../../testing.ts";
import { Certificates } from "../helpers/certificates.ts";
import { disposable, refusal, Session, within } from "../helpers/client.ts";
import { freePort } from "../helpers/programs.ts";
import {
  BINARY,
  CLOSE,
  header,
  PING,
  RawServer,
  type RawServerOptions,
  readClose,
  TEXT,
  textOf,
} from "../peers/raw.ts";

/** A client before a raw server. */
function start(server?: RawServerOptions, client?: WebSocketClientOptions): Promise<Session> {
  return Session.start({ ...(server && { server }), client: { ...client, runtime: webClient() } });
}

const { certPath, keyPath } = new Certificates().authority("somebody");

describe("webClient()", () => {
  it("brings text and bytes, both ways and in order", async () => {
    await using session = await start();
    const peer = await session.open();
    const resizable = new ArrayBuffer(3, { maxByteLength: 8 });
    new Uint8Array(resizable).set([7, 8, 9]);
    for (
      const data of [
        ...["hello", "", new Uint8Array([1, 2, 3]).subarray(1), new Uint8Array([4]).buffer],
        ...[resizable, new Uint8Array(resizable, 1), "last"],
      ]
    ) {
      assertEquals(await within(session.ws.send(data)), true);
    }
    await within(session.ws.close());
    await within(peer.next(CLOSE));
    assertEquals(
      peer.frames.filter(({ opcode }) => opcode !== CLOSE).map(({ opcode, payload }) =>
        opcode === TEXT ? textOf(payload) : [...payload]
      ),
      ["hello", "", [2, 3], [4], [7, 8, 9], [8, 9], "last"],
    );
  });

  it("tells of text as text and of bytes as an ArrayBuffer", async () => {
    await using session = await start();
    const peer = await session.open();
    peer.send(TEXT, "tëxt");
    peer.send(BINARY, Uint8Array.from([1, 2]));
    await session.log.next("message", 2);
    const [text, bytes] = session.log.messages;
    assertEquals(text, "tëxt");
    assertInstanceOf(bytes, ArrayBuffer);
    assertEquals([...new Uint8Array(bytes)], [1, 2]);
  });

  for (
    const [code, sent] of [[1000, 1000], [3000, 3000], [4999, 4999], [1001, 1000], [1011, 1000]]
  ) {
    it(`closes with ${code}: sends ${sent}, as pages may, and tells ${code}`, async () => {
      await using session = await start();
      const peer = await session.open();
      assertEquals(await within(session.ws.close({ code: code!, reason: "bye" })), true);
      assertEquals(readClose(await within(peer.next(CLOSE))), { code: sent!, reason: "bye" });
      await session.log.next("close");
      assertEquals(session.log.closes, [{ code, reason: "bye" }]);
      assertEquals(session.ws.bufferedAmount, 0);
      await session.assertEvents("open", "openInfo", "close");
    });
  }

  it("tells the peer's code and reason, 1000 for none", async () => {
    await using session = await start();
    (await session.open()).close(4002, "you go");
    await session.log.next("close");
    (await session.open()).close();
    await session.log.next("close", 2);
    assertEquals(session.log.closes, [{ code: 4002, reason: "you go" }, {
      code: 1000,
      reason: "",
    }]);
    assertEquals(session.log.errors, []);
  });

  it("tells of a refused connection, and of a refused handshake, as one 'error' 200", async () => {
    await using session = await start({ answer: () => "HTTP/1.1 503 Busy\r\n\r\n" });
    for (const url of [session.url, `ws://127.0.0.1:${await freePort()}/`]) {
      assertEquals(await within(session.ws.connect(url)), true);
      await within(session.ws.closed.catch(() => {}));
    }
    assertEquals(session.log.names, ["error", "error"]);
    assertEquals(session.log.errors.map(({ code }) => code), [200, 200]);
    assertEquals(session.log.entries.map(({ state }) => state), ["idle", "idle"]);
  });

  it("tells of a lost connection as 'error' 200 and 'close' 1006", async () => {
    await using session = await start();
    (await session.open()).reset();
    await session.log.next("close");
    assertEquals(session.log.errors.map(({ code }) => code), [200]);
    assertEquals(session.log.closes, [{ code: 1006, reason: "The link is down" }]);
    await session.assertEvents("open", "openInfo", "error", "close");
  });

  it("tells nothing but 'close' of an attempt that is closed", async () => {
    await using session = await start();
    await within(session.ws.connect(session.url));
    assertEquals(await within(session.ws.close({ code: 4000 })), true);
    await session.log.next("close");
    await session.assertEvents("close");
    assertEquals(session.log.closes[0], { code: 4000, reason: "CLOSE_NORMAL" });
  });

  it("tells a connection's end once, though platforms tell it as 'error' and as 'close'", async () => {
    await using server = await RawServer.listen({ answer: () => "HTTP/1.1 503 Busy\r\n\r\n" })
      .then(disposable);
    const ends: End[] = [];
    const dial = (url: string) =>
      new Promise<void>((resolve) => {
        const tls = { insecure: false, minVersion: 0 };
        webClient().dial({ url, headers: {}, protocols: [], tls, proxy: "system" }, {
          open: () => {},
          message: () => {},
          alive: () => {},
          closed(end) {
            ends.push(end);
            resolve();
          },
        });
      });
    // By the end of the second whatever the first had to tell has been told.
    await within(dial(server.url));
    await within(dial(server.url));
    assertEquals(ends.map(({ code, failure }) => [code, failure?.status]), [[0, "503"], [
      0,
      "503",
    ]]);
  });

  it("gives a peer that answers no Close frame 5 seconds", async () => {
    const clock = new FakeClock();
    await using session = await start({ answerClose: false }, { clock });
    const peer = await session.open();
    await within(session.ws.close({ code: 4003 }));
    await within(peer.next(CLOSE));
    await clock.advance(4999);
    assertEquals(session.ws.state, "closing");
    await clock.advance(1);
    assertEquals(session.log.closes, [{ code: 4003, reason: "CLOSE_NORMAL" }]);
    peer.end();
    await within(peer.ended);
  });

  it("ends with 1009 what brings a message over 'maxPayload'", async () => {
    await using session = await start({}, { maxPayload: 10 });
    const peer = await session.open();
    peer.send(TEXT, "0123456789");
    peer.send(TEXT, "0123456789+");
    await session.log.next("close");
    assertEquals(session.log.messages, ["0123456789"]);
    assertEquals(session.log.closes, [{ code: 1009, reason: "Received too big message" }]);
    assertEquals(readClose(await within(peer.next(CLOSE))).code, 1000);
  });

  it("offers subprotocols, and takes none that it has not offered", async () => {
    await using session = await start();
    const accepted = session.server.accept();
    await within(session.ws.connect(session.url, { protocol: "chat, superchat" }));
    const { head } = await within(accepted);
    assertEquals(header(head, "sec-websocket-protocol").replaceAll(" ", ""), "chat,superchat");
    await session.log.next("error"); // this server chooses none
    assertEquals(session.log.names, ["error"]);
    assertEquals(session.log.errors[0]!.code, 200);
  });

  it("sends no Ping", async () => {
    const clock = new FakeClock();
    await using session = await start({}, { clock });
    const peer = await session.open();
    await clock.advance(100_000);
    await within(session.ws.send("after all this time"));
    await within(peer.next(TEXT));
    assertEquals(peer.frames.filter(({ opcode }) => opcode === PING), []);
    assertEquals(session.ws.state, "open");
  });

  const options: WebSocketRequestOptions = {
    header: { authorization: "Bearer 1" },
    caPath: certPath,
    clientCert: { certPath, keyPath },
    skipServerCertVerification: true,
    minSupportTlsProtocol: TlsProtocol.TLS_V_1_2,
    proxy: "no-proxy",
    pingInterval: 5,
    pongTimeout: 5,
  };
  for (const [option, value] of Object.entries(options)) {
    it(`answers 2302999 to '${option}', which it names, and dials nobody`, async () => {
      await using session = await start();
      const { code, message } = await refusal(session.ws.connect(session.url, { [option]: value }));
      assertEquals(code, 2302999);
      assertStringIncludes(message, `connect: '${option}' cannot be had on this platform`);
      assertEquals([session.ws.state, session.log.names], ["idle", []]);
      const { head } = await session.open();
      assert(!head.includes("Bearer"), "the first to be dialled is the next");
    });
  }

  it("takes the options that ask for nothing, and those that it can honour", async () => {
    await using session = await start();
    const { signal } = new AbortController();
    await session.open({ header: {}, caPath: "", proxy: "system", connectTimeout: 5, signal });
    assertEquals(session.log.names, ["open", "openInfo"]);
  });
});
