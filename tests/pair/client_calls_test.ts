/** Each call and promise of a client in each of its states: the answer, what is told, and the state after that. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketClient } from "../../mod.ts";
import { answer } from "../helpers/answer.ts";
import { MemoryPair, RTT } from "../helpers/memory_pair.ts";

const URL = "ws://localhost:80/";
const REFUSED = "ws://localhost:81/";
const RECONNECT = { reconnect: { minDelay: 1, maxDelay: 1, attempts: 3, random: () => 1 } };

/** What a promise has come to by now. */
async function now(promise: Promise<unknown>): Promise<unknown> {
  let outcome: unknown = "pending";
  void promise.then((value) => outcome = value);
  for (let turn = 0; turn < 20; turn++) await undefined;
  return outcome;
}

const CALLS = {
  close: (ws: WebSocketClient) => ws.close({ code: 4001, reason: "mine" }),
  dispose: (ws: WebSocketClient) => ws[Symbol.asyncDispose](),
  reconnect: (ws: WebSocketClient) => ws.reconnect(),
  "connect, wrong URL": (ws: WebSocketClient) => ws.connect("nothing"),
  "connect, no host": (ws: WebSocketClient) => ws.connect("ws://"),
  "send, wrong data": (ws: WebSocketClient) => ws.send(1 as never),
  acknowledge: (ws: WebSocketClient) => ws.send("x", { acknowledge: true }),
  stats: (ws: WebSocketClient) => `${ws.stats()!.opened} ${ws.stats()!.closed}`,
  opened: (ws: WebSocketClient) => ws.opened.then(({ status }) => status),
  closed: (ws: WebSocketClient) => ws.closed.then(({ code }) => code),
  read: (ws: WebSocketClient) => ws[Symbol.asyncIterator]().next().then(({ done }) => done),
};

/** The answer, and what comes of it: the state at once, what is told, the state in the end. */
type Row = [answer: unknown, state: string, told: string, then: string];

/** What is told of a call that changes nothing. */
const IDLE = ["idle", "", "idle"] as const;
const CONNECTING = ["connecting", "open", "open"] as const;
const OPEN = ["open", "", "open"] as const;
const CLOSING = ["closing", "close 1000", "idle"] as const;
const WAITING = ["reconnecting", "", "reconnecting"] as const;

/** What is told where it closes for that. */
const CLOSES: Partial<Record<keyof typeof CALLS, Row>> = {
  close: [true, "closing", "close 4001", "idle"],
  dispose: [undefined, ...CLOSING],
};

/** All answers in a state: those that are always the same, and those that are given. */
function rows(
  quiet: readonly [string, string, string],
  refused: string,
  settled: [stats: string, opened: unknown, closed: unknown, read: unknown],
  more: Partial<Record<keyof typeof CALLS, Row>> = {},
): Record<string, Row> {
  const [stats, opened, closed, read] = settled;
  const isIdle = quiet === IDLE;
  return {
    close: [isIdle ? "notConnected" : "closing", ...quiet],
    dispose: [undefined, ...quiet],
    reconnect: ["notConnected", ...quiet],
    "connect, wrong URL": [isIdle ? "url" : refused, ...quiet],
    "connect, no host": isIdle
      ? ["noHost", "idle", "error connectFailed", "idle"]
      : [refused, ...quiet],
    "send, wrong data": ["argument", ...quiet],
    acknowledge: ["argument", ...quiet],
    stats: [stats, ...quiet],
    opened: [opened, ...quiet],
    closed: [closed, ...quiet],
    read: [read, ...quiet],
    ...more,
  };
}

const LATER = "alreadyConnected";
const FAILED = "connectFailed";

/** How a state is reached, and what is answered then without `reconnect`, and with it. */
const STATES: Record<
  string,
  [reach: (pair: MemoryPair) => unknown, Record<string, Row>, Record<string, Row>?]
> = {
  "is idle": [() => {}, rows(IDLE, "", ["0 0", "pending", "pending", "pending"])],
  "connects": [
    ({ ws }) => ws.connect(URL),
    rows(CONNECTING, LATER, ["0 0", 101, "pending", "pending"], CLOSES),
    rows(CONNECTING, LATER, ["0 0", 101, "pending", "pending"], {
      ...CLOSES,
      reconnect: [false, ...CONNECTING],
    }),
  ],
  "is open": [
    (pair) => pair.open(),
    rows(OPEN, LATER, ["1 0", 101, "pending", "pending"], CLOSES),
    rows(OPEN, LATER, ["1 0", 101, "pending", "pending"], {
      ...CLOSES,
      reconnect: [false, ...OPEN],
    }),
  ],
  "closes": [async (pair) => {
    await pair.open();
    await pair.ws.close();
  }, rows(CLOSING, LATER, ["1 0", 101, 1000, true])],
  "is idle again": [async (pair) => {
    await pair.open();
    await pair.close();
  }, rows(IDLE, "", ["1 1", 101, 1000, true])],
  "gave up": [async (pair) => {
    await pair.ws.connect(URL);
    await pair.close();
  }, rows(IDLE, "", ["0 0", "aborted", 1000, true])],
  "had no host": [async (pair) => {
    await answer(pair.ws.connect("ws://"));
    await pair.clock.advance(1);
  }, rows(IDLE, "", ["0 0", FAILED, FAILED, FAILED])],
  "was refused": [
    async (pair) => {
      await pair.ws.connect(REFUSED);
      await pair.clock.advance(RTT);
    },
    rows(IDLE, "", ["0 0", FAILED, FAILED, FAILED]),
    rows(WAITING, LATER, ["0 0", "pending", "pending", "pending"], {
      ...CLOSES,
      reconnect: [true, "connecting", "error connectFailed, reconnecting", "reconnecting"],
    }),
  ],
  "was lost": [
    async (pair) => {
      await pair.open();
      pair.network.links[0]!.cut();
      await pair.clock.advance(RTT);
    },
    rows(IDLE, "", ["1 1", 101, 1006, "lost"]),
    rows(WAITING, LATER, ["1 1", 101, "pending", "pending"], {
      ...CLOSES,
      reconnect: [true, ...CONNECTING],
    }),
  ],
};

describe("a client", () => {
  for (const [name, [reach, without, reconnecting = without]] of Object.entries(STATES)) {
    for (const [how, expected] of [["without", without], ["with", reconnecting]] as const) {
      it(`that ${name}, ${how} reconnect`, async () => {
        const got: Record<string, Row> = {};
        for (const [call, ask] of Object.entries(CALLS)) {
          const options = how === "with" ? RECONNECT : {};
          await using pair = await MemoryPair.start({ client: { stats: true, ...options } });
          const { clock, ws } = pair;
          await reach(pair);
          const log: string[] = [];
          ws.on("open", () => log.push("open"));
          ws.on("close", (_, { code }) => log.push(`close ${code}`));
          ws.on("error", ({ kind }) => log.push(`error ${kind}`));
          ws.on("reconnecting", () => log.push("reconnecting"));
          const asked = answer(Promise.resolve(ask(ws)));
          const { state } = ws;
          await clock.advance(3 * RTT);
          got[call] = [await now(asked), state, log.join(", "), ws.state];
        }
        assertEquals(got, expected);
      });
    }
  }
});
