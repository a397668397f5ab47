/** The options `clock` and `runtime` of both sides: what is refused, and what is there where they are left out. */

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { systemClock } from "../../heartbeat.ts";
import { createWebSocket, createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { MemoryNetwork } from "../../testing.ts";
import { createUntyped, refusal } from "../helpers/client.ts";
import { assertRefused } from "../helpers/watched_server.ts";

/** Refuses an option on both sides. */
async function assertBothRefuse(options: Record<string, unknown>, what: string): Promise<void> {
  const { code, message } = await refusal(createUntyped(options).connect("ws://127.0.0.1:1/"));
  assertEquals([code, message.includes(what)], [401, true], message);
  const server = (createWebSocketServer as (options: unknown) => WebSocketServer)(options);
  await assertRefused(() => server.start({ serverPort: 0 }), 401, what);
  await assertRefused(() => server.mount(), 401, what);
}

describe("the option 'clock'", () => {
  it("is refused with 401 where it is no object, or lacks a function", async () => {
    const { now, setTimer, clearTimer } = systemClock;
    const wrong = [{ setTimer, clearTimer }, { now, clearTimer }, { now, setTimer }];
    wrong.push({ ...wrong[0], now: 5 } as never, { ...systemClock, wall: Date.now() } as never);
    for (const clock of ["deno", 1, null, () => {}, {}, ...wrong]) {
      const what =
        "'clock' must be an object with the functions now, setTimer, clearTimer, and maybe wall";
      await assertBothRefuse({ clock }, what);
    }
  });
});

describe("the option 'runtime'", () => {
  it("is refused with 401 where it is no object, by connect() and start()", async () => {
    for (const runtime of ["deno", 1, null, () => {}, {}, new MemoryNetwork()]) {
      await assertBothRefuse({ runtime }, "'runtime' must be an object with the functions ");
    }
  });

  it("is refused with 401 where it is the other side's", async () => {
    const { client, server } = new MemoryNetwork();
    assertEquals(
      (await refusal(createUntyped({ runtime: server }).connect("ws://localhost/"))).message,
      "Parameter error: createWebSocket: 'runtime' must be an object with the functions denied, " +
        `dial, unsupported: current value is an object (${server.constructor.name})`,
    );
    const given = { runtime: client } as never;
    await assertRefused(
      () => createWebSocketServer(given).start({ serverPort: 0 }),
      401,
      "'runtime' must be an object with the functions fault, listen, mount",
    );
  });

  it("is the runtime itself where it is left out", async () => {
    const server = createWebSocketServer({ runtime: undefined as never });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const network = new MemoryNetwork();
    const ws = createWebSocket({ runtime: network.client });
    const failed = ws.opened;
    await ws.connect(`ws://127.0.0.1:${server.address!.port}/`); // not on the network
    const error = await assertRejects(() => failed);
    assertStrictEquals((error as { data?: string }).data, "0");
    await server.stop();
  });
});
