/**
 * A cluster with 500 clients, of which a node is killed and then the engine: `cluster_kill.ts
 * [redis | nats] [RUNS] [resume]`. Ends with 1 where a client missed something or was told something
 * twice; those that resume must not miss anything over the breaks either.
 * Redis syncs always: with `everysec` it may lose what it has answered, where the machine is busy.
 */

import process from "node:process";
import { clusterRun, type ClusterSize } from "../helpers/cluster_run.ts";
import { NatsServer, RedisServer } from "../helpers/engines.ts";

const [engine = "redis", runs = "1", how] = process.argv.slice(2);
const size: Omit<ClusterSize, "killed"> = {
  clients: 500,
  memberships: 1480,
  topics: 50,
  rate: 300,
  lease: 3,
  killNodeAt: 3000,
  killEngineAt: 8000,
  backAfter: 1000,
  endAt: 12_000,
  resume: how === "resume",
};

for (let run = 0; run < Number(runs); run++) {
  await using server = engine === "nats"
    ? await NatsServer.run()
    : await RedisServer.run("--appendfsync", "always");
  const killed = run % 3;
  const report = await clusterRun({ ...size, killed }, server);
  const { whole, twice } = report;
  console.log(
    `${engine}, node ${killed} killed${
      how ? `, ${how}` : ""
    }: ${whole} of ${size.memberships} sequences are the log's, ` +
      `${twice} messages twice`,
  );
  console.log(JSON.stringify(report));
  if (whole !== size.memberships || twice > 0) process.exitCode = 1;
}
