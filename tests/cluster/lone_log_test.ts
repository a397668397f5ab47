/** The log of a server that shares it with nobody. */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { Broker } from "../../cluster/broker.ts";
import { loneBroker } from "../../cluster/brokers/memory.ts";
import { createWebSocketServer } from "../../mod.ts";

/** Reads what there is, and what is appended meanwhile. */
async function read(broker: Broker, meanwhile: () => Promise<void> = () => Promise.resolve()) {
  const told: unknown[] = [];
  const end = new AbortController();
  const ended = broker.read({
    entry: ({ offset }, entry) => void told.push(`${offset} ${entry}`),
    ready: () => void told.push("ready"),
    lost: (why) => void told.push(`lost ${why}`),
    state: (up, cause) => void told.push(cause ?? up),
  }, end.signal);
  await delay(0);
  await meanwhile();
  await delay(0);
  end.abort();
  await ended;
  return told;
}

describe("the log of a server with no broker", () => {
  it("keeps an entry until it has been read, and no longer", async () => {
    const broker = loneBroker();
    const told = await read(broker, async () => {
      await Promise.all([broker.append("a"), broker.append("b")]);
      await delay(0);
      await broker.append("c");
    });
    assertEquals(told, [true, "ready", "1 a", "2 b", "3 c"]);
    await broker.append("d");
    await broker.append("e");
    assertEquals(await read(broker), [true, "4 d", "5 e", "ready"]);
    assertEquals(await read(broker), [true, "ready"]);
    await broker.close();
    assertEquals(
      await broker.append("f").catch(({ message }) => message),
      "the log in memory is closed",
    );
  });

  it("takes up what is published in one turn, however much that is", async () => {
    const server = createWebSocketServer({ history: { maxMessages: 1 } });
    const heard: unknown[] = [];
    const lost: unknown[] = [];
    server.subscribe("t", ({ data }) => heard.push(String(data).slice(0, 2)));
    server.on("broker", (state) => state.lost !== undefined && lost.push(state.lost));
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const sent = Array.from(
      { length: 14 },
      (_, n) => server.publish("t", `${n} `.padEnd(1_000_000, "x")),
    );
    await Promise.all(sent);
    assertEquals([heard.map(Number), lost], [Array.from({ length: 14 }, (_, n) => n), []]);
    await server.stop();
  });
});
