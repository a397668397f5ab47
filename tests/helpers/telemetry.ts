/** OpenTelemetry's own SDK, with what it was told kept in memory. */

import type { Meter, Tracer } from "@opentelemetry/api";
import {
  DataPointType,
  type Histogram,
  MeterProvider,
  type MetricData,
  MetricReader,
} from "@opentelemetry/sdk-metrics";
import { type ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";

/** A reader that reads when it is told to, and has no timers. */
class Reader extends MetricReader {
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }
  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

/** What was recorded by a histogram. */
export interface Recorded {
  count: number;
  sum: number;
  min: number;
  max: number;
}

/** A meter and a tracer, and what they were told. It is shut down at the end of the block. */
export class Telemetry implements AsyncDisposable {
  readonly meter: Meter;
  readonly tracer: Tracer;
  readonly #reader = new Reader();
  /** The spans that have ended. */
  readonly spans: ReadableSpan[] = [];
  readonly #meters = new MeterProvider({ readers: [this.#reader] });
  readonly #tracers = new TracerProvider({
    spanProcessors: [{
      onStart() {},
      onEnd: (span) => void this.spans.push(span),
      forceFlush: () => Promise.resolve(),
      shutdown: () => Promise.resolve(),
    }],
  });

  /** What `otelObserver` takes of it. */
  get options(): { meter: Meter; tracer: Tracer } {
    const { meter, tracer } = this;
    return { meter, tracer };
  }

  constructor() {
    this.meter = this.#meters.getMeter("test");
    this.tracer = this.#tracers.getTracer("test");
  }

  /** All instruments that were used. */
  async instruments(): Promise<MetricData[]> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw errors[0];
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  }

  /** What they measured, by name and attributes, the protocol's left out: "name a=1 b=2"; no gauges. */
  async values(): Promise<Record<string, number | Recorded>> {
    const values: Record<string, number | Recorded> = {};
    for (const { descriptor, dataPoints, dataPointType } of await this.instruments()) {
      if (dataPointType === DataPointType.GAUGE) continue;
      for (const { attributes, value } of dataPoints) {
        const { "network.protocol.name": protocol, ...rest } = attributes;
        const more = Object.entries(rest).map(([name, value]) => ` ${name}=${value}`);
        const name = `${protocol === "websocket" ? "" : "?"}${descriptor.name}${more.join("")}`;
        values[name] = typeof value === "number" ? value : recorded(value as Histogram);
      }
    }
    return values;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#meters.shutdown(), this.#tracers.shutdown()]);
  }
}

function recorded({ count, sum, min, max }: Histogram): Recorded {
  return { count, sum: sum!, min: min!, max: max! };
}
