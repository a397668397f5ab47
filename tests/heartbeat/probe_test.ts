/** A Ping that is asked for beside those of the heartbeat. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { setUp } from "./fake_peer.ts";

describe("Heartbeat.probe()", () => {
  it("pings now, and the next Ping is an interval from then", async () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 30, pongTimeout: 10 });
    await clock.advance(20_000);
    assertEquals([heartbeat.probe(peer), peer.log], [true, ["ping 20"]]);
    heartbeat.alive(peer);
    await clock.advance(29_999);
    assertEquals(peer.log, ["ping 20"]);
    await clock.advance(1);
    assertEquals(peer.log, ["ping 20", "ping 50"]);
  });

  it("has a peer that is silent after it taken for dead", async () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 30, pongTimeout: 10 });
    heartbeat.probe(peer);
    await clock.advance(9999);
    assertEquals(peer.log, ["ping 0"]);
    await clock.advance(1);
    assertEquals([peer.log, clock.pending], [["ping 0", "dead 10"], 0]);
  });

  it("sends none, and gives no more time, where a Ping is unanswered", async () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 30, pongTimeout: 10 });
    await clock.advance(35_000);
    assertEquals([heartbeat.probe(peer), peer.log], [false, ["ping 30"]]);
    await clock.advance(5000);
    assertEquals(peer.log, ["ping 30", "dead 40"]);
  });

  it("sends another one once that is answered", async () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 30, pongTimeout: 10 });
    const trips: number[] = [];
    peer.answered = (ms) => trips.push(ms);
    for (const ms of [3, 4]) {
      assertEquals(heartbeat.probe(peer), true);
      await clock.advance(ms);
      heartbeat.alive(peer);
    }
    assertEquals([peer.log, trips], [["ping 0", "ping 0.003"], [3, 4]]);
    heartbeat.close();
  });

  it("is possible within answered(), and what is asked there is expected an answer to", async () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 30, pongTimeout: 10 });
    const probed: boolean[] = [];
    peer.answered = () => {
      if (probed.length === 0) probed.push(heartbeat.probe(peer));
    };
    await clock.advance(30_000);
    heartbeat.alive(peer);
    assertEquals([probed, peer.log], [[true], ["ping 30", "ping 30"]]);
    await clock.advance(10_000);
    assertEquals(peer.log, ["ping 30", "ping 30", "dead 40"]);
  });

  it("sends none to one that is not there, or not any more, and expects nothing of it", () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 30, pongTimeout: 10 });
    heartbeat.delete(peer);
    assertEquals([heartbeat.probe(peer), peer.log, clock.pending], [false, [], 0]);
    heartbeat.add(peer);
    assertEquals([heartbeat.probe(peer), peer.log], [true, ["ping 0"]]);
    heartbeat.delete(peer);
    assertEquals([heartbeat.probe(peer), peer.log, clock.pending], [false, ["ping 0"], 0]);
  });
});
