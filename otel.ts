/**
 * OpenTelemetry: an observer that turns what happens into metrics and spans.
 *
 * This package depends on nothing, not even on OpenTelemetry. A meter and a tracer are objects with the
 * few methods of {@linkcode OtelMeter} and {@linkcode OtelTracer}. Those of the package
 * `@opentelemetry/api` have them, with any SDK behind them, or with the one that Deno has built in:
 *
 * ```ts ignore
 * import { metrics, trace } from "@opentelemetry/api";
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { otelObserver } from "@netkit/websocket/otel";
 *
 * const observer = otelObserver({
 *   meter: metrics.getMeter("my-service"),
 *   tracer: trace.getTracer("my-service"),
 * });
 * const server = createWebSocketServer({ observer });
 * ```
 *
 * Names and attributes are those of OpenTelemetry's semantic conventions where there are any. For
 * WebSockets there are none yet; what is named here is named as those for HTTP are. With `client` in
 * place of `server` where a client is observed, the metrics are:
 *
 * | metric | instrument | unit | attributes |
 * | --- | --- | --- | --- |
 * | `websocket.server.active_connections` | up-down counter | `{connection}` | |
 * | `websocket.server.connection.duration` | histogram | `s` | `error.type` where it was dropped |
 * | `websocket.server.messages` | counter | `{message}` | `network.io.direction` |
 * | `websocket.server.io` | counter | `By` | `network.io.direction` |
 * | `websocket.server.ping.duration` | histogram | `s` | |
 * | `websocket.server.dropped_connections` | counter | `{connection}` | `error.type` |
 * | `websocket.server.refused_handshakes` | counter | `{handshake}` | `http.response.status_code` |
 *
 * Each connection is a span, `websocket connection`, of the kind SERVER or CLIENT. All of them have
 * `network.protocol.name`, which is `websocket`.
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
 *   "websocket.server.active_connections": 0,
 *   "websocket.server.messages": 1,
 *   "websocket.server.io": 5,
 * });
 * ```
 *
 * @module
 */

import type { DropReason, WebSocketData, WebSocketObserver } from "./client/types.ts";
import { type Clock, systemClock } from "./heartbeat.ts";
import { byteLength } from "./internal/payload.ts";
import type { ConnectionAddress } from "./server/types.ts";

export type { Clock } from "./heartbeat.ts";
export type { DropReason, WebSocketObserver } from "./client/types.ts";

/** Attributes of a measurement or a span. */
export type OtelAttributes = { [name: string]: string | number | boolean };

/** What an instrument is made with. */
export interface OtelInstrumentOptions {
  /** What it measures, for people. */
  description: string;
  /** In which unit, as UCUM has it. */
  unit: string;
  /** Which bounds a histogram's buckets should have. */
  advice?: { explicitBucketBoundaries: number[] };
}

/** A counter that goes up, or one that goes up and down. */
export interface OtelCounter {
  /** Adds a value. */
  add(value: number, attributes?: OtelAttributes): void;
}

/** A histogram. */
export interface OtelHistogram {
  /** Records a value. */
  record(value: number, attributes?: OtelAttributes): void;
}

/** What is needed of a meter: that of `@opentelemetry/api` is one. */
export interface OtelMeter {
  /** Makes what counts up. */
  createCounter(name: string, options: OtelInstrumentOptions): OtelCounter;
  /** Makes what counts up and down. */
  createUpDownCounter(name: string, options: OtelInstrumentOptions): OtelCounter;
  /** Makes a histogram. */
  createHistogram(name: string, options: OtelInstrumentOptions): OtelHistogram;
}

/** What is needed of a span. */
export interface OtelSpan {
  /** Adds attributes. */
  setAttributes(attributes: OtelAttributes): unknown;
  /** Says how it went; 2 is ERROR. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Ends it, now. */
  end(): void;
}

/** What is needed of a tracer: that of `@opentelemetry/api` is one. */
export interface OtelTracer {
  /** Starts a span, now; the kind 1 is SERVER and 2 is CLIENT. */
  startSpan(name: string, options: { kind: number; attributes: OtelAttributes }): OtelSpan;
}

/** What {@linkcode otelObserver} takes. */
export interface OtelOptions {
  /** Where the metrics go. */
  meter: OtelMeter;
  /** Where the spans go. No spans where it is left out. */
  tracer?: OtelTracer;
  /** What each measurement and each span has besides, such as the name of a route. */
  attributes?: OtelAttributes;
  /** Where time comes from; that of the client or server in tests. The system's where left out. */
  clock?: Clock;
}

/** The kinds and the status of OpenTelemetry's API that are needed here. */
const SERVER = 1;
const CLIENT = 2;
const ERROR = 2;

/** Bounds for what takes as long as a request, in s: those of the conventions for HTTP. */
const SHORT = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** Bounds for how long connections last, in s. */
const LONG = [0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 86_400];

/** The instruments of one side. */
interface Instruments {
  active: OtelCounter;
  duration: OtelHistogram;
  messages: OtelCounter;
  io: OtelCounter;
  ping: OtelHistogram;
  dropped: OtelCounter;
}

/** A connection that is open. */
interface Open {
  since: number;
  span: OtelSpan | undefined;
  /** Why it was dropped, if it was. */
  error: OtelAttributes | undefined;
}

/** Measures the connections of one side. */
class Side {
  readonly #options: OtelOptions;
  readonly #clock: Clock;
  readonly #kind: number;
  readonly #instruments: Instruments;
  readonly #attributes: OtelAttributes;
  readonly #received: OtelAttributes;
  readonly #sent: OtelAttributes;
  readonly #open = new WeakMap<object, Open>();

