/**
 * Peers that are there no more, and programs that must notice and end by themselves. Each side is a
 * process of its own: a peer can then be stopped (SIGSTOP) like one whose machine has hung, and the
 * program's exit is the proof that nothing of the connection is left. Or the peer is killed (SIGKILL),
 * and its system tells.
 */

import { assertEquals, assertGreater } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertInTime } from "../helpers/stopwatch.ts";
import { Ahead } from "./ahead.ts";
import { type Case, LINGER_MS, LOST, PING_MS, PONG_MS, run, SPARE_MS } from "./dead_peer.ts";

/** Each program mostly waits; three do not disturb each other. */
const ahead = new Ahead(3);

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
            // It may have been told late that it is open.
            assertGreater(after(event) + short, PING_MS);
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
        const { events, after, short } = await livesOn();
        assertEquals(events, LOST[role]);
        assertGreater(after("close") + short, PING_MS + PONG_MS + 500);
      });
    });
  }
});
