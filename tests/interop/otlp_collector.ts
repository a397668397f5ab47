/** A collector of OpenTelemetry's: an HTTP server that keeps what it is sent in JSON. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An attribute of OTLP, and its value, which may be a number as text. */
interface KeyValue {
  key: string;
  value: Record<string, string | number | boolean>;
}

/** A point of a metric. */
interface Point {
  attributes: KeyValue[];
  asDouble?: number;
  asInt?: number | string;
  count?: number | string;
  sum?: number;
}

interface Metric {
  name: string;
  unit: string;
  gauge?: { dataPoints: Point[] };
  sum?: { dataPoints: Point[]; isMonotonic?: boolean };
  histogram?: { dataPoints: Point[] };
}

/** A span as it came. */
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: KeyValue[];
  links?: { spanId: string }[];
  status: { code: number; message?: string };
}

/** What was sent, of one signal. */
// deno-lint-ignore no-explicit-any
type Body = any;

/** Attributes as a plain object. */
export function plain(attributes: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

/** A collector on a free port of 127.0.0.1. */
export class OtlpCollector implements AsyncDisposable {
  readonly #server;
  readonly #bodies: { path: string; body: Body }[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
      request.on("end", () => {
        this.#bodies.push({ path: request.url!, body: JSON.parse(text) });
        response.writeHead(200, { "content-type": "application/json", connection: "close" });
        response.end("{}");
      });
    });
  }

  static async listen(): Promise<OtlpCollector> {
    const collector = new OtlpCollector();
    await new Promise<void>((resolve) => collector.#server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  /** What a program needs in its environment for Deno to export here. */
  get environment(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo;
    return {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    };
  }

  /** The spans of a scope that have come. */
  spans(scope: string): OtlpSpan[] {
    return this.#of("/v1/traces", "resourceSpans", "scopeSpans", scope)
      .flatMap(({ spans }) => spans as OtlpSpan[]);
  }

  /** The values of a scope's metrics, by name and attributes: of each the last, of histograms counts. */
  values(scope: string): Record<string, number> {
    const metrics = this.#of("/v1/metrics", "resourceMetrics", "scopeMetrics", scope)
      .flatMap(({ metrics }) => metrics as Metric[]);
    return Object.fromEntries(
      metrics.flatMap(({ name, sum, histogram, gauge }) =>
        (sum ?? histogram ?? gauge)!.dataPoints.map(({ attributes, asDouble, asInt, count }) => {
          const parts = Object.entries(plain(attributes)).map(([key, value]) => ` ${key}=${value}`);
          return [`${name}${parts.sort().join("")}`, Number(asDouble ?? asInt ?? count)];
        })
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #of(path: string, resources: string, scopes: string, name: string): Body[] {
    return this.#bodies.filter((sent) => sent.path === path)
      .flatMap(({ body }) => body[resources] as Body[])
      .flatMap((resource) => resource[scopes] as Body[])
      .filter(({ scope }) => scope.name === name);
  }
}
