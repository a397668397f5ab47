/** The option `observer`, in time that stands still. */

import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Listeners } from "../../internal/listeners.ts";
import { handle, handled, observing } from "../../internal/observer.ts";
import { type BusinessError, createWebSocketServer, type WebSocketObserver } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { createUntyped, refusal } from "../helpers/client.ts";
import { LATENCY } from "../helpers/memory_pair.ts";
import { FUNCTIONS, MORE_FUNCTIONS, observed, type Told } from "../helpers/observers.ts";
import { ScriptedServer, TopicSocket } from "../helpers/scripted_runtime.ts";

/** Those of a name. */
const of = (log: unknown[], name: string) => log.filter((item) => (item as Told)[0] === name);

const DONE = { code: 4000, reason: "done" };

describe("an observer", () => {
  it("is told of each step before the listeners are", async () => {
    await using pair = await observed({ config: { pingInterval: 30 } });
    const { clock, logs, server, ws } = pair;
    const connection = await pair.open({ pingInterval: 30 });
    await ws.send("to server");
    await server.send("to client", connection);
    await clock.advance(LATENCY);
    await clock.advance(31_000);
    await ws.close(DONE);
    await clock.advance(100);
    assertEquals(logs.server, [
      ["opened"],
      "connect",
      ["sent", "to client"],
      ["received", "to server"],
      "message to server",
      ["pinged"],
      ["ponged", 2 * LATENCY],
      ["closed", DONE],
      "close 4000",
    ]);
    assertEquals(logs.client, [
      ["opened"],
      "open",
      ["sent", "to server"],
      ["received", "to client"],
      "message to client",
      ["pinged"],
      ["ponged", 2 * LATENCY],
      ["closed", DONE],
      "close 4000",
    ]);
  });

  it("is called with the arguments it is told, as a method", () => {
    const counts: Record<string, number> = {};
    const names = [...FUNCTIONS, ...MORE_FUNCTIONS];
    const observer: Record<string, unknown> = {};
    for (const name of names) {
      observer[name] = function (this: unknown, ...args: unknown[]) {
        assertStrictEquals(this, observer);
        counts[name] = args.length;
      };
    }
    const all = observing([observer], new Listeners([]));
    for (const [at, name] of names.entries()) {
      (all![name] as (...args: unknown[]) => void)(...names.slice(0, at));
    }
    assertEquals(counts, Object.fromEntries(names.map((name, at) => [name, at])));
  });

  it("has the functions that it had as it was given, whatever is put in their place", () => {
    const log: string[] = [];
    const observer: WebSocketObserver = { pinged: () => log.push("first") };
    const all = observing([observer], new Listeners(["error"]))!;
    observer.pinged = () => log.push("second");
    all.pinged!("who");
    delete observer.pinged;
    all.pinged!("who");
    assertEquals(log, ["first", "first"]);
  });

  it("is told of the client or the server's connection itself, and of the very data", async () => {
    await using pair = await observed();
    const connection = await pair.open();
    const bytes = Uint8Array.of(1, 2);
    await pair.ws.send(bytes);
    await pair.clock.advance(LATENCY);
    await pair.close();
    assertStrictEquals([...pair.whos.client][0], pair.ws as unknown);
    assertStrictEquals([...pair.whos.server][0], connection as unknown);
    assertEquals([pair.whos.client.size, pair.whos.server.size], [1, 1]);
    assertStrictEquals((of(pair.logs.client, "sent")[0] as Told)[1], bytes as unknown);
    const [, received] = of(pair.logs.server, "received")[0] as Told;
    assertEquals(received, bytes.buffer);
  });

  it("gets a copy of how a connection ended, and its functions may be those of a class", async () => {
    class Counter implements WebSocketObserver {
      #closed = 0;
      readonly other = "of its own";
      get count(): number {
        return this.#closed;
      }
      closed(_: unknown, close: { code: number; reason: string }): void {
        this.#closed++;
        close.code = 1;
      }
    }
    const [one, two] = [new Counter(), new Counter()];
    await using pair = await observed({ server: { observer: one }, client: { observer: two } });
    await pair.open();
    await pair.ws.close(DONE);
    await pair.clock.advance(100);
    assertEquals([one.count, two.count], [1, 1]);
    assertEquals([pair.logs.server.at(-1), pair.logs.client.at(-1)], ["close 4000", "close 4000"]);
    assertEquals(await pair.ws.closed, DONE);
  });

  it("is told of what is sent before 'open' once it goes out", async () => {
    await using pair = await observed();
    await pair.ws.connect("ws://localhost:80/");
    await pair.ws.send("early");
    assertEquals(pair.logs.client, []);
    await pair.clock.advance(100);
    assertEquals(pair.logs.client, [["opened"], ["sent", "early"], "open"]);
    assertEquals(of(pair.logs.server, "received"), [["received", "early"]]);
  });

  it("is told of no connection where an attempt fails or is given up", async () => {
    await using pair = await observed({ config: { protocol: "chat" } });
    await pair.ws.connect("ws://localhost:80/", { protocol: "other" });
    await pair.clock.advance(100);
    await pair.ws.connect("ws://localhost:80/");
    await pair.ws.close();
    await pair.clock.advance(100);
    assertEquals(pair.logs.client, ["error 200", "close 1000"]);
  });

  it("is told of each connection of a client that reconnects", async () => {
    await using pair = await observed({ client: { reconnect: { random: () => 0 } } });
    await pair.open();
    pair.network.links[0]!.cut();
    await pair.clock.advance(1000);
    await pair.close();
    const lost = [["dropped", "lost"], "error 200"];
    const down = { code: 1006, reason: "The link is down" };
    const normal = { code: 1000, reason: "CLOSE_NORMAL" };
    assertEquals(pair.logs.client, [
      ...[["opened"], "open", ...lost, ["closed", down], "close 1006"],
      ...[["opened"], "open", ["closed", normal], "close 1000"],
    ]);
  });

  it("is told of all who get what is sent to many, and of nobody else", async () => {
    const names = new Map<unknown, string>();
    const sent: string[] = [];
    const observer: WebSocketObserver = {
      sent: (who, data) => sent.push(`${names.get(who)} ${data}`),
    };
    await using pair = await observed({ server: { observer } });
    const { server, network, clock } = pair;
    const clients = ["b", "c"].map(() => createUntyped({ clock, runtime: network.client }));
    names.set(await pair.open(), "a");
    for (const ws of clients) {
      await ws.connect("ws://localhost:80/");
      await clock.advance(100);
      names.set(server.listAllConnections().at(-1), ws === clients[0] ? "b" : "c");
    }
    const [a, b] = server.listAllConnections();
    await server.join(a!, "room");
    await server.join(b!, "room");
    await server.broadcast("1");
    await server.publish("room", "2", { except: a! });
    await server.publish("nowhere", "3");
    await server.broadcast("4", { except: [a!, b!] });
    assertEquals(sent, ["a 1", "b 1", "c 1", "b 2", "c 4"]);
    for (const ws of clients) await clock.until(ws[Symbol.asyncDispose]());
  });
});

