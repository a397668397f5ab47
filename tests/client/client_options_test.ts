/** The options of `createWebSocket`: what is read of each, and how a wrong one is refused. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type ClientOptions, readAskingOptions, readClientOptions } from "../../client/options.ts";
import { FakeClock } from "../../testing.ts";
import { schemaOf } from "../helpers/schemas.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const NAMES =
  "binaryType, clock, maxBufferedAmount, maxPayload, observer, reconnect, resume, runtime, " +
  "schema, stats";

describe("each option of createWebSocket()", () => {
  it("is read, and is nothing where it was left out", () => {
    assertEquals(readClientOptions({}), { error: undefined, options: { policy: undefined } });
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const observer = { opened: () => {} };
    const schema = schemaOf(() => ({ value: 1 }));
    const given = {
      ...{ binaryType: "uint8array", clock, maxBufferedAmount: 1, maxPayload: 2 ** 31 - 1 },
      ...{ observer, resume: false, runtime, schema, stats: true },
    };
    const { error, options } = readClientOptions(given);
    assertEquals([error, options.policy], [undefined, undefined]);
    for (const [name, value] of Object.entries(given)) {
      assert(options[name as keyof ClientOptions] === value, name);
    }
  });

  it("'reconnect' is read as what it means", () => {
    const { error, options } = readClientOptions({ reconnect: true, resume: true });
    assertEquals([error, options.resume, options.policy?.attempts], [undefined, true, Infinity]);
    assertEquals(readClientOptions({ reconnect: false }).options.policy, undefined);
  });

  const COUNT = "must be an integer above 0";
  const SIZE = "must be an integer from 1 to 2147483647";
  const FLAG = "must be true or false";
  const AN_OBJECT = "an object (Object)";
  const clock = { now() {}, setTimer() {}, clearTimer() {}, wall() {} };
  const runtime = { denied() {}, dial() {}, unsupported() {} };
  const RUNTIME = "must be an object with the functions denied, dial, unsupported";
  const REFUSED: [string, unknown, string, string][] = [
    ["binaryType", "blob", "must be 'arraybuffer' or 'uint8array'", '"blob"'],
    ...Object.keys(clock).map((left): [string, unknown, string, string] => [
      "clock",
      { ...clock, [left]: 5 },
      "must be an object with the functions now, setTimer, clearTimer, and maybe wall",
      AN_OBJECT,
    ]),
    ...[0, -1, 1.5, Infinity, NaN].map((value): [string, unknown, string, string] => [
      ...["maxBufferedAmount", value] as const,
      ...[COUNT, `${value}`] as const,
    ]),
    ["maxBufferedAmount", "1", COUNT, '"1"'],
    ...[0, 1.5, 2 ** 31].map((value): [string, unknown, string, string] => [
      ...["maxPayload", value] as const,
      ...[SIZE, `${value}`] as const,
    ]),
    ["observer", { opened: 5 }, "must be an object of functions", AN_OBJECT],
    ["observer", () => {}, "must be an object of functions", "a function"],
    ["resume", 1, FLAG, "1"],
    ["stats", "yes", FLAG, '"yes"'],
    ...Object.keys(runtime).map((left): [string, unknown, string, string] => [
      ...["runtime", { ...runtime, [left]: undefined }] as const,
      ...[RUNTIME, AN_OBJECT] as const,
    ]),
    ["schema", {}, "must be a Standard Schema, version 1", AN_OBJECT],
    ["other", 5, `is no option; there are ${NAMES}`, "5"],
  ];
  it("is refused by name, with its rule and what was given", () => {
    for (const [name, value, rule, shown] of REFUSED) {
      const { error, options } = readClientOptions({ [name]: value });
      assertEquals(
        error?.message,
        `Parameter error: createWebSocket: '${name}' ${rule}: current value is ${shown}`,
      );
      assertEquals([error?.code, options], [401, {}]);
    }
    assertEquals(
      readClientOptions(5).error?.message,
      "Parameter error: createWebSocket: options must be an object: current value is 5",
    );
    assertEquals(
      readClientOptions({ reconnect: { factor: 0 } }).error?.message,
      "Parameter error: createWebSocket: 'reconnect': 'factor' must be a number from 1 on: " +
        "current value is 0",
    );
  });

  it("'resume' is refused where there is no 'reconnect'", () => {
    for (const reconnect of [undefined, false]) {
      const { error, options } = readClientOptions({ resume: true, reconnect });
      assertEquals(
        error?.message,
        "Parameter error: createWebSocket: 'resume' must have 'reconnect' beside it: " +
          "current value is true",
      );
      assertEquals(options, {});
    }
  });
});

describe("'header' where functions are asked", () => {
  it("may be a function, or what it may be elsewhere", () => {
    for (const header of [() => ({}), { a: "b" }, undefined]) {
      assertEquals(readAskingOptions({ header }), { header });
    }
    for (const [header, shown] of [["a: b", "text, which is not shown"], [null, "null"]]) {
      const read = readAskingOptions({ header });
      assertEquals(
        (read as unknown as Error).message,
        "Parameter error: connect: 'header' must be a plain object of text values: " +
          `current value is ${shown}`,
      );
    }
  });

  it("leaves all other rules as they are", () => {
    const read = readAskingOptions({ header: () => ({}), connectTimeout: 0 });
    assertEquals(
      (read as unknown as Error).message,
      "Parameter error: connect: 'connectTimeout' must be a number of seconds above 0 and at " +
        "most 2147483: current value is 0",
    );
  });
});
