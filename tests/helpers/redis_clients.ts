/** The clients that a Redis is spoken to with, each as the documentation of `./redis` has it. */

import { createClient } from "@redis/client";
import { Redis } from "ioredis";
import Valkey from "iovalkey";
import type { RedisConnection } from "../../redis.ts";

/** Opens a connection to a URL. */
export type Opener = (url: string) => RedisConnection | Promise<RedisConnection>;

/** What the clients that queue are like. */
interface Queueing {
  on(event: "error", listener: () => void): unknown;
  call(command: string, args: string[]): Promise<unknown>;
  disconnect(): void;
}

function queueing(client: Queueing): RedisConnection {
  client.on("error", () => {});
  return {
    send: (command, args) => client.call(command, args),
    close: () => client.disconnect(),
  };
}

/** Bun's own client, where this is Bun. */
type OwnClient = new (url: string, options: { autoReconnect: boolean }) => RedisConnection;
const own = (globalThis as { Bun?: { RedisClient: OwnClient } }).Bun?.RedisClient;

/** The clients there are on this runtime, by name. */
export const REDIS_CLIENTS: Record<string, Opener> = {
  "node-redis": (url) => {
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
  },
  "ioredis": (url) => queueing(new Redis(url) as unknown as Queueing),
  "iovalkey": (url) => queueing(new (Valkey as unknown as new (url: string) => Queueing)(url)),
  ...(own === undefined
    ? {}
    : { "Bun's own": (url: string) => new own(url, { autoReconnect: false }) }),
};

/** The client that is nearest: Bun's own where there is one. */
export const CLIENT: Opener = REDIS_CLIENTS["Bun's own"] ?? REDIS_CLIENTS["node-redis"]!;
