import { brokerContract } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { HERE } from "../helpers/programs.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { redisGround } from "../helpers/redis_ground.ts";

for (const [name, open] of Object.entries(REDIS_CLIENTS)) {
  // Each client on one of the runtimes: those that run on both do the same there.
  if (HERE === "bun" && /node|valkey/.test(name)) continue;
  // ioredis and its twin look 2 s after a disconnect whether it is one.
  const options = /^io/.test(name) ? { lingers: 2100, hangs: 2200 } : {};
  brokerContract(
    `on Redis with ${name}`,
    () => redisGround(open, () => RedisServer.run()),
    options,
  );
}
