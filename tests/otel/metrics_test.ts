/** What the bridge to OpenTelemetry measures, before its own SDK, in time that stands still. */

import { SpanStatusCode } from "@opentelemetry/api";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { otelObserver } from "../../otel.ts";
import { FakeClock } from "../../testing.ts";
import { LATENCY } from "../helpers/memory_pair.ts";
import { type Recorded, Telemetry } from "../helpers/telemetry.ts";
import { observed } from "./observed.ts";

describe("otelObserver(), as it measures", () => {
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

  it("counts what a server decides by reason, and what is under way", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver({ ...telemetry.options, clock: new FakeClock() });
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
    const observer = otelObserver(telemetry.options);
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
    const observer = otelObserver(telemetry.options);
    const [one, two] = [
      { buffered: 10, fullest: 8, limit: 100, paused: 1, unacknowledged: 3 },
      { buffered: 30, fullest: 20, limit: 200, paused: 2, unacknowledged: 4 },
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
    const waiting = "websocket.server.unacknowledged {message}";
    const all = [usage!, fullest!, limit!, paused, waiting];
    const are = async (...values: number[]) =>
      assertEquals(await gauges(), Object.fromEntries(all.map((name, n) => [name, values[n]!])));
    await are(40, 20, 100, 3, 7);
    observer.stopped!(two!);
    await are(10, 8, 100, 1, 3);
    observer.stopped!(one!);
    await are(0, 0, 100, 0, 0);
    // A side that never listened has nothing to stop; a meter may have no gauges.
    otelObserver(telemetry.options).stopped!(one!);
    const { createCounter, createHistogram, createUpDownCounter } = telemetry.meter;
    otelObserver({ meter: { createCounter, createHistogram, createUpDownCounter } }).started!(one!);
  });

  it("measures the broker that servers share, and late timers", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry.options);
    for (const lag of [20, 0, undefined]) observer.entry!(100, lag);
    observer.broker!(true, undefined);
    observer.broker!(false, undefined);
    observer.broker!(true, "trimmed");
    observer.delayed!(300);
    const one = (value: number) => ({ count: 1, sum: value, min: value, max: value });
    assertEquals(await telemetry.values(), {
      "websocket.server.broker.entries": 3,
      "websocket.server.broker.lag": { count: 2, sum: 0.02, min: 0, max: 0.02 },
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
});