describe("an observer on a runtime that can publish", () => {
  it("is told of all who get what is published, and of nobody else", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    runtime.published = [];
    const sent: string[] = [];
    const observer: WebSocketObserver = { sent: (who, data) => sent.push(`${who} ${data}`) };
    const server = createWebSocketServer({ clock, runtime, observer, stats: true });
    await server.start({ serverPort: 80 });
    const admissions = [1, 2, 3].map((port) => {
      const admission = runtime.enter(port);
      admission.open(new TopicSocket());
      return admission;
    });
    const [a, b] = server.listAllConnections();
    await server.broadcast("1");
    await server.broadcast("é", { except: b! });
    await server.broadcast("3", { except: [a!, b!] });
    assertEquals(
      sent.map((line) => line.slice("127.0.0.1:".length)),
      ["1 1", "2 1", "3 1", "1 é", "3 é", "3 3"],
    );
    assertEquals(server.stats()!.sent, { messages: 6, bytes: 8 });
    const stopped = server.stop();
    for (const admission of admissions) admission.closed({ code: 1001, reason: "" });
    await clock.until(stopped);
  });
});

describe("the option observer", () => {
  it("is an object whose functions are functions, or the call answers 401", async () => {
    const wrong = [
      null,
      1,
      [],
      () => {},
      ...[...FUNCTIONS, ...MORE_FUNCTIONS].map((name) => ({ [name]: "no function" })),
    ];
    for (const observer of wrong) {
      const error = await refusal(createUntyped({ observer }).connect("ws://localhost/"));
      assertEquals(error.code, 401);
      assertStringIncludes(error.message, "'observer' must be an object of functions");
      const server = createWebSocketServer({ observer: observer as never });
      assertEquals((await refusal(server.start({ serverPort: 0 }))).code, 401);
    }
    const unreadable = {
      get opened(): never {
        throw new Error("no look");
      },
    };
    const error = await refusal(createUntyped({ observer: unreadable }).connect("ws://localhost/"));
    assertEquals(error.code, 401);
  });

  it("costs nothing where there is nothing to tell, and no more than what is there", () => {
    const listeners = new Listeners<string>(["error"]);
    assertEquals(observing([], listeners), undefined);
    assertEquals(observing([undefined, {}, { opened: undefined } as never], listeners), undefined);
    const some = observing([{ sent() {} }, undefined, { closed() {}, sent() {} }], listeners);
    assertEquals(Object.keys(some!).sort(), ["closed", "sent"]);
  });
});

