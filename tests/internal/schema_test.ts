/** The option `schema`, with validators made by hand, in time that stands still. */

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type StandardSchema,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { createUntyped, refusal } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { schemaOf, validators } from "../helpers/schemas.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** A message to a server with a schema, and all that both sides tell of it. */
async function sentToServer(schema: StandardSchema, message: string | Uint8Array) {
  await using pair = await MemoryPair.start({ server: { schema: schema as never } });
  const { server, ws, clock } = pair;
  const log: unknown[] = [];
  const errors: BusinessError[] = [];
  server.on("messageReceive", ({ data }) => log.push(["messageReceive", data]));
  server.on("error", (error) => {
    log.push(["error", error.code, error.data]);
    errors.push(error);
  });
  server.on("close", (_, close) => log.push(["close", close]));
  ws.on("close", (_, close) => log.push(["client close", close]));
  const connection = await pair.open();
  await ws.send(message);
  await clock.advance(1000);
  return { log, errors, connection };
}

/** The same the other way. */
async function sentToClient(schema: StandardSchema, message: string | Uint8Array) {
  await using pair = await MemoryPair.start({ client: { schema: schema as never } });
  const { server, ws, clock } = pair;
  const log: unknown[] = [];
  const errors: BusinessError[] = [];
  ws.on("message", (_, data) => log.push(["message", data]));
  ws.on("dataEnd", () => log.push(["dataEnd"]));
  ws.on("error", (error) => {
    log.push(["error", error.code, error.data]);
    errors.push(error);
  });
  ws.on("close", (_, close) => log.push(["close", close]));
  server.on("close", (_, close) => log.push(["server close", close]));
  await server.send(message, await pair.open());
  await clock.advance(1000);
  return { log, errors };
}

const { double, throwing } = validators;

/** What is not accepted: by which validator, with which close, and what is wrong, in words and not. */
const REFUSED: {
  what: string;
  schema: StandardSchema;
  message: string | Uint8Array;
  close: { code: number; reason: string };
  why: string;
  /** The innermost cause. */
  cause: (cause: unknown) => void;
}[] = [
  {
    what: "bytes",
    schema: double,
    message: new TextEncoder().encode("1"),
    close: { code: 1003, reason: "Only text is accepted" },
    why: "it is binary",
    cause: (cause) => assertEquals((cause as Error).message, "it is binary"),
  },
  ...["", "{", "undefined", "1 2", "'1'", `${"[".repeat(50_000)}`].map((message) => ({
    what: `text that is no JSON: ${message.slice(0, 10)}`,
    schema: double,
    message,
    close: { code: 1007, reason: "Not JSON" },
    why: "it is no JSON",
    cause: (cause: unknown) => assertInstanceOf(cause, Error),
  })),
  {
    what: "JSON that it does not accept",
    schema: double,
    message: `"one"`,
    close: { code: 1008, reason: "Not what is expected" },
    why: "must be a number; is no number",
    cause: (cause) =>
      assertEquals(cause, [{ message: "must be a number" }, { message: "is no number" }]),
  },
  {
    what: "anything, when it throws",
    schema: throwing,
    message: "1",
    close: { code: 1011, reason: "Cannot be validated" },
    why: "the validator failed: RangeError: out of order",
    cause: (cause) => assertInstanceOf(cause, RangeError),
  },
  ...Object.entries(validators.late).map(([how, schema]) => ({
    what: `anything, when it answers with ${how}`,
    schema,
    message: "1",
    close: { code: 1011, reason: "Cannot be validated" },
    why: "the validator answers with a promise",
    cause: (cause: unknown) =>
      assertEquals((cause as Error).message, "the validator answers with a promise"),
  })),
  ...[undefined, null, true, false, "x", {}, { issues: null }, { issues: "none" }].map((
    answer,
  ) => ({
    what: `anything, when it answers with ${JSON.stringify(answer)}`,
    schema: schemaOf(() => answer as never),
    message: "1",
    close: { code: 1011, reason: "Cannot be validated" },
    why: "the validator failed: TypeError",
    cause: (cause: unknown) => assertInstanceOf(cause, TypeError),
  })),
];

function assertSays(error: BusinessError, what: string, why: string, cause: (c: unknown) => void) {
  const begin = `${what} that 'schema' does not accept: ${why}`;
  assertEquals(error.message.slice(0, begin.length), begin);
  const inner = error.cause as Error;
  assertInstanceOf(inner, Error);
  assertEquals(error.message.endsWith(inner.message), true);
  cause(inner.cause);
}

