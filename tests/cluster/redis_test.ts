import { delay } from "@std/async";
import { redisBroker } from "../../redis.ts";
import { brokerContract, type Ground } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { HERE } from "../helpers/programs.ts";
import { type Opener, REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

/** A Redis behind a gate that the first node's connections go through. */
export async function redisGround(open: Opener): Promise<Ground> {
  const redis = await RedisServer.run();
  const gate = await TcpGate.listen(redis.port);
  let nodes = 0;
  return {
    broker() {
      const url = nodes++ === 0 ? `redis://127.0.0.1:${gate.port}` : redis.url;
      return redisBroker({ open: () => open(url) });
    },
    restart: () => redis.restart(),
    empty: () => redis.empty(),
    snapshot: () => redis.snapshot(),
    async trim(keep, meanwhile) {
      gate.state = "black hole";
      gate.reset();
      await meanwhile();
      await redis.say(`XTRIM netkit:log MAXLEN = ${keep}`);
      gate.state = "open";
      gate.reset();
    },
    async hang(ms) {
      redis.freeze();
      await delay(ms);
      redis.thaw();
    },
    async [Symbol.asyncDispose]() {
      await gate[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

for (const [name, open] of Object.entries(REDIS_CLIENTS)) {
  // Each client on one of the runtimes: those that run on both do the same there.
  if (HERE === "bun" && /node|valkey/.test(name)) continue;
  // ioredis and its twin look 2 s after a disconnect whether it is one.
  const options = /^io/.test(name) ? { lingers: 2100, hangs: 2200 } : {};
  brokerContract(`on Redis with ${name}`, () => redisGround(open), options);
}