describe("an observer that fails", () => {
  it("is reported by the name of its function, and the others are told all the same", async () => {
    const listeners = new Listeners<"error">(["error"]);
    const errors: BusinessError[] = [];
    listeners.on("error", (error: unknown) => errors.push(error as BusinessError));
    const told: string[] = [];
    const all = observing([
      {
        opened: () => {
          throw new Error("thrown");
        },
        closed: () => Promise.reject(new Error("rejected")),
      },
      undefined,
      { opened: () => told.push("opened"), closed: () => void told.push("closed") },
    ], listeners)!;
    all.opened!(1, {} as never);
    all.closed!(1, DONE);
    assertEquals(told, ["opened", "closed"]);
    await new Promise((resolve) => setTimeout(resolve, 0));
    const words = "Websocket Unknown Other Error:";
    assertEquals(errors.map(({ message }) => message), [
      `${words} 'opened' of the observer failed: Error: thrown`,
      `${words} 'closed' of the observer failed: Error: rejected`,
    ]);
  });
});

describe("handle()", () => {
  const work = Promise.resolve();

  it("has the listeners called once, by the observer or after it, and gives what they are at", () => {
    for (const calls of [0, 1, 3]) {
      for (const told of [undefined, work]) {
        const given: unknown[] = [];
        let called = 0;
        const result = handle(
          (who, run) => {
            given.push(who);
            for (let i = 0; i < calls; i++) given.push(run());
          },
          "who",
          () => (called++, told),
        );
        assertEquals(called, 1);
        assertEquals([given[0], given.length], ["who", 1 + calls]);
        for (const one of [result, ...given.slice(1)]) assertStrictEquals(one, told);
      }
    }
  });

  it("is how a server's listeners are called, whose failures are reported as ever", async () => {
    const listeners = new Listeners<"message" | "error">(["message", "error"]);
    const errors: unknown[] = [];
    listeners.on("error", (error: unknown) => errors.push((error as BusinessError).message));
    const log: unknown[] = [];
    const by = handled(listeners, (who, run) => {
      log.push(["handling", who]);
      run();
    });
    listeners.on("message", (event: unknown) => {
      log.push(event);
      return work;
    });
    listeners.on("message", () => {
      throw new Error("thrown");
    });
    listeners.on("message", () => Promise.reject(new Error("rejected")));
    const event = { clientConnection: "who", data: "text" };
    await by.emitTo(listeners.list("message"), event);
    assertEquals(log, [["handling", "who"], event]);
    const words = "Websocket Unknown Other Error: a listener of 'message' failed: Error:";
    assertEquals(errors, [`${words} thrown`, `${words} rejected`]);
  });
});