describe("createWebSocketServer({ schema })", () => {
  it("tells what the validator makes of a message", async () => {
    const { log } = await sentToServer(double, " 21 ");
    assertEquals(log[0], ["messageReceive", 42]);
    assertEquals(log.length, 3); // and the end
  });

  it("gives the validator what JSON.parse makes of the text, and nothing else", async () => {
    const given: unknown[] = [];
    const schema = schemaOf((...args: unknown[]) => {
      given.push(args);
      return { value: undefined };
    });
    await sentToServer(schema, `{"__proto__":{"x":1},"é":[null,1e3]}`);
    assertEquals(JSON.stringify(given), `[[{"__proto__":{"x":1},"é":[null,1000]}]]`);
  });

  it("tells undefined where that is what the validator makes of a message", async () => {
    const { log, errors } = await sentToServer(schemaOf(() => ({ value: undefined })), "1");
    assertEquals([log[0], errors], [["messageReceive", undefined], []]);
  });

  it("calls the validator as a method of its properties", async () => {
    const self: unknown[] = [];
    const schema = schemaOf(function (this: unknown) {
      self.push(this);
      return { value: 1 };
    });
    await sentToServer(schema, "1");
    assertStrictEquals(self[0], schema["~standard"]);
  });

  for (const { what, schema, message, close, why, cause } of REFUSED) {
    it(`closes with ${close.code}, after 'error' 200, at ${what}`, async () => {
      const { log, errors, connection } = await sentToServer(schema, message);
      assertEquals(log, [["error", 200, "0"], ["close", close], ["client close", close]]);
      const begin = `Websocket connect failed: ${connection} sent a message`;
      assertSays(errors[0]!, begin, why, cause);
    });
  }

  const verdicts = { "accepts nothing": { issues: [] }, accepts: { value: 1 } };
  for (const [what, verdict] of Object.entries(verdicts)) {
    it(`tells one 'close' and no message when the validator closes and ${what}`, async () => {
      const runtime = new ScriptedServer();
      const clock = new FakeClock();
      const schema = schemaOf(() => {
        void server.close(server.listAllConnections()[0]!, { code: 4000, reason: "mine" });
        return verdict;
      });
      const server = createWebSocketServer({ runtime, clock, schema: schema as never });
      await server.start({ serverPort: 80 });
      const log: unknown[] = [];
      server.on("error", ({ code }) => log.push(code));
      server.on("messageReceive", ({ data }) => log.push(data));
      server.on("close", (_, close) => log.push(close));
      const admission = runtime.enter();
      admission.open(new ScriptedSocket());
      admission.message("1");
      await clock.advance(1);
      assertEquals(log, [{ code: 4000, reason: "mine" }]);
      admission.closed({ code: 4000, reason: "mine" });
      await clock.until(server.stop());
    });
  }

  it("lets the others be", async () => {
    await using pair = await MemoryPair.start({ server: { schema: double as never } });
    const { server, clock, network } = pair;
    const heard: unknown[] = [];
    server.on("messageReceive", ({ data }) => heard.push(data));
    await pair.open();
    const other = createWebSocket({ clock, runtime: network.client });
    await other.connect("ws://localhost:80/");
    await other.send("no JSON");
    await clock.advance(100);
    await pair.ws.send("4");
    await clock.advance(100);
    assertEquals([heard, other.state, pair.ws.state], [[8], "idle", "open"]);
  });
});

