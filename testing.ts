/**
 * Time, a network and a log for tests: a clock that stands still until it is told to go on, a network
 * in memory on which connections are cut and held at will, and a log in memory for several servers, which
 * is away, slow or forgetful at will. No port is opened, and what takes a minute in the world takes
 * microseconds.
 *
 * Clients and servers are the real ones: they get the network as `runtime`, the clock as `clock` and the
 * log as `broker`.
 *
 * @example A dead peer is noticed after 40 seconds that nobody waits for
 * ```ts
 * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
 * import { FakeClock, MemoryNetwork } from "@netkit/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new FakeClock();
 * const network = new MemoryNetwork({ clock });
 *
 * const server = createWebSocketServer({ clock, runtime: network.server });
 * await server.start({ serverPort: 8080, pingInterval: 30, pongTimeout: 10 });
 * const ws = createWebSocket({ clock, runtime: network.client });
 * const log: string[] = [];
 * server.on("connect", ({ clientIP }) => log.push(`connect ${clientIP}`));
 * server.on("close", (_, { code, reason }) => log.push(`close ${code} ${reason}`));
 *
 * await ws.connect("ws://localhost:8080/");
 * await clock.advance(1000);
 * network.links[0]!.hold(); // like a pulled plug: nothing gets through, and nobody says so
 * await clock.advance(40_000);
 * assertEquals(log, ["connect 127.0.0.1", "close 1006 The link is down"]);
 *
 * assertEquals(await clock.until(server.stop()), true);
 * await clock.advance(60_000); // the client notices, too
 * assertEquals([ws.state, clock.pending], ["idle", 0]);
 * ```
 *
 * @module
 */

export { type FaultyBrokerOptions, MemoryBroker } from "./cluster/brokers/memory.ts";
export type { MemoryBrokerOptions } from "./cluster/brokers/memory.ts";
export type { MemoryBrokerLink, MemoryTraffic } from "./cluster/brokers/memory_link.ts";
export type { MemoryFault } from "./cluster/brokers/memory_log.ts";
export type { Broker, BrokerReader, LostReason, Position } from "./cluster/broker.ts";
export { FakeClock } from "./testing/fake_clock.ts";
export type { Direction, MemoryLink } from "./testing/link.ts";
export type { MemoryHandler, MemoryHost, MemoryInfo } from "./testing/memory_host.ts";
export { MemoryNetwork, type MemoryNetworkOptions } from "./testing/memory_network.ts";
export type { Clock } from "./heartbeat.ts";
export type * from "./runtime/contract.ts";
export type { ProxyConfiguration } from "./client/types.ts";
export type { WebSocketData } from "./client/types.ts";
export type { Identity } from "./runtime/pem.ts";
