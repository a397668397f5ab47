import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { refusal, Session, within } from "../helpers/client.ts";
import { BINARY, CLOSE, type RawPeer, readClose, TEXT } from "../peers/raw.ts";

/** Sends a message in frames of a few bytes. */
function sendInPieces(peer: RawPeer, opcode: number, bytes: Uint8Array, size: number): void {
  for (let at = 0; at < bytes.length; at += size) {
    const fin = at + size >= bytes.length;
    peer.send(at === 0 ? opcode : 0, bytes.subarray(at, at + size), { fin });
  }
}

const utf8 = (text: string) => new TextEncoder().encode(text);

describe("createWebSocket() with maxPayload, receiving", () => {
  const LIMIT = 5_242_864;
  const cases: [what: string, limit: number | undefined, opcode: number, a: string, b: string][] = [
    ["ASCII", 10, TEXT, "abcdefghij", "abcdefghijk"],
    ["multi-byte characters", 10, TEXT, "€€€a", "€€€é"],
    ["surrogate pairs", 8, TEXT, "😀😀", "😀😀a"],
    ["bytes", 10, BINARY, "abcdefghij", "abcdefghijk"],
    ["bytes, by default", undefined, BINARY, "a".repeat(LIMIT), "a".repeat(LIMIT + 1)],
    ["text, by default", undefined, TEXT, "a".repeat(LIMIT), "a".repeat(LIMIT + 1)],
  ];
  const ways: [string, (peer: RawPeer, opcode: number, bytes: Uint8Array) => void][] = [
    ["in one frame", (peer, opcode, bytes) => peer.send(opcode, bytes)],
    ["in pieces", (peer, opcode, bytes) => {
      sendInPieces(peer, opcode, bytes, Math.ceil(bytes.length / 3));
    }],
  ];
  for (const [what, maxPayload, opcode, most, over] of cases) {
    for (const [how, send] of ways) {
      it(`takes exactly that much, and closes with 1009 on more, of ${what} ${how}`, async () => {
        await using session = await Session.start({
          client: maxPayload === undefined ? {} : { maxPayload },
        });
        const peer = await session.open();
        send(peer, opcode, utf8(most));
        await session.log.next("dataEnd");
        const [data] = session.log.messages as [string | ArrayBuffer];
        assertEquals(typeof data === "string" ? data : new TextDecoder().decode(data), most);
        send(peer, opcode, utf8(over));
        assertEquals(readClose(await within(peer.next(CLOSE))).code, 1009);
        await session.log.next("close");
        assertEquals((session.log.closes[0] as { code: number }).code, 1009);
        assertEquals(session.log.errors.map(({ code }) => code), [200]);
        assertEquals(session.ws.state, "idle");
        await within(peer.ended);
        await session.assertEvents("open", "openInfo", "message", "dataEnd", "error", "close");
      });
    }
  }

  it("closes with 1009 on a frame of 64 MiB, which one runtime refuses by itself", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    peer.send(BINARY, new Uint8Array(64 * 1024 * 1024));
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 1009, reason: "Received too big message" }]);
    assertEquals(session.log.errors.map(({ code }) => code), [200]);
    await within(peer.ended);
    await session.assertEvents("open", "openInfo", "error", "close");
  });

  it("tells nothing that comes after the message that was too big", async () => {
    await using session = await Session.start({ client: { maxPayload: 10 } });
    const peer = await session.open();
    peer.send(TEXT, "a".repeat(11));
    peer.send(TEXT, "after");
    await session.log.next("close");
    assertEquals(session.log.messages, []);
    assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
  });

  it("answers -1 to send, and 2302999 to close, in the 'error' listener", async () => {
    await using session = await Session.start({ client: { maxPayload: 10 } });
    const codes: Promise<number>[] = [];
    session.ws.on("error", () => {
      for (const call of [session.ws.send("hello"), session.ws.close()]) {
        codes.push(refusal(call).then(({ code }) => code));
      }
    });
    const peer = await session.open();
    peer.send(TEXT, "a".repeat(11));
    await session.log.next("close");
    assertEquals(await within(Promise.all(codes)), [-1, 2302999]);
  });
});
