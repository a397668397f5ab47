/**
 * The bridge to OpenTelemetry with what Deno has built in: a program that exports to a collector. Bun
 * has nothing of the kind; there, as everywhere, it is OpenTelemetry's SDK that exports.
 */

import { assert, assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { LIMIT_MS } from "../helpers/client.ts";
import { Program } from "../helpers/programs.ts";
import { OtlpCollector, type OtlpSpan, plain } from "./otlp_collector.ts";

/** OTLP counts its kinds from 1 for INTERNAL, where the API begins with 0. */
const [SERVER, CLIENT] = [2, 3];

const EACH = "http.route=/chat network.protocol.name=websocket";
const RECEIVE = "http.route=/chat network.io.direction=receive network.protocol.name=websocket";
const TRANSMIT = RECEIVE.replace("receive", "transmit");

/** What is in a span of ours beside identifiers and times. */
function contents({ name, kind, attributes, status }: OtlpSpan): object {
  const { "client.port": port, ...others } = plain(attributes);
  return {
    name,
    kind,
    attributes: others,
    status: [status.code, status.message],
    port: typeof port,
  };
}

describe("otelObserver() on Deno", () => {
  it("exports metrics and spans of a server and a client to a collector", async () => {
    await using collector = await OtlpCollector.listen();
    const program = Program.run("deno", "tests/programs/otel_service.ts", {
      env: collector.environment,
    });
    const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
    assertEquals([code, stdout, stderr], [0, "bytes 50\n", ""]);

    const values = collector.values("chat");
    const pings = values[`websocket.server.ping.duration ${EACH}`]!;
    assert(pings >= 1, `${pings} round trips`);
    delete values[`websocket.server.ping.duration ${EACH}`];
    assertEquals(values, {
      [`websocket.server.active_connections ${EACH}`]: 0,
      [`websocket.server.connection.duration ${EACH}`]: 1,
      [`websocket.server.connection.duration error.type=too_big ${EACH}`]: 1,
      [`websocket.server.dropped_connections error.type=too_big ${EACH}`]: 1,
      [`websocket.server.messages ${RECEIVE}`]: 3,
      [`websocket.server.io ${RECEIVE}`]: 11,
      [`websocket.server.messages ${TRANSMIT}`]: 1,
      [`websocket.server.io ${TRANSMIT}`]: 50,
      [`websocket.server.refused_handshakes http.response.status_code=403 ${EACH}`]: 1,
      [`websocket.client.active_connections ${EACH}`]: 0,
      [`websocket.client.connection.duration ${EACH}`]: 2,
      [`websocket.client.messages ${RECEIVE}`]: 1,
      [`websocket.client.io ${RECEIVE}`]: 50,
      [`websocket.client.messages ${TRANSMIT}`]: 4,
      [`websocket.client.io ${TRANSMIT}`]: 112,
    });

    const name = "websocket connection";
    const each = { "network.protocol.name": "websocket", "http.route": "/chat" };
    const address = { "client.address": "127.0.0.1" };
    const night = { "websocket.close.code": 4000, "websocket.close.reason": "good night" };
    const big = {
      "websocket.close.code": 1009,
      "websocket.close.reason": "Received too big message",
    };
    const error = { "error.type": "too_big" };
    const of = (wanted: number) => collector.spans("chat").filter(({ kind }) => kind === wanted);
    assertEquals(of(SERVER).map(contents), [
      {
        ...{ name, kind: SERVER, status: [0, ""], port: "number" },
        attributes: { ...each, ...address, ...night },
      },
      {
        ...{ name, kind: SERVER, status: [2, "too big"], port: "number" },
        attributes: { ...each, ...address, ...big, ...error },
      },
    ]);
    assertEquals(
      of(CLIENT).map(contents),
      [night, big].map((end) => ({
        ...{ name, kind: CLIENT, status: [0, ""], port: "undefined" },
        attributes: { ...each, ...end },
      })),
    );
    assertEquals(collector.spans("chat").length, 4);
    for (const { startTimeUnixNano, endTimeUnixNano } of collector.spans("chat")) {
      assert(BigInt(startTimeUnixNano) < BigInt(endTimeUnixNano));
    }

    // A server's connection belongs to the request that it began with.
    const requests = collector.spans("deno").filter(({ attributes }) =>
      plain(attributes)["url.path"] === "/chat"
    );
    assertEquals(
      of(SERVER).map(({ traceId, parentSpanId }) => [traceId, parentSpanId]),
      requests.map(({ traceId, spanId }) => [traceId, spanId]),
    );
  });

  it("exports nothing where Deno is not asked to, and changes nothing", async () => {
    await using collector = await OtlpCollector.listen();
    const env = { ...collector.environment, OTEL_DENO: "false" };
    const program = Program.run("deno", "tests/programs/otel_service.ts", { env });
    const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
    assertEquals([code, stdout, stderr], [0, "bytes 50\n", ""]);
    assertEquals([collector.values("chat"), collector.spans("chat")], [{}, []]);
  });
});
