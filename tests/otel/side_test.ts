/** What is not there of OpenTelemetry, and what a close code is counted as. */

import { ROOT_CONTEXT } from "@opentelemetry/api";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../../mod.ts";
import { type OtelCommonOptions, otelObserver } from "../../otel.ts";
import { type Recorded, Telemetry } from "../helpers/telemetry.ts";
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

describe("a close code, as metrics have it", () => {
  it("is itself up to 1015, and thousands above", async () => {
    await using telemetry = new Telemetry();
    await using pair = await observed(telemetry);
    for (const code of [1000, 1014, 3999, 4000]) {
      const connection = await pair.open();
      await pair.server.close(connection, { code, reason: "" });
      await pair.clock.advance(100);
    }
    const values = await telemetry.values();
    const counts = Object.entries(values).filter(([name]) => name.includes("client.connection."))
      .map(([name, value]) => [name.split("=")[1], (value as Recorded).count]);
    assertEquals(counts, [["1000", 1], ["1014", 1], ["3000", 1], ["4000", 1]]);
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
