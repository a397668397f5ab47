import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { clusterRun, type ClusterSize } from "../helpers/cluster_run.ts";
import { RedisServer } from "../helpers/engines.ts";
import { HERE } from "../helpers/programs.ts";
import { assertInTime, shortOfCores } from "../helpers/stopwatch.ts";

/** `npm run cluster:kill` does the same with 500 clients. */
const SIZE: ClusterSize = {
  clients: 60,
  memberships: 170,
  topics: 12,
  rate: 200,
  lease: 2,
  killed: HERE === "bun" ? 1 : 2,
  killNodeAt: 1000,
  killEngineAt: 2500,
  backAfter: 500,
  endAt: 4500,
};

describe("three nodes on both runtimes, of which one is killed, and then Redis", () => {
  it("have clients who miss nothing where they stay, and come back where they do not", async () => {
    await using redis = await RedisServer.run("--appendfsync", "always");
    const before = shortOfCores();
    const report = await clusterRun(SIZE, redis);
    const { whole, twice, movedClients, deadForMs, messages } = report;
    assertEquals([whole, twice, movedClients], [SIZE.memberships, 0, SIZE.clients / 3]);
    assert(messages > 500, `${messages}`);
    // The lease of the killed node's members, a second, and the time in which Redis was away.
    assertInTime(deadForMs, SIZE.lease * 1000 + 1000 + 2500, shortOfCores() - before, "the lease");
  });
});
