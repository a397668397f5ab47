/** The clients that a Redis is spoken to with, each as the documentation of `./redis` has it. */

import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import { Valkey } from "iovalkey";
import { connectionOf } from "../../cluster/brokers/redis_clients.ts";
import type { RedisClient, RedisConnection } from "../../redis.ts";

/** Makes a client for a URL. */
export type Opener = (url: string) => RedisClient;

/** Bun's own client, where this is Bun. */
type OwnClient = new (url: string, options: { autoReconnect: boolean }) => RedisConnection;
const own = (globalThis as { Bun?: { RedisClient: OwnClient } }).Bun?.RedisClient;

/** The clients there are on this runtime, by name. */
export const REDIS_CLIENTS: Record<string, Opener> = {
  "node-redis": (url) => createClient({ url }),
  "ioredis": (url) => new Redis(url),
  "iovalkey": (url) => new Valkey(url),
  ...(own === undefined
    ? {}
    : { "Bun's own": (url: string) => new own(url, { autoReconnect: false }) }),
};

/** The client that is nearest: Bun's own where there is one. */
export const CLIENT: Opener = REDIS_CLIENTS["Bun's own"] ?? REDIS_CLIENTS["node-redis"]!;

/** A connection by it, or by another. */
export function connectTo(url: string, open: Opener = CLIENT): RedisConnection {
  return connectionOf(open(url));
}
