/** The names of OpenTelemetry and our own, what bounds them, and what happens where the SDK fails. */

import { DataPointType } from "@opentelemetry/sdk-metrics";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { otelObserver } from "../../otel.ts";
import { FakeClock } from "../../testing.ts";
import { validators } from "../helpers/schemas.ts";
import { type Recorded, Telemetry } from "../helpers/telemetry.ts";
import { observed } from "./observed.ts";

describe("otelObserver()", () => {
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
      "websocket.server.unacknowledged gauge {message}",
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
    const observer = otelObserver(telemetry.options);
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
