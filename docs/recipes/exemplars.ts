/** prom-client as OpenTelemetry's meter: what it counts of a handshake has the trace as its exemplar. */

import type { OtelAttributes, OtelInstrumentOptions, OtelMeter } from "@netkit/websocket/otel";
import { trace } from "@opentelemetry/api";
import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from "prom-client";

/** The attributes of what this module measures: prom-client must know them beforehand. */
const NAMES = `error.type http.response.status_code network.io.direction network.protocol.name
  server.address server.port url.scheme websocket.close.code`.split(/\s+/);
const plain = (name: string) => name.replaceAll(/\W/g, "_");
const labels = (attributes: OtelAttributes = {}) =>
  Object.fromEntries(Object.entries(attributes).map(([name, of]) => [plain(name), String(of)]));

/** A meter for one `otelObserver`. `own` are the names in its option `attributes`. */
export function promMeter(to: Registry<OpenMetricsContentType>, own: string[] = []): OtelMeter {
  const config = (name: string, { description: help }: OtelInstrumentOptions) => (
    { name: plain(name), help, labelNames: [...NAMES, ...own].map(plain), registers: [to] }
  );
  const sum = (counter: Counter | Gauge) => (
    { add: (value: number, of?: OtelAttributes) => counter.inc(labels(of), value) }
  );
  return {
    createCounter: (name, options) => sum(new Counter(config(name, options))),
    createUpDownCounter: (name, options) => sum(new Gauge(config(name, options))),
    createObservableGauge: (name, options) => ({
      addCallback(call) {
        const observe = (value: number, of?: OtelAttributes) => gauge.set(labels(of), value);
        const gauge = new Gauge({ ...config(name, options), collect: () => call({ observe }) });
      },
    }),
    createHistogram(name, options) {
      const buckets = options.advice?.explicitBucketBoundaries ?? [];
      const made = new Histogram({ ...config(name, options), buckets, enableExemplars: true });
      return {
        record(value, of, context) {
          const span = context && trace.getSpanContext(context);
          const isSampled = span !== undefined && span.traceFlags % 2 === 1;
          const exemplarLabels = { trace_id: span?.traceId ?? "", span_id: span?.spanId ?? "" };
          made.observe({ labels: labels(of), value, ...(isSampled && { exemplarLabels }) });
        },
      };
    },
  };
}
