import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { stub } from "@std/testing/mock";
import { BusinessError } from "../../errors.ts";
import { Listeners } from "../../internal/listeners.ts";

const make = () => new Listeners<"open" | "close">(["open", "close", "error"]);

/** What is printed on the console while `use` runs and its promises settle. */
async function printed(use: () => void): Promise<unknown[]> {
  const lines: unknown[] = [];
  const spy = stub(console, "error", (...args: unknown[]) => void lines.push(...args));
  try {
    use();
    await new Promise((resolve) => setTimeout(resolve, 0));
  } finally {
    spy.restore();
  }
  return lines;
}

describe("Listeners.on()", () => {
  it("calls in the order added, each once, with both arguments", () => {
    const listeners = make();
    const log: unknown[] = [];
    const first = (...args: unknown[]) => log.push(["first", ...args]);
    listeners.on("open", first);
    listeners.on("open", (...args: unknown[]) => log.push(["second", ...args]));
    listeners.on("open", first);
    listeners.emit("open", 1, 2);
    assertEquals(log, [["first", 1, 2], ["second", 1, 2]]);
  });

  it("ignores an unknown event, also one that every object has", () => {
    const listeners = make();
    for (const name of ["nonsense", "", "toString", "__proto__", "constructor", "hasOwnProperty"]) {
      listeners.on(name, () => {});
      listeners.off(name);
    }
    listeners.emit("open");
  });

  it("throws 401 where the name is no text or the listener no function", () => {
    for (const name of [undefined, null, 1, {}, Symbol("open"), () => {}]) {
      const error = assertThrows(() => make().on(name, () => {}), BusinessError);
      assertEquals(error.code, 401);
    }
    for (const listener of [undefined, null, 1, "f", {}, { handleEvent() {} }]) {
      for (const name of ["open", "nonsense"]) {
        const error = assertThrows(() => make().on(name, listener), BusinessError);
        assertEquals(error.code, 401);
      }
    }
  });
});

describe("Listeners.emit()", () => {
  const orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
  for (const order of orders) {
    it(`is at work until all of its listeners are done, in whichever order: ${order}`, async () => {
      const listeners = make();
      const errors: unknown[] = [];
      listeners.on("error", (error: unknown) => errors.push((error as BusinessError).kind));
      const works = order.map(() => Promise.withResolvers<void>());
      for (const { promise } of works) listeners.on("open", () => promise);
      listeners.on("open", () => {}); // the last one is done at once
      let isDone = false;
      void listeners.emit("open")!.then(() => isDone = true);
      for (const [index, which] of order.entries()) {
        assertEquals(isDone, false);
        const { reject, resolve } = works[which]!;
        if (index === 1) reject(new Error("one of them fails"));
        else resolve();
        await new Promise((resolve) => setTimeout(resolve));
      }
      assertEquals([isDone, errors], [true, ["listenerFailed"]]);
    });
  }
});

describe("Listeners.off()", () => {
  it("removes the one, or all of that event's", () => {
    const listeners = make();
    const log: string[] = [];
    const a = () => log.push("a");
    const b = () => log.push("b");
    const c = () => log.push("c");
    listeners.on("open", a);
    listeners.on("open", b);
    listeners.on("close", c);
    listeners.off("open", a);
    listeners.emit("open");
    listeners.off("open", () => {});
    listeners.emit("open");
    listeners.off("open");
    assertEquals(listeners.list("open").items, []);
    listeners.emit("open");
    listeners.emit("close");
    assertEquals(log, ["b", "b", "c"]);
  });

  it("throws 401 where the name is no text or the listener no function", () => {
    for (const args of [[undefined], [1], ["open", null], ["open", 1], ["nonsense", "f"]]) {
      const error = assertThrows(() => make().off(args[0], args[1]), BusinessError);
      assertEquals(error.code, 401);
    }
  });
});

