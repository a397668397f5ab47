/** A log in a server in memory, and who reads it. */

import { assertEquals } from "@std/assert";
import type { Broker } from "../../cluster.ts";
import { natsBroker, type NatsBrokerOptions } from "../../nats.ts";
import { redisBroker, type RedisBrokerOptions } from "../../redis.ts";
import { LogReader } from "./log_reader.ts";
import { ScriptedNats } from "./scripted_nats.ts";
import { ScriptedRedis } from "./scripted_redis.ts";

/** Reads a log from its start; `end` ends that, and closes the broker. */
async function read<T extends object>(server: T, broker: Broker) {
  const reader = await new LogReader(broker).whenReady();
  const end = async () => {
    await reader.end();
    await broker.close();
  };
  return { ...server, broker, reader, end };
}

/** A log in Redis. `change` is made to the server before anything is asked of it. */
export async function redisLog(
  change: Partial<Pick<ScriptedRedis, "rows" | "form">> = {},
  options: Partial<RedisBrokerOptions> = {},
) {
  const redis = Object.assign(new ScriptedRedis(), change);
  const log = await read({ redis }, redisBroker({ open: redis.open, ...options }));
  const end = async () => {
    await log.end();
    assertEquals(redis.connections, 0);
  };
  return { ...log, end };
}

/** A log in JetStream. `change` is made to the server before anything is asked of it. */
export function natsLog(
  change: Partial<Pick<ScriptedNats, "answers" | "entries" | "more">> = {},
  options: Partial<NatsBrokerOptions> = {},
) {
  const nats = Object.assign(new ScriptedNats(), change);
  return read({ nats }, natsBroker({ connection: nats.connection, ...options }));
}
