/** What `join` and `leave` answer where they cannot, each in its own name. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { refusal } from "../helpers/client.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

const CALLS = ["join", "leave"] as const;

/** The code of what a call is refused with, and its words after the opening ones. */
async function refused(call: Promise<unknown>): Promise<[number, string]> {
  const { code, message } = await refusal(call);
  return [code, message.slice(message.indexOf(": ") + 2)];
}

describe("join() and leave()", () => {
  for (const call of CALLS) {
    it(`${call}() says which connection it does not know, or that it closes`, async () => {
      const pair = await MemoryPair.start();
      const nobody = { clientIP: "127.0.0.1", clientPort: 9 };
      const { server } = pair;
      const one = await pair.open();
      assertEquals(await refused(server[call](nobody, "t")), [
        2302006,
        `${call}: "127.0.0.1:9"`,
      ]);
      const [code, words] = await refused(server[call](one, 5 as never));
      assertEquals([code, words.startsWith(`${call}: topic must be text`)], [401, true]);
      void server.close(one);
      assertEquals(await refused(server[call](one, "t")), [
        -1,
        `${call}: the connection ${one} is closing`,
      ]);
      await pair.clock.advance(100);
      assertEquals(await refused(server[call](one, "t")), [2302006, `${call}: "${one}"`]);
      await pair[Symbol.asyncDispose]();
      const idle: WebSocketServer = createWebSocketServer();
      assertEquals((await refused(idle[call](one, "t")))[0], 2302006);
    });
  }
});
