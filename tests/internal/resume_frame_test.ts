/** What clients and servers that resume tell each other, to the last character. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  control,
  frame,
  isBefore,
  MAX_HEADER,
  MAX_LIST,
  ordinary,
  placeBefore,
  placeText,
  readHello,
  readNumber,
  readObject,
  readPlace,
  resumable,
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
      const text of [
        "",
        "#",
        "7",
        "71",
        "x1",
        "#x",
        "#1x",
        "x#1",
        "# 1",
        "#-1",
        "#1.5",
        `#${"9".repeat(16)}`,
      ]
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

describe("a subprotocol", () => {
  it("says at its end that messages have headers, and what it is without that", () => {
    for (const [protocol, whole] of [["", "resume.netkit.1"], ["a+b", "a+b+resume.netkit.1"]]) {
      assertEquals([resumable(protocol!), ordinary(whole!)], [whole, protocol]);
    }
    for (const other of ["", "a", "aresume.netkit.1", "resume.netkit.1+a", "resume.netkit.2"]) {
      assertEquals(ordinary(other), undefined, other);
    }
  });
});

describe("frame()", () => {
  it("puts a header before text, and before the bytes of whatever has any", () => {
    assertEquals([frame("1.0", "a\nb"), frame("", "")], ["1.0\na\nb", "\n"]);
    const { buffer } = Uint8Array.of(9, 1, 10, 2, 9);
    const views = [
      buffer.slice(1, 4),
      new Uint8Array(buffer, 1, 3),
      new DataView(buffer, 1, 3),
      new Uint16Array(Uint8Array.of(1, 10, 2, 0).buffer),
    ];
    for (const data of views) {
      const end = data instanceof Uint16Array ? [0] : [];
      const framed = Array.from(frame("#7", data) as Uint8Array);
      assertEquals(framed, [35, 55, 10, 1, 10, 2, ...end]);
    }
    assertEquals(Array.from(frame("", new Uint8Array(0)) as Uint8Array), [10]);
  });

  it("is taken apart again", () => {
    for (const header of ["", "12.3", "#4"]) {
      const bytes = frame(header, Uint8Array.of(10, 0, 255)) as Uint8Array<ArrayBuffer>;
      for (const data of [bytes, bytes.buffer]) {
        const parted = unframe(data)!;
        const left = new Uint8Array(parted.data as ArrayBuffer);
        assertEquals([parted.header, Array.from(left)], [header, [10, 0, 255]]);
      }
    }
  });
});

describe("control()", () => {
  it("is a line, and nothing after it", () => {
    assertEquals(control({ a: "b\n", none: undefined }), '{"a":"b\\n"}\n');
  });
});
