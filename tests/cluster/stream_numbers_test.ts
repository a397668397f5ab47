/** What a reader of a log in JetStream makes of a stream that has changed while it was away. The server is in memory. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { natsLog } from "../helpers/scripted_log.ts";
import type { ScriptedNats } from "../helpers/scripted_nats.ts";

/** A stream that had five entries, of which the last three are kept, and who has read all. */
async function world() {
  const log = await natsLog({ entries: ["1", "2"] });
  const { nats, broker, reader } = log;
  for (const entry of ["a", "b", "c"]) await broker.append(entry);
  await reader.told("c");
  nats.entries = nats.entries.slice(2);
  nats.first = 3;
  reader.log.length = 0;
  reader.states.length = 0;
  return log;
}

/** Has the stream keep these, from a number on. */
const keeps = (nats: ScriptedNats, first: number, ...entries: string[]) =>
  void Object.assign(nats, { first, entries });

describe("a stream of JetStream that is another after a while in which it was not read", () => {
  const cases: [name: string, change: (nats: ScriptedNats) => void, told: string[]][] = [
    ["is not, where nothing has changed", () => {}, ["next"]],
    ["has dropped all but what was read last", (nats) => keeps(nats, 5, "c"), ["next"]],
    ["has dropped all, and nothing else came", (nats) => keeps(nats, 6), ["next"]],
    ["has dropped all but what came meanwhile", (nats) => keeps(nats, 6, "d", "e"), [
      ...["d", "e", "next"],
    ]],
    ["has dropped what came meanwhile, too", (nats) => keeps(nats, 7, "e"), [
      ...["<lost: trimmed>", "e", "next"],
    ]],
    ["has another entry where the last was", (nats) => keeps(nats, 3, "a", "b", "other"), [
      ...["<lost: forked>", "a", "b", "other", "next"],
    ]],
    ["has another there, and nothing before it", (nats) => keeps(nats, 5, "other"), [
      ...["<lost: forked>", "other", "next"],
    ]],
    ["has another there, and more behind it", (nats) => keeps(nats, 5, "other", "more"), [
      ...["<lost: forked>", "other", "more", "next"],
    ]],
    ["has lost its newest", (nats) => keeps(nats, 3, "a", "b"), [
      ...["<lost: forked>", "a", "b", "next"],
    ]],
    ["has lost all but its oldest", (nats) => keeps(nats, 3, "a"), [
      ...["<lost: forked>", "a", "next"],
    ]],
    ["was made anew", (nats) => {
      nats.created = "2026-01-01T00:00:00.000000002Z"; // a billionth of a second later
      keeps(nats, 1);
    }, ["<lost: gone>", "next"]],
    ["was made anew, and has as many", (nats) => {
      nats.created = "2026-01-02T00:00:00.000000001Z";
      keeps(nats, 3, "a", "b", "c");
    }, ["<lost: gone>", "a", "b", "c", "next"]],
  ];
  for (const [name, change, told] of cases) {
    it(name, async () => {
      const { nats, broker, reader, end } = await world();
      change(nats);
      nats.cut();
      await until("it is back", () => reader.states.at(-1) === true);
      await until("it was read", () => reader.log.length >= told.length - 1);
      await broker.append("next");
      await reader.told("next");
      assertEquals([reader.log, reader.states], [told, [false, true]]);
      await end();
    });
  }
});

describe("what a node has appended to JetStream", () => {
  it("is told by the answer, one at a time, and once", async () => {
    const { nats, broker, reader, end } = await natsLog({ entries: ["a"] });
    nats.isHeld = true;
    await broker.append("b");
    await broker.append("c");
    assertEquals(reader.log, ["a", "<ready>", "b"]);
    nats.release();
    await reader.told("c");
    assertEquals([reader.entries, reader.lostReasons], [["a", "b", "c"], []]);
    await end();
  });

  it("is told to each who reads by the same broker, whatever its first character is", async () => {
    const { nats, broker, reader, end } = await natsLog({ entries: ["a", "\ufeffb"] });
    const other = await new LogReader(broker).whenReady();
    nats.isHeld = true;
    await broker.append("\ufeffc");
    for (const { entries } of [reader, other]) assertEquals(entries, ["a", "\ufeffb", "\ufeffc"]);
    nats.release();
    await broker.append("d");
    for (const one of [reader, other]) {
      await one.told("d");
      assertEquals([one.entries.length, one.lostReasons, one.states], [4, [], [true]]);
    }
    await other.end();
    await end();
  });

  it("is told in its place where another's lies between", async () => {
    const { nats, broker, reader, end } = await natsLog({ entries: ["a"] });
    nats.isHeld = true;
    nats.entries.push("of another");
    await broker.append("b");
    assertEquals(reader.entries, ["a"]);
    nats.release();
    await reader.told("b");
    assertEquals([reader.entries, reader.lostReasons, reader.states], [
      ["a", "of another", "b"],
      [],
      [true],
    ]);
    await end();
  });
});

it("a subscription to a stream of JetStream that fails is made anew, and it is said why", async () => {
  const { nats, broker, reader, end } = await natsLog({ entries: ["a"] });
  nats.cut();
  await until("it is back", () => reader.states.length === 3);
  await broker.append("b");
  await reader.told("b");
  assertEquals([reader.states, reader.causes], [[true, false, true], ["the link was cut"]]);
  assertEquals([reader.entries, reader.lostReasons], [["a", "b"], []]);
  await end();
});
