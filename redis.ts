/**
 * Several servers as one over Redis or Valkey: a log in one of their streams.
 *
 * No client is imported. `open` makes one of whichever there is; it is called for two connections, as one
 * waits for entries, and again when one fails or hangs:
 *
 * ```ts ignore
 * import { redisBroker } from "@netkit/websocket/redis";
 *
 * redisBroker({ open: () => createClient({ url }) }); // npm's redis, or @redis/client
 * redisBroker({ open: () => new Redis(url) }); // npm's ioredis
 * redisBroker({ open: () => new Valkey(url) }); // npm's iovalkey
 * redisBroker({ open: () => new Bun.RedisClient(url, { autoReconnect: false }) }); // Bun's own
 * ```
 *
 * Whoever can append to the stream can speak to every client. Give it a user of its own, who needs no
 * more than `~netkit:* +xadd +xread +xrange +xrevrange +ping`, and TLS.
 *
 * @example With a connection that is no more than it has to be
 * ```ts
 * import { redisBroker } from "@netkit/websocket/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const commands: string[] = [];
 * const broker = redisBroker({
 *   open: () => ({
 *     send(command, args) {
 *       commands.push([command, ...args.slice(0, 1)].join(" "));
 *       const rows = [["1795000000000-0", ["epoch", "gone"]]];
 *       return Promise.resolve(command === "XADD" ? "1795000000000-1" : rows);
 *     },
 *     close() {},
 *   }),
 * });
 * await broker.append("Hello");
 * assertEquals(commands, ["XREVRANGE netkit:log", "XADD netkit:log"]);
 * await broker.close();
 * ```
 *
 * @module
 */

export {
  type IoRedisClient,
  type NodeRedisClient,
  type NodeRedisSentinel,
  redisBroker,
  type RedisBrokerOptions,
  type RedisClient,
  type RedisConnection,
} from "./cluster/brokers/redis.ts";
export type { Broker, BrokerReader, LostReason, Position } from "./cluster/broker.ts";
