/** The spans and events of connections, before the SDK of OpenTelemetry, in time that stands still. */

import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { otelObserver } from "../../otel.ts";
import { Telemetry } from "../helpers/telemetry.ts";
import { observed, spanOf } from "./observed.ts";

describe("otelObserver(), as it tells of connections", () => {
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

  it("names no port where a client comes by a Unix socket, which has none", async () => {
    await using telemetry = new Telemetry();
    const { meter, tracer } = telemetry;
    const observer = otelObserver({ meter, tracer });
    for (const clientIP of ["unix", "1.2.3.4"]) {
      const handshake = { clientIP, clientPort: 7, peerIP: "unix", duration: 0 };
      observer.asked!(handshake);
      observer.abandoned!(handshake);
    }
    assertEquals(
      telemetry.spans.map(({ attributes }) => attributes),
      ["unix", "1.2.3.4"].map((address) => ({
        ...{ "network.protocol.name": "websocket", "network.transport": "unix" },
        "client.address": address,
      })),
    );
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
});
