/** The instruments of one side, a server's or a client's. Not part of the public API. */

import type { ServerGauges } from "../internal/observer.ts";
import type { OtelAttributes, OtelCounter, OtelHistogram, OtelMeter } from "./types.ts";

/** Bounds for a round trip, in s: from one within a machine to one that takes all of `pongTimeout`. */
const PING = [
  ...[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
];

/** Bounds for a handshake, in s: those of the conventions for HTTP, and `connectTimeout`. */
const HANDSHAKE = [
  ...[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30],
];

/** Bounds for how long connections last, in s: up to a week. */
const CONNECTION = [
  ...[0.1, 0.5, 1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 86_400, 604_800],
];

/** Bounds for how late a timer is, in s. */
const DELAY = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Bounds for how long an entry takes through a broker, in s. */
const LAG = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The instruments that both sides have. */
export interface Instruments {
  active: OtelCounter;
  duration: OtelHistogram;
  handshake: OtelHistogram;
  messages: OtelCounter;
  io: OtelCounter;
  ping: OtelHistogram;
  dropped: OtelCounter;
  unsent: OtelCounter;
}

/** Those of a server alone. */
export interface ServerInstruments {
  shaking: OtelCounter;
  refused: OtelCounter;
  delay: OtelHistogram;
}

/** Those of the log that several servers share. */
export interface BrokerInstruments {
  entries: OtelCounter;
  lag: OtelHistogram;
  failures: OtelCounter;
}

/** Makes the instruments of one side. */
export function instruments(side: "client" | "server", meter: OtelMeter): Instruments {
  const prefix = `websocket.${side}`;
  return {
    active: meter.createUpDownCounter(`${prefix}.active_connections`, {
      description: "Connections that are open.",
      unit: "{connection}",
    }),
    duration: histogram(meter, CONNECTION, {
      name: `${prefix}.connection.duration`,
      description: "How long connections were open.",
    }),
    handshake: histogram(meter, HANDSHAKE, {
      name: `${prefix}.handshake.duration`,
      description: "How long handshakes took, with why they failed.",
    }),
    messages: meter.createCounter(`${prefix}.messages`, {
      description: "Messages, by direction.",
      unit: "{message}",
    }),
    io: meter.createCounter(`${prefix}.io`, {
      description: "Bytes of data in messages, by direction.",
      unit: "By",
    }),
    ping: histogram(meter, PING, {
      name: `${prefix}.ping.duration`,
      description: "How long the first sign of life after a Ping took.",
    }),
    dropped: meter.createCounter(`${prefix}.dropped_connections`, {
      description: "Connections that were dropped or found lost, by reason.",
      unit: "{connection}",
    }),
    unsent: meter.createCounter(`${prefix}.unsent`, {
      description: "Bytes that were accepted and are lost, as the peer did not take them.",
      unit: "By",
    }),
  };
}

/** Makes those of a server alone. */
export function serverInstruments(meter: OtelMeter): ServerInstruments {
  return {
    shaking: meter.createUpDownCounter("websocket.server.active_handshakes", {
      description: "Handshakes that are not decided yet.",
      unit: "{handshake}",
    }),
    refused: meter.createCounter("websocket.server.refused_handshakes", {
      description: "Handshakes that were answered with an error, by HTTP status and reason.",
      unit: "{handshake}",
    }),
    delay: histogram(meter, DELAY, {
      name: "websocket.server.timer.delay",
      description: "How late a timer fired: how long the process was blocked.",
    }),
  };
}

/** Makes the counter of a client that reconnects. */
export function reconnectCounter(meter: OtelMeter): OtelCounter {
  return meter.createCounter("websocket.client.reconnects", {
    description: "Attempts to connect again after a failure.",
    unit: "{attempt}",
  });
}

/** Makes those of a broker. */
export function brokerInstruments(meter: OtelMeter): BrokerInstruments {
  return {
    entries: meter.createCounter("websocket.server.broker.entries", {
      description: "Entries that were read from the broker's log.",
      unit: "{entry}",
    }),
    lag: histogram(meter, LAG, {
      name: "websocket.server.broker.lag",
      description: "How long an entry of this server's took through the broker.",
    }),
    failures: meter.createCounter("websocket.server.broker.failures", {
      description: "Times that the broker could not be read, or that entries were lost.",
      unit: "{failure}",
    }),
  };
}

/** Measures the queues of all servers that listen, whenever somebody collects. */
export function gauges(
  meter: OtelMeter,
  attributes: OtelAttributes,
  servers: ReadonlySet<ServerGauges>,
): void {
  const all = (read: (server: ServerGauges) => number) => Array.from(servers, read);
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
  const measured: [string, string, string, () => number][] = [
    [
      "send_buffer.usage",
      "By",
      "Bytes that are queued to all peers together.",
      () => sum(all(({ buffered }) => buffered)),
    ],
    [
      "send_buffer.fullest",
      "By",
      "Bytes that are queued to the peer for whom most are queued.",
      () => Math.max(0, ...all(({ fullest }) => fullest)),
    ],
    [
      "send_buffer.limit",
      "By",
      "How many bytes may be queued to one peer.",
      () => Math.min(...all(({ limit }) => limit)),
    ],
    [
      "paused_connections",
      "{connection}",
      "Connections that are not read from, as their listeners cannot keep up.",
      () => sum(all(({ paused }) => paused)),
    ],
    [
      "unacknowledged",
      "{message}",
      "Messages that wait to be acknowledged by their peers.",
      () => sum(all(({ unacknowledged }) => unacknowledged)),
    ],
  ];
  for (const [name, unit, description, read] of measured) {
    meter.createObservableGauge?.(`websocket.server.${name}`, { description, unit })
      .addCallback((result) => {
        // An SDK goes on telling what was observed last. Where no server listens there is no limit.
        const value = read();
        if (value < Infinity) result.observe(value, attributes);
      });
  }
}

function histogram(
  meter: OtelMeter,
  explicitBucketBoundaries: number[],
  { name, description }: { name: string; description: string },
): OtelHistogram {
  return meter.createHistogram(name, {
    description,
    unit: "s",
    advice: { explicitBucketBoundaries },
  });
}