describe("Listeners.emit()", () => {
  it("goes by the list as it was when it began", () => {
    const listeners = make();
    const log: string[] = [];
    const second = () => log.push("second");
    listeners.on("open", () => {
      log.push("first");
      listeners.off("open", second);
      listeners.on("open", () => log.push("third"));
    });
    listeners.on("open", second);
    listeners.emit("open");
    assertEquals(log, ["first", "second"]);
    listeners.emit("open");
    assertEquals(log, ["first", "second", "first", "third"]);
  });

  it("goes on after one that throws, and reports it to 'error' with its cause", () => {
    const listeners = make();
    const log: unknown[] = [];
    const cause = new Error("mine");
    listeners.on("open", () => {
      throw cause;
    });
    listeners.on("open", () => log.push("second"));
    listeners.on("error", (error: unknown) => log.push(error));
    listeners.emit("open");
    // It is told in the midst of the others.
    const error = log.find((item) => item instanceof BusinessError) as BusinessError;
    assertEquals(log.length, 2);
    assertEquals(error.code, 2302999);
    assertEquals(
      error.message,
      "Websocket Unknown Other Error: a listener of 'open' failed: Error: mine",
    );
    assertStrictEquals(error.cause, cause);
  });

  it("reports one that rejects, also with no error at all", async () => {
    const listeners = make();
    const codes: unknown[] = [];
    listeners.on("error", (error: unknown) => codes.push((error as BusinessError).cause));
    listeners.on("open", () => Promise.reject("text"));
    listeners.on("open", () => Promise.reject(undefined));
    listeners.on("open", () => ({
      then: (_: unknown, reject: (why: string) => void) => reject("like a promise"),
    }));
    listeners.emit("open");
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(codes, ["text", undefined, "like a promise"]);
  });

  it("reports what is thrown whatever it is", () => {
    const listeners = make();
    const causes: unknown[] = [];
    listeners.on("error", (error: unknown) => causes.push((error as BusinessError).cause));
    const odd = [undefined, null, 0, "text", Symbol.iterator, { then: 1 }, Object.create(null)];
    for (const cause of odd) {
      listeners.on("open", () => {
        throw cause;
      });
    }
    listeners.emit("open");
    assertEquals(causes, odd);
  });

  it("prints the failure where 'error' has no listener", async () => {
    const listeners = make();
    const lines = await printed(() => {
      listeners.on("open", () => {
        throw new Error("mine");
      });
      listeners.on("close", () => Promise.reject(new Error("later")));
      listeners.emit("open");
      listeners.emit("close");
    });
    assertEquals(lines.map((line) => (line as BusinessError).code), [2302999, 2302999]);
    assertInstanceOf((lines[0] as BusinessError).cause, Error);
  });

  it("prints the failure of a listener of 'error' and does not tell 'error' of it", async () => {
    const listeners = make();
    let calls = 0;
    const lines = await printed(() => {
      listeners.on("error", () => {
        calls++;
        throw new Error("in error");
      });
      listeners.on("error", () => {
        calls++;
        return Promise.reject(new Error("in error, later"));
      });
      listeners.emit("error", "first");
    });
    assertEquals(calls, 2);
    assertEquals(lines.length, 2);
  });

  it("prints nothing of an error that is only told and has no listener", async () => {
    assertEquals(await printed(() => make().emit("error", new Error("a lost peer"))), []);
  });
});

describe("Listeners.emit() and Listeners.call()", () => {
  it("call with the arguments there are and no more, and with no 'this'", () => {
    const listeners = make();
    const heard: unknown[] = [];
    const hear = function (this: unknown, ...args: unknown[]) {
      heard.push([this, ...args]);
    };
    listeners.on("open", hear);
    listeners.once("open", hear.bind(undefined));
    for (const args of [[], [undefined], [1], [undefined, 2], [1, undefined]]) {
      listeners.emit("open", ...args as [unknown, unknown]);
      listeners.call("a callback", hear, ...args as [unknown, unknown]);
      const called = heard.splice(0);
      assertEquals(called, called.map(() => [undefined, ...args]));
      for (const one of called) assertEquals((one as unknown[]).length, 1 + args.length);
    }
  });
});

