/** The bridge to OpenTelemetry, before its own SDK, in time that stands still. */

import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { DataPointType } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketServerConfig } from "../mod.ts";
import { otelObserver, type OtelOptions } from "../otel.ts";
import { FakeClock } from "../testing.ts";
import { LATENCY, MemoryPair } from "./helpers/memory_pair.ts";
import { validators } from "./helpers/schemas.ts";
import { Telemetry } from "./helpers/telemetry.ts";

/** A pair of which both sides are observed by the same observer. */
function observed(
  telemetry: Telemetry,
  options: Partial<OtelOptions> = {},
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
    assertEquals(await telemetry.values(), {
      ...measured,
      "websocket.server.active_connections": 1,
      "websocket.client.active_connections": 1,
    });
    await pair.close();
    const values = await telemetry.values();
    // The server's side was open half a round trip before the client's, and its end is as much later.
    const seconds = (value: unknown) => (value as { sum: number }).sum;
    assertEquals(
      [
        seconds(values["websocket.server.connection.duration"]),
        seconds(values["websocket.client.connection.duration"]),
      ].map((value) => value.toFixed(3)),
      ["30.030", "30.030"],
    );
    delete values["websocket.server.connection.duration"];
    delete values["websocket.client.connection.duration"];
    assertEquals(values, {
      ...measured,
      "websocket.server.active_connections": 0,
      "websocket.client.active_connections": 0,
    });
  });

  it("makes one span of each connection, with how it ended", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    await using pair = await observed(telemetry, { tracer, attributes: { "http.route": "/chat" } });
    const { clientIP, clientPort } = await pair.open();
    assertEquals(telemetry.spans, []);
    await pair.ws.close({ code: 4000, reason: "done" });
    await pair.clock.advance(100);
    const name = "websocket connection";
    const attributes = {
      "network.protocol.name": "websocket",
      "http.route": "/chat",
      "websocket.close.code": 4000,
      "websocket.close.reason": "done",
    };
    const address = { "client.address": clientIP, "client.port": clientPort };
    const common = { name, status: { code: SpanStatusCode.UNSET }, ended: true };
    assertEquals(telemetry.spans.map(spanOf), [
      { ...common, kind: SpanKind.SERVER, attributes: { ...attributes, ...address } },
      { ...common, kind: SpanKind.CLIENT, attributes },
    ]);
    const names = Object.keys(await telemetry.values());
    assert(names.every((name) => name.includes(" http.route=/chat")), names.join());
  });

  it("marks the span of a connection that is dropped, and counts it by reason", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    await using pair = await observed(telemetry, { tracer }, { maxPayload: 10 });
    const { ws, clock } = pair;
    for (const text of ["12345678901", `"x"`]) {
      await pair.open();
      await ws.send(text);
      await clock.advance(1000);
    }
    await pair.open();
    pair.network.links[0]!.cut();
    await clock.advance(1000);
    const spans = telemetry.spans.filter(({ kind }) => kind === SpanKind.SERVER);
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
    assertEquals(Object.fromEntries(counts), {
      "websocket.server.connection.duration error.type=too_big": 1,
      "websocket.server.connection.duration error.type=unacceptable": 1,
      "websocket.server.connection.duration error.type=lost": 1,
    });
    assertEquals(values["websocket.server.active_connections"], 0);
  });

  it("counts refusals by status", async () => {
    await using telemetry = new Telemetry();
    let status = 401;
    const authorize = () => new Response(null, { status });
    await using pair = await observed(telemetry, {}, { authorize: authorize as never });
    await pair.open();
    await pair.open();
    status = 403;
    await pair.open();
    assertEquals(await telemetry.values(), {
      "websocket.server.refused_handshakes http.response.status_code=401": 2,
      "websocket.server.refused_handshakes http.response.status_code=403": 1,
    });
  });

  it("uses OpenTelemetry's names where it has any, and its units", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    await using pair = await observed(telemetry, { tracer }, { authorize: (_) => refuseSecond() });
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
      "network.protocol.name",
    ]);
    const described = instruments.map(({ descriptor: { name, unit, description }, ...data }) => {
      assertMatch(description, /^[A-Z].*\.$/);
      if (data.dataPointType !== DataPointType.SUM) return `${name} histogram ${unit}`;
      return `${name} ${data.isMonotonic ? "counter" : "up-down counter"} ${unit}`;
    });
    assertEquals(described.filter((line) => line.includes(".server.")).sort(), [
      "websocket.server.active_connections up-down counter {connection}",
      "websocket.server.connection.duration histogram s",
      "websocket.server.dropped_connections counter {connection}",
      "websocket.server.io counter By",
      "websocket.server.messages counter {message}",
      "websocket.server.ping.duration histogram s",
      "websocket.server.refused_handshakes counter {handshake}",
    ]);
    const bounds = instruments.flatMap(({ descriptor: { name }, ...data }) =>
      data.dataPointType === DataPointType.HISTOGRAM
        ? [[name, data.dataPoints[0]!.value.buckets.boundaries.at(-1)]]
        : []
    );
    assertEquals(Object.fromEntries(bounds), {
      "websocket.server.connection.duration": 86_400,
      "websocket.client.connection.duration": 86_400,
      "websocket.server.ping.duration": 10,
      "websocket.client.ping.duration": 10,
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
    assertEquals(values["websocket.server.active_connections"], undefined);
    assertEquals(values["websocket.server.dropped_connections error.type=lost"], 1);
  });

  it("takes time from the system where it is given no clock", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry);
    const who = { clientIP: "127.0.0.1", clientPort: 1 };
    const before = performance.now();
    observer.opened!(who, { duration: 20 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    observer.closed!(who, { code: 1000, reason: "" });
    const most = (performance.now() - before) / 1000;
    const values = await telemetry.values();
    const { count, sum } = values["websocket.server.connection.duration"] as {
      count: number;
      sum: number;
    };
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
