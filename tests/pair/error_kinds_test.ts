/**
 * Every kind of error, provoked. A new kind gets a way here, or the test that provokes it a line in
 * ELSEWHERE; and a row in `docs/errors.md`.
 */

import { assert, assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type ErrorKind,
  type StandardSchema,
  type WebSocketClient,
  type WebSocketServer,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { refusal, untyped, within } from "../helpers/client.ts";
import { NOBODY } from "../helpers/event_log.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { ScriptedClient, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

const TARGET = "ws://localhost:80/";

/** The first 'error' of a client or a server. */
function told(side: WebSocketClient | WebSocketServer): Promise<BusinessError> {
  return within(new Promise((resolve) => (side as WebSocketClient).on("error", resolve)));
}

/** The first 'error' of a side of two on a network in memory, and what leads to it. */
async function ofPair(
  side: "ws" | "server",
  provoke: (pair: MemoryPair) => unknown,
  options: Parameters<typeof MemoryPair.start>[0] = {},
): Promise<BusinessError> {
  await using pair = await MemoryPair.start(options);
  const error = told(pair[side]);
  await provoke(pair);
  await pair.clock.advance(100);
  return await error;
}

/** A client on a script, open. */
async function scripted(options: Parameters<typeof createWebSocket>[0] = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedClient();
  const ws = createWebSocket({ ...options, clock, runtime });
  await ws.connect(TARGET);
  runtime.events.open();
  return { clock, runtime, ws };
}

/** A server that listens on a free port of 127.0.0.1 while a function runs. */
async function running<T>(use: (server: WebSocketServer, port: number) => Promise<T>): Promise<T> {
  await using server = createWebSocketServer();
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  return await use(server, server.address!.port);
}

const nothing: StandardSchema<string> = {
  "~standard": { version: 1, vendor: "test", validate: () => ({ issues: [{ message: "no" }] }) },
};

/** How each comes about. */
const WAYS: Partial<Record<ErrorKind, () => Promise<BusinessError>>> = {
  permission: () => {
    const runtime = new ScriptedClient();
    runtime.denied = () => new Error("not allowed") as never;
    return refusal(createWebSocket({ runtime }).connect(TARGET));
  },
  argument: () => refusal(untyped(createWebSocket()).connect(5)),
  noHost: () => refusal(createWebSocket().connect("ws://")),
  notOpen: () => refusal(createWebSocket().send("early")),
  connectFailed: async () => {
    const ws = createWebSocket();
    const error = told(ws);
    await ws.connect(NOBODY);
    return await error;
  },
  handshakeRefused: () =>
    ofPair("server", (pair) => pair.open(), {
      config: { authorize: () => new Response(null, { status: 403 }) },
    }),
  lost: () =>
    ofPair("ws", async (pair) => {
      await pair.open();
      pair.network.links[0]!.cut();
    }),
  heartbeatTimeout: () =>
    ofPair("ws", async (pair) => {
      await pair.open();
      pair.network.links[0]!.hold();
      await pair.clock.advance(61_000);
    }),
  tooBig: async () => {
    const { runtime, ws } = await scripted({ maxPayload: 1 });
    const error = told(ws);
    runtime.events.message("12");
    return await error;
  },
  tooSlow: () =>
    ofPair("server", async (pair) => {
      const connection = await pair.open();
      pair.network.links[0]!.hold();
      void pair.server.send("12", connection);
    }, { config: { maxBufferedAmount: 1 } }),
  tooFast: async () => {
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ runtime, clock: new FakeClock() });
    const error = told(server);
    server.on("messageReceive", () => new Promise(() => {}));
    await server.start({ serverPort: 80, maxBufferedAmount: 1, maxPendingAmount: 1 });
    const admission = runtime.enter();
    admission.open(new ScriptedSocket());
    for (const data of ["12", "34"]) admission.message(data);
    return await error;
  },
  unacceptable: async () => {
    const { runtime, ws } = await scripted({ schema: nothing as never });
    const error = told(ws);
    runtime.events.message("{}");
    return await error;
  },
  url: () => refusal(createWebSocket().connect("http://localhost/")),
  noFile: () => refusal(createWebSocket().connect("wss://localhost/", { caPath: "/nowhere.pem" })),
  alreadyConnected: async () => refusal((await scripted()).ws.connect(TARGET)),
  nic: () => refusal(createWebSocketServer().start({ serverPort: 0, serverIP: "203.0.113.1" })),
  port: () => refusal(createWebSocketServer().start({ serverPort: -1 })),
  noConnection: () =>
    running((server) => refusal(server.send("hello", { clientIP: "127.0.0.1", clientPort: 1 }))),
  portOccupied: () =>
    running((_, serverPort) =>
      refusal(createWebSocketServer().start({ serverPort, serverIP: "127.0.0.1" }))
    ),
  noSubprotocol: () => ofPair("server", (pair) => pair.open({ protocol: "chat" })),
  notConnected: () => refusal(createWebSocket().close()),
  closing: async () => {
    await using pair = await MemoryPair.start();
    const connection = await pair.open();
    void pair.server.close(connection);
    return await refusal(pair.server.close(connection));
  },
  aborted: async () => {
    const ws = createWebSocket({ runtime: new ScriptedClient(), clock: new FakeClock() });
    await ws.connect(TARGET);
    const { opened } = ws;
    await ws.close();
    return await refusal(opened);
  },
  queueFull: async () => refusal((await scripted({ maxBufferedAmount: 1 })).ws.send("12")),
  unsent: async () => {
    const { clock, runtime, ws } = await scripted();
    const error = told(ws);
    runtime.socket.bufferedAmount = 5;
    await ws.close();
    clock.tick(5000);
    return await error;
  },
  unread: async () => {
    const { runtime, ws } = await scripted({ maxPayload: 32 * 1024 * 1024 });
    const messages = ws[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) runtime.events.message(new ArrayBuffer(8 * 1024 * 1024));
    runtime.events.closed({ code: 1008, reason: "" });
    for (let i = 0; i < 3; i++) await messages.next();
    return await refusal(messages.next());
  },
  unsupported: () => {
    const { client: runtime } = new MemoryNetwork();
    const proxy = { host: "localhost", port: 1 };
    return refusal(createWebSocket({ runtime }).connect(TARGET, { proxy }));
  },
  listenerFailed: async () => {
    const { runtime, ws } = await scripted();
    const error = told(ws);
    ws.on("message", () => {
      throw new Error("mine");
    });
    runtime.events.message("hello");
    return await error;
  },
  hookFailed: async () => {
    const shouldReconnect = () => {
      throw new Error("mine");
    };
    const { runtime, ws } = await scripted({ reconnect: { shouldReconnect } });
    const error = told(ws);
    runtime.events.closed({ code: 1001, reason: "" });
    return await error;
  },
  alreadyRunning: () =>
    running((server) => refusal(server.start({ serverPort: 0, serverIP: "127.0.0.1" }))),
  notRunning: () => refusal(createWebSocketServer().stop()),
  listenFailed: () => {
    const runtime = new ScriptedServer();
    runtime.refuses = new Error("no");
    return refusal(createWebSocketServer({ runtime }).start({ serverPort: 80 }));
  },
};

