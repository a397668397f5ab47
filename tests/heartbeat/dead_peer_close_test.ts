/** Peers that are there no more when this side closes or stops, and programs that must end by themselves. */

import { assertEquals } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { assertInTime } from "../helpers/stopwatch.ts";
import { Ahead } from "./ahead.ts";
import { type Case, LINGER_MS, run, SPARE_MS } from "./dead_peer.ts";

/** Each program mostly waits; three do not disturb each other. */
const ahead = new Ahead(3);

/** What is told of megabytes that were accepted and are lost at the end of a connection. */
const unsentOf = ({ load }: Case): string[] => load === "much" ? ['error 2302999 "bytes"'] : [];

/** Events, without how many bytes were not sent: the system takes as many as it likes. */
const withoutBytes = (events: string[]): string[] =>
  events.map((event) => event.replace(/^(error 2302999) "\d+"$/, '$1 "bytes"'));

describe("a dead peer, and an end that this side asks for:", () => {
  beforeAll(() => ahead.start());
  afterAll(() => ahead.end());

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
