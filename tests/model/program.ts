/** What a random program is made of: plain data, so that one that failed can be kept as it is. */

import fc from "fast-check";
import type { Timing } from "./runtime_timing.ts";

/** Milliseconds from one end of a connection to the other. */
export const LATENCY = 5;

/** How many clients there are; the last is at an address of its own. */
export const CLIENTS = 3;

/** Bytes a peer may send in one message. */
export const MAX_PAYLOAD = 100;

export interface Beat {
  pingInterval: number;
  pongTimeout: number;
}

export type Data = "text" | "bytes" | "empty" | "big" | "wrong";
export type Topic = "a" | "b";
export type Way = "toServer" | "toClient" | "both";
export type Close = { code?: number; reason?: string } | "none" | "wrong";

/** What becomes of those who ask to be let in. */
export type Policy =
  | "welcome"
  | "refuse"
  | "throw"
  | "refuse later"
  | "welcome later"
  | "reject later"
  | "never";

export interface ServerSpec {
  port: number;
  beat: Beat | null;
  perClient: number;
  clients: number;
  protocol: "" | "chat";
  /** Whether each connection joins topic "a" within 'connect'. */
  joins?: boolean;
}

/** What can be done, from outside and within listeners. */
export type Action =
  | {
    op: "connect";
    client: number;
    port: number;
    url: "good" | "scheme" | "no host" | "no text";
    protocol: "" | "chat";
    beat: Beat | null;
    timeout: number;
    callback: boolean;
  }
  | { op: "send"; client: number; data: Data; callback: boolean }
  | { op: "close"; client: number; close: Close; callback: boolean }
  | { op: "abort"; client: number }
  | { op: "serverSend"; nth: number; data: Data }
  | { op: "serverClose"; nth: number; close: Close }
  | { op: "join" | "leave"; nth: number; topic: Topic }
  | { op: "publish"; topic: Topic | "all"; data: Data; except: number | null }
  | { op: "start"; spec: ServerSpec }
  | { op: "stop" }
  | { op: "policy"; policy: Policy }
  | { op: "cut"; nth: number }
  | { op: "hold" | "release"; nth: number; way: Way };

/** What a listener does, once. */
export type Reaction = Action | { op: "throw" } | { op: "reject" };

export const CLIENT_EVENTS = ["open", "openInfo", "message", "dataEnd", "close", "error"] as const;
export const SERVER_EVENTS = ["connect", "messageReceive", "close", "error"] as const;
export type ClientEvent = typeof CLIENT_EVENTS[number];
export type ServerEvent = typeof SERVER_EVENTS[number];

export type Step =
  | Action
  | { op: "pass"; ms: number }
  | { op: "arm"; client: number; event: ClientEvent; does: Reaction }
  | { op: "armServer"; event: ServerEvent; does: Reaction };

export interface Program {
  /** The timing of each runtime. */
  timings: { client: Timing; server: Timing };
  first: ServerSpec;
  /** How many clients are connected to begin with. */
  open: number;
  steps: Step[];
  /** Who leaves first at the end. */
  last: "clients" | "server";
}

const client = fc.nat({ max: CLIENTS - 1 });
const nth = fc.nat({ max: 3 });
const beat = fc.constantFrom<Beat | null>(
  null,
  { pingInterval: 2, pongTimeout: 1 },
  { pingInterval: 1, pongTimeout: 1 },
  { pingInterval: 0.5, pongTimeout: 0.2 },
);
const data = fc.constantFrom<Data>(
  ...(["text", "text", "text", "text", "bytes", "bytes", "bytes"] as const),
  ...(["empty", "empty", "big", "wrong"] as const),
);
const close = fc.constantFrom<Close>(
  ...(["none", "none", {}, { code: 1001 }, { code: 4000, reason: "done" }] as const),
  ...([{ code: 1005, reason: "no such code" }, { code: 1006 }, { code: 77, reason: "" }] as const),
  ...([{ reason: "é".repeat(100) }, { code: 3000 }, "wrong"] as const),
);
const topic = fc.constantFrom<Topic>("a", "a", "b");
const callback = fc.boolean();
const way = fc.constantFrom<Way>("both", "both", "toServer", "toClient");
const port = fc.constantFrom(...Array<number>(15).fill(80), 81);

