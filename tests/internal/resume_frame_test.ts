/** What clients and servers that resume tell each other, to the last character. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  isBefore,
  MAX_HEADER,
  MAX_LIST,
  placeBefore,
  placeText,
  readHello,
  readNumber,
  readObject,
  readPlace,
  unframe,
} from "../../internal/resume_frame.ts";

describe("a place", () => {
  it("is an offset and an index, and nothing else", () => {
    const most = "9".repeat(10);
    for (const text of ["0.0", "57.2", "-1.0", `${"9".repeat(16)}.1`, `1.${most}`]) {
      const [offset, index] = text.split(".").map(Number) as [number, number];
      assertEquals(readPlace(text), { offset, index }, text);
    }
    assertEquals(readPlace("9007199254740993.0")!.offset, Number("9007199254740993"));
    const bad = [
      "",
      "-",
      "-1",
      "-1.",
      "-1.x",
      "-.1",
      "--1.0",
      "-11.0",
      "1",
      "1/.1",
      "1:.1",
      "1.1/",
      "1.1:",
      "1",
      "1.",
      ".1",
      "-2.0",
      "1.-1",
      "1.1.1",
      " 1.1",
      "1.1 ",
      "x1.1",
      "1.1x",
    ];
    for (const text of [...bad, "1.x", `1.${most}9`, `${"9".repeat(17)}.1`, 1.1, null, ["1.1"]]) {
      assertEquals(readPlace(text), undefined, String(text));
    }
    assertEquals(placeText({ offset: 57, index: 2 }), "57.2");
  });

  it("stands before the end that is given, whatever follows", () => {
    assertEquals(placeBefore("57.2\n3.4", 4), { offset: 57, index: 2 });
    assertEquals(placeBefore("57.23", 4), { offset: 57, index: 2 });
    assertEquals(placeBefore("-1.0\n", 4), { offset: -1, index: 0 });
    for (
      const [text, end] of [["57\n.2", 2], ["57.\n2", 3], ["\n1.2", 0], ["57.2\n", 5]] as const
    ) {
      assertEquals(placeBefore(text, end), undefined, text);
    }
  });

  it("is before another by its offset, then by its index", () => {
    const before = (one: string, other: string) => isBefore(readPlace(one)!, readPlace(other)!);
    assertEquals(
      ["1.0 2.0", "1.9 2.0", "1.0 1.1", "1.1 1.1", "1.1 1.0", "2.0 1.9", "-1.0 0.0"].map(
        (pair) => before(...pair.split(" ") as [string, string]),
      ),
      [true, true, true, false, false, false, true],
    );
  });
});

describe("the number of a message", () => {
  it("has up to 15 digits, and nothing beside them", () => {
    for (const digits of ["0", "7", "12", "9".repeat(15)]) {
      assertEquals(readNumber(`#${digits}`), Number(digits));
    }
    for (
      const text of ["", "#", "7", "#x", "#1x", "x#1", "# 1", "#-1", "#1.5", `#${"9".repeat(16)}`]
    ) {
      assertEquals(readNumber(text), undefined, text);
    }
  });
});

describe("an object of a header", () => {
  it("is JSON that begins with a brace", () => {
    assertEquals(readObject('{"a":1}'), { a: 1 });
    for (const text of ["", "[]", "1", "null", '"{"', "{", "{a:1}", ' {"a":1}', 5, undefined]) {
      assertEquals(readObject(text), undefined, String(text));
    }
  });
});

describe("the first message of a side", () => {
  it("says what it can, and has what it does not say", () => {
    assertEquals(readHello('{"resume":1}\n'), { epoch: undefined, at: new Map(), max: 5_242_864 });
    assertEquals(readHello('{"resume":1,"epoch":"e","at":{"t":"1.2"},"max":7}\n'), {
      epoch: "e",
      at: new Map([["t", { offset: 1, index: 2 }]]),
      max: 7,
    });
    assertEquals(readHello('{"resume":1,"max":"7"}\n')?.max, 5_242_864);
  });

  it("is none where any of it is wrong, or too much", () => {
    const bad = ["", "{}\n", '{"resume":1}', '{"resume":2}\n', "resume\n", '{"resume":true}\n'];
    for (const more of ['"epoch":1', '"at":1', '"at":null', '"at":{"t":"x"}', '"at":{"t":1}']) {
      bad.push(`{"resume":1,${more}}\n`);
    }
    for (const text of bad) assertEquals(readHello(text), undefined, text);
    assertEquals(readHello(new TextEncoder().encode('{"resume":1}\n')), undefined);
    const topics = (count: number) => {
      const at = Object.fromEntries(Array.from({ length: count }, (_, n) => [`t${n}`, "1.1"]));
      return readHello(`${JSON.stringify({ resume: 1, at })}\n`)?.at.size;
    };
    assertEquals([topics(MAX_LIST.topics), topics(MAX_LIST.topics + 1)], [1000, undefined]);
    const long = (characters: number) => {
      const empty = '{"resume":1,"epoch":""}\n';
      const epoch = "e".repeat(characters - empty.length);
      return readHello(empty.replace('""', `"${epoch}"`)) !== undefined;
    };
    assertEquals([long(65_536), long(65_537)], [true, false]);
  });
});

describe("unframe()", () => {
  it("finds the longest header that there is, and none that begins later, in bytes as in text", () => {
    const place = `${"9".repeat(16)}.${"9".repeat(10)}`;
    for (const header of [place, "#" + "9".repeat(15), "h".repeat(MAX_HEADER - 1)]) {
      assertEquals(unframe(`${header}\ndata`), { header, data: "data" });
      const bytes = new TextEncoder().encode(`${header}\ndata`);
      assertEquals(unframe(bytes), { header, data: new TextEncoder().encode("data") });
    }
    const over = new TextEncoder().encode(`${"h".repeat(MAX_HEADER)}\ndata`);
    assertEquals(unframe(over), undefined);
  });

  it("parts a message from its header at the first end of a line", () => {
    assertEquals(unframe("a\nb\nc"), { header: "a", data: "b\nc" });
    assertEquals(unframe("\n"), { header: "", data: "" });
    assertEquals(unframe("no header"), undefined);
    const bytes = new TextEncoder().encode("#1\nab");
    const { header, data } = unframe(bytes)!;
    assertEquals([header, [...data as Uint8Array]], ["#1", [97, 98]]);
    const { buffer } = bytes;
    assertEquals(new Uint8Array(unframe(buffer)!.data as ArrayBuffer), new Uint8Array([97, 98]));
    assertEquals(unframe(new TextEncoder().encode("no header")), undefined);
  });
});
