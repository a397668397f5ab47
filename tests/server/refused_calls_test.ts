/** What each call of a server says where it is refused, to the word. */

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketServer,
} from "../../mod.ts";
import { duplexOf, wsServer } from "../../node.ts";
import { streamsOf } from "../../standard.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

const ARGUMENT = "Parameter error: ";
const UNKNOWN = "Websocket Unknown Other Error: ";

/** What a call is refused with. */
const wordsOf = async (call: () => Promise<unknown>): Promise<string> =>
  (await assertRejects(call, BusinessError)).message;

describe("a call that is refused says why", () => {
  it("where nothing runs", async () => {
    const pair = await MemoryPair.start();
    const { server, clock } = pair;
    await pair.open();
    await clock.until(pair.ws[Symbol.asyncDispose]());
    await clock.until(server.stop());
    const says = `${UNKNOWN}publish: the server is not running`;
    assertEquals(await wordsOf(() => server.publish("topic", "x")), says);
    assertEquals(await wordsOf(() => server.broadcast("x")), says.replace("publish", "broadcast"));
    assertEquals(
      await wordsOf(() => server.publish("topic", 5 as never)),
      `${ARGUMENT}publish: data must be text, an ArrayBuffer or a view of one: current value is 5`,
    );
    // As soon as it is known how long a message may be, which is so before it runs.
    const codeOf = (call: Promise<unknown>) => call.catch(({ code }: BusinessError) => code);
    for (const [bytes, code] of [[5_242_864, 2302999], [5_242_865, 401]] as const) {
      const data = new Uint8Array(bytes);
      const calls = [server.publish("topic", data), server.broadcast(data)];
      assertEquals(await Promise.all(calls.map(codeOf)), [code, code]);
    }
  });

  it("where it is given a callback, which nobody would call", async () => {
    await using pair = await MemoryPair.start();
    const { clock, server } = pair;
    const connection = await pair.open();
    const told: string[] = [];
    server.on("close", (_connection, { code }) => told.push(`close ${code}`));
    const idle = createWebSocketServer();
    const more = () => told.push("called");
    const calls: [WebSocketServer, string, unknown[]][] = [
      [idle, "start", [{ serverPort: 0 }]],
      [idle, "mount", [{}]],
      [server, "send", ["x", connection, undefined]],
      [server, "send", ["x", connection, {}]],
      [server, "drained", [connection, 0]],
      [server, "broadcast", ["x", {}]],
      [server, "publish", ["topic", "x", undefined]],
      [server, "join", [connection, "topic"]],
      [server, "leave", [connection, "topic"]],
      [server, "close", [connection, {}]],
      [server, "terminate", [connection]],
      [server, "stop", [{}]],
    ];
    for (const [on, name, args] of calls) {
      const call = Reflect.get(on, name).bind(on) as (...args: unknown[]) => Promise<unknown>;
      assertEquals(
        await wordsOf(() => call(...args, more)),
        `${ARGUMENT}${name}: a callback must be left out: it returns a promise: current value is a function`,
      );
    }
    assertEquals(idle.address, undefined);
    assertEquals(server.listAllConnections(), [connection]);
    assertEquals(await server.publish("topic", "x"), { sent: 0, tooSlow: 0 });
    const close = server.close.bind(server) as (...args: unknown[]) => Promise<boolean>;
    assertEquals(await close(connection, { code: 3000 }, 1), true); // an index of `forEach`, say
    await clock.until(server.stop());
    assertEquals(told, ["close 3000"]);
  });

  it("where a topic is no text", async () => {
    await using pair = await MemoryPair.start();
    const { server } = pair;
    const connection = await pair.open();
    const rule = "topic must be text: current value is 5";
    assertEquals(
      await wordsOf(() => server.join(connection, 5 as never)),
      `${ARGUMENT}join: ${rule}`,
    );
    assertEquals(
      await wordsOf(() => server.leave(connection, 5 as never)),
      `${ARGUMENT}leave: ${rule}`,
    );
    const subscribe = server.subscribe.bind(server) as (...args: unknown[]) => unknown;
    assertEquals(
      assertThrows(() => subscribe(5, () => {}), BusinessError).message,
      `${ARGUMENT}subscribe: ${rule}`,
    );
    assertEquals(
      assertThrows(() => subscribe("topic", 5), BusinessError).message,
      `${ARGUMENT}subscribe: the listener must be a function: current value is 5`,
    );
  });

  it("where an option of close is wrong, and closes nothing", async () => {
    await using pair = await MemoryPair.start();
    const { server } = pair;
    const connection = await pair.open();
    assertEquals(
      await wordsOf(() => server.close(connection, { code: "1000" as never })),
      `${ARGUMENT}close: 'code' must be a number: current value is "1000"`,
    );
    assertEquals(await server.send("still here", connection), true);
    assertEquals(server.listAllConnections(), [connection]);
  });

  it("where a shape is asked for of what has none", () => {
    const server = "must be one that createWebSocketServer has made";
    const client = "must be one that createWebSocket has made";
    const cases: [() => unknown, string][] = [
      [() => wsServer({} as never), `wsServer: the server ${server}`],
      [() => streamsOf(5 as never), `streamsOf: the client ${client}`],
      [() => streamsOf({ send() {} } as never), `streamsOf: the client ${client}`],
      [() => duplexOf({ connect() {} } as never), `duplexOf: the client ${client}`],
      [
        () => streamsOf(createWebSocket() as never, { clientIP: "::1", clientPort: 1 }),
        `streamsOf: the server ${server}`,
      ],
    ];
    for (const [call, says] of cases) {
      assertStringIncludes(
        assertThrows(call, BusinessError).message,
        `${ARGUMENT}${says}: current`,
      );
    }
  });
});

