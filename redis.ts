/**
 * Several servers as one over Redis or Valkey: a log in one of their streams.
 *
 * No client is imported. `open` opens a connection with whichever there is; it is called for two of
 * them, as one waits for entries, and again when one fails or hangs:
 *
 * ```ts ignore
 * import { redisBroker } from "@netkit/websocket/redis";
 *
 * // Bun's own
 * redisBroker({ open: () => new Bun.RedisClient(url, { autoReconnect: false }) });
 *
 * // npm's redis, or @redis/client
 * redisBroker({
 *   open: () => {
 *     const client = createClient({
 *       url,
 *       socket: { reconnectStrategy: false },
 *       commandOptions: { timeout: 0 }, // the broker has its own
 *     });
 *     let isClosed = false;
 *     client.on("error", () => {});
 *     client.on("connect", () => isClosed && client.destroy()); // which ends no socket that is being dialled
 *     const connected = client.connect();
 *     connected.catch(() => {}); // `send` tells
 *     return {
 *       send: (command, args) => connected.then(() => client.sendCommand([command, ...args])),
 *       close() {
 *         isClosed = true;
 *         client.destroy();
 *       },
 *     };
 *   },
 * });
 *
 * // npm's ioredis, or iovalkey
 * redisBroker({
 *   open: () => {
 *     const client = new Redis(url);
 *     client.on("error", () => {});
 *     return {
 *       send: (command, args) => client.call(command, args),
 *       close: () => client.disconnect(),
 *     };
 *   },
 * });
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
  redisBroker,
  type RedisBrokerOptions,
  type RedisConnection,
} from "./cluster/brokers/redis.ts";
export type { Broker, BrokerReader, LostReason, Position } from "./cluster/broker.ts";