describe("createWebSocket({ schema })", () => {
  it("tells what the validator makes of a message, and 'dataEnd' after it", async () => {
    const { log } = await sentToClient(double, "21");
    assertEquals(log.slice(0, 2), [["message", 42], ["dataEnd"]]);
    assertEquals(log.length, 4); // and the end
  });

  for (const { what, schema, message, close, why, cause } of REFUSED) {
    it(`closes with ${close.code}, after 'error' 200, at ${what}`, async () => {
      const { log, errors } = await sentToClient(schema, message);
      assertEquals(log, [["error", 200, "0"], ["server close", close], ["close", close]]);
      assertSays(errors[0]!, "Websocket connect failed: a message came in", why, cause);
    });
  }

  it("gives `for await` what the validator makes of messages, and throws at another", async () => {
    await using pair = await MemoryPair.start({ client: { schema: double as never } });
    const messages = pair.ws[Symbol.asyncIterator]();
    const connection = await pair.open();
    for (const text of ["1", "2", "no JSON", "3"]) await pair.server.send(text, connection);
    await pair.clock.advance(100);
    const read: unknown[] = [];
    const error = await (async () => {
      for await (const data of messages) read.push(data);
    })().catch((error) => error);
    assertInstanceOf(error, BusinessError);
    assertEquals([read, error.code], [[2, 4], 200]);
    assertEquals(await pair.ws.closed, { code: 1007, reason: "Not JSON" });
  });

  it("counts the text of what waits for `for await`, not what was made of it", async () => {
    const length = schemaOf((value) => ({ value: (value as string).length }));
    await using pair = await MemoryPair.start({ client: { schema: length as never } });
    const messages = pair.ws[Symbol.asyncIterator]();
    const connection = await pair.open();
    const text = JSON.stringify("x".repeat(1024 * 1024 - 2)); // 2 MiB as text is kept
    for (let i = 0; i < 9; i++) await pair.server.send(text, connection);
    await pair.clock.advance(100);
    const close = { code: 1008, reason: "Messages are read too slowly" };
    assertEquals(await pair.ws.closed, close);
    const read: unknown[] = [];
    const error = await (async () => {
      for await (const data of messages) read.push(data);
    })().catch((error) => error);
    assertEquals([read, error.code], [Array(9).fill(1024 * 1024 - 2), 2302999]);
  });

  it("is over for good, also where it reconnects, unless shouldReconnect says otherwise", async () => {
    await using pair = await MemoryPair.start({
      client: { schema: double as never, reconnect: true },
    });
    const log: string[] = [];
    for (const event of ["error", "close", "reconnecting"] as const) {
      pair.ws.on(event, () => void log.push(event));
    }
    await pair.server.send(`"x"`, await pair.open());
    await pair.clock.advance(60_000);
    assertEquals([log, pair.ws.state], [["error", "close"], "idle"]);
    await pair.open(); // until it is asked to
    assertEquals(pair.ws.state, "open");
  });
});

describe("createWebSocket({ schema }) with a validator that closes", () => {
  for (const answer of [{ value: 1 }, { issues: [] }]) {
    it(`tells 'close' alone when it answers ${JSON.stringify(answer)}`, async () => {
      const schema = schemaOf(() => {
        void pair.ws.close({ code: 4000, reason: "mine" });
        return answer as never;
      });
      await using pair = await MemoryPair.start({ client: { schema: schema as never } });
      const log: unknown[] = [];
      pair.ws.on("message", () => log.push("message"));
      pair.ws.on("error", ({ code }) => log.push(code));
      pair.ws.on("close", (_, { code }) => log.push(code));
      await pair.server.send("1", await pair.open());
      await pair.clock.advance(1000);
      assertEquals(log, [4000]);
    });
  }
});

describe("the option schema", () => {
  it("is a Standard Schema of version 1, or the call answers 401", async () => {
    const validate = () => ({ value: 1 });
    const wrong = [
      ...[null, 1, "schema", validate, {}, { "~standard": null }, { "~standard": { validate } }],
      { "~standard": { version: 2, vendor: "x", validate } },
      { "~standard": { version: 1, vendor: "x" } },
      { "~standard": { version: 1, vendor: "x", validate: "no" } },
    ];
    for (const schema of wrong) {
      const { code, message } = await refusal(createUntyped({ schema }).connect("ws://localhost/"));
      assertEquals([code, message.includes("'schema' must be a Standard Schema")], [401, true]);
      const server = createWebSocketServer({ schema: schema as never });
      assertEquals((await refusal(server.start({ serverPort: 0 }))).code, 401);
    }
  });

  it("may be a function, as ArkType's are", async () => {
    const schema = Object.assign(() => {}, { "~standard": double["~standard"] });
    const { log } = await sentToServer(schema, "2");
    assertEquals(log[0], ["messageReceive", 4]);
  });

  it("answers 401 where it cannot even be looked at", async () => {
    const schema = {
      get "~standard"(): never {
        throw new Error("no look");
      },
    };
    const { code } = await refusal(createUntyped({ schema }).connect("ws://localhost/"));
    assertEquals(code, 401);
  });
});
