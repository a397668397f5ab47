import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { businessError } from "../../errors.ts";
import { Listeners } from "../../internal/listeners.ts";
import {
  ACCEPTED,
  afterTurn,
  answered,
  atEndOfTurn,
  readCall,
  Refusal,
  settle,
  settled,
} from "../../internal/result.ts";
import { Program } from "../helpers/programs.ts";

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
    assertEquals(log, [[undefined, true], [refused]]);
  });

  it("calls back when it is known, where that takes longer", async () => {
    const refused = error();
    const refusal = Refusal.pending<boolean>((_, reject) => reject(refused));
    const answers = [ACCEPTED, Promise.resolve(false), refusal, false].map((result) =>
      new Promise<unknown[]>((resolve) => {
        assertEquals(settle(result, (...args) => resolve(args), listeners()), undefined);
      })
    );
    assertEquals(await Promise.all(answers), [
      [undefined, true],
      [undefined, false],
      [refused],
      [undefined, false],
    ]);
    assertEquals(await settle(false, undefined, listeners()), false);
  });

  it("reports a callback that fails to 'error', and says what it was", async () => {
    const all = listeners();
    const said: unknown[] = [];
    all.on("error", (error: unknown) => said.push((error as Error).message));
    const fails = () => {
      throw new Error("mine");
    };
    settle(undefined, fails, all);
    settle(error(), fails, all);
    settle(Promise.resolve(true), fails, all);
    settle(Refusal.of(error()), fails, all);
    settle(undefined, () => Promise.reject(new Error("mine")), all);
    await new Promise((resolve) => setTimeout(resolve, 0));
    const words = "Websocket Unknown Other Error: a callback failed: Error: mine";
    assertEquals(said, Array(5).fill(words));
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
    await using program = Program.here("refusals.ts", [how]);
    return await deadline(program.ended, 30_000);
  }

  for (
    const how of ["ignored", "then", "chain", "finally", "async", "twice", "starting", "branches"]
  ) {
    it(`lives on and prints the error: ${how}`, async () => {
      const { code, stdout, stderr } = await run(how);
      assertEquals([code, stdout], [0, "alive\n"]);
      assertEquals(stderr.match(/2302999/g)?.length !== undefined, true, stderr);
    });
  }

  it("prints the first of a kind with its stack, and then counts", async () => {
    const { code, stdout, stderr } = await run("many");
    assertEquals([code, stdout], [0, "alive\n"]);
    const lines = stderr.split("\n");
    const counted = lines.filter((line) => line.includes("not handled"));
    assertEquals(
      counted,
      [2, 4, 8].map((n) =>
        `${n} refusals 'notRunning' not handled: 2302999 Websocket Unknown Other Error: ` +
        "stop: the server is not running"
      ),
    );
    const stacks = lines.filter((line) => line.startsWith("BusinessError: "));
    assertEquals(stacks.length, 3, stderr); // the first of each kind
  });

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

const ONE = ["{ code, reason }"];
const TWO = ["a URL", "options"];

describe("readCall()", () => {
  const callback = () => {};

  it("takes the callback off where it is last", () => {
    assertEquals(readCall("connect", ["url", callback], TWO), {
      values: ["url"],
      callback,
      error: undefined,
    });
    assertEquals(readCall("connect", ["url", {}, callback], TWO).values, ["url", {}]);
    assertEquals(readCall("close", [callback], ONE), { values: [], callback, error: undefined });
  });

  it("counts trailing undefineds as left out, before the callback too", () => {
    assertEquals(readCall("close", [undefined], ONE).values, []);
    assertEquals(readCall("close", [undefined, undefined, undefined], ONE).error, undefined);
    const { values, callback: found } = readCall("connect", ["url", callback, undefined], TWO);
    assertEquals([values, found], [["url"], callback]);
    assertEquals(readCall("connect", ["url", undefined, callback], TWO).values, ["url", undefined]);
  });

  it("keeps null, which is a value", () => {
    assertEquals(readCall("close", [null], ONE).values, [null]);
  });

  it("takes array-likes, as `arguments` is one", () => {
    assertEquals(readCall("send", { length: 1, 0: "data" }, ONE).values, ["data"]);
  });

  it("answers 401 to too many, and to the callback that is among them", () => {
    const call = readCall("close", [{}, {}, callback], ONE);
    assertEquals(call.error?.code, 401);
    assertEquals(call.callback, callback);
    assertStringIncludes(call.error!.message, "close: takes { code, reason } and a callback: 2 ");
    assertStringIncludes(call.error!.message, "2 arguments were given");
  });

  it("finds a callback that is not last, and leaves it among the values", () => {
    const call = readCall("connect", ["url", callback, 5], TWO);
    assertEquals(call.callback, callback);
    assertEquals(call.values, ["url", callback, 5]);
    assertEquals(call.error?.code, 401);
  });
});

/** Notes when a timer fires. */
function timerIn(log: string[]): Promise<void> {
  return new Promise((resolve) =>
    setTimeout(() => {
      log.push("timer");
      resolve();
    }, 0)
  );
}

describe("afterTurn()", () => {
  it("runs after what awaits a settled promise, and before a timer", async () => {
    const log: string[] = [];
    const timer = timerIn(log);
    const call = () => {
      afterTurn(() => log.push("later"));
      return Promise.resolve(true);
    };
    log.push("before");
    await call();
    log.push("awaited");
    await timer;
    assertEquals(log, ["before", "awaited", "later", "timer"]);
  });
});

describe("atEndOfTurn()", () => {
  it("runs after twenty microtasks of what awaits a call, and before a timer", async () => {
    const log: string[] = [];
    const timer = timerIn(log);
    atEndOfTurn(() => log.push("later"));
    afterTurn(() => log.push("after two"));
    for (let i = 0; i < 20; i++) await undefined;
    log.push("awaited");
    await timer;
    assertEquals(log, ["after two", "awaited", "later", "timer"]);
  });
});

describe("settled() and answered()", () => {
  it("are true where nothing else is known, and refused with an error", async () => {
    const refused = error();
    for (const call of [settled, answered]) {
      assertStrictEquals(call(undefined), ACCEPTED);
      assertStrictEquals(await assertRejects(() => call(refused)), refused);
    }
    assertEquals(await ACCEPTED, true);
    for (const value of [false, 0, "", null, { a: 1 }]) {
      assertStrictEquals(await answered(value), value);
      const later = Promise.resolve(value);
      assertStrictEquals(answered(later), later);
    }
  });
});
