import { assertEquals, assertGreater, assertLess, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Heartbeat } from "../../heartbeat.ts";
import { FakeClock } from "../../testing.ts";
import { FakePeer, setUp } from "./fake_peer.ts";

describe("Heartbeat with 10,000 peers", () => {
  const COUNT = 10_000;

  function crowd(spreadMs: number) {
    const clock = new FakeClock();
    const heartbeat = new Heartbeat(
      { pingInterval: 30, pongTimeout: 10 },
      clock,
    );
    const peers = Array.from({ length: COUNT }, () => {
      const peer = new FakePeer(clock);
      peer.onPing = () => heartbeat.alive(peer);
      heartbeat.add(peer);
      clock.tick(spreadMs / COUNT);
      return peer;
    });
    return { clock, heartbeat, peers };
  }

  it("has at most three timers, whatever it waits for", () => {
    const { clock, peers } = crowd(0);
    assertEquals(clock.pending, 1);
    for (const peer of peers) peer.onPing = () => {};
    for (let s = 0; s < 45; s++) {
      clock.tick(1_000);
      assertLessOrEqual(clock.pending, 3);
    }
    for (const { died, log } of peers) {
      const [ping = "", ...more] = log;
      const pinged = Number(ping.slice(5));
      assertGreater(pinged, 29.999);
      assertLess(pinged, 30.2); // 64 at a time, a millisecond between
      assertEquals([more.length, Math.round((died - pinged) * 1000)], [
        1,
        10_000,
      ]);
    }
    assertEquals(clock.pending, 0);
  });

  it("wakes up a bounded number of times an interval where they came spread over it", () => {
    const { clock, peers } = crowd(30_000);
    const before = clock.fired;
    clock.tick(30_000);
    // Peers due within 100 ms are pinged together: 300 times in 30 s, not 10,000.
    assertLessOrEqual(clock.fired - before, 330);
    const pings = peers.reduce((sum, { log }) => sum + log.length, 0);
    assertGreater(pings, COUNT - 100);
    assertLess(pings, COUNT * 2);
  });

  it("pings no peer earlier than 100 ms before its time, nor later than its time", () => {
    const { clock, peers } = crowd(30_000);
    clock.tick(30_000);
    for (const { log } of peers) {
      const at = Number(log[0]!.slice(5));
      assertGreater(at, 29.899);
      assertLessOrEqual(at, 30.001);
    }
  });

  it("leaves no timer when all have gone", () => {
    const { clock, heartbeat, peers } = crowd(30_000);
    clock.tick(15_000);
    for (const peer of peers) heartbeat.delete(peer);
    assertEquals(clock.pending, 0);
  });
});

describe("Heartbeat in a process that was blocked", () => {
  it("gives grace to a peer whose Pong lies unread in its socket", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    clock.tick(10_000);
    clock.block(5_000); // over the verdict's moment
    assertEquals(peer.log, ["ping 10"]);
    clock.tick(100);
    heartbeat.alive(peer); // what lay in the socket is read
    clock.tick(5_000);
    assertEquals(peer.log, ["ping 10", "ping 20"]);
  });

  it("pronounces a peer dead that has nothing to say then, within a second", () => {
    for (const late of [101, 300, 700]) {
      const { clock, peer } = setUp({ pingInterval: 10, pongTimeout: 4 });
      clock.tick(13_500);
      clock.block(500 + late);
      assertEquals(peer.log, ["ping 10"]);
      clock.tick(1_000);
      assertEquals(peer.log.length, 2);
      assertLessOrEqual(peer.died, 15);
    }
  });

  it("gives no grace where a timer is as late as timers are", () => {
    const { clock, peer } = setUp({ pingInterval: 10, pongTimeout: 4 });
    clock.tick(13_950);
    clock.block(100);
    assertEquals(peer.log, ["ping 10", "dead 14.05"]);
  });

  it("pings once, not once for each interval slept through", () => {
    const { clock, heartbeat, peer } = setUp({
      pingInterval: 10,
      pongTimeout: 4,
    });
    peer.onPing = () => heartbeat.alive(peer);
    clock.block(100_000);
    assertEquals(peer.log, ["ping 100"]);
    clock.tick(10_000);
    assertEquals(peer.log, ["ping 100", "ping 110"]);
  });

  it("waits a whole time-out after a late Ping", () => {
    const { clock, peer } = setUp({ pingInterval: 10, pongTimeout: 4 });
    clock.block(60_000);
    assertEquals(peer.log, ["ping 60"]);
    clock.tick(3_999);
    assertEquals(peer.log, ["ping 60"]);
    clock.tick(1);
    assertEquals(peer.log, ["ping 60", "dead 64"]);
  });
});
