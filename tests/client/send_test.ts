import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import type { WebSocketData } from "../../mod.ts";
import { refusal, Session, untyped, within } from "../helpers/client.ts";
import { BINARY, CLOSE, type Frame, type RawPeer, readClose, TEXT, textOf } from "../peers/raw.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

/** Closes, and gives the data frames that came before the Close frame. */
async function framesOf(session: Session, peer: RawPeer): Promise<Frame[]> {
  await within(session.ws.close());
  await within(peer.next(CLOSE));
  const end = peer.frames.findIndex(({ opcode }) => opcode === CLOSE);
  return peer.frames.slice(0, end).filter(({ opcode }) => opcode < CLOSE);
}

/** What a frame is, in short. */
function short({ opcode, payload }: Frame): string {
  return opcode === TEXT ? `text ${textOf(payload)}` : `binary ${[...payload]}`;
}

describe("createWebSocket().send()", () => {
  const source = bytes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252, 253, 254, 255);
  const { buffer } = source;
  const all = [...source];
  const middle = all.slice(8, 16);
  const resizable = new ArrayBuffer(4, { maxByteLength: 8 });
  new Uint8Array(resizable).set([1, 2, 3, 4]);
  const kinds: [string, WebSocketData, number[]][] = [
    ["an ArrayBuffer", buffer, all],
    ["an empty ArrayBuffer", new ArrayBuffer(0), []],
    ["a resizable ArrayBuffer", resizable, [1, 2, 3, 4]],
    ["a view of a resizable ArrayBuffer", new Uint8Array(resizable, 1, 2), [2, 3]],
    ["an Int8Array", new Int8Array(buffer, 8, 8), middle],
    ["a Uint8Array", new Uint8Array(buffer, 8, 8), middle],
    ["a Uint8ClampedArray", new Uint8ClampedArray(buffer, 8, 8), middle],
    ["an Int16Array", new Int16Array(buffer, 8, 4), middle],
    ["a Uint16Array", new Uint16Array(buffer, 8, 4), middle],
    ["an Int32Array", new Int32Array(buffer, 8, 2), middle],
    ["a Uint32Array", new Uint32Array(buffer, 8, 2), middle],
    ["a Float32Array", new Float32Array(buffer, 8, 2), middle],
    ["a Float64Array", new Float64Array(buffer, 8, 1), middle],
    ["a BigInt64Array", new BigInt64Array(buffer, 8, 1), middle],
    ["a BigUint64Array", new BigUint64Array(buffer, 8, 1), middle],
    ["a DataView", new DataView(buffer, 8, 8), middle],
    ["a subarray", source.subarray(3, 6), [3, 4, 5]],
    ["a Buffer of a pool", Buffer.from("abc"), [97, 98, 99]],
    ["an empty Uint8Array", new Uint8Array(0), []],
    ["an empty subarray", source.subarray(5, 5), []],
    ["an empty DataView", new DataView(buffer, 16), []],
  ];
  for (const [what, data, expected] of kinds) {
    it(`sends ${what} as one binary frame, open and while connecting`, async () => {
      await using session = await Session.start();
      const accepted = session.server.accept();
      const connected = session.ws.connect(session.url);
      assertEquals(await within(session.ws.send(data)), true);
      assertEquals(await within(connected), true);
      const peer = await within(accepted);
      await session.log.next("open");
      assertEquals(await within(session.ws.send(data)), true);
      const frames = await framesOf(session, peer);
      assertEquals(frames.map(({ opcode, payload }) => [opcode, [...payload]]), [
        [BINARY, expected],
        [BINARY, expected],
      ]);
      assertEquals(frames.every(({ fin, rsv, masked }) => fin && rsv === 0 && masked), true);
    });
  }

  for (const text of ["Hello", "", "\0", "é€😀", "a".repeat(126), "b".repeat(65_536)]) {
    const name = text.length > 10 ? `${text.length} characters` : JSON.stringify(text);
    it(`sends ${name} as one text frame, open and while connecting`, async () => {
      await using session = await Session.start();
      const accepted = session.server.accept();
      const connected = session.ws.connect(session.url);
      assertEquals(await within(session.ws.send(text)), true);
      assertEquals(await within(connected), true);
      const peer = await within(accepted);
      await session.log.next("open");
      assertEquals(await within(session.ws.send(text)), true);
      const frames = await framesOf(session, peer);
      assertEquals(frames.map(({ opcode, payload }) => [opcode, textOf(payload)]), [
        [TEXT, text],
        [TEXT, text],
      ]);
      assertEquals(frames.every(({ fin, rsv, masked }) => fin && rsv === 0 && masked), true);
    });
  }

  it("sends half a surrogate pair as U+FFFD, so that the text is UTF-8", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    await within(session.ws.send("a\ud83d!"));
    const [frame] = await framesOf(session, peer);
    assertEquals([...frame!.payload], [97, 0xef, 0xbf, 0xbd, 33]);
  });

  it("sends bytes as they were at the call", async () => {
    await using session = await Session.start();
    const accepted = session.server.accept();
    const data = bytes(1, 1, 1);
    const change = (value: number) => new Uint8Array(data.buffer).fill(value);
    const answers = [session.ws.connect(session.url), session.ws.send(data)];
    change(2);
    answers.push(session.ws.send(data.buffer));
    change(3);
    answers.push(session.ws.send(new DataView(data.buffer, 1)));
    change(9);
    await within(Promise.all(answers));
    const peer = await within(accepted);
    await session.log.next("open");
    change(4);
    void session.ws.send(data);
    change(5);
    void session.ws.send(data.buffer);
    change(6);
    void session.ws.send(data.subarray(1));
    change(9);
    assertEquals((await framesOf(session, peer)).map(short), [
      "binary 1,1,1",
      "binary 2,2,2",
      "binary 3,3",
      "binary 4,4,4",
      "binary 5,5,5",
      "binary 6,6",
    ]);
  });

  it("sends a large message as it was at the call", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const data = new Uint8Array(3_000_000).fill(7);
    void session.ws.send(data);
    data.fill(8);
    const [frame] = await framesOf(session, peer);
    assertEquals([frame!.payload.length, frame!.payload.every((byte) => byte === 7)], [
      3_000_000,
      true,
    ]);
  });

  it("keeps the order of texts and bytes, large and small, with callbacks and promises", async () => {
    await using session = await Session.start();
    const { ws } = session;
    const expected: string[] = [];
    const answered: number[] = [];
    const sendOne = (i: number) => {
      const size = i % 10 === 0 ? 70_000 : i % 3;
      const data = i % 2 === 0 ? `${i}-${"a".repeat(size)}` : bytes(i, ...Array(i % 5).fill(1));
      expected.push(typeof data === "string" ? `text ${data}` : `binary ${[...data]}`);
      if (i % 4 === 0) ws.send(data, () => answered.push(i));
      else void ws.send(data);
    };
    const accepted = session.server.accept();
    const connected = ws.connect(session.url);
    for (let i = 0; i < 20; i++) sendOne(i);
    await within(connected);
    ws.on("open", () => {
      for (let i = 20; i < 30; i++) sendOne(i);
    });
    const peer = await within(accepted);
    await session.log.next("openInfo");
    for (let i = 30; i < 250; i++) sendOne(i);
    const frames = await framesOf(session, peer);
    assertEquals(frames.map(short), expected);
    assertEquals(answered, Array.from({ length: 63 }, (_, i) => i * 4));
  });

  it("delivers what was sent before a close in the same turn", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const large = new Uint8Array(4_000_000).fill(1);
    const answers = [
      session.ws.send("first"),
      session.ws.send(large),
      session.ws.send("last"),
      session.ws.close({ code: 4000 }),
    ];
    assertEquals(await within(Promise.all(answers)), [true, true, true, true]);
    const close = await within(peer.next(CLOSE));
    assertEquals(peer.frames.map(({ opcode, payload }) => [opcode, payload.length]), [
      [TEXT, 5],
      [BINARY, large.length],
      [TEXT, 4],
      [CLOSE, 2 + "CLOSE_NORMAL".length],
    ]);
    assertEquals(readClose(close).code, 4000);
    await session.log.next("close");
  });

  it("answers -1 in the turn of a close, and delivers nothing more", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    void session.ws.close();
    assertEquals((await refusal(session.ws.send("too late"))).code, -1);
    await session.log.next("close");
    assertEquals(peer.frames.map(({ opcode }) => opcode), [CLOSE]);
  });

  it("answers 401 when a view is of shared memory", async () => {
    await using session = await Session.start();
    await session.open();
    const shared = new Uint8Array(new SharedArrayBuffer(2));
    assertEquals((await refusal(untyped(session.ws).send(shared))).code, 401);
    assertEquals(session.ws.state, "open");
  });
});

