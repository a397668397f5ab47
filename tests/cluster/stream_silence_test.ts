/** How long a log in JetStream waits until something is wrong. The server is in memory, and the time is real. */

import { assertEquals, assertRejects } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { natsBroker } from "../../nats.ts";
import { natsLog } from "../helpers/scripted_log.ts";
import { ScriptedNats } from "../helpers/scripted_nats.ts";
import { standStill } from "../helpers/stopwatch.ts";
import { until } from "../helpers/until.ts";

describe("a log in JetStream", () => {
  it("is given up where another node never ends making it", async () => {
    const nats = new ScriptedNats();
    const broker = natsBroker({ connection: nats.connection });
    const state = { first_seq: 0, last_seq: 0, messages: 0 };
    nats.answers["STREAM.INFO"] = Array(1000).fill({ created: "0001-01-01T00:00:00Z", state });
    await assertRejects(() => broker.append("a"), Error, "the stream NETKIT is still being made");
    assertEquals(nats.asked.length, 100);
    await broker.close();
  });

  it("that is silent is read anew, and it is said for how long it was", async () => {
    const { nats, reader, end } = await natsLog();
    const began = performance.now();
    for (let n = 0; n < 2; n++) {
      await delay(400);
      nats.status({});
    }
    await until("it is", () => reader.states.length === 3);
    assertEquals(performance.now() - began >= 2200, true, "behind the last sign of life");
    assertEquals(reader.causes, ["JetStream was silent for 1500 ms"]);
    await end();
  });

  it("is not said to be silent where it was this process that stood still", async () => {
    const { nats, reader, end } = await natsLog();
    nats.status({});
    const alive = new Promise<void>((resolve) => {
      setTimeout(() => resolve(nats.status({})), 1700); // when it would have been silent for too long
    });
    standStill(2300);
    await alive;
    for (let n = 0; n < 5; n++) {
      await delay(120); // until it has been looked at once more
      nats.status({});
    }
    assertEquals(reader.states, [true]);
    await end();
  });

  it("looks for what was appended where no news of it comes", async () => {
    const { nats, broker, reader, end } = await natsLog();
    nats.isHeld = true;
    await broker.append("a");
    nats.status({});
    assertEquals(reader.states, [true], "it may be on its way");
    const began = performance.now();
    await until("it was looked for", () => {
      nats.status({});
      return reader.states.length > 1;
    });
    assertEquals(performance.now() - began > 450, true);
    nats.entries = [];
    nats.isHeld = false;
    await until("it is lost", () => reader.lostReasons.length > 0);
    assertEquals([reader.log, reader.causes[0]], [
      ["<ready>", "a", "<lost: forked>"],
      "some were not told",
    ]);
    await end();
  });
});
