/** The observer that measures. */

import { systemClock } from "../heartbeat.ts";
import type { ServerGauges, WebSocketObserver } from "../internal/observer.ts";
import {
  argumentError,
  CLOCK,
  FLAG,
  OBJECT,
  readOptions,
  type Rule,
  withFunctions,
} from "../internal/validate.ts";
import { registered } from "../runtime/registered.ts";
import type { ConnectionAddress } from "../server/types.ts";
import {
  type BrokerInstruments,
  brokerInstruments,
  gauges,
  reconnectCounter,
  type ServerInstruments,
  serverInstruments,
} from "./instruments.ts";
import { SCOPE, VERSION } from "./scope.ts";
import { Side, type Telemetry } from "./side.ts";
import type {
  OtelApi,
  OtelAttributes,
  OtelContext,
  OtelContexts,
  OtelCounter,
  OtelOptions,
  OtelPropagation,
} from "./types.ts";

const API: Rule = [
  (value) => {
    const { metrics, trace } = (value ?? {}) as Partial<OtelApi>;
    return typeof metrics?.getMeter === "function" && typeof trace?.getTracer === "function";
  },
  "must be OpenTelemetry's API: an object with 'metrics' and 'trace'",
];

/** What each option must be. */
const OPTIONS = {
  api: API,
  attributes: OBJECT,
  clock: CLOCK,
  connectionSpans: FLAG,
  context: withFunctions("active", "with"),
  logger: withFunctions("emit"),
  messageSpans: FLAG,
  meter: withFunctions("createCounter", "createHistogram", "createUpDownCounter"),
  propagation: withFunctions("extract", "inject"),
  tracer: withFunctions("startSpan"),
};

/**
 * Makes an observer for the option `observer` of servers and clients, of as many as one likes.
 *
 * @param options See {@linkcode OtelOptions}.
 * @returns The observer.
 * @throws {BusinessError} 401 where an option is wrong, or where there is neither `api` nor `meter`.
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
  const given = readOptions("otelObserver", options, OPTIONS, 1);
  if (given instanceof Error) throw given;
  if (given.api === undefined && given.meter === undefined) {
    throw argumentError("otelObserver: options", "must have 'meter' or 'api'", options);
  }
  const { api, clock = systemClock, connectionSpans = false, logger, messageSpans = true } =
    options;
  const context = options.context ?? api?.context ??
    registered("context") as OtelContexts | undefined;
  const propagation = options.propagation ?? api?.propagation ??
    registered("propagation") as OtelPropagation | undefined;
  const attributes: OtelAttributes = {
    "network.protocol.name": "websocket",
    ...options.attributes,
  };
  const meter = options.meter ?? options.api!.metrics.getMeter(SCOPE, VERSION);
  const tracer = options.tracer ?? api?.trace.getTracer(SCOPE, VERSION);
  const telemetry: Telemetry = {
    ...{ meter, tracer, logger, context, propagation, clock },
    ...{ connectionSpans, messageSpans, attributes },
  };
  // Instruments are made when there is something to measure: a side that is not observed has none.
  let server: Side | undefined;
  let client: Side | undefined;
  let more: ServerInstruments | undefined;
  let reconnects: OtelCounter | undefined;
  let broker: BrokerInstruments | undefined;
  let servers: Set<ServerGauges> | undefined;
  const ofServer = () => server ??= new Side("server", telemetry);
  const ofClient = () => client ??= new Side("client", telemetry);
  const sideOf = (who: object) => isServers(who) ? ofServer() : ofClient();
  const moreOfServer = () => more ??= serverInstruments(meter);
  const ofBroker = () => broker ??= brokerInstruments(meter);
  /** A server's handshake is decided, in one way or another. */
  const decided = () => moreOfServer().shaking.add(-1, attributes);
  return {
    asked(handshake) {
      moreOfServer().shaking.add(1, attributes);
      ofServer().asked(handshake);
    },
    opened(who, handshake) {
      if (isServers(who)) decided();
      sideOf(who).opened(who, handshake);
    },
    refused(status, _, reason, handshake) {
      if (handshake !== undefined) decided();
      const result = { "http.response.status_code": status, "error.type": reason };
      let context: OtelContext | undefined;
      try {
        context = handshake && ofServer().decided(handshake).context;
      } finally {
        // A tracer may throw, and it is counted all the same.
        moreOfServer().refused.add(1, { ...attributes, ...result }, context);
      }
    },
    abandoned(handshake) {
      decided();
      ofServer().decided(handshake);
    },
    dialling: (who, handshake, setHeader) => ofClient().dialling(who, handshake, setHeader),
    gaveUp: (_, handshake) => ofClient().gaveUp(handshake),
    failed: (who, handshake) => void ofClient().decided(handshake, who),
    reconnecting: () => (reconnects ??= reconnectCounter(meter)).add(1, attributes),
    closed: (who, close) => sideOf(who).closed(who, close),
    received: (who, _, bytes) => sideOf(who).received(bytes),
    sent: (who, _, bytes) => sideOf(who).sent(bytes),
    ...(context !== undefined && {
      handling: (who: object, run: () => Promise<unknown> | undefined) =>
        sideOf(who).handling(who, context, run),
    }),
    ponged: (who, roundTrip) => sideOf(who).ponged(who, roundTrip),
    unsent: (who, bytes) => sideOf(who).unsent(who, bytes),
    dropped: (who, why) => sideOf(who).dropped(who, why),
    started(one) {
      if (servers === undefined) gauges(meter, attributes, servers = new Set());
      servers.add(one);
    },
    stopped: (one) => void servers?.delete(one),
    delayed: (ms) => moreOfServer().delay.record(ms / 1000, attributes),
    entry(_, lag) {
      ofBroker().entries.add(1, attributes);
      if (lag !== undefined) ofBroker().lag.record(lag / 1000, attributes);
    },
    broker(up, lost) {
      const why = lost ?? (up ? undefined : "unreachable");
      if (why !== undefined) ofBroker().failures.add(1, { ...attributes, "error.type": why });
    },
  };
}

/** Whether `who` is a connection of a server. Otherwise it is a client. */
function isServers(who: object): who is ConnectionAddress {
  return "clientIP" in who;
}
