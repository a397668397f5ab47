import { assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, type RawPeer, TEXT } from "../peers/raw.ts";

const cyclic: Record<string, unknown> = {};
cyclic["serverPort"] = cyclic["clientIP"] = cyclic["code"] = cyclic;

/** What is right nowhere: no call takes any of these as its first argument. */
const rubbish: unknown[] = [
  undefined,
  null,
  NaN,
  Infinity,
  -1,
  0,
  1e308,
  5n,
  true,
  false,
  Symbol("x"),
  [],
  [1, 2],
  () => {},
  class {},
  new Map(),
  new Date(NaN),
  /x/,
  new Error("x"),
  Promise.resolve(1),
  cyclic,
  { serverPort: {} },
  { serverPort: -5, nope: 1 },
  { serverPort: 1e308, code: "1000" },
  { serverPort: 1.5 },
  { serverPort: 80, serverIP: "x".repeat(100_000) },
  { clientIP: {}, clientPort: {}, code: {}, reason: {} },
  { clientIP: "x".repeat(100_000), clientPort: NaN, code: null },
  { clientIP: "__proto__", clientPort: 0, reason: null },
  { code: "1000", reason: 5 },
  new Proxy([], {}),
];

/** An object with one property that throws when it is read. */
function throwing(name: string): object {
  return Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new Error(`${name} throws`);
    },
  });
}

/** Objects that throw at some touch. */
function throwers(): object[] {
  const throws = () => {
    throw new Error("thrown by a proxy");
  };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const names = ["serverPort", "serverIP", "clientIP", "clientPort", "code", "reason", "clock"];
  return [
    ...names.map(throwing),
    new Proxy({}, { get: throws, ownKeys: throws, has: throws, getPrototypeOf: throws }),
    proxy,
  ];
}

/** Asserts that the server echoes to a peer. */
async function assertEchoes(peer: RawPeer): Promise<void> {
  peer.send(TEXT, "are you well");
  await deadline(peer.next(TEXT), LIMIT_MS);
  assertEquals(peer.texts(), ["are you well"]);
}

/** Asserts that a call is refused, and that the error says what was wrong; returns its kind. */
async function kindOf(call: () => Promise<boolean>): Promise<unknown> {
  const error = await call().then((value) => `${call} answered ${value}`, (error) => error);
  assertInstanceOf(error, BusinessError);
  assertMatch(error.message, /: current value is |: options cannot be read: |\bclose: |\bsend: /);
  return error.kind;
}

/**
 * Whether a value can be taken for an object of options that names none. In a promise or a Map something
 * may be meant.
 */
function namesNothing(value: unknown): boolean {
  if (value === undefined) return true;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject && Object.keys(value).length === 0 && !(value instanceof Promise) &&
    !(value instanceof Map);
}

describe("a server that is given rubbish", () => {
  it("is made all the same, and start() refuses it, unless it names no option at all", async () => {
    for (const value of rubbish) {
      const server = createWebSocketServer(value as never);
      const config = { serverPort: 0, serverIP: "127.0.0.1" };
      if (namesNothing(value)) {
        assertEquals(await server.start(config), true);
        await server.stop();
      } else {
        await assertRefused(() => server.start(config), 401, "createWebSocketServer: ");
      }
      assertEquals(server.address, undefined);
    }
  });

  it("refuses a thousand calls of each method, and serves as before", async () => {
    await using watched = await WatchedServer.start();
    const { server, port } = watched;
    watched.echo();
    await using peers = new RawPeers(watched);
    const before = await peers.connect();
    const connection = await watched.connected();
    const on = server.on as (type: unknown, listener: unknown) => void;
    const off = server.off as (type: unknown, listener: unknown) => void;

    const kinds = new Set<unknown>();
    for (let i = 0; i < 1000; i++) {
      const one = rubbish[i % rubbish.length] as never;
      const other = rubbish[(i * 7 + Math.floor(i / rubbish.length)) % rubbish.length] as never;
      kinds.add(await kindOf(() => server.start(one)));
      kinds.add(await kindOf(() => server.send(one, i % 2 === 0 ? connection : other)));
      kinds.add(await kindOf(() => server.send("text", one)));
      kinds.add(await kindOf(() => server.close(one, other)));
      for (
        const call of [() => on.call(server, one, other), () => off.call(server, one, () => {})]
      ) {
        assertEquals(assertThrows(call, BusinessError).code, 401);
      }
      assertEquals((server.listAllConnections as (x: unknown) => unknown[])(one).length, 1);
    }
    assertEquals(kinds, new Set(["argument", "nic", "port", "noConnection"]));
    assertEquals(server.address?.port, port);
    assertEquals(watched.log, ["connect"]);
    await assertEchoes(before);
    await assertEchoes(await peers.connect());
    assertEquals(await kindOf(() => server.stop(cyclic as never)), "argument");
    assertEquals(await server.stop(), true);
    assertEquals(watched.closes.length, 2);
  });

  it("refuses options of close() that are rubbish, and the connection stays", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    watched.echo();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    const wrong = rubbish.filter((one) =>
      one !== undefined && (!(one instanceof Object) || typeof one === "function" ||
        Array.isArray(one) || "code" in one || "reason" in one)
    );
    for (const one of wrong) {
      await assertRefused(() => server.close(connection, one as never), 401, "close");
    }
    await assertEchoes(peer);
    assertEquals(peer.frames.filter(({ opcode }) => opcode === CLOSE), []);
    assertEquals(watched.closes, []);
  });
});

describe("an argument that throws when it is read", () => {
  it("is a wrong one to start(): 401", async () => {
    for (const config of throwers()) {
      await assertRefused(() => createWebSocketServer().start(config as never), 401);
    }
  });

  it("is a wrong one to createWebSocketServer(), as start() says: 401", async () => {
    for (const options of throwers()) {
      const server = createWebSocketServer(options as never);
      await assertRefused(() => server.start({ serverPort: 0, serverIP: "127.0.0.1" }), 401);
    }
  });

  it("is a wrong one to send() and close(): 401", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    watched.echo();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    for (const one of throwers()) {
      await assertRefused(() => server.send("x", one as never), 401);
      await assertRefused(() => server.send(one as never, connection), 401);
      await assertRefused(() => server.close(one as never), 401);
    }
    for (const options of [throwing("code"), throwing("reason")]) {
      await assertRefused(() => server.close(connection, options), 401);
    }
    await assertEchoes(peer);
    assertEquals(watched.closes, []);
  });
});
