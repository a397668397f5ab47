import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketData } from "../../client/types.ts";
import {
  asBuffer,
  asView,
  byteLength,
  DEFAULT_MAX_PAYLOAD,
  exceeds,
  hear,
  mostBytes,
  payloadError,
  snapshot,
} from "../../internal/payload.ts";

describe("payloadError()", () => {
  it("takes text, buffers and every view, empty or not", () => {
    const buffer = new ArrayBuffer(8);
    const good: unknown[] = ["", "text", new ArrayBuffer(0), buffer, new DataView(buffer, 2, 3)];
    for (const View of [Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Float64Array]) {
      good.push(new View(buffer), new View(0));
    }
    good.push(new ArrayBuffer(4, { maxByteLength: 8 }));
    for (const data of good) assertEquals(payloadError("send", data, 100), undefined);
  });

  it("answers 401 to anything else, and says what it was", () => {
    const bad: unknown[] = [undefined, null, 0, 1n, true, {}, [], [1], () => {}, Symbol("s")];
    bad.push(new Blob(["x"]), new Date(0), new String("x"), new SharedArrayBuffer(4));
    bad.push(new Uint8Array(new SharedArrayBuffer(4)), Promise.resolve("x"), { byteLength: 1 });
    for (const data of bad) {
      const error = payloadError("send", data, 100);
      assertEquals(error?.code, 401);
      assertStringIncludes(error!.message, "Parameter error: send: data must be text");
    }
  });

  it("answers 401 to a view that its buffer has become too short for, and to no empty one", () => {
    const kinds = [Uint8Array, Float64Array, BigInt64Array, DataView] as (typeof Uint8Array)[];
    for (const View of kinds) {
      const buffer = new ArrayBuffer(16, { maxByteLength: 16 });
      const views = [new View(buffer, 8), new View(buffer, 8, 1), new View(buffer, 0, 0)];
      buffer.resize(4);
      const words = views.map((view) => payloadError("send", view, 100)?.message);
      for (const message of words.slice(0, 2)) {
        assertStringIncludes(message!, `(${View.name}), whose memory is too short for it`);
      }
      assertEquals(words[2], undefined);
    }
  });

  it("counts UTF-8 bytes, not characters", () => {
    assertEquals(payloadError("send", "字字", 6), undefined);
    assertEquals(payloadError("send", "字字", 5)?.code, 401);
    assertEquals(payloadError("send", "😀", 4), undefined);
    assertEquals(payloadError("send", "😀", 3)?.code, 401);
    assertEquals(payloadError("send", "éé", 4), undefined);
    assertEquals(payloadError("send", "éé", 3)?.code, 401);
    assertStringIncludes(
      payloadError("send", "字字", 5)!.message,
      "at most 5 bytes: current value has 6",
    );
  });

  it("takes 5,242,864 bytes and not one more by default", () => {
    assertEquals(DEFAULT_MAX_PAYLOAD, 5 * 1024 * 1024 - 16);
    const most = DEFAULT_MAX_PAYLOAD;
    assertEquals(payloadError("send", "x".repeat(most), most), undefined);
    assertEquals(payloadError("send", "x".repeat(most + 1), most)?.code, 401);
    assertEquals(payloadError("send", new Uint8Array(most), most), undefined);
    assertEquals(payloadError("send", new Uint8Array(most + 1), most)?.code, 401);
  });
});

describe("exceeds()", () => {
  it("counts a buffer, and a view by its own length, not its buffer's", () => {
    const view = new Uint8Array(new ArrayBuffer(100), 10, 5);
    assertEquals([exceeds(view, 5), exceeds(view, 4)], [false, true]);
    assertEquals(exceeds(new Uint16Array(3), 5), true);
    for (const data of [new ArrayBuffer(5), new DataView(new ArrayBuffer(5))]) {
      assertEquals([exceeds(data, 5), exceeds(data, 4)], [false, true]);
    }
  });

  it("agrees with the encoder on any text", () => {
    for (const text of ["", "a", "é", "字", "😀", "\ud800", "a\udc00b", "\0"]) {
      const bytes = new TextEncoder().encode(text).length;
      if (bytes > 0) assertEquals(exceeds(text, bytes - 1), true, text);
      assertEquals(exceeds(text, bytes), false, text);
    }
  });
});

