/** Which peers are pinged together, to wake up less often. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakePeer, setUp } from "./fake_peer.ts";

describe("a peer that is due a little later than another", () => {
  for (const [pingInterval, within, after] of [[1, 10, 11], [5, 50, 51], [60, 100, 101]] as const) {
    it(`is pinged with it within ${within} ms, where the interval is ${pingInterval} s`, async () => {
      const { clock, heartbeat, peer } = setUp({ pingInterval });
      await clock.advance(within);
      const [near, far] = [new FakePeer(clock), new FakePeer(clock)];
      heartbeat.add(near);
      await clock.advance(after - within);
      heartbeat.add(far);
      await clock.advance(pingInterval * 1000 - after);
      assertEquals([peer, near, far].map(({ log }) => log.length), [1, 1, 0]);
      await clock.advance(after - 1);
      assertEquals(far.log.length, 0);
      await clock.advance(1);
      assertEquals(far.log.length, 1);
      heartbeat.close();
    });
  }
});
