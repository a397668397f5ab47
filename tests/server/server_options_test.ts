/** What a server's own options may be, to the last value: a wrong one is refused by `start`. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { readClusterOptions } from "../../server/server_options.ts";
import { FakeClock, MemoryBroker, MemoryNetwork } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";

const call = () => {};
const broker = { append: call, read: call, close: call };
const without = (name: string) => ({ ...broker, [name]: undefined });

const TAKES: Record<string, unknown[]> = {
  broker: [new MemoryBroker()],
  node: ["n", "n".repeat(100)],
  presence: [
    ...[true, false, {}, { lease: 1 }, { lease: 3600, member: call }, { lease: 1.5 }],
    { lease: undefined, member: undefined },
  ],
  history: [
    ...[true, false, {}, { maxMessages: 1 }, { maxBytes: 1, maxAge: 1 }, { maxAge: 86_400 }],
    { maxMessages: undefined, maxBytes: undefined, maxAge: 1.5 },
  ],
};

const RULES: Record<string, [rule: string, wrong: unknown[]]> = {
  broker: [
    "must be a broker: an object with 'append', 'read' and 'close'",
    [5, null, {}, call, without("append"), without("read"), without("close")],
  ],
  node: ["must be text of 1 to 100 characters", ["", "n".repeat(101), 5, null, ["n"]]],
  presence: [
    "must be true, false, or an object with 'lease', 1 to 3600 seconds, and 'member', a function",
    [
      ...[1, null, [], "true", { lease: 0.99 }, { lease: 3600.1 }, { lease: "1" }, { lease: NaN }],
      ...[{ member: {} }, { lease: 1, more: 1 }, { member: null }, call],
    ],
  ],
  history: [
    "must be true, false, or an object with 'maxMessages' and 'maxBytes', integers above 0, and " +
    "'maxAge', 1 to 86,400 seconds",
    [
      ...[1, null, [], "true", { maxMessages: 0 }, { maxMessages: 1.5 }, { maxBytes: 0 }],
      ...[{ maxBytes: "1" }, { maxAge: 0.99 }, { maxAge: 86_400.1 }, { maxAge: "1" }],
      ...[{ maxAge: NaN }, { maxMessages: 1, more: 1 }, call],
    ],
  ],
};

function make(options: object) {
  const clock = new FakeClock();
  const { server: runtime } = new MemoryNetwork({ clock });
  return { clock, server: createWebSocketServer({ clock, runtime, ...options }) };
}

describe("the options of a server", () => {
  for (const [name, values] of Object.entries(TAKES)) {
    it(`may be '${name}', to its last value`, async () => {
      for (const value of values) {
        const { clock, server } = make({ [name]: value });
        assertEquals(await clock.until(server.start({ serverPort: 1 })), true);
        await clock.until(server.stop());
      }
    });
  }

  it("are as they were given, whatever becomes of their objects later", () => {
    const presence = { lease: 5, member: () => ({ name: "Ada" }) };
    const history = { maxAge: 5, maxBytes: 6, maxMessages: 7 };
    const given = [{ ...presence }, { ...history }];
    const read = readClusterOptions({ presence, history })!;
    Object.assign(presence, { lease: -1, member: undefined });
    Object.assign(history, { maxAge: -1, maxBytes: -1, maxMessages: -1 });
    assertEquals([read.presence, read.history], given);
  });

  for (const [name, [rule, wrong]] of Object.entries(RULES)) {
    it(`are refused where '${name}' is wrong, and say what it must be`, async () => {
      for (const value of wrong) {
        const { server } = make({ [name]: value });
        const { code, message } = await refusal(server.start({ serverPort: 1 }));
        assertEquals([code, message.includes(`'${name}' ${rule}: current value is `)], [401, true]);
      }
    });
  }
});
