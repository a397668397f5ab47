/** `otelObserver` with an API and parts of one's own: one's own go before those of the API. */

import { ROOT_CONTEXT } from "@opentelemetry/api";
import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type OtelApi, type OtelCommonOptions, type OtelMeter, otelObserver } from "../../otel.ts";
import { FakeClock } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";

/** All parts of an API, which write down under a name that they were asked for something. */
function parts(name: string, asked: Set<string>) {
  const counter = () => (asked.add(`${name} meter`), { add() {}, record() {} });
  const meter: OtelMeter = {
    createCounter: counter,
    createUpDownCounter: counter,
    createHistogram: counter,
  };
  const span = {
    setAttributes() {},
    setStatus() {},
    end() {},
    spanContext: () => ({ traceId: "1".repeat(32), spanId: "1".repeat(16), traceFlags: 1 }),
  };
  const tracer = { startSpan: () => (asked.add(`${name} tracer`), span) };
  const context = {
    active: () => (asked.add(`${name} context`), ROOT_CONTEXT),
    with: <Result>(_: unknown, call: () => Result) => (asked.add(`${name} context`), call()),
  };
  const propagation = {
    inject: () => void asked.add(`${name} propagation`),
    extract: <Context>(given: Context) => (asked.add(`${name} propagation`), given),
  };
  return { meter, tracer, context, propagation };
}

/** Which parts are asked by a connection of which both sides are observed, from its handshake to its end. */
async function asked(own: (keyof ReturnType<typeof parts>)[]): Promise<string[]> {
  const names = new Set<string>();
  const { meter, tracer, context, propagation } = parts("api", names);
  const api = {
    metrics: { getMeter: () => meter },
    trace: { getTracer: () => tracer },
    ...{ context, propagation },
  } as unknown as OtelApi;
  const mine = parts("own", names);
  const given = Object.fromEntries(own.map((part) => [part, mine[part]])) as OtelCommonOptions;
  const clock = new FakeClock();
  const observer = otelObserver({ api, clock, ...given });
  await using pair = await MemoryPair.start({ server: { observer }, client: { observer }, clock });
  pair.server.on("messageReceive", () => {});
  await pair.open();
  await pair.ws.send("hello");
  await pair.close();
  return [...names].sort();
}

describe("otelObserver()", () => {
  const all = ["meter", "tracer", "context", "propagation"] as const;

  it("asks all parts of an API", async () => {
    assertEquals(await asked([]), all.map((part) => `api ${part}`).sort());
  });

  for (const own of all) {
    it(`asks one's own ${own} in the place of that of the API, and the others of that`, async () => {
      const expected = all.map((part) => `${part === own ? "own" : "api"} ${part}`);
      assertEquals(await asked([own]), expected.sort());
    });
  }

  it("asks nothing of an API all of whose parts are one's own", async () => {
    assertEquals(await asked([...all]), all.map((part) => `own ${part}`).sort());
  });
});
