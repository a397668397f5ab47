/** Every instrument: its unit, and the bounds that a dashboard's percentiles come of. */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  brokerInstruments,
  instruments,
  reconnectCounter,
  serverInstruments,
} from "../../otel/instruments.ts";

interface Made {
  unit?: string;
  description?: string;
  advice?: { explicitBucketBoundaries?: number[] };
}

/** What a meter was asked to make: the name, the unit, and the bounds. */
function made(make: (meter: never) => unknown): Record<string, string> {
  const all: Record<string, string> = {};
  const note = (kind: string) => (name: string, { unit, description, advice }: Made) => {
    assertMatch(description!, /^[A-Z].*\.$/);
    const bounds = advice?.explicitBucketBoundaries ?? [];
    all[name] = `${kind} ${unit} ${bounds.join(" ")}`.trim();
    return { add() {}, record() {} };
  };
  make({
    createCounter: note("counter"),
    createUpDownCounter: note("up-down"),
    createHistogram: note("histogram"),
  } as never);
  return all;
}

const PING = "0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10";

describe("the instruments", () => {
  for (const side of ["client", "server"] as const) {
    it(`of a ${side} have their units and their bounds`, () => {
      assertEquals(made((meter) => instruments(side, meter)), {
        [`websocket.${side}.active_connections`]: "up-down {connection}",
        [`websocket.${side}.connection.duration`]:
          "histogram s 0.1 0.5 1 5 10 30 60 300 600 1800 3600 7200 21600 86400 604800",
        [`websocket.${side}.handshake.duration`]:
          "histogram s 0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 30",
        [`websocket.${side}.messages`]: "counter {message}",
        [`websocket.${side}.io`]: "counter By",
        [`websocket.${side}.ping.duration`]: `histogram s ${PING} 30`,
        [`websocket.${side}.dropped_connections`]: "counter {connection}",
        [`websocket.${side}.unsent`]: "counter By",
      });
    });
  }

  it("of one side alone have theirs", () => {
    assertEquals(made(serverInstruments), {
      "websocket.server.active_handshakes": "up-down {handshake}",
      "websocket.server.refused_handshakes": "counter {handshake}",
      "websocket.server.timer.delay":
        "histogram s 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10",
    });
    assertEquals(made(reconnectCounter), { "websocket.client.reconnects": "counter {attempt}" });
    assertEquals(made(brokerInstruments), {
      "websocket.server.broker.entries": "counter {entry}",
      "websocket.server.broker.lag": `histogram s ${PING}`,
      "websocket.server.broker.failures": "counter {failure}",
    });
  });
});
