/** How much it takes for each alert of `ops/` to fire, and how long: a little over its bound it does, a little below never. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { system } from "../../scripts/setup.mjs";

const RULES = fileURLToPath(new URL("../../ops/alerts.yml", import.meta.url));

/** A series of values, one each minute: its name without the beginning, labels, and values in promtool's words. */
type Series = readonly [name: string, labels: Record<string, string>, values: string];

/** What fires an alert, what does not, and when: the minute in which it fires, where the fault begins in the tenth. */
interface Bound {
  readonly above: readonly Series[];
  readonly below: readonly Series[];
  readonly fires: number;
  /** The last minute in which it does, where the fault is over at once. */
  readonly until?: number;
  readonly severity: "page" | "ticket";
}

/** A counter: nothing for ten minutes, then so many more each minute. */
const grows = (by: number): string => `0x10 ${by}+${by}x49`;

/** A gauge that stands at 0 for ten minutes, then at a value. */
const stands = (at: number): string => `0x9 ${at}x49`;

/** The counter of a reason, or of an error's type. */
const counted = (name: string, type: string, values: string): Series => [
  name,
  { error_type: type },
  values,
];

const refused = (type: string, by: number) =>
  counted("server_refused_handshakes_total", type, grows(by));

/** So many of a hundred each minute that take over a second, in a histogram's buckets. */
const slow = (name: string, of: number): Series[] =>
  [["0.5", 50], ["1", 100 - of], ["2.5", 100], ["+Inf", 100]].map(([le, by]) =>
    [`${name}_bucket`, { le: `${le}` }, grows(by as number)] as const
  );

const handshakes = (side: "client" | "server", failing: number, type: string): Series[] => [
  counted(`${side}_handshake_duration_count`, type, grows(failing)),
  [
    `${side}_handshake_duration_count`,
    { http_response_status_code: "101" },
    grows(100 - failing),
  ],
];

const delays = (late: number): Series[] => [
  ["server_timer_delay_bucket", { le: "0.05" }, grows(500)],
  ["server_timer_delay_bucket", { le: "0.25" }, grows(1000 - late)],
  ["server_timer_delay_bucket", { le: "0.5" }, grows(1000)],
  ["server_timer_delay_count", {}, grows(1000)],
];

const BOUNDS: Record<string, Bound[]> = {
  WebSocketServerFull: ["max_clients", "max_connections"].map((type) => ({
    above: [counted("server_refused_handshakes_total", type, "0x10 1x48")],
    below: [counted("server_refused_handshakes_total", type, "7x59")],
    fires: 13,
    until: 15,
    severity: "page",
  })),
  WebSocketHandshakeFaults: [
    ...["authorize_failed", "authorize_timeout", "client_address_failed", "subprotocol_failed"],
    "upgrade_failed",
  ].map((type) => ({
    above: [counted("server_refused_handshakes_total", type, "0x10 1x48")],
    below: [counted("server_refused_handshakes_total", type, "7x59")],
    fires: 13,
    until: 15,
    severity: "page",
  })),
  WebSocketClientsRefused: [
    ...["authorize_rejected", "host_not_allowed", "invalid_handshake", "origin_not_allowed"],
    ...["max_connections_per_client", "path_not_found", "subprotocol_not_offered"],
  ].map((type) => ({
    above: [refused(type, 7)],
    below: [refused(type, 5)],
    fires: 29,
    severity: "ticket",
  })),
  WebSocketClientsLeaveEarly: [{
    above: handshakes("server", 22, "client_left"),
    below: handshakes("server", 18, "client_left"),
    fires: 21,
    severity: "ticket",
  }],
  WebSocketHandshakesStuck: [{
    above: [["server_active_handshakes", {}, stands(51)]],
    below: [["server_active_handshakes", {}, stands(50)]],
    fires: 12,
    severity: "page",
  }],
  WebSocketSendQueueFilling: [{
    above: [
      ["server_send_buffer_fullest", {}, stands(510)],
      ["server_send_buffer_limit", {}, "1000x59"],
    ],
    below: [
      ["server_send_buffer_fullest", {}, stands(490)],
      ["server_send_buffer_limit", {}, "1000x59"],
    ],
    fires: 11,
    severity: "ticket",
  }],
  WebSocketReadingPaused: [{
    above: [["server_paused_connections", {}, stands(1)]],
    below: [["server_paused_connections", {}, stands(0)]],
    fires: 12,
    severity: "ticket",
  }],
  WebSocketPeersDropped: ["too_big", "too_fast", "too_slow", "unacceptable"].map((type) => ({
    above: [counted("server_dropped_connections_total", type, grows(4))],
    below: [counted("server_dropped_connections_total", type, grows(2))],
    fires: 23,
    severity: "ticket",
  })),
  WebSocketConnectionsLost: ["dead", "lost"].map((type) => ({
    // In five minutes 5, and a tenth of those who are there, are nothing unusual: 15 here.
    above: [
      counted("server_dropped_connections_total", type, grows(4)),
      ["server_active_connections", {}, "100x59"],
    ],
    below: [
      counted("server_dropped_connections_total", type, grows(2.5)),
      ["server_active_connections", {}, "100x59"],
    ],
    fires: 16,
    severity: "page",
  })),
  WebSocketMessagesLost: [{
    above: [["server_unsent_total", {}, "_x10 1x48"]],
    below: [["server_unsent_total", {}, "0x59"]],
    fires: 10,
    until: 19,
    severity: "ticket",
  }, {
    above: [["server_unsent_total", {}, "7x10 8x48"]],
    below: [["server_unsent_total", {}, "0x59"]],
    fires: 11,
    until: 20,
    severity: "ticket",
  }],
  WebSocketProcessBlocked: [{
    above: delays(12),
    below: delays(8),
    fires: 13,
    severity: "page",
  }],
  WebSocketRoundTripSlow: [{
    above: slow("server_ping_duration", 6),
    below: slow("server_ping_duration", 4),
    fires: 21,
    severity: "ticket",
  }],
  WebSocketBrokerFails: ["unreachable", "trimmed", "forked", "gone"].map((type) => ({
    above: [counted("server_broker_failures_total", type, "_x10 1x48")],
    below: [counted("server_broker_failures_total", type, "0x59")],
    fires: 10,
    until: 14,
    severity: "page",
  })),
  WebSocketBrokerSlow: [{
    above: slow("server_broker_lag", 6),
    below: slow("server_broker_lag", 4),
    fires: 16,
    severity: "page",
  }],
  WebSocketConnectFails: [{
    above: handshakes("client", 52, "timeout").map(withServer),
    below: handshakes("client", 48, "timeout").map(withServer),
    fires: 13,
    severity: "page",
  }],
  WebSocketReconnectStorm: [{
    // Each client once in 50 s, and there are a hundred.
    above: [
      ["client_reconnects_total", {}, grows(125)],
      ["client_active_connections", {}, "100x59"],
    ],
    below: [
      ["client_reconnects_total", {}, grows(115)],
      ["client_active_connections", {}, "100x59"],
    ],
    fires: 17,
    severity: "page",
  }],
};