describe("server.drained()", () => {
  it("waits for the last byte where it is told nothing", async () => {
    await using pair = await MemoryPair.start();
    const connection = await pair.open();
    const [link] = pair.network.links;
    link!.hold("toClient");
    await pair.server.send("x", connection);
    const told: boolean[] = [];
    void pair.server.drained(connection).then((drained) => told.push(drained));
    void pair.server.drained(connection, 1).then((drained) => told.push(drained));
    await pair.clock.advance(1000);
    assertEquals([told, pair.server.bufferedAmount(connection)], [[true], 1]);
    link!.release("toClient");
    await pair.clock.advance(1000);
    assertEquals(told, [true, true]);
  });

  it("is false in the turn in which a connection is closed or dropped, however little is queued", async () => {
    for (const end of ["close", "terminate"] as const) {
      await using pair = await MemoryPair.start();
      const connection = await pair.open();
      pair.network.links[0]!.hold("toClient");
      await pair.server.send("x".repeat(100), connection);
      void pair.server[end](connection);
      const answers = [0, 99, 100].map((bytes) => pair.server.drained(connection, bytes));
      answers.push(pair.server.drained({ ...connection }));
      assertEquals(await Promise.all(answers), [false, false, false, false]);
      pair.network.links[0]?.release("toClient");
    }
  });
});

describe("mount.fetch()", () => {
  it("says what it was given that is no request to read, and answers 500", async () => {
    const pair = await MemoryPair.start();
    const { createWebSocketServer } = await import("../../mod.ts");
    const server = createWebSocketServer({ clock: pair.clock, runtime: pair.network.server });
    const said: string[] = [];
    server.on("error", ({ message }) => said.push(message));
    const mount = await server.mount({});
    const used = Object.defineProperty(new Request("http://localhost/"), "headers", {
      get() {
        throw new TypeError("closed");
      },
    });
    for (const given of [5, used]) {
      const answer = await mount.fetch(given as never, undefined as never);
      assertEquals(answer?.status, 500);
    }
    assertStringIncludes(said[0]!, "'fetch' was not given a Request: current value is 5");
    assertStringIncludes(
      said[1]!,
      "the request was answered already or is a Proxy, and cannot be read: TypeError: closed",
    );
    await pair.clock.until(server.stop());
    await pair[Symbol.asyncDispose]();
  });
});
