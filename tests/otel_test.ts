/** The bridge to OpenTelemetry, before its own SDK, in time that stands still. */

import * as api from "@opentelemetry/api";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketServerConfig } from "../mod.ts";
import { type OtelCommonOptions, otelObserver } from "../otel.ts";
import { FakeClock } from "../testing.ts";
import { LATENCY, MemoryPair } from "./helpers/memory_pair.ts";
import { validators } from "./helpers/schemas.ts";
import { type Recorded, Telemetry } from "./helpers/telemetry.ts";
import deno from "../deno.json" with { type: "json" };

/** A pair of which both sides are observed by the same observer. */
function observed(
  telemetry: Telemetry,
  options: Partial<OtelCommonOptions> = {},
  config: Partial<WebSocketServerConfig> = {},
): Promise<MemoryPair> {
  const clock = new FakeClock();
  const observer = otelObserver({ meter: telemetry.meter, clock, ...options });
  const server = { observer, schema: validators.double as never };
  return MemoryPair.start({ server, client: { observer }, config, clock });
}

const spanOf = ({ name, kind, attributes, status, ended }: ReadableSpan) => ({
  name,
  kind,
  attributes,
  status,
  ended,
});

describe("otelObserver()", () => {
  it("measures connections, messages, bytes, round trips and durations of both sides", async () => {
    await using telemetry = new Telemetry();
    await using pair = await observed(telemetry);
    const { clock, server, ws } = pair;
    const connection = await pair.open();
    for (const text of ["1", "234"]) await ws.send(text);
    await server.send("Grüße", connection);
    await server.broadcast(new Uint8Array(100));
    await clock.advance(30_000 + 4 * LATENCY);
    const io = (side: string, direction: string, messages: number, bytes: number) => ({
      [`websocket.${side}.messages network.io.direction=${direction}`]: messages,
      [`websocket.${side}.io network.io.direction=${direction}`]: bytes,
    });
    const ping = { count: 1, sum: 0.01, min: 0.01, max: 0.01 };
    const measured = {
      ...io("server", "receive", 2, 4),
      ...io("client", "transmit", 2, 4),
      ...io("server", "transmit", 2, 107),
      ...io("client", "receive", 2, 107),
      "websocket.server.ping.duration": ping,
      "websocket.client.ping.duration": ping,
    };
    const first = await telemetry.values();
    const open = { count: 1, sum: 0.01, min: 0.01, max: 0.01 };
    const target = "server.address=localhost server.port=80";
    const shaken = {
      "websocket.server.active_handshakes": 0,
      "websocket.server.handshake.duration http.response.status_code=101": {
        count: 1,
        sum: 0,
        min: 0,
        max: 0,
      },
      [`websocket.client.handshake.duration url.scheme=ws ${target} http.response.status_code=101`]:
        open,
    };
    const { count, ...delays } = first["websocket.server.timer.delay"] as Recorded;
    assert(count > 100);
    assertEquals(delays, { sum: 0, min: 0, max: 0 });
    delete first["websocket.server.timer.delay"];
    assertEquals(first, {
      ...measured,
      ...shaken,
      "websocket.server.active_connections": 1,
      "websocket.client.active_connections": 1,
    });
    await pair.close();
    const values = await telemetry.values();
    delete values["websocket.server.timer.delay"];
    // The server's side was open half a round trip before the client's, and its end is as much later.
    const seconds = (value: unknown) => (value as { sum: number }).sum;
    assertEquals(
      [
        seconds(values["websocket.server.connection.duration websocket.close.code=1000"]),
        seconds(values["websocket.client.connection.duration websocket.close.code=1000"]),
      ].map((value) => value.toFixed(3)),
      ["30.030", "30.030"],
    );
    delete values["websocket.server.connection.duration websocket.close.code=1000"];
    delete values["websocket.client.connection.duration websocket.close.code=1000"];
    assertEquals(values, {
      ...measured,
      ...shaken,
      "websocket.server.active_connections": 0,
      "websocket.client.active_connections": 0,
    });
  });

  it("makes a span of each handshake, and of each connection where that is asked for", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const options = { tracer, attributes: { "http.route": "/chat" }, connectionSpans: true };
    await using pair = await observed(telemetry, options);
    const { clientIP, clientPort } = await pair.open();
    const each = { "network.protocol.name": "websocket", "http.route": "/chat" };
    const peer = {
      "client.address": clientIP,
      "client.port": clientPort,
      "network.peer.address": clientIP,
      "network.peer.port": clientPort,
    };
    const target = { "url.scheme": "ws", "server.address": "localhost", "server.port": 80 };
    const end = { "websocket.close.code": 4000, "websocket.close.reason": "done" };
    const shaken = { "http.response.status_code": 101 };
    const common = { status: { code: SpanStatusCode.UNSET }, ended: true };
    const handshakes = [
      { kind: SpanKind.SERVER, attributes: { ...each, ...peer, ...shaken } },
      { kind: SpanKind.CLIENT, attributes: { ...each, ...target, ...shaken } },
    ].map((span) => ({ name: "websocket handshake", ...common, ...span }));
    assertEquals(telemetry.spans.map(spanOf), handshakes);
    await pair.ws.close({ code: 4000, reason: "done" });
    await pair.clock.advance(100);
    const connections = [
      { kind: SpanKind.SERVER, attributes: { ...each, ...peer, ...end } },
      { kind: SpanKind.CLIENT, attributes: { ...each, ...target, ...end } },
    ].map((span) => ({ name: "websocket connection", ...common, ...span }));
    assertEquals(telemetry.spans.slice(2).map(spanOf), connections);
    // A connection is a trace of its own, with a link to its handshake.
    for (const n of [0, 1]) {
      const [handshake, connection] = [telemetry.spans[n]!, telemetry.spans[n + 2]!];
      assertEquals(
        connection.links.map(({ context }) => context.spanId),
        [handshake.spanContext().spanId],
      );
      assert(connection.spanContext().traceId !== handshake.spanContext().traceId);
    }
    const names = Object.keys(await telemetry.values());
    assert(names.every((name) => name.includes(" http.route=/chat")), names.join());
  });

  it("makes no spans of connections unless asked, and links none where a span has no name", async () => {
    await using telemetry = new Telemetry();
    const spans: string[] = [];
    const links: unknown[] = [];
    const tracer = {
      startSpan(name: string, options: { links?: unknown[] }) {
        spans.push(name);
        links.push(...options.links ?? []);
        return { setAttributes() {}, setStatus() {}, end() {} };
      },
    };
    await using pair = await observed(telemetry, { tracer });
    await pair.open();
    await pair.close();
    assertEquals(spans, ["websocket handshake", "websocket handshake"]);
    await using other = await observed(telemetry, { tracer, connectionSpans: true });
    await other.open();
    assertEquals([spans.slice(2).sort(), links], [
      [...Array(2).fill("websocket connection"), ...Array(2).fill("websocket handshake")],
      [],
    ]);
    await using none = await observed(telemetry, { connectionSpans: true });
    await none.open();
  });

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
      await context.with(api.trace.setSpan(active, request), async () => {
        for (const data of ["1", "2"]) await pair.ws.send(data);
        await pair.clock.advance(100);
      });
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

  it("begins a client's handshake where the program is, and says so in the request", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const page = tracer.startSpan("page");
    const active = api.trace.setSpan(api.ROOT_CONTEXT, page);
    const contexts = { active: () => active, with: api.context.with };
    const propagation = new W3CTraceContextPropagator();
    const observer = otelObserver({ ...telemetry, context: contexts, propagation });
    const [ws, where] = [{}, { scheme: "ws", host: "localhost", port: 80 } as const];
    const header: Record<string, string> = {};
    const setHeader = (name: string, value: string) => void (header[name] = value);
    const attempts = Array.from({ length: 4 }, () => ({ ...where, duration: 500 }));
    const [first, again, third, inPage] = attempts;
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
    observer.reconnecting!(ws, { attempt: 1, delay: 1 });
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
      plain.reconnecting!(ws, { attempt: 1, delay: 1 });
      const { traceId, spanId } = page.spanContext();
      assertEquals(header, { traceparent: `00-${traceId}-${spanId}-01` });
      delete header.traceparent;
      plain.dialling!(ws, third!, setHeader);
      plain.gaveUp!(ws, third!);
      assertEquals(header, {});
    }
    // Contexts alone, and nothing that would write or read them.
    const bare = otelObserver({
      ...telemetry,
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

  it("tells of connections by events, where there is a logger", async () => {
    await using telemetry = new Telemetry();
    const log: [string, number, Record<string, unknown>][] = [];
    const logger = {
      emit: (record: { eventName: string; severityNumber: number; attributes: object }) => {
        log.push([record.eventName, record.severityNumber, { ...record.attributes }]);
      },
    };
    await using pair = await observed(telemetry, { logger }, { maxPayload: 1 });
    await pair.open();
    await pair.ws.send("12");
    await pair.clock.advance(100);
    const name = "websocket.connection.";
    const ofServer = log.filter(([, , attributes]) => "client.address" in attributes);
    assertEquals(ofServer.map(([event, severity]) => [event, severity]), [
      [`${name}opened`, 9],
      [`${name}dropped`, 13],
      [`${name}closed`, 9],
    ]);
    const [, dropped, closed] = ofServer.map(([, , attributes]) => attributes);
    assertEquals(dropped!["error.type"], "too_big");
    assertEquals([closed!["websocket.close.code"], closed!["error.type"]], [1009, "too_big"]);
    assertEquals(log.length, 5);
  });

  it("marks the span of a connection that is dropped, and counts it by reason", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const options = { tracer, connectionSpans: true };
    await using pair = await observed(telemetry, options, { maxPayload: 10 });
    const { ws, clock } = pair;
    for (const text of ["12345678901", `"x"`]) {
      await pair.open();
      await ws.send(text);
      await clock.advance(1000);
    }
    await pair.open();
    pair.network.links[0]!.cut();
    await clock.advance(1000);
    const spans = telemetry.spans.filter(({ kind, name }) =>
      kind === SpanKind.SERVER && name === "websocket connection"
    );
    assertEquals(
      spans.map(({ status, attributes }) => [
        status,
        attributes["error.type"],
        attributes["websocket.close.code"],
      ]),
      [
        [{ code: SpanStatusCode.ERROR, message: "too big" }, "too_big", 1009],
        [{ code: SpanStatusCode.ERROR, message: "unacceptable" }, "unacceptable", 1008],
        [{ code: SpanStatusCode.ERROR, message: "lost" }, "lost", 1006],
      ],
    );
    const values = await telemetry.values();
    const dropped = Object.entries(values).filter(([name]) => name.includes("server.dropped"));
    assertEquals(Object.fromEntries(dropped), {
      "websocket.server.dropped_connections error.type=too_big": 1,
      "websocket.server.dropped_connections error.type=unacceptable": 1,
      "websocket.server.dropped_connections error.type=lost": 1,
    });
    const counts = Object.entries(values).filter(([name]) => name.includes("server.connection."))
      .map(([name, value]) => [name, (value as { count: number }).count]);
    const duration = "websocket.server.connection.duration websocket.close.code";
    assertEquals(Object.fromEntries(counts), {
      [`${duration}=1009 error.type=too_big`]: 1,
      [`${duration}=1008 error.type=unacceptable`]: 1,
      [`${duration}=1006 error.type=lost`]: 1,
    });
    assertEquals(values["websocket.server.active_connections"], 0);
  });

  it("bounds the close codes of metrics, which peers may choose", async () => {
    await using telemetry = new Telemetry();
    await using pair = await observed(telemetry);
    for (const code of [3000, 3456, 4000, 4999]) {
      await pair.open();
      await pair.ws.close({ code, reason: "" });
      await pair.clock.advance(100);
    }
    const values = await telemetry.values();
    const counts = Object.entries(values).filter(([name]) => name.includes("server.connection."))
      .map(([name, value]) => [name.split("=")[1], (value as Recorded).count]);
    assertEquals(counts, [["3000", 2], ["4000", 2]]);
  });

  it("counts what a server decides by reason, and what is under way", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver({ ...telemetry, clock: new FakeClock() });
    const handshake = (more: object) => ({
      ...{ clientIP: "1.2.3.4", clientPort: 1, peerIP: "10.0.0.1", duration: 500 },
      ...more,
    });
    const [one, two, three, four] = [
      handshake({ status: 429, reason: "max_connections_per_client" }),
      handshake({ reason: "client_left" }),
      handshake({ status: 500, reason: "authorize_failed" }),
      handshake({}),
    ];
    for (const each of [one, two, three, four]) observer.asked!(each!);
    observer.refused!(429, "no", "max_connections_per_client", one);
    observer.abandoned!(two!);
    observer.refused!(500, "no", "authorize_failed", three);
    observer.refused!(404, "no", "path_not_found");
    const values = await telemetry.values();
    const half = { count: 1, sum: 0.5, min: 0.5, max: 0.5 };
    const [duration, refused] = ["handshake.duration", "refused_handshakes"].map((name) =>
      `websocket.server.${name}`
    );
    const [failed, over] = ["error.type=authorize_failed", "error.type=max_connections_per_client"];
    assertEquals(values, {
      "websocket.server.active_handshakes": 1,
      [`${duration} http.response.status_code=429 ${over}`]: half,
      [`${duration} error.type=client_left`]: half,
      [`${duration} http.response.status_code=500 ${failed}`]: half,
      [`${refused} http.response.status_code=429 ${over}`]: 1,
      [`${refused} http.response.status_code=500 ${failed}`]: 1,
      [`${refused} http.response.status_code=404 error.type=path_not_found`]: 1,
    });
    // Behind a proxy the port is the proxy's; a refusal is no error of the server's, a failure is.
    assertEquals(
      telemetry.spans.map(({ attributes, status }) => [
        attributes["client.address"],
        attributes["client.port"],
        attributes["network.peer.address"],
        attributes["network.peer.port"],
        status.code,
      ]),
      [SpanStatusCode.UNSET, SpanStatusCode.UNSET, SpanStatusCode.ERROR].map((code) => [
        ...["1.2.3.4", undefined, "10.0.0.1", 1],
        code,
      ]),
    );
  });

  it("counts a client's attempts by where to and why they failed, and those that follow", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry);
    const ws = {};
    const target = { scheme: "wss", host: "example.com", port: 443, duration: 500 } as const;
    for (const result of [{ status: 503, reason: "http_status" }, { reason: "timeout" }] as const) {
      const attempt = { ...target };
      observer.dialling!(ws, attempt, undefined);
      observer.failed!(ws, Object.assign(attempt, result));
    }
    observer.failed!(ws, { duration: 500, reason: "hook_failed" });
    for (const attempt of [1, 2]) observer.reconnecting!(ws, { attempt, delay: 1 });
    observer.unsent!(ws, 7);
    const half = { count: 1, sum: 0.5, min: 0.5, max: 0.5 };
    const duration = "websocket.client.handshake.duration";
    const where = "url.scheme=wss server.address=example.com server.port=443";
    assertEquals(await telemetry.values(), {
      [`${duration} ${where} http.response.status_code=503 error.type=503`]: half,
      [`${duration} ${where} error.type=timeout`]: half,
      [`${duration} error.type=hook_failed`]: half,
      "websocket.client.reconnects": 2,
      "websocket.client.unsent": 7,
    });
    assertEquals(telemetry.spans.map(({ status }) => status), [
      { code: SpanStatusCode.ERROR, message: "503" },
      { code: SpanStatusCode.ERROR, message: "timeout" },
      { code: SpanStatusCode.ERROR, message: "hook_failed" },
    ]);
  });

  it("measures the queues of all servers at each collection, from start to stop", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry);
    const [one, two] = [
      { buffered: 10, fullest: 8, limit: 100, paused: 1 },
      { buffered: 30, fullest: 20, limit: 200, paused: 2 },
    ];
    observer.started!(one!);
    observer.started!(two!);
    const gauges = async () =>
      Object.fromEntries(
        (await telemetry.instruments()).filter((each) => each.dataPoints.length > 0)
          .map((each) => [
            `${each.descriptor.name} ${each.descriptor.unit}`,
            each.dataPoints[0]!.value,
          ]),
      );
    const [usage, fullest, limit] = ["usage", "fullest", "limit"].map((name) =>
      `websocket.server.send_buffer.${name} By`
    );
    const paused = "websocket.server.paused_connections {connection}";
    assertEquals(await gauges(), { [usage!]: 40, [fullest!]: 20, [limit!]: 100, [paused]: 3 });
    observer.stopped!(two!);
    assertEquals(await gauges(), { [usage!]: 10, [fullest!]: 8, [limit!]: 100, [paused]: 1 });
    observer.stopped!(one!);
    assertEquals(await gauges(), { [usage!]: 0, [fullest!]: 0, [limit!]: 100, [paused]: 0 });
    // A side that never listened has nothing to stop; a meter may have no gauges.
    otelObserver(telemetry).stopped!(one!);
    const { createCounter, createHistogram, createUpDownCounter } = telemetry.meter;
    otelObserver({ meter: { createCounter, createHistogram, createUpDownCounter } }).started!(one!);
  });

  it("measures the broker that servers share, and late timers", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry);
    observer.entry!(100, 20);
    observer.entry!(100, undefined);
    observer.broker!(true, undefined);
    observer.broker!(false, undefined);
    observer.broker!(true, "trimmed");
    observer.delayed!(300);
    const one = (value: number) => ({ count: 1, sum: value, min: value, max: value });
    assertEquals(await telemetry.values(), {
      "websocket.server.broker.entries": 2,
      "websocket.server.broker.lag": one(0.02),
      "websocket.server.broker.failures error.type=unreachable": 1,
      "websocket.server.broker.failures error.type=trimmed": 1,
      "websocket.server.timer.delay": one(0.3),
    });
  });

  it("counts refusals by status and reason", async () => {
    await using telemetry = new Telemetry();
    let status = 401;
    const authorize = () => new Response(null, { status });
    await using pair = await observed(telemetry, {}, { authorize: authorize as never });
    await pair.open();
    await pair.open();
    status = 403;
    await pair.open();
    const refused = Object.entries(await telemetry.values()).filter(([name]) =>
      name.startsWith("websocket.server.refused")
    );
    const name = "websocket.server.refused_handshakes http.response.status_code";
    assertEquals(Object.fromEntries(refused), {
      [`${name}=401 error.type=authorize_rejected`]: 2,
      [`${name}=403 error.type=authorize_rejected`]: 1,
    });
  });

  it("uses OpenTelemetry's names where it has any, and its units", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const options = { tracer, connectionSpans: true };
    await using pair = await observed(telemetry, options, { authorize: (_) => refuseSecond() });
    let n = 0;
    const refuseSecond = () => n++ === 1 ? new Response(null, { status: 403 }) : true;
    await pair.open();
    await pair.ws.send("no JSON");
    await pair.clock.advance(31_000);
    await pair.open();
    await pair.open();
    await pair.clock.advance(31_000);
    await pair.close();
    const instruments = await telemetry.instruments();
    const used = new Set([
      ...instruments.flatMap(({ dataPoints }) =>
        dataPoints.flatMap((p) => Object.keys(p.attributes))
      ),
      ...telemetry.spans.flatMap(({ attributes }) => Object.keys(attributes)),
    ]);
    const known = new Set<unknown>(Object.values(conventions));
    const own = [...used].filter((name) => !known.has(name)).sort();
    assertEquals(own, ["websocket.close.code", "websocket.close.reason"]);
    assertEquals([...used].filter((name) => known.has(name)).sort(), [
      "client.address",
      "client.port",
      "error.type",
      "http.response.status_code",
      "network.io.direction",
      "network.peer.address",
      "network.peer.port",
      "network.protocol.name",
      "server.address",
      "server.port",
      "url.scheme",
    ]);
    const described = instruments.map(({ descriptor: { name, unit, description }, ...data }) => {
      assertMatch(description, /^[A-Z].*\.$/);
      if (data.dataPointType === DataPointType.GAUGE) return `${name} gauge ${unit}`;
      if (data.dataPointType !== DataPointType.SUM) return `${name} histogram ${unit}`;
      return `${name} ${data.isMonotonic ? "counter" : "up-down counter"} ${unit}`;
    });
    assertEquals(described.filter((line) => line.includes(".server.")).sort(), [
      "websocket.server.active_connections up-down counter {connection}",
      "websocket.server.active_handshakes up-down counter {handshake}",
      "websocket.server.connection.duration histogram s",
      "websocket.server.dropped_connections counter {connection}",
      "websocket.server.handshake.duration histogram s",
      "websocket.server.io counter By",
      "websocket.server.messages counter {message}",
      "websocket.server.paused_connections gauge {connection}",
      "websocket.server.ping.duration histogram s",
      "websocket.server.refused_handshakes counter {handshake}",
      "websocket.server.send_buffer.fullest gauge By",
      "websocket.server.send_buffer.limit gauge By",
      "websocket.server.send_buffer.usage gauge By",
      "websocket.server.timer.delay histogram s",
    ]);
    const bounds = instruments.flatMap(({ descriptor: { name }, ...data }) =>
      data.dataPointType === DataPointType.HISTOGRAM
        ? [[name, [0, -1].map((at) => data.dataPoints[0]!.value.buckets.boundaries.at(at)!)]]
        : []
    );
    assertEquals(Object.fromEntries(bounds), {
      "websocket.server.connection.duration": [0.1, 604_800],
      "websocket.client.connection.duration": [0.1, 604_800],
      "websocket.server.handshake.duration": [0.005, 30],
      "websocket.client.handshake.duration": [0.005, 30],
      "websocket.server.ping.duration": [0.0005, 30],
      "websocket.client.ping.duration": [0.0005, 30],
      "websocket.server.timer.delay": [0.001, 10],
    });
  });

  it("keeps its counts straight where the tracer fails, and lets connections be", async () => {
    await using telemetry = new Telemetry();
    const tracer = {
      startSpan(): never {
        throw new Error("no span");
      },
    };
    await using pair = await observed(telemetry, { tracer });
    const errors: number[] = [];
    pair.server.on("error", ({ code }) => errors.push(code));
    pair.ws.on("error", ({ code }) => errors.push(code));
    await pair.open();
    await pair.ws.send("1");
    pair.network.links[0]!.cut();
    await pair.clock.advance(100);
    assertEquals(errors.sort(), [200, 200, 2302999, 2302999]);
    const values = await telemetry.values();
    const shaken = Object.keys(values).filter((name) => name.includes("handshake.duration"));
    assertEquals(shaken.length, 2);
    assertEquals(values["websocket.server.active_connections"], 0);
    assertEquals(values["websocket.client.active_connections"], 0);
    assertEquals(values["websocket.server.active_handshakes"], 0);
    assertEquals(values["websocket.server.dropped_connections error.type=lost"], 1);
  });

  it("takes time from the system where it is given no clock", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry);
    const who = { clientIP: "127.0.0.1", clientPort: 1 };
    const before = performance.now();
    observer.opened!(who, { duration: 20 } as never);
    await new Promise((resolve) => setTimeout(resolve, 20));
    observer.closed!(who, { code: 1000, reason: "" });
    const most = (performance.now() - before) / 1000;
    const values = await telemetry.values();
    const { count, sum } = values[
      "websocket.server.connection.duration websocket.close.code=1000"
    ] as Recorded;
    assertEquals(count, 1);
    assert(sum > 0.01 && sum <= most, `${sum} of ${most}`);
    assertEquals(telemetry.spans.length, 1);
  });
});

/** Never run: what its types must let pass, and what not. */
export function types({ meter, tracer }: Telemetry): void {
  const observer = otelObserver({ meter, tracer, clock: new FakeClock() });
  createWebSocketServer({ observer }).on(
    "messageReceive",
    ({ data }) => data satisfies string | ArrayBuffer,
  );
  createWebSocketServer<{ user: string }>({ observer });
  createWebSocket({ observer, schema: validators.double }).on("message", (_, n) => n.toFixed());
  // @ts-expect-error: there is no default meter
  otelObserver({ tracer });
  // @ts-expect-error: a tracer is no meter
  otelObserver({ meter: tracer });
  // @ts-expect-error: attributes are no objects
  otelObserver({ meter, attributes: { nested: {} } });
}
