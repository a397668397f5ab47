/**
 * Several servers as one: the log that they share, and one in memory for the servers of one process.
 * The logs of engines that people run already are in `./redis` and `./nats`.
 *
 * All servers append to the log and all of them read it, in one order. So each message has a place,
 * and what is missing is found by counting.
 *
 * @example Two readers see the same
 * ```ts
 * import { type BrokerReader, memoryBroker } from "@netkit/websocket/cluster";
 * import { assertEquals } from "@std/assert";
 *
 * const broker = memoryBroker();
 * const ending = new AbortController();
 * const log: string[] = [];
 * const reader = (name: string): BrokerReader => ({
 *   entry: ({ offset }, entry) => log.push(`${name} ${offset} ${entry}`),
 *   ready: () => log.push(`${name} is ready`),
 *   lost: (why) => log.push(`${name} lost: ${why}`),
 *   state: () => {},
 * });
 *
 * await broker.append("Hello");
 * const reading = [reader("a"), reader("b")].map((one) => broker.read(one, ending.signal));
 * await new Promise((resolve) => setTimeout(resolve, 0));
 * ending.abort();
 * await Promise.all(reading);
 * assertEquals(log, ["a 1 Hello", "a is ready", "b 1 Hello", "b is ready"]);
 * ```
 *
 * @module
 */

export { memoryBroker, type MemoryBrokerOptions } from "./cluster/brokers/memory.ts";
export type { Broker, BrokerReader, LostReason, Position } from "./cluster/broker.ts";
