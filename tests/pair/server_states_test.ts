/** The states of a server, and of a connection of it, crossed with what can be read and asked then. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketConnection, WebSocketServer } from "../../mod.ts";
import { answer } from "../helpers/answer.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { MemoryPair, RTT } from "../helpers/memory_pair.ts";

const CHAT = { protocol: "chat" };
const NOBODY = { sent: 0, tooSlow: 0 };

/** Lets a client in that reads nothing of the five bytes that are sent to it. */
async function enter(pair: MemoryPair): Promise<WebSocketConnection> {
  const one = await pair.open(CHAT);
  pair.network.links[0]!.hold("toClient");
  await pair.server.send("12345", one);
  return one;
}

/** What can be asked of a server about a connection. */
const CALLS: ((server: WebSocketServer, one: WebSocketConnection) => unknown)[] = [
  (server) => server.listAllConnections().length,
  (_, one) => `${one.url} ${one.protocol}`,
  (server, one) => server.bufferedAmount(one),
  (server, one) => server.drained(one, 5),
  (server, one) => server.drained(one, 4),
  (server, one) => server.join(one, "news"),
  (server, one) => server.leave(one, "news"),
  (server, one) => server.send("hello", one),
  (server, one) => server.close(one, { code: 4001 }),
  (server, one) => server.terminate(one),
  (server) => server.broadcast("all"),
];

const GONE = [0, "/ chat", 0, false, false, ...Array<string>(5).fill("noConnection")];

/** How a connection gets into each state, and what is answered then to each call. */
const STATES: Record<string, [(pair: MemoryPair) => Promise<WebSocketConnection>, unknown[]]> = {
  "is open": [enter, [
    ...[1, "/ chat", 5, true, false, true, true, true, true, true],
    { sent: 1, tooSlow: 0 },
  ]],
  "closes in this turn": [async (pair) => {
    const one = await enter(pair);
    void pair.server.close(one);
    return one;
  }, [1, "/ chat", 5, false, false, "notOpen", "notOpen", "notOpen", "closing", true, NOBODY]],
  "was closed, and has not answered": [async (pair) => {
    const one = await enter(pair);
    await pair.server.close(one);
    await pair.clock.advance(1);
    return one;
  }, [...GONE.slice(0, -1), true, NOBODY]],
  "was closed, and is gone": [async (pair) => {
    const one = await enter(pair);
    await pair.server.close(one);
    pair.network.links[0]!.release();
    await pair.clock.advance(2 * RTT);
    return one;
  }, [...GONE, NOBODY]],
  "was terminated": [async (pair) => {
    const one = await enter(pair);
    await pair.server.terminate(one);
    await pair.clock.advance(1);
    return one;
  }, [...GONE, NOBODY]],
  "is lost": [async (pair) => {
    const one = await enter(pair);
    pair.network.links[0]!.cut();
    await pair.clock.advance(RTT);
    return one;
  }, [...GONE, NOBODY]],
  "is one of a server that stops in this turn": [
    async (pair) => {
      const one = await enter(pair);
      void pair.server.stop();
      return one;
    },
    [1, "/ chat", 5, false, false, "notOpen", "notOpen", "notOpen", "closing", true, NOBODY],
  ],
  "is one of a server that stops": [async (pair) => {
    const one = await enter(pair);
    void pair.server.stop();
    await pair.clock.advance(1);
    return one;
  }, [...GONE.slice(0, -1), true, NOBODY]],
  "is one of a server that has stopped": [async (pair) => {
    const one = await enter(pair);
    await pair.clock.until(pair.server.stop());
    return one;
  }, [...GONE, "notRunning"]],
  "is one of a server that has started again": [async (pair) => {
    const one = await enter(pair);
    await pair.clock.until(pair.server.stop());
    await pair.server.start({ serverPort: 80, ...CHAT });
    return one;
  }, [...GONE, NOBODY]],
};

describe("a connection of a server, and a copy of it,", () => {
  for (const [name, [reach, expected]] of Object.entries(STATES)) {
    it(`that ${name}`, async () => {
      for (const isCopy of [false, true]) {
        const answers: unknown[] = [];
        for (const ask of CALLS) {
          await using pair = await MemoryPair.start({ config: CHAT });
          const one = await reach(pair);
          const asked = isCopy ? { ...one, url: one.url, protocol: one.protocol } : one;
          const answered = answer(Promise.resolve(ask(pair.server, asked)));
          await pair.clock.advance(130_000);
          answers.push(await answered);
        }
        // A copy means one that lives, and whose 'close' is told does not.
        const isOver = isCopy && expected[0] === 0;
        assertEquals(answers, isOver ? expected.with(9, "noConnection") : expected);
      }
    });
  }
});

describe("a server", () => {
  const ASK: ((server: WebSocketServer) => unknown)[] = [
    (server) => server.address?.port,
    (server) => server.listAllConnections().length,
    (server) => server.stats()?.connections,
    (server) => server.start({ serverPort: 80 }),
    (server) => server.start({ serverPort: 81 }),
    (server) => server.mount(),
    (server) => server.publish("news", "text"),
    (server) => server.broadcast("text"),
    (server) => server.stop(),
    (server) => server.stop({ code: 1 }),
  ];
  const running = [80, 1, 1, "portOccupied", "alreadyRunning", "alreadyRunning", NOBODY];
  const ROWS: Record<string, [(pair: MemoryPair) => unknown, unknown[]]> = {
    "that runs": [
      () => {},
      [...running, { sent: 1, tooSlow: 0 }, true, "argument"],
    ],
    "that stops in this turn": [({ server }) => void server.stop(), [
      ...running,
      ...[NOBODY, true, "argument"],
    ]],
    "that has stopped": [({ clock, server }) => clock.until(server.stop()), [
      ...[undefined, 0, 0, true, true, "a mount"],
      ...["notRunning", "notRunning", "notRunning", "argument"],
    ]],
  };
  for (const [name, [reach, expected]] of Object.entries(ROWS)) {
    it(name, async () => {
      const answers: unknown[] = [];
      for (const ask of ASK) {
        await using pair = await MemoryPair.start({ server: { stats: true } });
        await pair.open();
        await reach(pair);
        const answered = answer(Promise.resolve(ask(pair.server)));
        await pair.clock.advance(10_000);
        const got = await answered;
        answers.push(got !== null && typeof got === "object" && "fetch" in got ? "a mount" : got);
      }
      assertEquals(answers, expected);
    });
  }
});

describe("a server's signal", () => {
  it("has one listener while the server runs, and none before and after", async () => {
    const { signal } = new AbortController();
    const count = countListeners(signal);
    await using pair = await MemoryPair.start({ config: { signal } });
    const { clock, server } = pair;
    const counts = [count()];
    assertEquals(await answer(server.start({ serverPort: 81, signal })), "alreadyRunning");
    assertEquals(await answer(server.stop({ code: 1 })), "argument");
    counts.push(count());
    await pair.open();
    const stopped = server.stop();
    counts.push(count());
    await clock.until(stopped);
    counts.push(count());
    assertEquals(await answer(server.start({ serverPort: -1, signal })), "port");
    counts.push(count());
    await server.mount({ signal });
    counts.push(count());
    await clock.until(server.stop());
    counts.push(count());
    assertEquals(counts, [1, 1, 0, 0, 0, 1, 0]);
  });
});
