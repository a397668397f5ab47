/** What is needed of OpenTelemetry's API, by its own names. */

import type { Clock } from "../heartbeat.ts";

/** Attributes of a measurement, a span or a log record. */
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
  /** Adds a value. `context` has the span that an exemplar names, where there is one. */
  add(value: number, attributes?: OtelAttributes, context?: OtelContext): void;
}

/** A histogram. */
export interface OtelHistogram {
  /** Records a value. `context` has the span that an exemplar names, where there is one. */
  record(value: number, attributes?: OtelAttributes, context?: OtelContext): void;
}

/** What is measured when somebody collects. */
export interface OtelObservable {
  /** Adds a function that is asked for the value. */
  addCallback(
    callback: (result: { observe(value: number, attributes?: OtelAttributes): void }) => void,
  ): void;
}

/** What is needed of a meter: that of `@opentelemetry/api` is one. */
export interface OtelMeter {
  /** Makes what counts up. */
  createCounter(name: string, options: OtelInstrumentOptions): OtelCounter;
  /** Makes what counts up and down. */
  createUpDownCounter(name: string, options: OtelInstrumentOptions): OtelCounter;
  /** Makes a histogram. */
  createHistogram(name: string, options: OtelInstrumentOptions): OtelHistogram;
  /** Makes what is measured at collection; where it is missing, what is counted at collection is left out. */
  createObservableGauge?(name: string, options: OtelInstrumentOptions): OtelObservable;
}

/** Which span it is, for links. */
export interface OtelSpanContext {
  /** The trace, 32 hexadecimal digits. */
  traceId: string;
  /** The span, 16 hexadecimal digits. */
  spanId: string;
  /** 1 where it is sampled. */
  traceFlags: number;
}

/** What is needed of a span: one of `@opentelemetry/api` is one. */
export interface OtelSpan {
  /** Adds attributes. */
  setAttributes(attributes: OtelAttributes): unknown;
  /** Says how it went; 2 is ERROR. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Ends it, now. */
  end(): void;
  /** Which one it is. No links are made to it where this is missing. */
  spanContext?(): OtelSpanContext;
}

/** What a span is started with. */
export interface OtelSpanOptions {
  /** 1 is SERVER, 2 is CLIENT, 4 is CONSUMER. */
  kind: number;
  /** What is known at its start. */
  attributes: OtelAttributes;
  /** Whether it is a trace of its own. */
  root?: boolean;
  /** Spans that it has to do with and is no child of. */
  links?: { context: OtelSpanContext }[];
}

/** What is needed of a tracer: that of `@opentelemetry/api` is one. */
export interface OtelTracer {
  /** Starts a span. */
  startSpan(name: string, options: OtelSpanOptions, context?: OtelContext): OtelSpan;
}

/** What is needed of a logger: that of `@opentelemetry/api` is one, or of `api-logs` before 1.10. */
export interface OtelLogger {
  /** Emits a record; 9 is INFO, 13 is WARN. */
  emit(record: {
    eventName: string;
    severityNumber: number;
    attributes: OtelAttributes;
  }): void;
}

/** A context of OpenTelemetry's, which this module passes on. */
export type OtelContext = {
  /** What a key stands for. */
  getValue(key: symbol): unknown;
  /** A context with one more. */
  setValue(key: symbol, value: unknown): OtelContext;
  /** A context with one less. */
  deleteValue(key: symbol): OtelContext;
};

/** Where the active context comes from: `context` of `@opentelemetry/api`, or a context manager. */
export interface OtelContexts {
  /** The context that is active now. */
  active(): OtelContext;
  /** Calls a function in a context. */
  with<Result>(context: OtelContext, call: () => Result): Result;
}

/** Writes and reads headers: `propagation` of `@opentelemetry/api`, or a propagator such as the W3C's. */
export interface OtelPropagation {
  /** Writes what a request has to say of a context. */
  inject<Carrier>(
    context: OtelContext,
    carrier: Carrier,
    setter: { set(carrier: Carrier, name: string, value: string): void },
  ): void;
  /** Reads that, and gives a context with it. */
  extract<Carrier>(
    context: OtelContext,
    carrier: Carrier,
    getter: { get(carrier: Carrier, name: string): string | undefined; keys(): string[] },
  ): OtelContext;
}

/** What is needed of the package `@opentelemetry/api` as a whole. */
export interface OtelApi {
  /** Where the meter comes from. */
  metrics: { getMeter(name: string, version?: string): OtelMeter };
  /** Where the tracer comes from. */
  trace: { getTracer(name: string, version?: string): OtelTracer };
  /** Where the active context comes from. */
  context: OtelContexts;
  /** Writes and reads `traceparent`. */
  propagation: OtelPropagation;
}

/** What both ways to call `otelObserver` have. */
export interface OtelCommonOptions {
  /** Where the spans go. Where it is left out, to a tracer of `api`, if that is given. */
  tracer?: OtelTracer | undefined;
  /**
   * Where the active context comes from. Where it is left out, from `api`, or from whatever has been
   * registered with OpenTelemetry's API before `otelObserver` is called, as Deno does.
   */
  context?: OtelContexts | undefined;
  /**
   * Writes the trace into a client's request, as `traceparent`, and reads it from a request to a server.
   * Left out, it comes from where `context` does.
   */
  propagation?: OtelPropagation | undefined;
  /** Where the events go: that connections are opened, closed and dropped. No events without it. */
  logger?: OtelLogger | undefined;
  /**
   * Whether each connection is a span besides, which is as long as it: a trace of its own, with a link
   * to its handshake. Such a span is exported when the connection is over, and lost with the process.
   *
   * @default {false}
   */
  connectionSpans?: boolean | undefined;
  /**
   * Whether each message that comes in is a span, from the first of its listeners to the last: a trace of
   * its own, with a link to the handshake. Without it the listeners run in no trace at all, and not in that
   * of the request that the connection began with. Only where there are contexts.
   *
   * @default {true}
   */
  messageSpans?: boolean | undefined;
  /** What each measurement, span and event has besides, such as the name of a route. */
  attributes?: OtelAttributes | undefined;
  /** Where time comes from; that of the client or server in tests. The system's where left out. */
  clock?: Clock | undefined;
}

/** What `otelObserver` takes: the API as a whole, or a meter. */
export type OtelOptions =
  & OtelCommonOptions
  & (
    | {
      /**
       * The package `@opentelemetry/api`. The scope's name is `@netkit/websocket` then.
       */
      api: OtelApi;
      /** A meter of one's own. */
      meter?: OtelMeter | undefined;
    }
    | {
      /** Where the metrics go. */
      meter: OtelMeter;
      /** The package, for what is not given besides. */
      api?: OtelApi | undefined;
    }
  );
