/**
 * Peers that are there no more, and programs that must notice and end by themselves. Each side is a
 * process of its own: a peer can then be stopped (SIGSTOP) like one whose machine has hung, and the
 * program's exit is the proof that nothing of the connection is left. Or the peer is killed (SIGKILL),
 * and its system tells.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { deadline } from "@std/async";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { type Ended, type Line, Program } from "../helpers/programs.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { Ahead } from "./ahead.ts";

/** Both programs have 'pingInterval' 1 and 'pongTimeout' 0.5. */
const PING_MS = 1000;
const PONG_MS = 500;

/**
 * How much longer a dead peer's report may take: 1 s as promised, and another for whatever else runs on
 * this machine. To the millisecond the promise is tested in `tests/heartbeat_test.ts`.
 */
const SPARE_MS = 2000;

/**
 * A process that has nothing to do ends sooner than this, under load, too. What keeps it keeps it
 * longer.
 */
const LINGER_MS = 3000;

interface Case {
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

interface Seen {
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

async function run(role: "client" | "server", given: Case): Promise<Seen> {
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

const LOST = {
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

/** Each program mostly waits; three do not disturb each other. */
const ahead = new Ahead(3);

/** What is told of megabytes that were accepted and are lost at the end of a connection. */
const unsentOf = ({ load }: Case): string[] => load === "much" ? ['error 2302999 "bytes"'] : [];

/** Events, without how many bytes were not sent: the system takes as many as it likes. */
const withoutBytes = (events: string[]): string[] =>
  events.map((event) => event.replace(/^(error 2302999) "\d+"$/, '$1 "bytes"'));

describe("a dead peer", () => {
  beforeAll(() => ahead.start());
  afterAll(() => ahead.end());

  for (const role of ["client", "server"] as const) {
    describe(`the ${role}, whose peer is dead,`, () => {
      const cases: [string, Case][] = [
        ["is stopped", { load: "nothing", freeze: true }],
        ["is stopped while it is sent to every 10 ms", {
          load: "often",
          freeze: true,
        }],
        ["is stopped with megabytes queued to it", {
          load: "much",
          freeze: true,
        }],
        ["reads nothing, with megabytes queued to it", {
          load: "much",
          peer: ["unread"],
        }],
        ["reads nothing, with thousands of messages queued to it", {
          load: "many",
          peer: ["unread"],
        }],
        ["reads nothing and sends Pings", {
          load: "much",
          peer: ["unread", "pinging"],
        }],
        ["is stopped with a Ping queued behind data that moved", {
          load: "many",
          peer: ["slow"],
          freeze: 1250,
        }],
        ["answers no Ping though it reads all", {
          load: "often",
          peer: ["mute"],
        }],
      ];
      for (const [what, given] of cases) {
        const seen = ahead.plan(() => run(role, given));
        it(`tells 'error' 200, 'close' 1006 in time and ends where the peer ${what}`, async () => {
          const { events, after, lingered, short } = await seen();
          assertEquals(events, LOST[role]);
          for (const event of ["error", "close"]) {
            assertGreater(after(event), PING_MS);
            assertInTime(after(event), PING_MS + PONG_MS + SPARE_MS, short);
          }
          assertInTime(lingered, LINGER_MS, short);
        });
      }

      const reset = ahead.plan(() => run(role, { load: "often", peer: ["reset"] }));
      it("tells 'error' 200 and 'close' 1006 at once and ends where the peer resets", async () => {
        const { events, after, lingered, short } = await reset();
        assertEquals(events, LOST[role]);
        assertInTime(after("close"), PING_MS, short);
        assertInTime(lingered, LINGER_MS, short);
      });

      const kill: Case["signals"] = [[50, "SIGKILL"]];
      const killed: [string, Case][] = [
        ["is killed", { load: "nothing", signals: kill }],
        ["is killed while it is sent to every 10 ms", {
          load: "often",
          signals: kill,
        }],
        ["is killed while it sends Pings", {
          load: "nothing",
          peer: ["pinging"],
          signals: kill,
        }],
        ["is killed with megabytes queued to it", {
          load: "much",
          peer: ["unread"],
          signals: kill,
        }],
        ["is killed while it is stopped", {
          load: "often",
          freeze: true,
          signals: [[100, "SIGKILL"]],
        }],
        ["is of ours, and killed", {
          load: "often",
          ours: true,
          signals: kill,
        }],
      ];
      for (const [what, given] of killed) {
        const seen = ahead.plan(() => run(role, given));
        it(`tells 'error' 200 and 'close' 1006 at once and ends where the peer ${what}`, async () => {
          const { events, after, lingered, short } = await seen();
          assertEquals(events, LOST[role]);
          assertInTime(after("close"), PING_MS, short);
          assertInTime(lingered, LINGER_MS, short);
        });
      }

      const ofOurs = ahead.plan(() =>
        run(role, {
          load: "often",
          ours: true,
          freeze: true,
        })
      );
      it("tells 'error' 200, 'close' 1006 in time and ends where the peer is of ours", async () => {
        const { events, after, lingered, short } = await ofOurs();
        assertEquals(events, LOST[role]);
        assertInTime(after("close"), PING_MS + PONG_MS + SPARE_MS, short);
        assertInTime(lingered, LINGER_MS, short);
      });

      const livesOn = ahead.plan(async () => {
        for (;;) {
          const seen = await run(role, {
            load: "nothing",
            signals: [[PING_MS - 150, "SIGSTOP"], [PING_MS + 100, "SIGCONT"], [
              2500,
              "SIGKILL",
            ]],
          });
          if (seen.late < PONG_MS / 4) return seen; // or it was not on in time
        }
      });
      it("lives on where the peer is stopped as the Ping comes, and goes on in time", async () => {
        const { events, after } = await livesOn();
        assertEquals(events, LOST[role]);
        assertGreater(after("close"), PING_MS + PONG_MS + 500);
      });
    });
  }

  describe("WebSocketClient.close() to a peer that does not answer", () => {
    const cases: [string, Case][] = [
      ["is stopped", { load: "nothing", freeze: true }],
      ["is stopped while it was sent to", { load: "often", freeze: true }],
      ["is stopped with megabytes queued to it", {
        load: "much",
        freeze: true,
      }],
      ["reads nothing, with megabytes queued to it", {
        load: "much",
        peer: ["unread"],
      }],
    ];
    for (const [what, given] of cases) {
      const seen = ahead.plan(() => run("client", { ...given, end: "close" }));
      it(`tells 'close' within 5 s and lets the process end where the peer ${what}`, async () => {
        const { events, after, lingered, short } = await seen();
        assertEquals(withoutBytes(events), [
          ...unsentOf(given),
          'close undefined {"code":4001,"reason":"enough"}',
        ]);
        assertInTime(after("close"), 100 + 5000 + SPARE_MS, short);
        assertInTime(lingered, LINGER_MS, short);
      });
    }
  });

  describe("a peer that is killed before it answers a Close frame", () => {
    const killed: Case = {
      load: "nothing",
      peer: ["mute"],
      signals: [[200, "SIGKILL"]],
    };

    const closed = ahead.plan(() => run("client", { ...killed, end: "close" }));
    it("is not waited for by WebSocketClient.close()", async () => {
      const { events, after, lingered, short } = await closed();
      assertEquals(events, ['close undefined {"code":4001,"reason":"enough"}']);
      assertInTime(after("close"), 300 + SPARE_MS, short);
      assertInTime(lingered, LINGER_MS, short);
    });

    const stopped = ahead.plan(() => run("server", { ...killed, end: "stop" }));
    it("is not waited for by WebSocketServer.stop()", async () => {
      const { events, after, lingered, short } = await stopped();
      assertEquals(events, [
        'close {"code":1001,"reason":"server is going away"}',
        "stopped true",
      ]);
      assertInTime(after("stopped"), 300 + SPARE_MS, short);
      assertInTime(lingered, LINGER_MS, short);
    });
  });

  describe("WebSocketServer.stop() with a peer that does not answer", () => {
    const cases: [string, Case][] = [
      ["is stopped", { load: "nothing", freeze: true }],
      ["is stopped with megabytes queued to it", {
        load: "much",
        freeze: true,
      }],
      ["reads nothing, with megabytes queued to it", {
        load: "much",
        peer: ["unread"],
      }],
    ];
    for (const [what, given] of cases) {
      const stopped = ahead.plan(() => run("server", { ...given, end: "stop" }));
      it(`settles within 5 s and lets the process end where the peer ${what}`, async () => {
        const { events, after, lingered, short } = await stopped();
        assertEquals(withoutBytes(events), [
          'close {"code":1001,"reason":"server is going away"}',
          ...unsentOf(given),
          "stopped true",
        ]);
        assertInTime(after("stopped"), 100 + 5000 + SPARE_MS, short);
        assertInTime(lingered, LINGER_MS, short);
      });

      const closed = ahead.plan(() => run("server", { ...given, end: "close" }));
      it(`does so after close(), too, where the peer ${what}`, async () => {
        const { events, after, lingered, short } = await closed();
        assertEquals(withoutBytes(events), [
          'close {"code":4001,"reason":"enough"}',
          ...unsentOf(given),
          "stopped true",
        ]);
        assertInTime(after("close"), 100 + SPARE_MS, short);
        assertInTime(after("stopped"), 100 + 5000 + SPARE_MS, short);
        assertInTime(lingered, LINGER_MS, short);
      });
    }
  });
});