describe("snapshot()", () => {
  it("is the data as it was", () => {
    const bytes = Uint8Array.from([1, 2, 3, 4]);
    const taken: WebSocketData[] = [
      bytes.buffer,
      bytes.subarray(1, 3),
      new DataView(bytes.buffer, 2),
    ]
      .map(snapshot);
    bytes.fill(9);
    const seen = taken.map((data) =>
      data instanceof ArrayBuffer ? [...new Uint8Array(data)] : [...(data as Uint8Array)]
    );
    assertEquals(seen, [[1, 2, 3, 4], [2, 3], [3, 4]]);
  });

  it("is text itself, and never the caller's buffer", () => {
    assertEquals(snapshot("text"), "text");
    const buffer = new ArrayBuffer(2, { maxByteLength: 4 });
    const copy = snapshot(buffer) as ArrayBuffer;
    assertNotStrictEquals(copy, buffer);
    assertEquals([copy.byteLength, copy.resizable], [2, false]);
  });
});

describe("byteLength()", () => {
  it("counts what UTF-8 takes, wherever a long text is cut to be counted", () => {
    const encoder = new TextEncoder();
    for (const character of ["x", "é", "字", "😀", "\ud83d", "\ude00"]) {
      for (let before = 16_380; before <= 16_386; before++) {
        const text = "x".repeat(before) + character.repeat(3) + "é".repeat(9000) + character;
        const expected = encoder.encode(text).length;
        assertEquals([character, before, byteLength(text)], [character, before, expected]);
      }
    }
  });
});

describe("hear()", () => {
  /** A view that says when it is asked for its buffer. */
  function view(bytes: number, asked: string[], name: string): Uint8Array {
    const view = new Uint8Array(bytes);
    const { buffer } = view;
    return Object.defineProperty(view, "buffer", {
      get() {
        asked.push(name);
        return buffer;
      },
    });
  }

  it("lets a view that has come in be sent on with no look at its buffer, as long as it is heard", () => {
    const asked: string[] = [];
    const [one, other] = [view(3, asked, "one"), view(4, asked, "other")];
    hear(one, {
      message(data: unknown) {
        assertEquals([mostBytes(data), mostBytes(other)], [3, 4]);
        assertEquals(asked, ["other"]);
      },
    });
    assertEquals(mostBytes(one), 3);
    assertEquals(asked, ["other", "one"]);
  });

  it("looks at one that is empty: its memory may have been transferred since", () => {
    const [full, empty] = [Uint8Array.of(1), new Uint8Array()];
    for (const view of [full, empty]) {
      hear(view, {
        message() {
          assertEquals(mostBytes(view), view.length);
          structuredClone(view.buffer, { transfer: [view.buffer] });
          assertEquals(mostBytes(view), NaN);
        },
      });
    }
  });

  it("takes nothing else for it", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(1));
    hear(Uint8Array.of(1), {
      message() {
        for (const data of [undefined, null, shared, 1]) assertEquals(mostBytes(data), NaN);
      },
    });
    hear("text", { message: (data: string) => assertEquals(mostBytes(data), 12) });
    assertEquals(mostBytes(undefined), NaN);
  });
});

describe("asView() and asBuffer()", () => {
  it("are each other's reverse, and leave text alone", () => {
    const { buffer } = Uint8Array.of(1, 2);
    assertStrictEquals((asView(buffer) as Uint8Array).buffer, buffer);
    assertStrictEquals(asBuffer(asView(buffer)), buffer);
    assertStrictEquals(asBuffer(buffer), buffer);
    assertEquals([asView("text"), asBuffer("text")], ["text", "text"]);
  });
});
