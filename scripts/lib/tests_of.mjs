// @ts-check
/** Which tests belong to a source file, and on which runtime they run for it. */
import { testFiles } from "./files.mjs";

/**
 * Beside `tests/<the same path>_test.ts`: the tests that look at what the file does. Those in memory
 * come first; the others run only where these notice nothing.
 *
 * @type {[source: RegExp, inMemory: string[], others: string[]][]}
 */
const TABLE = [
  [
    /^server\/|^server\.ts/,
    [
      "tests/server/pairs_test",
      "tests/server/closing_deadlines_test",
      "tests/server/publish_test",
      "tests/server/subscribe_test",
      "tests/pair/once_test",
      "tests/pair/observer_closing_test",
      "tests/server/stop_options_test",
    ],
    [
      "tests/server/close_test",
      "tests/server/routes_test",
      "tests/server/authorize_test",
      "tests/server/connections_test",
      "tests/server/messages_test",
      "tests/server/listeners_test",
      "tests/server/stop_test",
    ],
  ],
  [
    /^server\/(?:connection|flow|inbound_backlog|topics)\.ts/,
    [],
    [
      "tests/server/backpressure_test",
      "tests/server/backpressure_inbound_test",
      "tests/server/flow_test",
      "tests/server/unsent_test",
    ],
  ],
  [
    /^server\/(?:limits|handshake|listening_server)\.ts/,
    [],
    [
      "tests/server/max_connections_test",
      "tests/server/limits_test",
      "tests/server/authorize_waiting_test",
      "tests/server/refusal_reasons_test",
      "tests/server/start_test",
      "tests/server/mount_test",
      "tests/server/handshake_test",
    ],
  ],
  [
    /^client\/|^client\.ts/,
    [
      "tests/client/after_end_test",
      "tests/client/attempt_test",
      "tests/client/reconnect_send_test",
      "tests/client/reconnect_test",
      "tests/client/reconnect_corners_test",
      "tests/client/reconnect_runtime_test",
      "tests/pair/once_test",
      "tests/pair/observer_closing_test",
    ],
    [
      "tests/client/connect_options_test",
      "tests/client/states_test",
      "tests/client/handshake_test",
      "tests/client/close_test",
      "tests/client/unsent_test",
      "tests/client/drained_test",
      "tests/client/peer_close_test",
      "tests/client/max_payload_test",
    ],
  ],
  [/^heartbeat\.ts/, ["tests/heartbeat_test", "tests/heartbeat/many_test"], [
    "tests/heartbeat/ping_test",
  ]],
  [/^internal\/timeout_queue/, ["tests/heartbeat_test", "tests/server/closing_deadlines_test"], []],
  [/^internal\/close_/, ["tests/server/closing_deadlines_test", "tests/client/after_end_test"], [
    "tests/client/close_test",
    "tests/client/unsent_test",
  ]],
  [/^(?:client|server|internal)\/|^(?:client|server|heartbeat)\.ts/, [
    "tests/pair/pairwise_test",
    "tests/pair/boundaries_test",
    "tests/pair/states_test",
  ], []],
  [/^runtime\//, ["tests/runtime/"], []],
  [/^cluster\//, ["tests/cluster/history_test"], [
    "tests/server/cluster_test",
    "tests/cluster/memory",
  ]],
];

/**
 * The tests of a file in stages: those of the same name, those in memory, the others.
 *
 * @param {string} file
 * @returns {string[][]}
 */
export function testsOf(file) {
  const own = `tests/${file.replace(/\.ts$/, "_test.ts")}`;
  const rows = TABLE.filter(([pattern]) => pattern.test(file));
  const seen = new Set();
  /** @param {string[]} names */
  const stage = (names) =>
    testFiles([]).filter((test) => {
      const isMeant = !seen.has(test) && names.some((name) => test.startsWith(name));
      if (isMeant) seen.add(test);
      return isMeant;
    });
  return [
    stage([own, ...rows.flatMap(([, inMemory]) => inMemory)]),
    stage(rows.flatMap(([, , others]) => others)),
  ].filter(({ length }) => length > 0);
}

/**
 * The runtime on which the tests of a file notice most: its own, or Bun, which starts sooner.
 *
 * @param {string} file
 */
export function runtimeOf(file) {
  return /^runtime\/(?:deno|web)\b/.test(file) ? "deno" : "bun";
}
