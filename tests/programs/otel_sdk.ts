/**
 * A server and a client that OpenTelemetry's SDK exports, at once and a line for each span and each event.
 * It ends by `exit(1)` in the listener of a message, with two connections open. The argument says how the
 * observer gets what it needs: "api" as a whole, "parts" one by one, "registered" by nothing that it is given.
 */

import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  LoggerProvider,
  type LogRecordExporter,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { SimpleSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { writeSync } from "node:fs";
import process from "node:process";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { otelObserver, type OtelOptions } from "../../otel.ts";

const print = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);
const done = { forceFlush: () => Promise.resolve(), shutdown: () => Promise.resolve() };
const spanExporter: SpanExporter = {
  ...done,
  export(spans, over) {
    for (const span of spans) {
      const { attributes, kind, links, name, parentSpanContext } = span;
      const { spanId, traceId } = span.spanContext();
      const linked = links.map(({ context }) => context.spanId);
      print({ name, kind, traceId, spanId, parent: parentSpanContext?.spanId, linked, attributes });
    }
    over({ code: 0 });
  },
};
const logExporter: LogRecordExporter = {
  ...done,
  export(records, over) {
    for (const { attributes, eventName } of records) print({ name: eventName, attributes });
    over({ code: 0 });
  },
};
const spanProcessors = [new SimpleSpanProcessor({ exporter: spanExporter })];
const tracer = new TracerProvider({ spanProcessors }).getTracer("test");
const processors = [new SimpleLogRecordProcessor({ exporter: logExporter })];
const logger = new LoggerProvider({ processors }).getLogger("test");
const meter = new MeterProvider().getMeter("test");
const contexts = new AsyncLocalStorageContextManager().enable();
const w3c = new W3CTraceContextPropagator();

const [, , how] = process.argv;
if (how !== "parts") {
  api.context.setGlobalContextManager(contexts);
  api.propagation.setGlobalPropagator(w3c);
}
const given: Record<string, OtelOptions> = {
  api: { api, meter, tracer, logger },
  parts: { context: contexts, propagation: w3c, meter, tracer, logger },
  registered: { meter, tracer, logger },
};
const observer = otelObserver(given[how!]!);
const server = createWebSocketServer({ observer });
server.on("connect", (connection) => void server.send("Hello", connection));
server.on("messageReceive", ({ data }) => {
  print({ name: "listener", trace: traceNow(), data });
  if (data === "die") process.exit(1);
});
await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
const url = `ws://127.0.0.1:${server.address!.port}/chat?token=secret`;

/** The trace that is active. */
function traceNow(): string | undefined {
  return api.trace.getSpan(contexts.active())?.spanContext().traceId;
}

/** Connects in a trace of the program's own, and waits for the greeting. */
async function connect(header?: Record<string, string>) {
  const ws = createWebSocket({ observer });
  const greeted = new Promise((resolve) =>
    ws.on("message", (_, data) => {
      print({ name: "client's listener", trace: traceNow(), data });
      resolve(data);
    })
  );
  const span = tracer.startSpan("page", { root: true });
  await contexts.with(
    api.trace.setSpan(contexts.active(), span),
    () => ws.connect(url, header === undefined ? {} : { header }),
  );
  span.end();
  await greeted;
  return ws;
}

const ws = await connect();
await connect({ Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" });
await ws.send("live");
await ws.send("die");