  constructor(name: "server" | "client", options: OtelOptions, attributes: OtelAttributes) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#kind = name === "server" ? SERVER : CLIENT;
    this.#instruments = instruments(`websocket.${name}`, options.meter);
    this.#attributes = attributes;
    this.#received = { ...attributes, "network.io.direction": "receive" };
    this.#sent = { ...attributes, "network.io.direction": "transmit" };
  }

  opened(who: object): void {
    const attributes = { ...this.#attributes, ...addressOf(who) };
    const { tracer } = this.#options;
    const span = tracer?.startSpan("websocket connection", { kind: this.#kind, attributes });
    this.#open.set(who, { since: this.#clock.now(), span, error: undefined });
    this.#instruments.active.add(1, this.#attributes);
  }

  dropped(who: object, why: DropReason): void {
    const error = { "error.type": why.replace(" ", "_") };
    const open = this.#open.get(who);
    if (open !== undefined) open.error = error;
    open?.span?.setStatus({ code: ERROR, message: why });
    this.#instruments.dropped.add(1, { ...this.#attributes, ...error });
  }

  closed(who: object, { code, reason }: { code: number; reason: string }): void {
    const open = this.#open.get(who);
    if (open === undefined) return;
    this.#open.delete(who);
    const { since, span, error } = open;
    this.#instruments.active.add(-1, this.#attributes);
    const seconds = (this.#clock.now() - since) / 1000;
    this.#instruments.duration.record(seconds, { ...this.#attributes, ...error });
    if (span === undefined) return;
    span.setAttributes({
      "websocket.close.code": code,
      "websocket.close.reason": reason,
      ...error,
    });
    span.end();
  }

  received(data: WebSocketData): void {
    this.#instruments.messages.add(1, this.#received);
    this.#instruments.io.add(byteLength(data), this.#received);
  }

  sent(data: WebSocketData): void {
    this.#instruments.messages.add(1, this.#sent);
    this.#instruments.io.add(byteLength(data), this.#sent);
  }

  ponged(ms: number): void {
    this.#instruments.ping.record(ms / 1000, this.#attributes);
  }
}

/**
 * Makes an observer for the option `observer` of servers and clients, of as many as one likes.
 *
 * @param options See {@linkcode OtelOptions}.
 * @returns The observer.
 *
 * @example Spans of one's own
 * ```ts
 * import { createWebSocketServer } from "@netkit/websocket";
 * import { otelObserver } from "@netkit/websocket/otel";
 *
 * const nothing = { add() {}, record() {} };
 * const meter = {
 *   createCounter: () => nothing,
 *   createUpDownCounter: () => nothing,
 *   createHistogram: () => nothing,
 * };
 * const tracer = {
 *   startSpan: (name: string, options: { attributes: object }) => ({
 *     setAttributes: (attributes: object) => console.log(name, options.attributes, attributes),
 *     setStatus: (status: { code: number }) => console.log(name, status),
 *     end() {},
 *   }),
 * };
 * const server = createWebSocketServer({
 *   observer: otelObserver({ meter, tracer, attributes: { "http.route": "/chat" } }),
 * });
 * ```
 */
export function otelObserver(options: OtelOptions): WebSocketObserver<object> {
  const attributes = { "network.protocol.name": "websocket", ...options.attributes };
  // Instruments are made when there is something to measure: a side that is not observed has none.
  let server: Side | undefined;
  let client: Side | undefined;
  let refused: OtelCounter | undefined;
  const sideOf = (who: object) =>
    isServers(who)
      ? server ??= new Side("server", options, attributes)
      : client ??= new Side("client", options, attributes);
  return {
    opened: (who) => sideOf(who).opened(who),
    closed: (who, close) => sideOf(who).closed(who, close),
    received: (who, data) => sideOf(who).received(data),
    sent: (who, data) => sideOf(who).sent(data),
    ponged: (who, roundTrip) => sideOf(who).ponged(roundTrip),
    dropped: (who, why) => sideOf(who).dropped(who, why),
    refused(status) {
      refused ??= options.meter.createCounter("websocket.server.refused_handshakes", {
        description: "Handshakes that were answered with an error, by HTTP status.",
        unit: "{handshake}",
      });
      refused.add(1, { ...attributes, "http.response.status_code": status });
    },
  };
}

/** Makes the instruments of one side. */
function instruments(prefix: string, meter: OtelMeter): Instruments {
  return {
    active: meter.createUpDownCounter(`${prefix}.active_connections`, {
      description: "Connections that are open.",
      unit: "{connection}",
    }),
    duration: meter.createHistogram(`${prefix}.connection.duration`, {
      description: "How long connections were open.",
      unit: "s",
      advice: { explicitBucketBoundaries: LONG },
    }),
    messages: meter.createCounter(`${prefix}.messages`, {
      description: "Messages, by direction.",
      unit: "{message}",
    }),
    io: meter.createCounter(`${prefix}.io`, {
      description: "Bytes of data in messages, by direction.",
      unit: "By",
    }),
    ping: meter.createHistogram(`${prefix}.ping.duration`, {
      description: "How long the first sign of life after a Ping took.",
      unit: "s",
      advice: { explicitBucketBoundaries: SHORT },
    }),
    dropped: meter.createCounter(`${prefix}.dropped_connections`, {
      description: "Connections that were dropped or found lost, by reason.",
      unit: "{connection}",
    }),
  };
}

/** The address of the client, where a server is observed. */
function addressOf(who: object): OtelAttributes {
  if (!isServers(who)) return {};
  return { "client.address": who.clientIP, "client.port": who.clientPort };
}

/** Whether `who` is a connection of a server. Otherwise it is a client. */
function isServers(who: object): who is ConnectionAddress {
  return "clientIP" in who;
}
