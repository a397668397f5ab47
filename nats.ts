/**
 * Several servers as one over NATS: a log in a stream of JetStream.
 *
 * No client is imported. The connection is one of `@nats-io/nats-core`, such as `@nats-io/transport-node`
 * opens on both runtimes:
 *
 * ```ts ignore
 * import { connect } from "@nats-io/transport-node";
 * import { natsBroker } from "@netkit/websocket/nats";
 *
 * const connection = await connect({
 *   servers: "nats.example.com",
 *   maxReconnectAttempts: -1, // it gives up after 10 otherwise
 *   pingInterval: 5000, // a link that is silently dead is noticed after two
 *   timeout: 5000, // and each attempt behind it is given up after 20 s otherwise
 * });
 * const broker = natsBroker({ connection });
 * ```
 *
 * Whoever can publish to the stream's subject can speak to every client. Give it a user of its own.
 *
 * @example With a connection that is no more than it has to be
 * ```ts
 * import { natsBroker } from "@netkit/websocket/nats";
 * import { assertEquals } from "@std/assert";
 *
 * const subjects: string[] = [];
 * const broker = natsBroker({
 *   connection: {
 *     request(subject) {
 *       subjects.push(subject);
 *       const state = { first_seq: 0, last_seq: 0, messages: 0 };
 *       const reply = { created: "2026-11-26T01:00:00Z", state, stream: "NETKIT", seq: 1 };
 *       return Promise.resolve({ data: new TextEncoder().encode(JSON.stringify(reply)) });
 *     },
 *     publish() {},
 *     subscribe: () => ({ unsubscribe() {} }),
 *   },
 * });
 * await broker.append("Hello");
 * assertEquals(subjects, ["$JS.API.STREAM.INFO.NETKIT", "NETKIT.log"]);
 * await broker.close();
 * ```
 *
 * @module
 */

export {
  natsBroker,
  type NatsBrokerOptions,
  type NatsConnection,
  type NatsMessage,
} from "./cluster/brokers/nats.ts";
export type { Broker, BrokerReader, LostReason, Position } from "./cluster/broker.ts";
