/**
 * OpenTelemetry: an observer that turns what happens into metrics and spans.
 *
 * This package depends on nothing, not even on OpenTelemetry. A meter and a tracer are objects with the
 * few methods of {@linkcode OtelMeter} and {@linkcode OtelTracer}. Those of the package
 * `@opentelemetry/api` have them, with any SDK behind them, or with the one that Deno has built in:
 *
 * ```ts ignore
 * import * as api from "@opentelemetry/api";
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { otelObserver } from "@netkit/websocket/otel";
 *
 * const server = createWebSocketServer({ observer: otelObserver({ api }) });
 * ```
 *
 * Names and attributes are those of OpenTelemetry's semantic conventions where there are any. For
 * WebSockets there are none yet; what is named here is named as those for HTTP are. With `client` in
 * place of `server` where a client is observed, the metrics are:
 *
 * | metric | instrument | unit | attributes |
 * | --- | --- | --- | --- |
 * | `websocket.server.active_connections` | up-down counter | `{connection}` | |
 * | `websocket.server.connection.duration` | histogram | `s` | `websocket.close.code`; `error.type` where it was dropped |
 * | `websocket.server.handshake.duration` | histogram | `s` | `http.response.status_code`, `error.type`; a client's `server.address`, `server.port`, `url.scheme` |
 * | `websocket.server.messages` | counter | `{message}` | `network.io.direction` |
 * | `websocket.server.io` | counter | `By` | `network.io.direction` |
 * | `websocket.server.ping.duration` | histogram | `s` | |
 * | `websocket.server.dropped_connections` | counter | `{connection}` | `error.type` |
 * | `websocket.server.unsent` | counter | `By` | |
 *
 * A server has these besides, of which the gauges are those of all servers with this observer:
 *
 * | metric | instrument | unit | attributes |
 * | --- | --- | --- | --- |
 * | `websocket.server.active_handshakes` | up-down counter | `{handshake}` | |
 * | `websocket.server.refused_handshakes` | counter | `{handshake}` | `http.response.status_code`, `error.type` |
 * | `websocket.server.send_buffer.usage` | gauge | `By` | |
 * | `websocket.server.send_buffer.fullest` | gauge | `By` | |
 * | `websocket.server.send_buffer.limit` | gauge | `By` | |
 * | `websocket.server.paused_connections` | gauge | `{connection}` | |
 * | `websocket.server.unacknowledged` | gauge | `{message}` | |
 * | `websocket.server.timer.delay` | histogram | `s` | |
 * | `websocket.server.broker.entries` | counter | `{entry}` | |
 * | `websocket.server.broker.lag` | histogram | `s` | |
 * | `websocket.server.broker.failures` | counter | `{failure}` | `error.type` |
 *
 * A client has `websocket.client.reconnects`, a counter of `{attempt}`.
 *
 * Each handshake is a span, `websocket handshake`, of the kind SERVER or CLIENT; a client sends its own as
 * `traceparent`. So is each message that comes in, `websocket message`, CONSUMER, where there are contexts.
 * A connection is one only where `connectionSpans` is set; what happens to it is told by events, where
 * there is a `logger`.
 * All of them have `network.protocol.name`, which is `websocket`.
 *
 * @example With a meter of one's own
 * ```ts
 * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
 * import { otelObserver } from "@netkit/websocket/otel";
 * import { assertEquals } from "@std/assert";
 *
 * const totals: Record<string, number> = {};
 * const add = (name: string) => ({
 *   add(value: number) {
 *     totals[name] = (totals[name] ?? 0) + value;
 *   },
 * });
 * const meter = {
 *   createCounter: add,
 *   createUpDownCounter: add,
 *   createHistogram: () => ({ record() {} }),
 * };
 *
 * const server = createWebSocketServer({ observer: otelObserver({ meter }) });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 * server.on("messageReceive", ({ clientConnection }) => {
 *   server.close(clientConnection);
 * });
 * const ws = createWebSocket();
 * await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
 * await ws.send("Hello");
 * await ws.closed;
 * await server.stop();
 *
 * assertEquals(totals, {
 *   "websocket.server.active_handshakes": 0,
 *   "websocket.server.active_connections": 0,
 *   "websocket.server.messages": 1,
 *   "websocket.server.io": 5,
 * });
 * ```
 *
 * @module
 */

export type { Clock } from "./heartbeat.ts";
export type {
  AttemptFailure,
  ClientHandshake,
  DropReason,
  ServerGauges,
  ServerHandshake,
  WebSocketObserver,
} from "./client/types.ts";
export type { RefusalReason } from "./errors.ts";
export { otelObserver } from "./otel/observer.ts";
export type * from "./otel/types.ts";
