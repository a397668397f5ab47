/** What the bridge to OpenTelemetry says of each way that something can go, by its own interface alone. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { ClientHandshake, RefusalReason, ServerHandshake } from "../../otel.ts";
import { otelObserver } from "../../otel.ts";
import { Telemetry } from "../helpers/telemetry.ts";

/** What everything is to have, also in the place of what it has by itself. */
const ATTRIBUTES = { "network.protocol.name": "websocket, tunnelled", "http.route": "/chat" };

describe("otelObserver(), as it counts what a broker does", () => {
  const cases: [up: boolean, lost: "trimmed" | "forked" | "gone" | undefined, type?: string][] = [
    [true, undefined],
    [false, undefined, "unreachable"],
  ];
  for (const why of ["trimmed", "forked", "gone"] as const) {
    for (const up of [true, false]) cases.push([up, why, why]);
  }
  for (const [up, lost, type] of cases) {
    const what = lost === undefined ? "nothing lost" : `${lost} entries`;
    it(`has ${type ?? "no failure"} where it is ${up ? "up" : "down"} with ${what}`, async () => {
      await using telemetry = new Telemetry();
      otelObserver(telemetry.options).broker!(up, lost);
      const name = `websocket.server.broker.failures error.type=${type}`;
      assertEquals(await telemetry.values(), type === undefined ? {} : { [name]: 1 });
    });
  }
});

describe("otelObserver(), as it says whose something is", () => {
  it("has what it is told with everything that it measures, gauges as well", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver({ ...telemetry.options, attributes: ATTRIBUTES });
    observer.started!({ buffered: 1, fullest: 1, limit: 1, paused: 1, unacknowledged: 1 });
    observer.entry!(100, 20);
    observer.broker!(false, undefined);
    observer.delayed!(300);
    observer.refused!(400, "127.0.0.1", "invalid_handshake", undefined);
    const all = await telemetry.instruments();
    assertEquals(all.length, 5 + 4 + 1);
    for (const { descriptor, dataPoints } of all) {
      for (const { attributes } of dataPoints) {
        for (const [name, value] of Object.entries(ATTRIBUTES)) {
          assertEquals(attributes[name], value, `${descriptor.name}: ${name}`);
        }
      }
    }
  });
});

/** A handshake of a server, which has come to something. */
const handshake = (status: number, reason: RefusalReason): ServerHandshake => ({
  ...{ clientIP: "127.0.0.1", clientPort: 1, peerIP: "127.0.0.1" },
  ...{ status, reason, duration: 20 },
});

describe("otelObserver(), as it ends the span of a server's handshake", () => {
  const cases: [number, RefusalReason][] = [
    [400, "invalid_handshake"],
    [401, "authorize_rejected"],
    [403, "origin_not_allowed"],
    [404, "path_not_found"],
    [429, "max_connections_per_client"],
    [500, "authorize_failed"],
    [501, "authorize_rejected"],
    [503, "max_connections"],
    [503, "authorize_timeout"],
  ];
  for (const [status, reason] of cases) {
    it(`is an error where the fault is the server's own, alone: ${status} ${reason}`, async () => {
      await using telemetry = new Telemetry();
      const observer = otelObserver(telemetry.options);
      const one = handshake(status, reason);
      observer.asked!(one);
      observer.refused!(status, "127.0.0.1", reason, one);
      const [span] = telemetry.spans;
      assertEquals([span!.status, span!.attributes["error.type"]], [
        status === 500 ? { code: 2, message: reason } : { code: 0 },
        reason,
      ]);
      const counted = `http.response.status_code=${status} error.type=${reason}`;
      const values = await telemetry.values();
      assertEquals(values["websocket.server.active_handshakes"], 0);
      assertEquals(values[`websocket.server.refused_handshakes ${counted}`], 1);
    });
  }

  it("counts a request that is no handshake as refused, and as none under way", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry.options);
    const left = handshake(101, "invalid_handshake");
    observer.asked!(left);
    for (let n = 0; n < 3; n++) observer.refused!(404, "127.0.0.1", "path_not_found", undefined);
    const active = async () => (await telemetry.values())["websocket.server.active_handshakes"];
    assertEquals(await active(), 1);
    observer.abandoned!(left);
    assertEquals(await active(), 0);
  });
});

describe("otelObserver(), as it begins the span of a client's attempt", () => {
  it("has one that comes by itself be a trace of its own, linked to the one before", () => {
    const begun: { root?: boolean; links?: string[] }[] = [];
    let ids = 0;
    const tracer = {
      startSpan(_: string, { root, links }: { root?: boolean; links?: unknown[] } = {}) {
        const spanId = `${++ids}`;
        const ofLinks = (links as { context: { spanId: string } }[] | undefined)
          ?.map(({ context }) => context.spanId);
        begun.push({ ...root === undefined ? {} : { root }, ...ofLinks && { links: ofLinks } });
        return {
          ...{ setAttributes() {}, setStatus() {}, end() {} },
          spanContext: () => ({ traceId: spanId, spanId, traceFlags: 1 }),
        };
      },
    };
    const meter = new Telemetry().meter;
    const observer = otelObserver({ meter, tracer });
    const ws = {};
    const target = { scheme: "ws", host: "localhost", port: 80 } as const;
    const attempt = (more: Partial<ClientHandshake> = {}) => {
      const one: ClientHandshake = { ...target, duration: 1, ...more };
      observer.dialling!(ws, one, undefined);
      observer.failed!(ws, one);
    };
    attempt();
    for (let n = 1; n < 3; n++) {
      observer.reconnecting!(ws, { attempt: n, delay: 1000 });
      attempt({ attempt: n });
    }
    // One that comes to nothing before there is something to dial.
    observer.failed!(ws, { duration: 1, reason: "hook_failed", attempt: 3 });
    // One that the program begins, though the client has said that it would connect again.
    observer.reconnecting!(ws, { attempt: 4, delay: 1000 });
    attempt();
    const again = ["1", "2", "3"].map((id) => ({ root: true, links: [id] }));
    assertEquals(begun, [{}, ...again, {}]);
  });
});
