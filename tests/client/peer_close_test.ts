import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { type BusinessError, createWebSocket } from "../../mod.ts";
import { disposable, EventLog, refusal, Session, within } from "../helpers/client.ts";
import { HERE } from "../helpers/programs.ts";
import { runSource } from "../helpers/source.ts";
import {
  BINARY,
  CLOSE,
  closePayload,
  type RawPeer,
  RawServer,
  readClose,
  TEXT,
} from "../peers/raw.ts";

describe("createWebSocket() when the peer closes", () => {
  const clean: [what: string, code: number | undefined, reason: string, expected: number][] = [
    ["1000", 1000, "done", 1000],
    ["1000 and no reason", 1000, "", 1000],
    ["no code", undefined, "", 1000],
    ...[1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4000, 4999].map(
      (code): [string, number, string, number] => [`${code}`, code, `because ${code}`, code],
    ),
    ["a reason of 123 bytes", 4000, "é".repeat(61) + "a", 4000],
  ];
  for (const [what, code, reason, expected] of clean) {
    it(`tells 'close' alone with ${expected} when its Close frame has ${what}`, async () => {
      await using session = await Session.start({ server: { answerClose: false } });
      const peer = await session.open();
      const answered = peer.next(CLOSE);
      void answered.then(() => peer.end());
      peer.close(code, reason);
      const [failure, result] = await session.log.next("close");
      assertEquals([failure, result], [undefined, { code: expected, reason }]);
      assertEquals(session.ws.state, "idle");
      assertEquals(session.log.entries.at(-1)!.state, "idle");
      const answer = await within(answered);
      assertEquals(readClose(answer).code, code ?? 1005);
      assertEquals(answer.masked, true);
      await within(peer.ended);
      await session.assertEvents("open", "openInfo", "close");
    });
  }

  it("tells 1014 on Bun; Deno 2.9.6 takes it for illegal and tells 1006", async () => {
    await using session = await Session.start({ server: { answerClose: false } });
    const peer = await session.open();
    void peer.next(CLOSE).then(() => peer.end());
    peer.close(1014, "bad gateway");
    await session.log.next("close");
    assertEquals(
      [session.log.names.slice(2), session.log.closes[0]],
      HERE === "bun"
        ? [["close"], { code: 1014, reason: "bad gateway" }]
        : [["error", "close"], { code: 1006, reason: "The link is down" }],
    );
  });

  it("tells 'close' within 5 s though the peer does not end the TCP connection", async () => {
    await using session = await Session.start({ server: { answerClose: false } });
    const peer = await session.open();
    peer.close(4000, "hanging");
    await within(peer.next(CLOSE));
    await within(session.log.next("close"), 7000);
    assertEquals(session.log.closes, [{ code: 4000, reason: "hanging" }]);
    assertEquals(session.log.names, ["open", "openInfo", "close"]);
  });

  it("tells what came before its Close frame first", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    for (let i = 0; i < 20; i++) peer.send(TEXT, `${i}`);
    peer.close(4000);
    await session.log.next("close");
    assertEquals(session.log.messages, Array.from({ length: 20 }, (_, i) => `${i}`));
    assertEquals(session.log.names.at(-1), "close");
  });

  it("answers -1 to send and 2302999 to close afterwards", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.close(1001, "going away");
    await session.log.next("close");
    assertEquals((await refusal(session.ws.send("hello"))).code, -1);
    assertEquals((await refusal(session.ws.close())).code, 2302999);
  });
});

/** Asserts that a connection is lost: 'error' 200, then 'close' 1006, each once. */
async function assertLost(session: Session, lose: (peer: RawPeer) => void): Promise<void> {
  const peer = await session.open();
  peer.send(TEXT, "before");
  await session.log.next("dataEnd");
  lose(peer);
  const [failure, result] = await session.log.next("close");
  assertEquals([failure, result], [undefined, { code: 1006, reason: "The link is down" }]);
  assertLink(session.log.errors);
  assertEquals(session.log.entries.at(-1)!.state, "idle");
  peer.reset();
  await session.assertEvents("open", "openInfo", "message", "dataEnd", "error", "close");
}

function assertLink(errors: BusinessError[]): void {
  assertEquals(errors.map(({ code, data }) => [code, data]), [[200, "0"]]);
  assertMatch(errors[0]!.message, /^Websocket connect failed: ./);
  assert(errors[0]!.cause instanceof Error);
}

