/** To which trace a handshake and a message belong, before the SDK of OpenTelemetry. */

import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import deno from "../../deno.json" with { type: "json" };
import { type ClientHandshake, otelObserver } from "../../otel.ts";
import { type Recorded, Telemetry } from "../helpers/telemetry.ts";
import { observed } from "./observed.ts";

describe("otelObserver(), as it joins traces", () => {
  it("lets a handshake belong to the client's trace, or to the runtime's span of the request", async () => {
    await using telemetry = new Telemetry();
    const active = { is: api.ROOT_CONTEXT };
    const extracted: unknown[] = [];
    const parent = { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7" };
    const wrapped = (context: api.Context, spanId = parent.spanId) =>
      api.trace.setSpan(context, api.trace.wrapSpanContext({ ...parent, spanId, traceFlags: 1 }));
    const scopes: unknown[] = [];
    const mine = {
      metrics: {
        getMeter: (...scope: unknown[]) => (scopes.push(scope), telemetry.meter),
      },
      trace: { getTracer: (...scope: unknown[]) => (scopes.push(scope), telemetry.tracer) },
      context: { active: () => active.is, with: api.context.with },
      propagation: {
        inject() {},
        extract: (context: api.Context, carrier: unknown, { keys }: { keys(): string[] }) => {
          assertEquals(keys(), Object.keys(carrier as object));
          extracted.push(carrier);
          return wrapped(context);
        },
      },
    };
    const observer = otelObserver({ api: mine });
    const traceparent = `00-${parent.traceId}-${parent.spanId}-01`;
    const handshake = { clientIP: "1.2.3.4", clientPort: 1, peerIP: "1.2.3.4", duration: 1 };
    const traced = { ...handshake, trace: { traceparent } };
    const ask = (one: typeof handshake) => {
      observer.asked!(one);
      observer.refused!(403, "no", "authorize_rejected", one);
    };
    ask(traced);
    ask({ ...handshake });
    active.is = wrapped(api.ROOT_CONTEXT, "1111111111111111");
    ask({ ...traced });
    assertEquals(extracted, [{ traceparent }, {}]);
    assertEquals(
      telemetry.spans.map(({ parentSpanContext }) => parentSpanContext?.spanId),
      [parent.spanId, parent.spanId, "1111111111111111"],
    );
    const { name, version } = deno;
    assertEquals(scopes, [[name, version], [name, version]], "otel/scope.ts has the version, too");
    // The package itself is one, as far as the types go.
    otelObserver({ api });
  });

  it("lets the listeners of each message run in a trace of their own, or in none", async () => {
    await using telemetry = new Telemetry();
    let active = api.ROOT_CONTEXT;
    const context = {
      active: () => active,
      with<Result>(context: api.Context, call: () => Result): Result {
        const before = active;
        active = context;
        try {
          return call();
        } finally {
          active = before;
        }
      },
    };
    const done = Promise.withResolvers<void>();
    for (const messageSpans of [true, false]) {
      const spans = telemetry.spans.length;
      const options = { tracer: telemetry.tracer, api: { ...api, context }, messageSpans };
      await using pair = await observed(telemetry, options);
      await pair.open();
      const traces: unknown[] = [];
      pair.server.on("messageReceive", ({ data }) => {
        traces.push(api.trace.getSpan(active)?.spanContext().traceId);
        return (data as unknown) === 4 ? done.promise : undefined; // "schema" has doubled it
      });
      // As on Deno, where whatever a connection does comes from the request's span.
      const request = telemetry.tracer.startSpan("request");
      active = api.trace.setSpan(api.ROOT_CONTEXT, request);
      for (const data of ["1", "2"]) await pair.ws.send(data);
      await pair.clock.advance(100);
      active = api.ROOT_CONTEXT;
      const messages = () => telemetry.spans.slice(spans).filter(({ kind }) => kind === 4);
      assertEquals(traces.length, 2);
      if (!messageSpans) {
        assertEquals([traces, messages()], [[undefined, undefined], []]);
        continue;
      }
      assertEquals(messages().length, 1, "the second listener is at work");
      done.resolve();
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals(messages().map((span) => span.spanContext().traceId), traces);
      assertEquals(new Set([...traces, request.spanContext().traceId]).size, 3);
      const handshake = telemetry.spans[spans]!.spanContext().spanId;
      for (const { name, links, parentSpanContext, attributes } of messages()) {
        assertEquals([name, parentSpanContext], ["websocket message", undefined]);
        assertEquals(links.map(({ context }) => context.spanId), [handshake]);
        assertEquals(attributes["client.address"], "127.0.0.1");
      }
    }
  });

  it("tells 'error' of a listener that fails in the trace of its message, whose span has not ended", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const context = new AsyncLocalStorageContextManager().enable();
    try {
      await using pair = await observed(telemetry, { tracer, context });
      await pair.open();
      pair.server.on("error", ({ kind }) => {
        const span = api.trace.getSpan(context.active());
        span?.setStatus({ code: api.SpanStatusCode.ERROR, message: kind! });
      });
      pair.server.on("messageReceive", ({ data }) => { // "schema" has doubled it
        if ((data as unknown) === 2) throw new Error("at once");
        return (data as unknown) === 4 ? Promise.reject(new Error("later")) : undefined;
      });
      for (const data of ["1", "2", "3"]) await pair.ws.send(data);
      await pair.clock.advance(100);
      const messages = telemetry.spans.filter(({ kind }) => kind === api.SpanKind.CONSUMER);
      const failed = { code: api.SpanStatusCode.ERROR, message: "listenerFailed" };
      assertEquals(
        messages.map(({ status, ended }) => [status, ended]),
        [[failed, true], [failed, true], [{ code: api.SpanStatusCode.UNSET }, true]],
      );
    } finally {
      context.disable();
    }
  });

  it("begins a client's handshake where the program is, and says so in the request", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const page = tracer.startSpan("page");
    const active = api.trace.setSpan(api.ROOT_CONTEXT, page);
    const contexts = { active: () => active, with: api.context.with };
    const propagation = new W3CTraceContextPropagator();
    const observer = otelObserver({ ...telemetry.options, context: contexts, propagation });
    const [ws, where] = [{}, { scheme: "ws", host: "localhost", port: 80 } as const];
    const header: Record<string, string> = {};
    const setHeader = (name: string, value: string) => void (header[name] = value);
    const attempts = Array.from({ length: 4 }, () => ({ ...where, duration: 500 }));
    const [first, again, third, inPage] = attempts as ClientHandshake[];
    again!.attempt = 1;
    const traceparent = (span: ReadableSpan) => {
      const { traceId, spanId } = span.spanContext();
      return `00-${traceId}-${spanId}-01`;
    };

    observer.dialling!(ws, first!, setHeader);
    observer.failed!(ws, Object.assign(first!, { reason: "timeout" as const }));
    const [one] = telemetry.spans;
    assertEquals(one!.parentSpanContext, page.spanContext());
    assertEquals(header, { traceparent: traceparent(one!) });

    // What the client does by itself, later, is a trace of its own.
    observer.dialling!(ws, again!, setHeader);
    observer.opened!(ws, Object.assign(again!, { status: 101 }));
    const [, two] = telemetry.spans;
    assertEquals(two!.parentSpanContext, undefined);
    assert(two!.spanContext().traceId !== one!.spanContext().traceId);
    assertEquals(two!.links.map(({ context }) => context), [one!.spanContext()]);
    assertEquals(header, { traceparent: traceparent(two!) });

    // What the program begins anew is part of what it does. A page can send no header.
    observer.closed!(ws, { code: 1000, reason: "" });
    delete header.traceparent;
    observer.dialling!(ws, inPage!, undefined);
    observer.gaveUp!(ws, inPage!);
    const [, , three] = telemetry.spans;
    assertEquals(three!.parentSpanContext, page.spanContext());
    assertEquals([three!.attributes["error.type"], three!.status.code], ["aborted", 0]);
    assertEquals(header, {});
    // An attempt that was given up says nothing of the server.
    const measured = Object.entries(await telemetry.values())
      .filter(([name]) => name.includes("handshake.duration"))
      .map(([name, value]) => [name.slice(name.lastIndexOf(" ")), (value as Recorded).count]);
    assertEquals(measured, [[" error.type=timeout", 1], [" http.response.status_code=101", 1]]);

    // Where there are no spans of ours, the request says where the program is.
    const anonymous = { startSpan: () => ({ setAttributes() {}, setStatus() {}, end() {} }) };
    for (const tracer of [undefined, anonymous]) {
      const { meter } = telemetry;
      const plain = otelObserver({ meter, tracer, context: contexts, propagation });
      delete header.traceparent;
      plain.dialling!(ws, third!, setHeader);
      const { traceId, spanId } = page.spanContext();
      assertEquals(header, { traceparent: `00-${traceId}-${spanId}-01` });
      delete header.traceparent;
      plain.dialling!(ws, again!, setHeader);
      plain.gaveUp!(ws, again!);
      assertEquals(header, {});
    }
    // Contexts alone, and nothing that would write or read them.
    const bare = otelObserver({
      ...telemetry.options,
      context: { ...contexts, active: () => api.ROOT_CONTEXT },
    });
    bare.dialling!(ws, third!, setHeader);
    bare.asked!({ clientIP: "1.2.3.4", clientPort: 1, peerIP: "1.2.3.4", duration: 1 });
    assertEquals(header, {});
  });

  it("hands over the handshake's span with what is measured, for exemplars", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const seen: [string, string | undefined][] = [];
    const make = (name: string) => {
      const note = (_value: number, _attributes?: object, context?: object) => {
        if (context === undefined) return;
        seen.push([name, api.trace.getSpan(context as api.Context)?.spanContext().spanId]);
      };
      return { add: note, record: note };
    };
    const meter = { createCounter: make, createHistogram: make, createUpDownCounter: make };
    const context = { active: () => api.ROOT_CONTEXT, with: api.context.with };
    const observer = otelObserver({ meter, tracer, context });
    const handshake = () => ({
      clientIP: "1.2.3.4",
      clientPort: 1,
      peerIP: "1.2.3.4",
      duration: 1,
    });
    const who = { clientIP: "1.2.3.4", clientPort: 1 };
    const [well, ill] = [handshake(), handshake()];
    observer.asked!(well);
    observer.opened!(who, well);
    observer.ponged!(who, 1);
    observer.dropped!(who, "too slow");
    observer.unsent!(who, 1);
    observer.closed!(who, { code: 1013, reason: "" });
    observer.asked!(ill);
    observer.refused!(503, "no", "max_connections", ill);
    observer.refused!(404, "no", "path_not_found");
    const [one, two] = telemetry.spans.map((span) => span.spanContext().spanId);
    assertEquals(
      seen.map(([name, span]) => [name.replace("websocket.server.", ""), span]),
      [
        ["handshake.duration", one],
        ["ping.duration", one],
        ["dropped_connections", one],
        ["unsent", one],
        ["connection.duration", one],
        ["handshake.duration", two],
        ["refused_handshakes", two],
      ],
    );
  });
});