describe("createWebSocket().send() at most maxPayload", () => {
  const limits: [string, number, WebSocketData, WebSocketData][] = [
    ["ASCII", 10, "abcdefghij", "abcdefghijk"],
    ["two-byte characters", 10, "ééééé", "éééééa"],
    ["three-byte characters", 10, "€€€a", "€€€ab"],
    ["three-byte characters, over by them alone", 10, "€€€", "€€€€"],
    ["four-byte characters", 10, "😀😀ab", "😀😀é€"],
    ["halves of surrogate pairs", 10, "\ud83d\ud83d\ud83da", "\ud83d\ud83d\ud83d\ud83d"],
    ["an ArrayBuffer", 10, new ArrayBuffer(10), new ArrayBuffer(11)],
    ["a view", 10, new Uint8Array(20).subarray(5, 15), new Uint8Array(20).subarray(5, 16)],
    ["a view of wide elements", 16, new Float64Array(2), new Float64Array(3)],
    ["a DataView", 1, new DataView(new ArrayBuffer(1)), new DataView(new ArrayBuffer(2))],
  ];
  for (const [what, maxPayload, most, over] of limits) {
    it(`sends exactly ${maxPayload} bytes, and answers 401 to more, of ${what}`, async () => {
      await using session = await Session.start({ client: { maxPayload } });
      const accepted = session.server.accept();
      const connected = session.ws.connect(session.url);
      const errors = [await refusal(session.ws.send(over))];
      assertEquals(await within(Promise.all([connected, session.ws.send(most)])), [true, true]);
      const peer = await within(accepted);
      await session.log.next("open");
      errors.push(await refusal(session.ws.send(over)));
      assertEquals(await within(session.ws.send(most)), true);
      for (const { code, message } of errors) {
        assertEquals(code, 401);
        assertMatch(message, new RegExp(`^Parameter error: .*${maxPayload} bytes`));
      }
      const size = typeof most === "string"
        ? new TextEncoder().encode(most).length
        : most.byteLength;
      const sizes = (await framesOf(session, peer)).map(({ payload }) => payload.length);
      assertEquals(sizes, [size, size]);
      assertEquals(session.log.names.includes("error"), false);
    });
  }

  const LIMIT = 5_242_864;
  const defaults: [string, WebSocketData, WebSocketData][] = [
    ["bytes", new ArrayBuffer(LIMIT), new ArrayBuffer(LIMIT + 1)],
    ["ASCII", "a".repeat(LIMIT), "a".repeat(LIMIT + 1)],
    ["three-byte characters", "€".repeat(1_747_621) + "a", "€".repeat(1_747_621) + "ab"],
  ];
  for (const [what, most, over] of defaults) {
    it(`sends 5,242,864 bytes, and answers 401 to one more, of ${what}, by default`, async () => {
      await using session = await Session.start();
      const peer = await session.open();
      assertEquals((await refusal(session.ws.send(over))).code, 401);
      assertEquals(await within(session.ws.send(most)), true);
      const sizes = (await framesOf(session, peer)).map(({ payload }) => payload.length);
      assertEquals(sizes, [LIMIT]);
    });
  }
});