describe("createWebSocket() when the peer vanishes", () => {
  const vanish: [string, (peer: RawPeer) => void][] = [
    ["resets the connection", (peer) => peer.reset()],
    ["ends the connection without a Close frame", (peer) => peer.end()],
    ["ends the connection within a frame", (peer) => {
      peer.write(Uint8Array.of(0x81, 5, 97, 98));
      peer.end();
    }],
    ["ends the connection within a fragmented message", (peer) => {
      peer.send(TEXT, "half", { fin: false });
      peer.end();
    }],
  ];
  for (const [what, lose] of vanish) {
    it(`tells 'error' 200, then 'close' 1006, when it ${what}`, async () => {
      await using session = await Session.start();
      await assertLost(session, lose);
    });
  }

  it("tells 'error' 200, then 'close' 1006, when its process is killed", async () => {
    const raw = new URL("../peers/raw.ts", import.meta.url).href;
    const ws = createWebSocket();
    const log = new EventLog(ws);
    const ended = await runSource(
      `import { RawServer } from ${JSON.stringify(raw)};
      const server = await RawServer.listen();
      console.log("port " + server.port);
      const peer = await server.accept();
      peer.send(1, "alive");
      setInterval(() => {}, 1000);`,
      {
        async started(program) {
          try {
            const [, port] = await within(program.line(/port (\d+)/));
            assertEquals(await within(ws.connect(`ws://127.0.0.1:${port}/`)), true);
            await log.next("dataEnd");
          } finally {
            process.kill(program.child.pid!, "SIGKILL");
          }
        },
      },
    );
    assertEquals(ended.signal, "SIGKILL");
    await log.next("close");
    assertLink(log.errors);
    assertEquals(log.closes, [{ code: 1006, reason: "The link is down" }]);
    assertEquals(log.names, ["open", "openInfo", "message", "dataEnd", "error", "close"]);
  });

  it("tells 'close' 1006 once although this side was sending", async () => {
    await using session = await Session.start();
    await assertLost(session, (peer) => {
      for (let i = 0; i < 50; i++) void session.ws.send(new Uint8Array(100_000));
      peer.reset();
    });
  });
});

describe("createWebSocket() when the peer breaks the protocol", () => {
  const broken: [string, (peer: RawPeer) => void][] = [
    ...[0, 999, 1005, 1006, 1015, 2000, 2999, 5000, 65_535].map(
      (code): [string, (peer: RawPeer) => void] => [
        `closes with ${code}`,
        (peer) => peer.close(code, "illegal"),
      ],
    ),
    ["closes with one byte", (peer) => peer.send(CLOSE, Uint8Array.of(3))],
    [
      "closes with a reason that is no UTF-8",
      (peer) => peer.send(CLOSE, Uint8Array.of(...closePayload(1000), 0xc3, 0x28)),
    ],
    ["sends a text that is no UTF-8", (peer) => peer.send(TEXT, Uint8Array.of(0xc3, 0x28))],
    ["sends a reserved bit", (peer) => peer.send(TEXT, "a", { rsv: 4 })],
    ["sends a reserved opcode", (peer) => peer.send(3, "a")],
    ["sends a reserved control opcode", (peer) => peer.send(11, "a")],
    ["sends a fragmented Ping", (peer) => peer.send(9, "a", { fin: false })],
    ["sends a Ping of 126 bytes", (peer) => peer.send(9, "a".repeat(126))],
    ["sends a continuation of nothing", (peer) => peer.send(0, "a")],
    ["begins a message within another", (peer) => {
      peer.send(BINARY, "a", { fin: false });
      peer.send(BINARY, "b");
    }],
  ];
  for (const [what, lose] of broken) {
    it(`tells 'error' 200, then 'close' 1006, and ends the connection when it ${what}`, async () => {
      await using session = await Session.start({ server: { answerClose: false } });
      await assertLost(session, (peer) => {
        lose(peer);
        void peer.ended.then(() => peer.end());
      });
    });
  }

  it("ends the TCP connection by itself", async () => {
    await using server = await RawServer.listen({ answerClose: false }).then(disposable);
    const ws = createWebSocket();
    const log = new EventLog(ws);
    await within(ws.connect(server.url));
    const peer = await within(server.accept());
    peer.send(TEXT, "a", { rsv: 4 });
    await within(peer.ended);
    await log.next("close");
    assertEquals(log.names, ["open", "openInfo", "error", "close"]);
  });
});
