import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MAX_ENTRY_BYTES } from "../../cluster/broker.ts";
import {
  beginning,
  type Entry,
  line,
  messageLine,
  readEntry,
  readHead,
} from "../../cluster/entry.ts";

const textOf = ({ node, counter, messages }: Entry) =>
  [
    `${beginning(node)}${counter}]`,
    ...messages.map((message) =>
      message.kind === "message" ? messageLine(message.topic, message.data) : line(message)
    ),
  ].join("\n");

describe("an entry", () => {
  it("is read as it was written, each kind of message", () => {
    const entry: Entry = {
      node: 'a "node"\n中',
      counter: 7,
      messages: [
        { kind: "message", topic: "chess", data: "two\nlines, a \u0000 and a \ud800" },
        { kind: "message", topic: null, data: "to everybody" },
        { kind: "message", topic: "", data: Uint8Array.of(0, 255, 10, 13) },
        { kind: "message", topic: "empty", data: new Uint8Array() },
        { kind: "join", topic: "chess", member: ["chess", 3, "127.0.0.1", { name: "Li" }] },
        { kind: "join", topic: "chess", member: ["chess", 4, "::1"] },
        { kind: "leave", topic: "chess", id: 3 },
        { kind: "alive", lease: 15 },
        { kind: "alive", lease: 0.5 },
        { kind: "hello" },
        { kind: "snapshot", part: 0, isLast: false, members: [["chess", 4, "::1"]] },
        { kind: "snapshot", part: 1, isLast: true, members: [] },
        { kind: "dead", node: "b" },
      ],
    };
    assertEquals(readEntry(textOf(entry)), entry);
    assertEquals(readHead(textOf(entry)), { node: entry.node, counter: 7 });
  });

  it("has the format that other versions of this module read", () => {
    assertEquals(beginning("a~1"), '["a~1",');
    assertEquals(messageLine("t", "x"), '["message","t","x"]');
    assertEquals(messageLine(null, Uint8Array.of(1, 2)), '["bytes",null,"AQI="]');
    assertEquals(
      messageLine("t", new DataView(Uint8Array.of(0, 1, 2).buffer, 1)),
      '["bytes","t","AQI="]',
    );
    assertEquals(line({ kind: "hello" }), '["hello"]');
    assertEquals(
      line({ kind: "join", topic: "t", member: ["t", 1, "::1", { a: 1 }] }),
      '["join","t",[1,"::1",{"a":1}]]',
    );
  });

  it("has no member that is shown with nothing", () => {
    const member = ["t", 1, "::1", undefined] as const;
    assertEquals(line({ kind: "join", topic: "t", member }), '["join","t",[1,"::1"]]');
    const members = [member];
    assertEquals(
      line({ kind: "snapshot", part: 0, isLast: true, members }),
      '["snapshot",null,[0,true,[["t",1,"::1"]]]]',
    );
  });

  it("may have no message, and a long name", () => {
    assertEquals(readEntry('["a",1]'), { node: "a", counter: 1, messages: [] });
    const node = "a".repeat(256);
    assertEquals(readEntry(`${beginning(node)}1]`), { node, counter: 1, messages: [] });
  });

  it("has no lone surrogate, which UTF-8 could not carry", () => {
    assert(messageLine("\udc00", "\ud800").isWellFormed());
  });

  const wrong: Record<string, string> = {
    "nothing": "",
    "text": "hello",
    "another's JSON": '{"node":"a"}',
    "a node without a name": '["",1]',
    "a counter of 0": '["a",0]',
    "a counter that is no integer": '["a",1.5]',
    "a counter that is text": '["a","1"]',
    "a head that is cut": '["a",1',
    "a head that is cut, and a line": '["a",1\n["hello"]',
    "more in its head": '["a",1,2]',
    "a node's name that is too long": `["${"a".repeat(257)}",1]`,
    "an empty line": '["a",1]\n',
    "a line that is cut": '["a",1]\n["message","t","x',
    "a kind that nobody knows": '["a",1]\n["shout","t","x"]',
    "a message with no data": '["a",1]\n["message","t"]',
    "a message with a number": '["a",1]\n["message","t",5]',
    "a message with more": '["a",1]\n["message","t","x","y"]',
    "a topic that is a number": '["a",1]\n["message",5,"x"]',
    "bytes that are none": '["a",1]\n["bytes","t","A*I="]',
    "bytes with no end": '["a",1]\n["bytes","t","AQI"]',
    "bytes that are a number": '["a",1]\n["bytes","t",5]',
    "bytes for a number": '["a",1]\n["bytes",5,"AQI="]',
    "a join of nobody": '["a",1]\n["join","t",[]]',
    "a join of a member that is text": '["a",1]\n["join","t",[1,"::1","x"]]',
    "a join with nothing": '["a",1]\n["join","t"]',
    "a member that is null": '["a",1]\n["join","t",[1,"::1",null]]',
    "a join with an id that is negative": '["a",1]\n["join","t",[-1,"::1"]]',
    "a join with too much": '["a",1]\n["join","t",[1,"::1",{},2]]',
    "a join of no topic": '["a",1]\n["join",null,[1,"::1"]]',
    "a join of a member that is a list": '["a",1]\n["join","t",[1,"::1",[]]]',
    "a leave of no topic": '["a",1]\n["leave",null,3]',
    "a leave of a topic that is a number": '["a",1]\n["leave",5,3]',
    "a leave with no id": '["a",1]\n["leave","t",null]',
    "a space before it": ' ["a",1]\n["hello"]',
    "a lease of 0": '["a",1]\n["alive",null,0]',
    "a lease that is text": '["a",1]\n["alive",null,"15"]',
    "a snapshot with nothing": '["a",1]\n["snapshot"]',
    "a snapshot with more": '["a",1]\n["snapshot",null,[0,true,[],1]]',
    "a snapshot of null": '["a",1]\n["snapshot",null,[0,true,[null]]]',
    "a snapshot of a member of no topic": '["a",1]\n["snapshot",null,[0,true,[[5,1,"::1"]]]]',
    "a snapshot with no members": '["a",1]\n["snapshot",null,[0,true]]',
    "a snapshot of members that are no list": '["a",1]\n["snapshot",null,[0,true,{}]]',
    "a snapshot of members that are text": '["a",1]\n["snapshot",null,[0,true,"t"]]',
    "a snapshot of an unclear part": '["a",1]\n["snapshot",null,["0",true,[]]]',
    "a snapshot of a wrong member": '["a",1]\n["snapshot",null,[0,true,[["t",1]]]]',
    "a death of nobody": '["a",1]\n["dead",null,""]',
    "a death of several": '["a",1]\n["dead",null,["b"]]',
    "one good line and a bad one": '["a",1]\n["message","t","x"]\nnot ours',
    "more than 1 MiB": `["a",1]\n["message","t","${"x".repeat(MAX_ENTRY_BYTES)}"]`,
    "more than 1 MiB in bytes": `["a",1]\n["message","t","${"中".repeat(400_000)}"]`,
  };
  for (const [what, text] of Object.entries(wrong)) {
    it(`is not ours with ${what}`, () => assertEquals(readEntry(text), undefined));
  }

  it("is ours as long as it has 1 MiB, in bytes and not in characters", () => {
    const head = '["a",1]\n["message","t","';
    for (const filler of ["x", "é", "中"]) {
      const size = new TextEncoder().encode(filler).length;
      const room = MAX_ENTRY_BYTES - head.length - 2;
      const text = filler.repeat(Math.floor(room / size)) + "x".repeat(room % size);
      const entry = `${head}${text}"]`;
      assertEquals(new TextEncoder().encode(entry).length, MAX_ENTRY_BYTES);
      assertEquals(readEntry(entry)?.messages.length, 1, filler);
      assertEquals(readEntry(`${head}x${text}"]`), undefined, filler);
    }
  });
});
