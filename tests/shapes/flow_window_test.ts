/** The window between two Duplexes, to the byte. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { FlowWindow } from "../../shapes/flow_window.ts";

/** A window, what it tells the far end, and what it gives whoever reads. */
function open(bytes: number) {
  const told: string[] = [];
  const read: (number | null)[] = [];
  const window = new FlowWindow(bytes, (text) => void told.push(text));
  const take = () => window.take((chunk) => read.push(chunk?.length ?? null));
  const add = (bytes: number | null) => window.add(bytes === null ? null : new Uint8Array(bytes));
  return { window, told, read, take, add };
}

describe("a window", () => {
  it("gives a chunk for each time that one is asked for, and tells what was read", () => {
    const { told, read, take, add } = open(10);
    take();
    assertEquals([read, told], [[], []]);
    add(3);
    assertEquals([read, told], [[3], ["3"]]);
    add(4); // nobody has asked for it
    add(5);
    assertEquals([read, told], [[3], ["3"]]);
    take();
    assertEquals([read, told], [[3, 4], ["3"]]);
    take();
    assertEquals([read, told], [[3, 4, 5], ["3", "9"]]);
  });

  it("tells of half of it, though more waits", () => {
    const { told, take, add } = open(10);
    for (const bytes of [4, 1, 1]) add(bytes);
    take();
    assertEquals(told, []);
    take();
    assertEquals(told, ["5"]);
    take();
    assertEquals(told, ["5", "1"]);
  });

  it("tells once of all that is read while what it has told cannot be sent", async () => {
    const told: string[] = [];
    let sent = () => {};
    const window = new FlowWindow(10, (text) => {
      told.push(text);
      return new Promise<void>((resolve) => sent = resolve);
    });
    for (const bytes of [1, 2, 3]) {
      window.add(new Uint8Array(bytes));
      window.take(() => {});
    }
    assertEquals(told, ["1"]);
    for (const all of [["1", "5"], ["1", "5"]]) {
      sent();
      for (let turn = 0; turn < 5; turn++) await undefined;
      assertEquals(told, all);
    }
    window.add(new Uint8Array(4));
    window.take(() => {});
    assertEquals(told, ["1", "5", "4"]);
  });

  it("shows nothing that writes to a terminal, or in lines of its own, of what the far end says", () => {
    const { window } = open(10);
    const { message } = assertThrows(() => window.acknowledged("\x1b[2J\n7"), BusinessError);
    assertEquals(message.split("says ")[1], String.raw`'\u001b[2J\u000a7'`);
  });

  it("keeps nothing of what is empty, and has its end when all was read, be it full", () => {
    const { told, read, take, add } = open(2);
    take();
    for (const bytes of [0, 0, 2, 0]) add(bytes);
    assertEquals([read, told], [[2], ["2"]]);
    // However many come, none waits to be read.
    for (let n = 0; n < 1000; n++) add(0);
    add(2);
    add(0);
    add(null);
    take();
    take();
    assertEquals([read, told], [[2, 2, null], ["2", "2"]]);
  });

  it("takes one message over the brim, and refuses the next: the far end has another window", () => {
    const { window, add } = open(4);
    add(3);
    add(9);
    const { message, kind } = assertThrows(() => add(1), BusinessError);
    assertEquals(kind, "tooFast");
    assertEquals(message.split(": ")[1], "the far end has a larger 'window', or none");
    assertEquals(message.endsWith("over 4"), true);
    for (const text of ["1", "-1", "x", "", "1.5", "1e3", "1".repeat(16)]) {
      const { message, kind } = assertThrows(() => window.acknowledged(text), BusinessError);
      assertEquals(kind, "unacceptable");
      const shown = text.slice(0, 20);
      assertEquals(
        message.endsWith(`the far end has no 'window': it says '${shown}'`),
        true,
        message,
      );
    }
  });

  it("takes for a number nothing but digits, be there room for what else it might mean", async () => {
    const { window } = open(20_000);
    await window.send(19_999);
    for (const text of ["", " 1", "1 ", "1e3", "0x10", "1.5", "+1", "-1", "1\n", "1a", "a1"]) {
      const { kind } = assertThrows(() => window.acknowledged(text), BusinessError, "no 'window'");
      assertEquals([text, kind], [text, "unacceptable"]);
    }
    window.acknowledged("9999");
    assertThrows(() => window.acknowledged("10001"), BusinessError);
    window.acknowledged("10000");
  });

  it("is full to the byte, and has room to the byte", async () => {
    const full = open(4);
    full.add(4);
    assertEquals(assertThrows(() => full.add(1), BusinessError).kind, "tooFast");
    const { window, take, add, read } = open(4);
    add(3);
    add(1); // one less was not full
    take();
    take();
    assertEquals(read, [3, 1]);
    await window.send(4);
    assertEquals(assertThrows(() => window.acknowledged("5"), BusinessError).kind, "unacceptable");
    window.acknowledged("4"); // all of it
    await window.send(3);
    await window.send(1);
  });

  it("lets as much go out as the far end has room for, and all once it is over", async () => {
    const { window } = open(4);
    const log: string[] = [];
    const send = (name: string, bytes: number) =>
      void window.send(bytes).then(() => log.push(name));
    const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
    for (const [name, bytes] of [["a", 3], ["b", 5], ["c", 1], ["d", 1]] as const) {
      send(name, bytes);
    }
    await settle();
    assertEquals(log, ["a", "b"]); // 8 are not read
    window.acknowledged("4");
    await settle();
    assertEquals(log, ["a", "b"]);
    window.acknowledged("1");
    await settle();
    assertEquals(log, ["a", "b", "c"]);
    window.acknowledged("0");
    window.end();
    await settle();
    send("e", 100);
    await settle();
    assertEquals(log, ["a", "b", "c", "d", "e"]);
  });
});
