/** What is not there of OpenTelemetry, and what a close code is counted as. */

import { ROOT_CONTEXT } from "@opentelemetry/api";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { type OtelCommonOptions, otelObserver, type OtelSpanOptions } from "../../otel.ts";
import { FakeClock } from "../../testing.ts";
import { type Recorded, Telemetry } from "../helpers/telemetry.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { observed } from "./observed.ts";

/** A context that is always the same, and nothing that says where a request came from. */
const context = {
  active: () => ROOT_CONTEXT,
  with: <Result>(_: unknown, call: () => Result): Result => call(),
};

describe("otelObserver() with a part of OpenTelemetry", () => {
  const parts: Record<string, (telemetry: Telemetry) => Partial<OtelCommonOptions>> = {
    "a meter alone": () => ({ connectionSpans: true }),
    "a tracer and no contexts": ({ tracer }) => ({ tracer, connectionSpans: true }),
    "a logger alone": () => ({ logger: { emit() {} } }),
    "contexts and no propagation": ({ meter, tracer }) => ({
      api: {
        metrics: { getMeter: () => meter },
        trace: { getTracer: () => tracer },
        context,
      } as never,
      messageSpans: true,
    }),
  };
  for (const [name, optionsOf] of Object.entries(parts)) {
    it(`fails nowhere, and is no affair of 'error': ${name}`, async () => {
      await using telemetry = new Telemetry();
      let lets: true | Response = true;
      await using pair = await observed(telemetry, optionsOf(telemetry), {
        authorize: () => lets,
      });
      const failed: string[] = [];
      const note = ({ kind, message }: BusinessError) => {
        if (kind === "listenerFailed") failed.push(message);
      };
      pair.ws.on("error", note);
      pair.server.on("error", note);
      pair.server.on("messageReceive", () => {});
      await pair.open();
      await pair.ws.send("1");
      await pair.clock.advance(31_000); // a Ping
      await pair.close();
      pair.network.links.at(-1)?.cut();
      await pair.open();
      pair.network.links.at(-1)!.cut();
      await pair.clock.advance(100);
      lets = new Response(null, { status: 403 });
      await pair.ws.connect("ws://localhost:80/");
      await pair.clock.advance(100);
      assertEquals(failed, []);
      assertEquals(pair.ws.state, "idle");
    });
  }
});

const RECONNECT = { minDelay: 1, factor: 1, random: () => 1 };

describe("otelObserver() with a tracer and no contexts", () => {
  for (const isNamed of [true, false]) {
    it(`asks for traces of their own, linked where spans have a name: ${isNamed}`, async () => {
      await using telemetry = new Telemetry();
      const begun: [name: string, options: OtelSpanOptions][] = [];
      const contextOf = (n: number) => ({ traceId: `${n}`, spanId: `${n}`, traceFlags: 1 });
      const tracer = {
        startSpan(name: string, options: OtelSpanOptions) {
          const n = begun.push([name, options]);
          const span = { setAttributes() {}, setStatus() {}, end() {} };
          return isNamed ? { ...span, spanContext: () => contextOf(n) } : span;
        },
      };
      const clock = new FakeClock();
      const observer = otelObserver({
        meter: telemetry.meter,
        clock,
        tracer,
        connectionSpans: true,
      });
      await using pair = await MemoryPair.start({
        clock,
        client: { observer, reconnect: RECONNECT },
      });
      await pair.open();
      pair.network.links[0]!.cut();
      await clock.advance(2000);
      const seen = begun.map(([name, { kind, root, links }]) => [name, kind, root, links]);
      const linked = (n: number) => isNamed ? [{ context: contextOf(n) }] : [];
      assertEquals(seen, [
        ["websocket handshake", 2, undefined, undefined],
        ["websocket connection", 2, true, linked(1)],
        ["websocket handshake", 2, true, linked(1)],
        ["websocket connection", 2, true, linked(3)],
      ]);
    });
  }

  it("makes a span of an attempt that came to nothing before there was something to dial", async () => {
    await using telemetry = new Telemetry();
    const { meter, tracer } = telemetry;
    const clock = new FakeClock();
    const attributes = { "http.route": "/chat" };
    const observer = otelObserver({ meter, clock, tracer, attributes });
    await using pair = await MemoryPair.start({
      clock,
      client: { observer, reconnect: RECONNECT },
    });
    await pair.ws.connect(() => Promise.reject(new Error("no token")));
    await pair.clock.advance(100);
    const each = { "network.protocol.name": "websocket", "http.route": "/chat" };
    assertEquals(
      telemetry.spans.map(({ name, kind, attributes, ended }) => [name, kind, attributes, ended]),
      [["websocket handshake", 2, { ...each, "error.type": "hook_failed" }, true]],
    );
  });
});

describe("otelObserver() with contexts", () => {
  it("asks for a trace of its own for each message", async () => {
    await using telemetry = new Telemetry();
    const begun: [name: string, root: boolean | undefined][] = [];
    const tracer = {
      startSpan(name: string, options: OtelSpanOptions) {
        begun.push([name, options.root]);
        return telemetry.tracer.startSpan(name, options as never);
      },
    };
    await using pair = await observed(telemetry, { tracer, context, messageSpans: true });
    pair.server.on("messageReceive", () => {});
    await pair.open();
    await pair.ws.send("1");
    await pair.clock.advance(100);
    const message = "websocket message";
    assertEquals(begun.filter(([name]) => name === message), [[message, true]]);
  });
});

