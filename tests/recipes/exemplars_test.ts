/**
 * Exemplars arrive: what our histograms count names the trace of the handshake, by the recipe for prom-client,
 * from OpenTelemetry's SDK to a Prometheus.
 */

import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  type Sampler,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type OpenMetricsContentType, Registry } from "prom-client";
import { promMeter } from "../../docs/recipes/exemplars.ts";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { otelObserver } from "../../otel.ts";
import { within } from "../helpers/client.ts";
import { prometheus } from "../helpers/prometheus.ts";

const [SERVER, CLIENT] = [1, 2];

/** What is measured of a connection that was open. */
const MEASURED = [
  ["websocket_server_handshake_duration", SERVER],
  ["websocket_server_connection_duration", SERVER],
  ["websocket_client_handshake_duration", CLIENT],
  ["websocket_client_connection_duration", CLIENT],
] as const;

/** One connection from its handshake to its end, as measured. */
async function measured(sampler: Sampler) {
  const spans = new InMemorySpanExporter();
  const spanProcessors = [new SimpleSpanProcessor({ exporter: spans })];
  const tracer = new TracerProvider({ sampler, spanProcessors }).getTracer("test");
  const context = new AsyncLocalStorageContextManager().enable();
  const propagation = new W3CTraceContextPropagator();
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  const observer = otelObserver({
    meter: promMeter(registry, ["http.route"]),
    attributes: { "http.route": "/chat" },
    ...{ tracer, context, propagation },
  });
  const server = createWebSocketServer({ observer });
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  const ws = createWebSocket({ observer });
  await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
  await within(ws.opened);
  const text = await registry.metrics();
  await ws.close();
  await within(ws.closed);
  await server.stop();
  const handshake = (kind: number) => {
    const span = spans.getFinishedSpans().find((span) =>
      span.kind === kind && span.name === "websocket handshake"
    );
    const { traceId: trace_id, spanId: span_id } = span!.spanContext();
    return { trace_id, span_id };
  };
  return { registry, handshake, text };
}

describe("exemplars by the recipe for prom-client", () => {
  it("are none of what is not sampled, which is counted all the same", async () => {
    const { registry } = await measured(new AlwaysOffSampler());
    const text = await registry.metrics();
    for (const [name] of MEASURED) {
      assertMatch(text, new RegExp(`^${name}_count\\{.*http_route="/chat".*\\} 1$`, "m"));
    }
    assert(!text.includes("trace_id"));
  });

  it("come with the gauges and the sums that are no histograms", async () => {
    const { text } = await measured(new AlwaysOnSampler());
    const [limit] = /^websocket_server_send_buffer_limit\{.*\} \d+$/m.exec(text)!;
    assertEquals(
      limit,
      'websocket_server_send_buffer_limit{network_protocol_name="websocket",http_route="/chat"} 16777216',
    );
    assertMatch(text, /^websocket_client_active_connections\{.*\} 1$/m);
  });

  // The last one: what is left of a web server for a moment is no affair of another test.
  it("arrive in Prometheus: each histogram names the span of the handshake", async () => {
    const { registry, handshake } = await measured(new AlwaysOnSampler());
    const web = createServer(async (_, response) => {
      response.setHeader("content-type", registry.contentType);
      response.end(await registry.metrics());
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => web.once("listening", resolve));
    {
      await using monitor = await prometheus((web.address() as AddressInfo).port);
      const end = performance.now() + 30_000;
      for (const [name, kind] of MEASURED) {
        let arrived = await monitor.exemplars(name);
        while (arrived.length === 0) {
          assert(performance.now() < end, `${name} has no exemplars`);
          await delay(50);
          arrived = await monitor.exemplars(name);
        }
        assertEquals(arrived, [handshake(kind)], name);
      }
    }
    // Both sides of one connection are one trace.
    assertEquals(handshake(SERVER).trace_id, handshake(CLIENT).trace_id);
    web.closeAllConnections();
    await new Promise((resolve) => web.close(resolve));
  });
});
