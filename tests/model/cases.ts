/**
 * Programs that are always run. Each is the shortest that told the module apart from one with a
 * fault put into it: what the name says was broken.
 */

import type { Action, Policy, Program, ServerSpec, Step } from "./program.ts";

const SPEC: ServerSpec = { port: 80, beat: null, perClient: 0, clients: 0, protocol: "" };

const connect: Action = {
  op: "connect",
  client: 0,
  port: 80,
  url: "good",
  protocol: "",
  beat: null,
  timeout: 20,
  callback: false,
};
const hold: Action = { op: "hold", nth: 0, way: "both" };
const pass = (ms: number): Step => ({ op: "pass", ms });
const policy = (policy: Policy): Step => ({ op: "policy", policy });

function program(steps: Step[], rest: Partial<Program> = {}): Program {
  const timings = { client: "plain", server: "plain" } as const;
  return { timings, first: SPEC, open: 0, last: "clients", steps, ...rest };
}

/** The programs, by what they are about. */
export const CASES: Record<string, Program> = {
  "a lost connection that the client's runtime tells of once more": program([hold], {
    open: 1,
    timings: { client: "late", server: "plain" },
  }),
  "a connection that opens after it was aborted": program([connect], {
    timings: { client: "late", server: "plain" },
  }),
  "a message that comes in after the connection was dropped": program([hold, pass(61_500)], {
    open: 1,
    timings: { client: "late", server: "late" },
  }),
  "the timer of a connection that has opened": program([connect, pass(10)]),
  "what is sent before the connection is open": program([
    connect,
    { op: "send", client: 0, data: "text", callback: false },
    { op: "send", client: 0, data: "bytes", callback: true },
    pass(20),
  ]),
  "a close before the connection is open": program([
    connect,
    { op: "close", client: 0, close: { code: 4000, reason: "done" }, callback: false },
    pass(20),
  ]),
  "a close the server asked for that the client asked for otherwise": program([
    { op: "serverClose", nth: 0, close: { code: 4000, reason: "done" } },
    { op: "close", client: 0, close: { code: 1001 }, callback: false },
    pass(20),
  ], { open: 1 }),
  "a loss of which the runtime says no more than 1006": program([{ op: "cut", nth: 0 }], {
    open: 1,
    timings: { client: "late", server: "late" },
  }),
  "a loss of which the runtime says nothing": program([{ op: "cut", nth: 0 }], {
    open: 1,
    timings: { client: "at once", server: "at once" },
  }),
  "codes that cannot be sent, and reasons too long to be": program([
    { op: "serverClose", nth: 0, close: { code: 1005, reason: "no such code" } },
    { op: "close", client: 1, close: { reason: "é".repeat(100) }, callback: false },
    pass(20),
  ], { open: 2 }),
  "a close that the server's runtime tells within the call": program([
    { op: "serverClose", nth: 0, close: "none" },
    pass(20),
    { op: "stop" },
  ], { open: 2, timings: { client: "plain", server: "at once" } }),
  "a close of the server's that nobody answers": program([
    hold,
    { op: "serverClose", nth: 0, close: "none" },
  ], { open: 1 }),
  "the room that a connection leaves": program([
    { op: "close", client: 0, close: "none", callback: false },
    pass(50),
    connect,
    pass(10),
  ], { open: 2, first: { ...SPEC, perClient: 2 } }),
  "the room of one that leaves before it is open": program([
    connect,
    pass(1),
    { op: "close", client: 0, close: "none", callback: false },
    pass(20),
    connect,
    pass(20),
  ], { first: { ...SPEC, perClient: 1 }, timings: { client: "plain", server: "late" } }),
  "the room of one that is refused": program([
    policy("refuse later"),
    connect,
    pass(61),
    policy("welcome"),
    connect,
    pass(20),
  ], { first: { ...SPEC, perClient: 1 } }),
  "limits that are reached": program([], {
    open: 3,
    first: { ...SPEC, clients: 1, perClient: 1 },
  }),
  "Pings that are answered, and messages both ways between them": program([
    { op: "send", client: 0, data: "bytes", callback: false },
    { op: "serverSend", nth: 0, data: "empty" },
    pass(6000),
    { op: "serverSend", nth: 0, data: "text" },
    pass(61_500),
  ], { open: 2, first: { ...SPEC, beat: { pingInterval: 1, pongTimeout: 1 } } }),
  "one that is let in while the server stops": program([
    connect,
    pass(6),
    { op: "stop" },
    pass(50),
  ], { timings: { client: "plain", server: "late" } }),
  "one that still waits to be let in when the server stops": program([
    policy("never"),
    connect,
    pass(3100),
  ], { last: "server" }),
  "one that is asked about when a listener has stopped the server": program([
    { op: "armServer", event: "error", does: { op: "stop" } },
    policy("welcome later"),
    { ...connect, protocol: "chat" },
    pass(100),
  ]),
  "one about whom nobody decides": program([policy("never"), connect, pass(12_000)]),
  "a server that is started again": program([
    { op: "stop" },
    { op: "stop" },
    pass(1),
    { op: "start", spec: SPEC },
    connect,
    pass(20),
  ]),
  "listeners that call back in": program([
    {
      op: "arm",
      client: 0,
      event: "open",
      does: { op: "close", client: 0, close: "none", callback: true },
    },
    { op: "arm", client: 0, event: "close", does: { ...connect, callback: true } },
    { op: "arm", client: 1, event: "open", does: { op: "throw" } },
    { op: "arm", client: 1, event: "openInfo", does: { op: "reject" } },
    { op: "armServer", event: "connect", does: { op: "serverSend", nth: 0, data: "text" } },
    { op: "armServer", event: "close", does: { op: "stop" } },
    connect,
    { ...connect, client: 1 },
    pass(50),
  ]),
};