function withServer([name, labels, values]: Series): Series {
  return [name, { server_address: "hub", ...labels }, values];
}

const EACH_MINUTE = { evaluation_interval: "1m" };

/** The minute in which it is asked of all minutes before. */
const ALL = 59;

/** A minute, the severity, and how many fire then. */
type Asked = readonly [minute: number, severity: string, count: number];

/** What is asked of the alert of a job, in promtool's words. */
function asks(alert: string, job: string, asked: readonly Asked[]) {
  return asked.map(([minute, severity, count]) => {
    const labels = { alertname: alert, alertstate: "firing", severity, job };
    const firing = `ALERTS{${pairs(labels)}}`;
    return {
      expr: minute === ALL ? `count(count_over_time(${firing}[${ALL}m]))` : `count(${firing})`,
      eval_time: `${minute}m`,
      exp_samples: count === 0 ? [] : [{ labels: "{}", value: count }],
    };
  });
}

/** The series of a job, in promtool's words. */
function seriesOf(job: string, series: readonly Series[]) {
  return series.map(([name, labels, values]) => ({
    series: `websocket_${name}{${pairs({ job, instance: "a:9464", ...labels })}}`,
    values,
  }));
}

function pairs(labels: Record<string, string>): string {
  return Object.entries(labels).map(([label, value]) => `${label}="${value}"`).join();
}

describe("an alert", () => {
  it("fires a little over its bound when that has lasted, and never a little below", async () => {
    const names = Array.from(
      readFileSync(RULES, "utf8").matchAll(/alert: (\w+)/g),
      ([, name]) => name,
    );
    assertEquals(Object.keys(BOUNDS), names);
    // Each case is a job of its own: alerts are of one job each. So it is one world for all of them.
    const all = { interval: "1m", input_series: [] as object[], promql_expr_test: [] as object[] };
    for (const [alert, bounds] of Object.entries(BOUNDS)) {
      for (const [n, { above, below, fires, severity, until = ALL }] of bounds.entries()) {
        const [loud, quiet] = [`${alert} ${n} above`, `${alert} ${n} below`];
        const isOver: Asked[] = until === ALL
          ? []
          : [[until, severity, 1], [until + 1, severity, 0]];
        const asked: Asked[] = [[fires - 1, severity, 0], [fires, severity, 1], ...isOver];
        all.input_series.push(...seriesOf(loud, above), ...seriesOf(quiet, below));
        all.promql_expr_test.push(
          ...asks(alert, loud, asked),
          ...asks(alert, quiet, [[ALL, severity, 0]]),
        );
      }
    }
    const promtool = await system("promtool");
    assert(promtool !== undefined, "promtool is missing: Debian's package prometheus has it");
    const folder = mkdtempSync(join(tmpdir(), "netkit-alerts-"));
    try {
      const file = join(folder, "bounds.json");
      writeFileSync(file, JSON.stringify({ rule_files: [RULES], tests: [all], ...EACH_MINUTE }));
      const { status, stdout, stderr } = spawnSync(promtool, ["test", "rules", file], {
        encoding: "utf8",
        timeout: 60_000,
      });
      assertEquals(status, 0, stdout + stderr);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
