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
const [SERVER, CLIENT, CONSUMER] = [2, 3, 5];

const SCOPE = "@netkit/websocket";
const EACH = "http.route=/chat network.protocol.name=websocket";
const RECEIVE = "http.route=/chat network.io.direction=receive network.protocol.name=websocket";
const SHAKEN = `http.response.status_code=101 ${EACH}`;
const FORBIDDEN = `http.response.status_code=403 ${EACH}`;
const REFUSED = `error.type=authorize_rejected ${FORBIDDEN}`;
const NIGHT = "websocket.close.code=4000";
const BIG = "websocket.close.code=1009";
const TRANSMIT = RECEIVE.replace("receive", "transmit");

/** What is in a span of ours beside identifiers, times and ports. */
function contents({ attributes, status }: OtlpSpan): object {
  const { "client.port": client, "network.peer.port": peer, ...others } = plain(attributes);
  assertEquals([typeof client, client], ["number", peer]);
  return { attributes: others, status: [status.code, status.message] };
}

describe("otelObserver() on Deno", () => {
  it("exports metrics and spans of a server and a client to a collector", async () => {
    await using collector = await OtlpCollector.listen();
    const program = Program.run("deno", "tests/programs/otel_service.ts", {
      env: collector.environment,
    });
    const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
    assertEquals([code, stdout, stderr], [0, "bytes 50\n", ""]);

    const values = collector.values(SCOPE);
    for (const name of ["ping.duration", "timer.delay"]) {
      const recorded = values[`websocket.server.${name} ${EACH}`]!;
      assert(recorded >= 1, `${recorded} of ${name}`);
      delete values[`websocket.server.${name} ${EACH}`];
    }
    const port = Object.keys(values).join().match(/server\.port=\d+/)![0];
    const where = `server.address=127.0.0.1 ${port} url.scheme=ws`;
    assertEquals(values, {
      [`websocket.server.active_connections ${EACH}`]: 0,
      [`websocket.server.active_handshakes ${EACH}`]: 0,
      [`websocket.server.handshake.duration ${SHAKEN}`]: 2,
      [`websocket.server.handshake.duration ${REFUSED}`]: 1,
      [`websocket.server.connection.duration ${EACH} ${NIGHT}`]: 1,
      [`websocket.server.connection.duration error.type=too_big ${EACH} ${BIG}`]: 1,
      [`websocket.server.dropped_connections error.type=too_big ${EACH}`]: 1,
      [`websocket.server.messages ${RECEIVE}`]: 3,
      [`websocket.server.io ${RECEIVE}`]: 11,
      [`websocket.server.messages ${TRANSMIT}`]: 1,
      [`websocket.server.io ${TRANSMIT}`]: 50,
      [`websocket.server.refused_handshakes ${REFUSED}`]: 1,
      [`websocket.client.active_connections ${EACH}`]: 0,
      [`websocket.client.handshake.duration ${SHAKEN} ${where}`]: 2,
      [`websocket.client.handshake.duration error.type=403 ${FORBIDDEN} ${where}`]: 1,
      [`websocket.client.connection.duration ${EACH} ${NIGHT}`]: 1,
      [`websocket.client.connection.duration ${EACH} ${BIG}`]: 1,
      [`websocket.client.messages ${RECEIVE}`]: 1,
      [`websocket.client.io ${RECEIVE}`]: 50,
      [`websocket.client.messages ${TRANSMIT}`]: 4,
      [`websocket.client.io ${TRANSMIT}`]: 112,
    });

    const each = { "network.protocol.name": "websocket", "http.route": "/chat" };
    const address = { "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1" };
    const night = { "websocket.close.code": 4000, "websocket.close.reason": "good night" };
    const big = {
      "websocket.close.code": 1009,
      "websocket.close.reason": "Received too big message",
    };
    const of = (wanted: number, what: string) =>
      collector.spans(SCOPE).filter(({ kind, name }) =>
        kind === wanted && name === `websocket ${what}`
      );
    const shaken = { "http.response.status_code": 101 };
    const forbidden = { "http.response.status_code": 403, "error.type": "authorize_rejected" };
    const tooBig = { "error.type": "too_big" };
    assertEquals(of(SERVER, "handshake").map(contents), [
      { attributes: { ...each, ...address, ...shaken }, status: [0, ""] },
      { attributes: { ...each, ...address, ...shaken }, status: [0, ""] },
      { attributes: { ...each, ...address, ...forbidden }, status: [0, ""] },
    ]);
    assertEquals(of(SERVER, "connection").map(contents), [
      { attributes: { ...each, ...address, ...night }, status: [0, ""] },
      { attributes: { ...each, ...address, ...big, ...tooBig }, status: [2, "too big"] },
    ]);
    assertEquals(of(CLIENT, "handshake").map(({ status }) => status.code), [0, 0, 2]);
    assertEquals(of(CLIENT, "connection").length, 2);
    for (const { startTimeUnixNano, endTimeUnixNano } of collector.spans(SCOPE)) {
      assert(BigInt(startTimeUnixNano) < BigInt(endTimeUnixNano));
    }

    // A server's handshake belongs to the request that it is.
    const requests = collector.spans("deno").filter(({ attributes }) =>
      ["/chat", "/nowhere"].includes(plain(attributes)["url.path"] as string)
    );
    assertEquals(
      of(SERVER, "handshake").map(({ traceId, parentSpanId }) => `${traceId} ${parentSpanId}`)
        .sort(),
      requests.map(({ traceId, spanId }) => `${traceId} ${spanId}`).sort(),
    );
    // A message's listeners run in a trace of their own, not in the request's.
    const messages = of(CONSUMER, "message");
    assertEquals(messages.map(({ parentSpanId }) => parentSpanId), ["", "", ""]);
    assertEquals(new Set([...messages, ...requests].map(({ traceId }) => traceId)).size, 6);
    const shakenBy = of(SERVER, "handshake")[0]!.spanId;
    assertEquals(messages.map(({ links }) => links![0]!.spanId), Array(3).fill(shakenBy));
    // A connection is a trace of its own, with a link to its handshake.
    for (const kind of [SERVER, CLIENT]) {
      const linked = of(kind, "connection").map(({ links }) => links![0]!.spanId);
      assertEquals(linked, of(kind, "handshake").slice(0, 2).map(({ spanId }) => spanId));
      assertEquals(of(kind, "connection").map(({ parentSpanId }) => parentSpanId), ["", ""]);
    }
  });

  it("exports nothing where Deno is not asked to, and changes nothing", async () => {
    await using collector = await OtlpCollector.listen();
    const env = { ...collector.environment, OTEL_DENO: "false" };
    const program = Program.run("deno", "tests/programs/otel_service.ts", { env });
    const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
    assertEquals([code, stdout, stderr], [0, "bytes 50\n", ""]);
    assertEquals([collector.values(SCOPE), collector.spans(SCOPE)], [{}, []]);
  });
});
