/** Makes clients of Redis: Bun has one of its own, on Deno it is npm's `@redis/client`. */

import type { RedisClient } from "@netkit/websocket/redis";

/** Loads the client, which takes Deno a while, and returns what makes one, for `redisBroker`. */
export async function redisAt(url: string): Promise<() => RedisClient> {
  type OwnClient = new (url: string, options: { autoReconnect: boolean }) => RedisClient;
  const { Bun } = globalThis as { Bun?: { RedisClient: OwnClient } };
  // The broker opens another one itself: this one is to say at once that there is no Redis.
  if (Bun !== undefined) return () => new Bun.RedisClient(url, { autoReconnect: false });
  const { createClient } = await import("@redis/client");
  return () => createClient({ url });
}