describe("otelObserver() with contexts and no tracer", () => {
  it("leaves it to the meter where a handshake is measured", () => {
    const measuredIn: unknown[] = [];
    const instrument = {
      add() {},
      record: (_value: number, _attributes: object, where?: unknown) => measuredIn.push(where),
    };
    const meter = {
      createCounter: () => instrument,
      createUpDownCounter: () => instrument,
      createHistogram: () => instrument,
    };
    const observer = otelObserver({ meter: meter as never, context });
    const where = { scheme: "ws", host: "localhost", port: 80 } as const;
    observer.failed!({}, { ...where, duration: 5, reason: "timeout" });
    assertEquals(measuredIn, [undefined]);
  });
});

describe("otelObserver() with no contexts given", () => {
  it("takes the contexts and the propagation that were registered with the API", async () => {
    await using telemetry = new Telemetry();
    const { tracer } = telemetry;
    const registry = Symbol.for("opentelemetry.js.api.1");
    const everywhere = globalThis as unknown as Record<symbol, object | undefined>;
    const before = everywhere[registry];
    const calls: string[] = [];
    const contexts = {
      ...context,
      with: <Result>(_: unknown, call: () => Result): Result => {
        calls.push("with");
        return call();
      },
    };
    const propagation = {
      inject: () => void calls.push("inject"),
      extract: (active: unknown) => {
        calls.push("extract");
        return active;
      },
    };
    everywhere[registry] = { ...before, context: contexts, propagation };
    try {
      await using pair = await observed(telemetry, { tracer });
      pair.server.on("messageReceive", () => calls.push("heard"));
      await pair.open();
      await pair.ws.send("1");
      await pair.clock.advance(100);
    } finally {
      everywhere[registry] = before;
    }
    assertEquals(calls, ["inject", "extract", "with", "heard"]);
  });
});

describe("otelObserver() of a connection that it was not told of", () => {
  it("counts what it is told of it, and fails nowhere", async () => {
    await using telemetry = new Telemetry();
    const observer = otelObserver(telemetry.options);
    observer.dropped!({} as never, "too slow");
    observer.ponged!({} as never, 500);
    const values = Object.entries(await telemetry.values());
    assertEquals(values.filter(([, value]) => value !== 0).length, 2);
  });
});

describe("otelObserver() of a connection whose 'close' was told", () => {
  it("counts what its peer did not take after that, and fails nowhere", async () => {
    await using telemetry = new Telemetry();
    await using pair = await observed(telemetry);
    const connection = await pair.open();
    const errors: (string | undefined)[] = [];
    pair.server.on("error", ({ kind }) => errors.push(kind));
    const closed = new Promise((resolve) => pair.server.on("close", resolve));
    pair.network.links[0]!.hold("toClient");
    await pair.server.send("12345", connection);
    await pair.server.close(connection);
    await closed;
    await pair.clock.advance(60_000);
    pair.network.links[0]?.release("toClient");
    await pair.clock.advance(100);
    assertEquals(errors, ["unsent"]);
    assertEquals((await telemetry.values())["websocket.server.unsent"], 5);
  });
});

describe("a close code, as metrics have it", () => {
  it("is itself up to 1015, and thousands above", async () => {
    await using telemetry = new Telemetry();
    await using pair = await observed(telemetry);
    for (const code of [1000, 1014, 1015, 3999, 4000]) {
      await pair.open();
      await pair.ws.close({ code, reason: "" });
      await pair.clock.advance(100);
    }
    const values = await telemetry.values();
    const counts = Object.entries(values).filter(([name]) => name.includes("client.connection."))
      .map(([name, value]) => [name.split("=")[1], (value as Recorded).count]);
    assertEquals(counts, [["1000", 1], ["1014", 1], ["1015", 1], ["3000", 1], ["4000", 1]]);
  });
});

describe("otelObserver() refuses", () => {
  const meter = new Telemetry().meter;
  const wrong: [string, object, string][] = [
    ["neither a meter nor an API", {}, "options must have 'meter' or 'api'"],
    ["an API without traces", { api: { metrics: { getMeter() {} } } }, "'api' must be OpenTel"],
    ["an API without metrics", { api: { trace: { getTracer() {} } } }, "'api' must be OpenTel"],
    ["an API that is none", { api: null }, "'api' must be OpenTelemetry's API"],
    ["half a meter", { meter: { createCounter() {} } }, "'meter' must be an object with the"],
    ["a tracer that starts nothing", { meter, tracer: {} }, "with the functions startSpan"],
    ["a logger that emits nothing", { meter, logger: {} }, "with the functions emit"],
    ["half a context", { meter, context: { active() {} } }, "with the functions active, with"],
    ["half a propagation", { meter, propagation: { inject() {} } }, "functions extract, inject"],
    ["no flag", { meter, messageSpans: 1 }, "'messageSpans' must be true or false"],
  ];
  for (const [what, options, says] of wrong) {
    it(what, () => {
      const error = assertThrows(() => otelObserver(options as never), BusinessError);
      assertStringIncludes(error.message, "Parameter error: otelObserver: ");
      assertStringIncludes(error.message, says);
    });
  }
});
