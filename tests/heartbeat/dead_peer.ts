/** A program of ours and a peer that is there no more, each a process of its own: how they run, and what is told of that. */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { type Ended, type Line, Program } from "../helpers/programs.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";

/** Both programs have 'pingInterval' 1 and 'pongTimeout' 0.5. */
export const PING_MS = 1000;
export const PONG_MS = 500;

/**
 * How much longer a dead peer's report may take: 1 s as promised, and another for whatever else runs on
 * this machine. To the millisecond the promise is tested in `tests/heartbeat_test.ts`.
 */
export const SPARE_MS = 2000;

/**
 * A process that has nothing to do ends sooner than this, under load, too. What keeps it keeps it
 * longer.
 */
export const LINGER_MS = 3000;

export interface Case {
  /** What our side sends: see the programs. */
  load: "nothing" | "often" | "much" | "many";
  /** How our side ends it. */
  end?: "heartbeat" | "close" | "stop";
  /** Modes of the raw peer: see its program. */
  peer?: string[];
  /** Whether the peer is stopped once it is connected, or how many ms later. */
  freeze?: boolean | number;
  /** Signals to the peer, each so many ms after it is connected, or after our side has ended it. */
  signals?: [ms: number, signal: NodeJS.Signals][];
  /** Whether the peer is a program of ours, too, and no raw one. */
  ours?: boolean;
}

export interface Seen {
  /** The events after the connection was there. */
  events: string[];
  /** When an event came, in ms after the connection was there, on the program's own clock. */
  after(start: string): number;
  ended: Ended;
  /** How long after its last line the program lived on, in ms. */
  lingered: number;
  /** For how long somebody waited for a core meanwhile, in ms. */
  short: number;
  /** How much later than it should a signal was sent, in ms. */
  late: number;
}

export async function run(role: "client" | "server", given: Case): Promise<Seen> {
  const { load, end, peer, freeze, signals = [] } = given;
  const watch = new Stopwatch();
  const modes = peer ?? [];
  const args = [load, end ?? "heartbeat"];
  let ours: Program;
  let theirs: Program;
  let began: Line;
  if (role === "client") {
    theirs = given.ours
      ? Program.here("dead_peer_server.ts", ["nothing", "heartbeat"])
      : Program.here("raw_peer.ts", ["server", ...modes]);
    const { text } = await deadline(theirs.lineFrom("port "), 30_000);
    ours = Program.here("dead_peer_client.ts", [text.slice(5), ...args]);
    began = await deadline(ours.lineFrom("open"), 30_000);
  } else {
    ours = Program.here("dead_peer_server.ts", args);
    const { text } = await deadline(ours.lineFrom("port "), 30_000);
    theirs = given.ours
      ? Program.here("dead_peer_client.ts", [
        text.slice(5),
        "nothing",
        "heartbeat",
      ])
      : Program.here("raw_peer.ts", ["client", text.slice(5), ...modes]);
    began = await deadline(ours.lineFrom("connect"), 30_000);
  }
  if (signals.length > 0 && end !== undefined) await deadline(ours.lineFrom("ending"), 30_000);
  const timer = typeof freeze === "number" ? setTimeout(() => theirs.freeze(), freeze) : undefined;
  const since = performance.now();
  let late = 0;
  const timers = signals.map(([ms, signal]) =>
    setTimeout(() => {
      theirs.kill(signal);
      late = Math.max(late, performance.now() - since - ms);
    }, ms)
  );
  try {
    if (freeze === true) theirs.freeze();
    const ended = await deadline(ours.ended, 30_000).catch(() => {
      const said = ours.lines.map(({ text }) => text).join("\n");
      throw new Error(
        `the program does not end; it said:\n${said}\n${ours.stderr}`,
      );
    });
    assertEquals(ended.stderr, "");
    assertEquals(ended.code, 0);
    const said = ours.lines.slice(ours.lines.indexOf(began)).map(({ text }) => {
      const [, event = "", at] = /^(.*) @(.*)$/.exec(text) ?? [];
      return { event, at: Number(at) };
    });
    const events = said.slice(1).filter(({ event }) => event !== "ending");
    return {
      events: events.map(({ event }) => event),
      after: (start) => events.find(({ event }) => event.startsWith(start))!.at - said[0]!.at,
      ended,
      lingered: ended.at - ours.lines.at(-1)!.at,
      short: watch.short,
      late,
    };
  } finally {
    clearTimeout(timer);
    timers.forEach(clearTimeout);
    await ours[Symbol.asyncDispose]();
    await theirs[Symbol.asyncDispose]();
  }
}

export const LOST = {
  client: [
    'error 200 "0"',
    'close undefined {"code":1006,"reason":"The link is down"}',
  ],
  server: [
    'error 200 "0"',
    'close {"code":1006,"reason":"The link is down"}',
    "stopped true",
  ],
};