const spec: fc.Arbitrary<ServerSpec> = fc.record({
  port,
  beat,
  perClient: fc.constantFrom(0, 0, 0, 0, 1, 2),
  clients: fc.constantFrom(0, 0, 0, 0, 0, 1),
  protocol: fc.constantFrom("", "", "", "", "", "", "chat"),
  joins: fc.boolean(),
});

const connect: fc.Arbitrary<Action> = fc.record({
  op: fc.constant("connect"),
  client,
  port,
  url: fc.constantFrom(...Array(9).fill("good") as ["good"], "scheme", "no host", "no text"),
  protocol: fc.constantFrom("", "", "", "", "chat"),
  beat,
  timeout: fc.constantFrom(20, 20, 20, 20, 1, 1, 0.03, 0.01),
  callback,
});

const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: connect, weight: 6 },
  { arbitrary: fc.record({ op: fc.constant("send"), client, data, callback }), weight: 10 },
  { arbitrary: fc.record({ op: fc.constant("close"), client, close, callback }), weight: 2 },
  { arbitrary: fc.record({ op: fc.constant("abort"), client }), weight: 1 },
  { arbitrary: fc.record({ op: fc.constant("serverSend"), nth, data }), weight: 10 },
  { arbitrary: fc.record({ op: fc.constant("serverClose"), nth, close }), weight: 2 },
  { arbitrary: fc.record({ op: fc.constantFrom("join", "join", "leave"), nth, topic }), weight: 3 },
  {
    arbitrary: fc.record({
      op: fc.constant("publish"),
      topic: fc.constantFrom("a", "a", "b", "all"),
      data,
      except: fc.constantFrom(null, null, 0, 1, 2),
    }),
    weight: 4,
  },
  { arbitrary: fc.record({ op: fc.constant("start"), spec }), weight: 2 },
  { arbitrary: fc.record({ op: fc.constant("stop") }), weight: 1 },
  {
    arbitrary: fc.record({
      op: fc.constant("policy"),
      policy: fc.constantFrom<Policy>(
        ...(["welcome", "welcome", "refuse", "throw"] as const),
        ...(["refuse later", "welcome later", "reject later", "never"] as const),
      ),
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ op: fc.constant("cut"), nth }), weight: 1 },
  { arbitrary: fc.record({ op: fc.constant("hold"), nth, way }), weight: 1 },
  { arbitrary: fc.record({ op: fc.constant("release"), nth, way }), weight: 1 },
) as fc.Arbitrary<Action>;

const reaction = fc.oneof(
  { arbitrary: action as fc.Arbitrary<Reaction>, weight: 6 },
  { arbitrary: fc.constantFrom<Reaction>({ op: "throw" }, { op: "reject" }), weight: 1 },
);

const step = fc.oneof(
  { arbitrary: action as fc.Arbitrary<Step>, weight: 6 },
  {
    arbitrary: fc.record({
      op: fc.constant("pass"),
      ms: fc.constantFrom(1, 4, 5, 6, 10, 10, 10, 15, 20, 20, 50, 400, 1000, 3100, 6000, 61_500),
    }),
    weight: 5,
  },
  {
    arbitrary: fc.record({
      op: fc.constant("arm"),
      client,
      event: fc.constantFrom(...CLIENT_EVENTS),
      does: reaction,
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({
      op: fc.constant("armServer"),
      event: fc.constantFrom(...SERVER_EVENTS),
      does: reaction,
    }),
    weight: 2,
  },
) as fc.Arbitrary<Step>;

const timing = fc.constantFrom<Timing>("plain", "late", "at once");

/** Any program. */
export const program: fc.Arbitrary<Program> = fc.record({
  timings: fc.record({ client: timing, server: timing }),
  first: spec,
  open: fc.nat({ max: CLIENTS }),
  steps: fc.array(step, { minLength: 1, maxLength: 50, size: "max" }),
  last: fc.constantFrom("clients", "server"),
});
