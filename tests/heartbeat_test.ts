/** When a heartbeat pings, whom it takes for dead, and what is left after it. */

import { assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Heartbeat } from "../heartbeat.ts";
import { FakeClock } from "../testing.ts";
import { FakePeer, setUp } from "./heartbeat/fake_peer.ts";

describe("Heartbeat", () => {
  it("pings one interval after add() and every interval from then on", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 3,
    });
    peer.onPing = () => heartbeat.alive(peer);
    clock.tick(9_999);
    assertEquals(peer.log, []);
    clock.tick(30_001);
    assertEquals(peer.log, ["ping 10", "ping 20", "ping 30", "ping 40"]);
  });

  it("pings every 30 s where the options are impossible", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 0,
      pongTimeout: -1,
    });
    peer.onPing = () => heartbeat.alive(peer);
    clock.tick(60_000);
    assertEquals(peer.log, ["ping 30", "ping 60"]);
  });

  it("does not drift in a day of Pings", () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 30 });
    peer.onPing = () => heartbeat.alive(peer);
    clock.tick(86_400_000);
    assertEquals(peer.log.length, 2880);
    assertEquals(peer.log.at(-1), "ping 86400");
  });

  it("pings 20,000 peers that are due together a few at a time, and keeps nobody waiting", () => {
    const clock = new FakeClock();
    let pings = 0;
    let most = 0;
    const timed = {
      now: () => clock.now(),
      clearTimer: (timer: unknown) => clock.clearTimer(timer),
      setTimer: (task: () => void, ms: number) =>
        clock.setTimer(() => {
          const before = pings;
          task();
          most = Math.max(most, pings - before);
        }, ms),
    };
    const heartbeat = new Heartbeat({ pingInterval: 10 }, timed);
    for (let i = 0; i < 20_000; i++) {
      const peer = { ping: () => (pings++, heartbeat.alive(peer)), dead() {} };
      heartbeat.add(peer);
    }
    clock.tick(10_000);
    assertEquals([pings, most], [64, 64]);
    clock.tick(20_000 / 64); // a millisecond between
    assertEquals([pings, most], [20_000, 64]);
    clock.tick(30_000);
    assertEquals([pings, most], [80_000, 64]);
    heartbeat.close();
    assertEquals(clock.pending, 0);
  });

  it("takes a quarter of a millisecond for a beat, and a Ping, however long a Ping takes", () => {
    const clock = new FakeClock();
    const beats: number[] = [];
    let took = 0;
    const timed = {
      now: () => clock.now() + took,
      clearTimer: (timer: unknown) => clock.clearTimer(timer),
      setTimer: (task: () => void, ms: number) =>
        clock.setTimer(() => {
          const before = took;
          task();
          if (took > before) beats.push(took - before);
        }, ms),
    };
    const heartbeat = new Heartbeat({ pingInterval: 10 }, timed);
    for (let i = 0; i < 1000; i++) {
      const peer = { ping: () => (took += 1 / 16, heartbeat.alive(peer)), dead() {} };
      heartbeat.add(peer);
    }
    clock.tick(10_000 + 1000 / 4);
    assertEquals(beats, Array(1000 / 4).fill(0.25));
    heartbeat.close();
  });

  it("goes on pinging while data flows", () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 1 });
    for (let ms = 0; ms < 5000; ms += 10) {
      clock.tick(10);
      heartbeat.alive(peer);
    }
    assertEquals(peer.log, ["ping 1", "ping 2", "ping 3", "ping 4", "ping 5"]);
  });

  it("counts any sign of life after the Ping, up to the last moment", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    clock.tick(13_999);
    heartbeat.alive(peer);
    clock.tick(6_001);
    assertEquals(peer.log, ["ping 10", "ping 20"]);
  });

  it("does not count a sign of life from before the Ping", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    clock.tick(9_999);
    heartbeat.alive(peer);
    clock.tick(10_000);
    assertEquals(peer.log, ["ping 10", "dead 14"]);
  });

  it("tells how long a sign of life took, once for each Ping", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    const roundTrips: number[] = [];
    peer.answered = (ms) => roundTrips.push(ms);
    heartbeat.alive(peer); // no Ping has gone out
    clock.tick(10_250);
    heartbeat.alive(peer);
    heartbeat.alive(peer);
    clock.tick(9_750); // the next Ping
    heartbeat.delete(peer);
    heartbeat.alive(peer);
    assertEquals(roundTrips, [250]);
  });

  it("calls dead() once, in time, and then lets go", () => {
    const { clock, peer } = setUp({ pingInterval: 30, pongTimeout: 10 });
    clock.tick(500_000);
    assertEquals(peer.log, ["ping 30", "dead 40"]);
    assertEquals(clock.pending, 0);
  });

  it("keeps to its time where both intervals are equal", () => {
    const { clock, peer } = setUp({ pingInterval: 5, pongTimeout: 5 });
    clock.tick(60_000);
    assertEquals(peer.log, ["ping 5", "dead 10"]);
    assertEquals(clock.pending, 0);
  });

  it("pings a living peer every interval where both are equal", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 5,
      pongTimeout: 5,
    });
    clock.tick(5_000);
    for (let i = 0; i < 4; i++) {
      clock.tick(4_999);
      heartbeat.alive(peer);
      clock.tick(1);
    }
    assertEquals(peer.log, [
      "ping 5",
      "ping 10",
      "ping 15",
      "ping 20",
      "ping 25",
    ]);
  });

  it("lets a peer live that answers late but within the time-out, forever", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 2,
      pongTimeout: 2,
    });
    for (let i = 0; i < 200; i++) {
      clock.tick(1_900);
      heartbeat.alive(peer);
    }
    assertEquals(peer.died, NaN);
    assertGreater(peer.log.length, 150);
  });

  it("leaves no timer after delete()", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    assertEquals(clock.pending, 1);
    heartbeat.delete(peer);
    assertEquals(clock.pending, 0);
    clock.tick(100_000);
    assertEquals(peer.log, []);
  });

  it("leaves no timer after delete() while a Ping is unanswered", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    clock.tick(11_000);
    heartbeat.delete(peer);
    assertEquals(clock.pending, 0);
    clock.tick(100_000);
    assertEquals(peer.log, ["ping 10"]);
  });

  it("knows nothing of a peer after close(), in each of its states, and begins anew with it", () => {
    for (const seconds of [5, 12, 16.1]) {
      const { clock, heartbeat, peer } = setUp({ pingInterval: 10, pongTimeout: 6 });
      const roundTrips: number[] = [];
      peer.answered = (ms) => roundTrips.push(ms);
      if (seconds === 16.1) { // a process that was blocked gives a grace
        clock.tick(10_000);
        clock.block(6_101);
      } else clock.tick(seconds * 1000);
      heartbeat.close();
      assertEquals(clock.pending, 0);
      heartbeat.alive(peer);
      clock.tick(100_000);
      assertEquals(roundTrips, []);
      const before = peer.log.splice(0);
      assertEquals(before, seconds === 5 ? [] : ["ping 10"]);
      heartbeat.add(peer);
      clock.tick(10_000);
      assertEquals(peer.log.length, 1, "it is sent a Ping again");
      heartbeat.close();
    }
  });

  it("takes delete() and alive() of a peer it does not have", () => {
    const { clock, heartbeat, peer } = setUp();
    const stranger = new FakePeer(clock);
    heartbeat.alive(stranger);
    for (const none of [undefined, null, 5, "peer"]) {
      heartbeat.delete(none as never);
      heartbeat.alive(none as never);
    }
    heartbeat.delete(stranger);
    clock.tick(30_000);
    assertEquals(peer.log, ["ping 30"]);
    assertEquals(stranger.log, []);
  });

  it("takes delete() of a peer in its own ping() and dead()", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 1,
      pongTimeout: 1,
    });
    peer.onPing = () => heartbeat.delete(peer);
    clock.tick(10_000);
    assertEquals(peer.log, ["ping 1"]);
    assertEquals(clock.pending, 0);
  });

  it("takes a peer again that is added in its own dead()", () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 10, pongTimeout: 4 });
    const { dead } = peer;
    peer.dead = () => {
      dead.call(peer);
      heartbeat.add(peer);
    };
    clock.tick(30_000);
    assertEquals(peer.log, ["ping 10", "dead 14", "ping 24", "dead 28"]);
  });

  it("starts afresh with a peer added again", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    clock.tick(11_000);
    heartbeat.delete(peer);
    heartbeat.add(peer);
    clock.tick(9_999);
    assertEquals(peer.log, ["ping 10"]);
    clock.tick(20_000);
    assertEquals(peer.log, ["ping 10", "ping 21", "dead 25"]);
    heartbeat.add(peer);
    clock.tick(10_000);
    assertEquals(peer.log.length, 4);
  });

  it("judges each peer by itself", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    clock.tick(5_000);
    const other = new FakePeer(clock);
    other.onPing = () => heartbeat.alive(other);
    heartbeat.add(other);
    clock.tick(20_000);
    assertEquals(peer.log, ["ping 10", "dead 14"]);
    assertEquals(other.log, ["ping 10", "ping 20"]);
  });

  it("takes no peer's sign of life for another's", () => {
    const { clock, heartbeat, peer } = setUp({ pingInterval: 10, pongTimeout: 3 });
    clock.tick(5000);
    const other = new FakePeer(clock);
    heartbeat.add(other);
    other.answered = () => other.log.push("answered");
    clock.tick(5000); // asked: the first alone
    heartbeat.alive(other);
    clock.tick(5000);
    assertEquals([peer.died, other.log], [13, ["ping 10"]]);
  });

  it("keeps on with the others where one peer deletes another in ping()", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 1,
      pongTimeout: 1,
    });
    const [second, third] = [new FakePeer(clock), new FakePeer(clock)];
    heartbeat.add(second);
    heartbeat.add(third);
    peer.onPing = () => heartbeat.delete(second);
    clock.tick(1_000);
    assertEquals([peer.log, second.log, third.log], [["ping 1"], [], [
      "ping 1",
    ]]);
  });

  it("sends no second Ping before the verdict to a peer it would ping early with another", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 30,
      pongTimeout: 30,
    });
    clock.tick(29_950);
    const other = new FakePeer(clock);
    heartbeat.add(other);
    clock.tick(30_050);
    assertEquals([peer.log, other.log], [["ping 30", "dead 60"], ["ping 30"]]);
  });
});
