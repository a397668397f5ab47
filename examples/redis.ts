/** Opens a connection to Redis: Bun has a client of its own, on Deno it is npm's `@redis/client`. */

import type { RedisConnection } from "@netkit/websocket/redis";

/** Opens one, for `redisBroker`. */
export async function openRedis(url: string): Promise<RedisConnection> {
  const { Bun } = globalThis as { Bun?: { RedisClient: new (url: string) => RedisConnection } };
  if (Bun !== undefined) return new Bun.RedisClient(url);
  const { createClient } = await import("@redis/client");
  const client = createClient({
    url,
    socket: { reconnectStrategy: false },
    commandOptions: { timeout: 0 }, // the broker has its own
  });
  client.on("error", () => {});
  await client.connect();
  return {
    send: (command, args) => client.sendCommand([command, ...args]),
    close: () => client.destroy(),
  };
}
