/** Calls of a server of which two things are wrong at once: which of them is told. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

const NOBODY = { clientIP: "192.0.2.1", clientPort: 1 };
const WRONG = 5 as never;

/** What is wrong with the arguments comes before what is wrong with the server or the connection. */
const CALLS: Record<string, (server: WebSocketServer) => Promise<unknown>> = {
  "send: the data": (server) => server.send(WRONG, NOBODY),
  "send: an option": (server) => server.send("x", NOBODY, { acknowledge: WRONG }),
  "send: the connection": (server) => server.send("x", WRONG),
  "close: the code": (server) => server.close(NOBODY, { code: "1000" as never }),
  "close: an option that is none": (server) => server.close(NOBODY, { codes: 1000 } as never),
  "close: the connection": (server) => server.close(WRONG),
  "terminate: the connection": (server) => server.terminate(WRONG),
  "drained: the bytes": (server) => server.drained(NOBODY, -1),
  "drained: the connection": (server) => server.drained(WRONG),
  "join: the topic": (server) => server.join(NOBODY, WRONG),
  "join: the connection": (server) => server.join(WRONG, "news"),
  "leave: the topic": (server) => server.leave(NOBODY, WRONG),
  "leave: the connection": (server) => server.leave(WRONG, "news"),
  "publish: the topic": (server) => server.publish(WRONG, "x"),
  "publish: the data": (server) => server.publish("news", WRONG),
  "publish: an option": (server) => server.publish("news", "x", { except: WRONG }),
  "publish: one of those left out": (server) => server.publish("news", "x", { except: [WRONG] }),
  "broadcast: the data": (server) => server.broadcast(WRONG),
  "broadcast: an option": (server) => server.broadcast("x", { except: WRONG }),
  "stop: the code": (server) => server.stop({ code: 1 }),
};

const kindOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(() => "accepted", ({ kind }: BusinessError) => kind);

describe("a call whose argument is wrong", () => {
  for (const [name, call] of Object.entries(CALLS)) {
    it(`says so of ${name}, whether the server runs or not`, async () => {
      const clock = new FakeClock();
      const runtime = new MemoryNetwork({ clock }).server;
      const server = createWebSocketServer({ clock, runtime });
      const kinds = [await kindOf(call(server))];
      await server.start({ serverPort: 80 });
      kinds.push(await kindOf(call(server)));
      await clock.until(server.stop());
      kinds.push(await kindOf(call(server)));
      assertEquals(kinds, ["argument", "argument", "argument"]);
    });
  }

  it("says so of start and mount, also while the server runs", async () => {
    const clock = new FakeClock();
    const server = createWebSocketServer({ clock, runtime: new MemoryNetwork({ clock }).server });
    await server.start({ serverPort: 80 });
    assertEquals([
      await kindOf(server.start({ serverPort: "80" as never })),
      await kindOf(server.start({ serverPort: -1 })),
      await kindOf(server.mount({ path: WRONG })),
      await kindOf(server.mount({ serverPort: 80 } as never)),
    ], ["argument", "port", "argument", "argument"]);
    await clock.until(server.stop());
  });

  it("says so of what is thrown: presence without the option, a subscriber", () => {
    const server = createWebSocketServer();
    const calls = [
      () => server.presence(WRONG),
      () => server.bufferedAmount(WRONG),
      () => server.subscribe(WRONG, WRONG),
      () => server.on(WRONG, WRONG),
    ];
    const kinds: unknown[] = calls.map((call) => (assertThrows(call) as BusinessError).kind);
    assertEquals(kinds, ["argument", "argument", "argument", "argument"]);
  });
});
