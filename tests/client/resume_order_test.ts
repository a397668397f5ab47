/** Clients that resume and connect in one turn: the part of the module that they need is loaded meanwhile. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

const N = 50;

/** Has so many clients connect, and says in which order they have dialled. */
async function dialled(): Promise<string[]> {
  const order: string[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  const clients = Array.from({ length: N }, (_, n) => {
    const runtime = new ScriptedClient();
    const { dial } = runtime;
    runtime.dial = (request, events) => {
      if (order.push(request.url) === N) resolve();
      return dial.call(runtime, request, events);
    };
    const ws = createWebSocket({ runtime, reconnect: true, resume: true });
    void ws.connect(`ws://${n}.example/`);
    return ws;
  });
  await promise;
  for (const ws of clients) {
    void ws.close();
    await ws.closed;
  }
  return order;
}

describe(`${N} clients that resume and connect in one turn`, () => {
  it("dial in that order", async () => {
    const asCalled = Array.from({ length: N }, (_, n) => `ws://${n}.example/`);
    for (let round = 0; round < 3; round++) assertEquals(await dialled(), asCalled);
  });
});
