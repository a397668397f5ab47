/** The log of a server that shares it with nobody. */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { Broker, Position } from "../../cluster/broker.ts";
import { loneBroker, memoryBroker } from "../../cluster/brokers/memory.ts";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";

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

  for (const make of [loneBroker, memoryBroker]) {
    it(`has an epoch that no other has had: ${make.name}`, async () => {
      const epochs = await Promise.all(Array.from({ length: 20 }, async () => {
        const broker = make();
        await broker.append("a");
        const end = new AbortController();
        const { promise, resolve } = Promise.withResolvers<string>();
        const entry = ({ epoch }: Position) => resolve(epoch);
        void broker.read({ entry, ready() {}, lost() {}, state() {} }, end.signal);
        const epoch = await promise;
        await broker.close();
        return epoch;
      }));
      assertEquals(new Set(epochs).size, 20, epochs.join());
    });
  }

  it("keeps all until it has been read, however much that is", async () => {
    const broker = loneBroker();
    for (let n = 0; n < 3; n++) await broker.append("x".repeat(9_000_000));
    assertEquals((await read(broker)).length, 5);
    await broker.close();
  });

  for (const options of [{ history: { maxMessages: 1 } }, { presence: true }]) {
    const what = Object.keys(options).join();
    it(`takes up what is published in one turn, however much that is, with a ${what}`, async () => {
      const server = createWebSocketServer(options);
      const heard: unknown[] = [];
      server.subscribe(
        "t",
        ({ data }) => heard.push([String(data).slice(0, 2).trim(), String(data).length]),
      );
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      const sent = Array.from(
        { length: 20 },
        (_, n) => server.publish("t", `${n} `.padEnd(1_000_000, "x")),
      );
      await Promise.all(sent);
      assertEquals(heard, sent.map((_, n) => [`${n}`, 1_000_000]));
      await server.stop();
    });
  }

  it("has messages as long as 'maxPayload', and with no broker nobody is told of one", async () => {
    const told: unknown[] = [];
    const note = (...what: unknown[]) => void told.push(what);
    const options = { stats: true, observer: { broker: note, entry: note } };
    const server = createWebSocketServer({ ...options, history: true });
    server.on("broker", note);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const joined = new Promise((resolve) => {
      server.on("connect", (connection) => resolve(server.join(connection, "t")));
    });
    const ws = createWebSocket({ reconnect: true, resume: true });
    const lengths: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    ws.on("message", (_, data) => {
      lengths.push(typeof data === "string" ? data.length : data.byteLength);
      if (lengths.length === 3) resolve();
    });
    await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
    await joined;
    await server.publish("t", "x".repeat(5_242_864));
    await server.publish("t", new Uint8Array(5_242_864));
    await server.broadcast("x".repeat(2_000_000));
    const error = await server.publish("t", "x".repeat(5_242_865)).catch((error) => error);
    assertEquals(error.kind, "argument");
    await promise;
    assertEquals(lengths, [5_242_864, 5_242_864, 2_000_000]);
    assertEquals([told, "broker" in server.stats()!], [[], false]);
    await ws.close();
    await server.stop();
  });
});
