/** A log in Redis or in Valkey, as the contract of a broker wants it. */

import { delay } from "@std/async";
import { redisBroker } from "../../redis.ts";
import type { Ground } from "./broker_contract.ts";
import type { RedisServer } from "./engines.ts";
import type { Opener } from "./redis_clients.ts";
import { TcpGate } from "./tcp_gate.ts";

/** An engine of its own, behind a gate that the first node's connections go through. */
export async function redisGround(
  open: Opener,
  start: () => Promise<RedisServer>,
): Promise<Ground> {
  const redis = await start();
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
