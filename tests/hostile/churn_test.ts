/**
 * Connections that come and go: what the server takes for them it gives back, and who stays is served
 * meanwhile. 10 rounds of 1,000; memory has settled after the fourth.
 */

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { round } from "./churn.ts";
import { Siege, type Stats } from "./siege.ts";

const ROUNDS = 10;
const SIZE = 1000;
const SETTLED = 4;

const MIB = 1024 * 1024;

describe(`a server with ${ROUNDS} rounds of ${SIZE} connections that come and go`, () => {
  it("takes no more memory after the fourth, keeps none, and tells each end once", async () => {
    await using siege = await Siege.start();
    const rounds: Stats[] = [];
    for (let n = 1; n <= ROUNDS; n++) {
      const stats = await round(siege, SIZE);
      assertEquals([stats.open, stats.connects, stats.closes], [1, 1 + n * SIZE, n * SIZE]);
      rounds.push(stats);
    }
    const [settled, last] = [rounds[SETTLED - 1]!, rounds.at(-1)!];
    const figures = rounds.map(({ rss, heapUsed }) => `${rss} ${heapUsed}`).join(", ");
    // 70 bytes for each connection: an object left behind by each would be a multiple of this.
    assertLess(last.heapUsed - settled.heapUsed, 70 * SIZE * (ROUNDS - SETTLED), figures);
    assertLess(last.rss - settled.rss, 10 * MIB, figures);
    const { server, client } = await siege.end();
    // A third left with a Close frame, the others did not.
    const closed = Math.ceil(SIZE / 3) * ROUNDS;
    assertEquals(server.codes, { 1000: closed, 1001: 1, 1006: ROUNDS * SIZE - closed });
    assertEquals(server.errors, ROUNDS * SIZE - closed);
    assertEquals(client.count, server.messages);
  });
});
