/** Opens connections to Redis: Bun has a client of its own, on Deno it is npm's `@redis/client`. */

import type { RedisConnection } from "@netkit/websocket/redis";

/** Loads the client, which takes Deno a while, and returns what opens a connection, for `redisBroker`. */
export async function redisAt(url: string): Promise<() => RedisConnection> {
  type OwnClient = new (url: string, options: { autoReconnect: boolean }) => RedisConnection;
  const { Bun } = globalThis as { Bun?: { RedisClient: OwnClient } };
  // The broker opens another one itself: this one is to say at once that there is no Redis.
  if (Bun !== undefined) {
    return () => new Bun.RedisClient(url, { autoReconnect: false });
  }
  const { createClient } = await import("@redis/client");
  return () => {
    const client = createClient({
      url,
      socket: { reconnectStrategy: false },
      commandOptions: { timeout: 0 }, // the broker has its own
    });
    let isClosed = false;
    client.on("error", () => {});
    client.on("connect", () => isClosed && client.destroy()); // which ends no socket that is being dialled
    const connected = client.connect();
    connected.catch(() => {}); // `send` tells
    return {
      send: (command, args) => connected.then(() => client.sendCommand([command, ...args])),
      close() {
        isClosed = true;
        client.destroy();
      },
    };
  };
}
