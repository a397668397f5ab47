/**
 * What fails when it is looked into, and what has nothing in its properties: no call throws, whichever
 * argument it is, and each is refused with 401.
 */

import { assertEquals, assertInstanceOf } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import harmony from "../../harmony.ts";
import { BusinessError, createWebSocket, type WebSocketClient } from "../../mod.ts";
import { createUntyped, refusal, untyped } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

const URL = "ws://127.0.0.1:1/";

const boom = (): never => {
  throw new RangeError("boom");
};

const traps = new Proxy({}, { get: () => boom });

class NoBuffer extends Uint8Array {
  override get buffer(): ArrayBuffer {
    return boom();
  }
}

class NoLength extends Uint8Array {
  override get byteLength(): number {
    return boom();
  }
}

/** Options in which nothing is found, though something was meant. */
const EMPTY: [string, () => unknown][] = [
  ["a promise that was not awaited", () => Promise.resolve({ acknowledge: true })],
  ["a Map", () => new Map([["acknowledge", true]])],
  ["Headers", () => new Headers({ authorization: "Bearer secret" })],
];

const DATA: [string, () => unknown][] = [
  ["a view with no buffer", () => new NoBuffer(2)],
  ["a view with no length", () => new NoLength(2)],
];

const LISTS: [string, () => unknown][] = [
  ["an array that cannot be read", () => new Proxy([], traps)],
  ["an array with an item that cannot be read", () => Object.defineProperty([], 0, { get: boom })],
];

/** Asserts that a call does not throw, and is refused with 401. */
async function assertRefused(call: () => Promise<unknown>): Promise<void> {
  let promise;
  try {
    promise = call();
  } catch (error) {
    throw new Error(`the call has thrown: ${error}`);
  }
  const error = await refusal(promise);
  assertEquals([error.code, error.kind], [401, "argument"], error.message);
  assertEquals(error.message.includes("secret"), false, error.message);
}

describe("arguments that cannot be read", () => {
  it("are refused by a client that may ask for its headers", async () => {
    for (
      const options of [new Proxy({}, traps), {
        get header() {
          return boom();
        },
      }]
    ) {
      const ws = untyped(createWebSocket({ reconnect: true }));
      await assertRefused(() => ws.connect(URL, options));
    }
  });

  it("are refused where programs of the device come in", async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const ws = untyped(harmony.createWebSocket() as unknown as WebSocketClient);
    const server = harmony.createWebSocketServer();
    await assertRefused(() => ws.connect(URL, proxy));
    await assertRefused(() => ws.close(proxy));
    await assertRefused(() => server.start(proxy as never));
    await assertRefused(() => server.close({ clientIP: "::1", clientPort: 1 }, proxy));
  });

  for (const [what, make] of DATA) {
    it(`are refused as data: ${what}`, async () => {
      await using pair = await MemoryPair.start();
      const connection = await pair.open();
      const data = make() as Uint8Array;
      await assertRefused(() => pair.ws.send(data));
      await assertRefused(() => pair.server.send(data, connection));
      await assertRefused(() => pair.server.broadcast(data));
      await assertRefused(() => pair.server.publish("topic", data));
    });
  }

  for (const [what, make] of LISTS) {
    it(`are refused in options: ${what}`, async () => {
      await using pair = await MemoryPair.start();
      const list = make() as never[];
      await assertRefused(() => pair.server.broadcast("x", { except: list }));
      await assertRefused(() => pair.server.publish("topic", "x", { except: list }));
      await pair.server.stop();
      for (const name of ["allowedOrigins", "allowedHosts", "path", "protocol"]) {
        await assertRefused(() => pair.server.start({ serverPort: 0, [name]: list }));
      }
    });
  }
});

describe("options in which nothing would be found", () => {
  for (const [what, make] of EMPTY) {
    it(`are refused: ${what}`, async () => {
      await using pair = await MemoryPair.start();
      const connection = await pair.open();
      const { server, ws } = pair;
      const given = make() as never;
      const policy = { reconnect: true };
      for (const client of [createUntyped(), createUntyped(policy), harmony.createWebSocket()]) {
        const { connect } = untyped(client as ReturnType<typeof createUntyped>);
        await assertRefused(() => connect.call(client, URL, given));
        await assertRefused(() => connect.call(client, URL, { header: given }));
      }
      await assertRefused(() => createUntyped(given).connect(URL));
      await assertRefused(() => createUntyped({ reconnect: given }).connect(URL));
      await assertRefused(() => untyped(ws).send("x", given));
      await assertRefused(() => untyped(ws).close(given));
      await assertRefused(() => server.send("x", connection, given));
      await assertRefused(() => server.close(connection, given));
      await assertRefused(() => server.broadcast("x", given));
      await assertRefused(() => server.stop(given));
      assertEquals(ws.state, "open");
    });
  }
});

describe("options of an object that has getters", () => {
  class Ending {
    get code(): number {
      return 4001;
    }
    get reason(): string {
      return "as the class says";
    }
  }

  it("count", async () => {
    await using pair = await MemoryPair.start();
    await pair.open();
    const closed = pair.ws.closed;
    await pair.ws.close(new Ending());
    await pair.clock.advance(100);
    assertEquals(await closed, { code: 4001, reason: "as the class says" });
  });

  it("are refused where they are wrong, inherited ones as well", async () => {
    for (
      const options of [
        Object.create({ connectTimeout: -1 }),
        new (class {
          get connectTimeout() {
            return -1;
          }
        })(),
      ]
    ) {
      const error = await refusal(untyped(createWebSocket()).connect(URL, options));
      assertInstanceOf(error, BusinessError);
      assertEquals(
        error.message,
        "Parameter error: connect: 'connectTimeout' must be a number of seconds above 0 and at most " +
          "2147483: current value is -1",
      );
    }
  });
});
