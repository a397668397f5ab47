import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { businessError } from "../../errors.ts";
import { Listeners } from "../../internal/listeners.ts";
import { ACCEPTED, Refusal, settle } from "../../internal/result.ts";
import { Program } from "../helpers/process.ts";

const listeners = () => new Listeners<string>(["error"]);
const error = () => businessError("aborted", "no");

describe("settle()", () => {
  it("is a promise where there is no callback", async () => {
    assertEquals(await settle(undefined, undefined, listeners()), true);
    const refused = error();
    const promise = settle(refused, undefined, listeners())!;
    assertStrictEquals(await assertRejects(() => promise), refused);
  });

  it("calls back on a later turn, with undefined and true or with the error alone", async () => {
    const log: unknown[][] = [];
    const refused = error();
    const callback = (...args: unknown[]) => log.push(args);
    assertEquals(settle(undefined, callback, listeners()), undefined);
    assertEquals(settle(refused, callback, listeners()), undefined);
    assertEquals(log, []);
    await undefined;
    assertEquals(log.map(([first, second]) => [first, second]), [[undefined, true], [
      refused,
      undefined,
    ]]);
  });

  it("reports a callback that fails to 'error'", async () => {
    const all = listeners();
    const codes: unknown[] = [];
    all.on("error", (error: unknown) => codes.push((error as { code: number }).code));
    settle(undefined, () => {
      throw new Error("mine");
    }, all);
    settle(undefined, () => Promise.reject(new Error("mine, later")), all);
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(codes, [2302999, 2302999]);
  });
});

describe("Refusal", () => {
  it("is a promise like any other to who handles it", async () => {
    const refused = error();
    const refusal = Refusal.of(refused);
    assertInstanceOf(refusal, Promise);
    assertStrictEquals(await refusal.catch((error) => error), refused);
    assertStrictEquals(await Refusal.of(refused).catch((error) => error), refused);
    assertStrictEquals(await Refusal.of(refused).then(undefined, (error) => error), refused);
    const settled = await Promise.allSettled([Refusal.of(refused), ACCEPTED]);
    assertEquals(settled.map(({ status }) => status), ["rejected", "fulfilled"]);
    await assertRejects(() => Promise.all([Refusal.of(refused)]));
    await assertRejects(async () => await Refusal.of(refused).finally(() => {}));
    await assertRejects(async () => await Refusal.of(refused).then(() => 1));
  });
});

describe("a process in which nobody handles a refusal", () => {
  async function run(how: string) {
    await using program = new Program("refusals.ts", [how]);
    return await deadline(program.ended, 20_000);
  }

  for (const how of ["ignored", "then", "chain", "finally", "async", "twice"]) {
    it(`lives on and prints the error: ${how}`, async () => {
      const { code, stdout, stderr } = await run(how);
      assertEquals([code, stdout], [0, "alive\n"]);
      assertEquals(stderr.match(/2302999/g)?.length !== undefined, true, stderr);
    });
  }

  it("prints nothing where it was handled", async () => {
    for (const how of ["caught", "awaited", "late"]) {
      const { code, stdout, stderr } = await run(how);
      assertEquals([code, stdout, stderr], [0, "alive\n", ""], how);
    }
  });

  it("ends, as always, by a failure of the program's own in a handler of one", async () => {
    const { code, stderr } = await run("own");
    assertEquals(code, 1);
    assertEquals(stderr.includes("my own mistake"), true, stderr);
  });
});