/** The tests that provoke the others. */
const ELSEWHERE: Partial<Record<ErrorKind, string>> = {
  hostFault: "tests/server/mount_shared_test.ts",
  unacknowledged: "tests/server/acknowledge_test.ts",
  refusedByPeer: "tests/server/acknowledge_test.ts",
  brokerDown: "tests/cluster/log_test.ts",
  unconfirmed: "tests/cluster/log_test.ts",
  foreignEntry: "tests/cluster/log_entries_test.ts",
};

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");

/** The rows of a table of kinds: the kind and its code. */
function rows(text: string): [kind: string, code: number][] {
  const found = text.matchAll(/^[ *]*\|\s*`?(\w+)`?\s*\|\s*(-?\d+)\s*\|/gm);
  return Array.from(found, ([, kind, code]) => [kind!, Number(code)]);
}

// Before it stands the table of reasons, which are snake_case and no kinds.
const [, OF_KINDS = ""] = read("errors.ts").split("{@linkcode BusinessError.kind} says it.");
const IN_SOURCE = rows(OF_KINDS).filter(([kind]) => !/^\d/.test(kind));
const IN_DOCS = rows(read("docs/errors.md")).filter(([kind]) => !/^\d/.test(kind));

describe("BusinessError.kind", () => {
  it("is in both tables, with the same code, and has a way here or elsewhere", () => {
    assertEquals(IN_DOCS, IN_SOURCE);
    assertEquals(
      [...Object.keys(WAYS), ...Object.keys(ELSEWHERE)].sort(),
      IN_SOURCE.map(([kind]) => kind).sort(),
    );
    for (const [kind, file] of Object.entries(ELSEWHERE)) {
      assertStringIncludes(read(file), kind, `${file} has no ${kind}`);
    }
  });

  for (const [kind, provoke] of Object.entries(WAYS)) {
    it(`is told when it comes about: ${kind}`, async () => {
      const error = await provoke();
      assert(error instanceof BusinessError);
      assertEquals([error.kind, error.code], [
        kind as ErrorKind,
        IN_SOURCE.find(([name]) => name === kind)?.[1],
      ]);
      assertFalse(JSON.stringify(error).includes("kind"));
    });
  }
});