describe("Listeners.once()", () => {
  it("calls once, also where an earlier listener causes the event again", () => {
    const listeners = make();
    const heard: string[] = [];
    let again = 2;
    listeners.on("open", (what: unknown) => {
      if (again-- > 0) listeners.emit("open", `${what}!`);
    });
    listeners.once("open", (what: unknown) => void heard.push(`${what}`));
    listeners.once("close", (what: unknown) => void heard.push(`${what}`));
    for (const event of ["open", "open", "close", "close"] as const) listeners.emit(event, event);
    assertEquals(heard, ["open!!", "close"]);
    assertEquals(listeners.list("close").items, []);
  });

  it("is one and the same with on(), and is taken back by off() with what it was given", () => {
    const listeners = make();
    let heard = 0;
    const hear = () => void heard++;
    for (const method of ["once", "on", "once"] as const) listeners[method]("open", hear);
    assertEquals(listeners.list("open").items.length, 1);
    listeners.off("open", hear);
    listeners.emit("open");
    assertEquals(heard, 0);
    for (const method of ["on", "once"] as const) listeners[method]("open", hear);
    for (let i = 0; i < 2; i++) listeners.emit("open");
    assertEquals(heard, 2); // it was added by on() first
  });
});

describe("Listeners.on(), once() and off() that are given what is wrong", () => {
  for (const method of ["on", "once", "off"] as const) {
    it(`name themselves, and what it was: ${method}`, () => {
      const call = (type: unknown, listener: unknown) => () => make()[method](type, listener);
      const said = (call: () => void) => assertThrows(call, BusinessError).message;
      assertEquals([said(call(5, () => {})), said(call("open", "x")), said(call("none", null))], [
        `Parameter error: ${method}: the event's name must be text: current value is 5`,
        `Parameter error: ${method}: the listener must be a function: current value is "x"`,
        `Parameter error: ${method}: the listener must be a function: current value is null`,
      ]);
    });
  }
});

describe("Listeners.emit() and Listeners.emitTo()", () => {
  it("give nothing where no listener is at work still", () => {
    const listeners = make();
    for (const returned of [undefined, null, 5, {}, { then: "soon" }]) {
      listeners.on("open", () => returned);
    }
    assertEquals(listeners.emit("open"), undefined);
    assertEquals(listeners.emitTo(listeners.list("close")), undefined);
  });

  for (const order of [[0, 1, 2], [2, 0, 1], [1, 2, 0]]) {
    it(`give what settles when all have done, in the order ${order}, and never rejects`, async () => {
      const listeners = make();
      const work = order.map(() => Promise.withResolvers<void>());
      for (const { promise } of work) listeners.on("open", () => promise);
      const failed: unknown[] = [];
      listeners.on("error", (error: unknown) => failed.push((error as BusinessError).cause));
      let isDone = false;
      const told = listeners.emit("open")!.then(() => isDone = true);
      for (const index of order) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        assertEquals(isDone, false);
        if (index === 1) work[index]!.reject("failed");
        else work[index]!.resolve();
      }
      await told;
      assertEquals(failed, ["failed"]);
    });
  }
});

describe("Listeners.call()", () => {
  it("reports a failing callback as one", () => {
    const listeners = make();
    const messages: string[] = [];
    listeners.on("error", (error: unknown) => messages.push((error as BusinessError).message));
    listeners.call("a callback", () => {
      throw new Error("mine");
    });
    assertEquals(messages, ["Websocket Unknown Other Error: a callback failed: Error: mine"]);
  });
});

describe("Listeners.on() and Listeners.once() of an event that does not exist", () => {
  it("say once on the console which there are, and off() says nothing", () => {
    const lines: unknown[] = [];
    const spy = stub(console, "warn", (...args: unknown[]) => void lines.push(...args));
    try {
      for (let i = 0; i < 2; i++) {
        make().on("opne\x1b", () => {});
        make().once("opne", () => {});
        make().off("colse");
      }
    } finally {
      spy.restore();
    }
    assertEquals(lines, [
      'on: there is no event "opne\\u001b", but open, close, error',
      'once: there is no event "opne", but open, close, error',
    ]);
  });
});
