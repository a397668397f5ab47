// @ts-check
/** Which tests belong to a source file, and on which runtime they run for it. */
import { isQuick, testFiles } from "./files.mjs";

/**
 * Beside `tests/<the same path>_test.ts`: the tests that look at what the file does. Those in memory
 * come first; the others run only where these notice nothing, and last all that are quick of the same room.
 *
 * @type {[source: RegExp, inMemory: string[], others: string[]][]}
 */
const TABLE = [
  [/^(?:client|server|internal)\/|^(?:client|server|heartbeat)\.ts/, [
    "tests/pair/boundaries_",
    "tests/pair/states_test",
    "tests/pair/client_calls_test",
    "tests/pair/server_states_test",
    "tests/pair/once_test",
    "tests/pair/observer_calls_test",
    "tests/pair/observer_closing_test",
    "tests/pair/observer_handling_test",
    "tests/pair/stats_in_events_test",
    "tests/pair/held_objects_test",
    "tests/pair/odd_runtimes_test",
  ], []],
  [/^server\/|^server\.ts/, [
    "tests/server/at_its_end_test",
    "tests/server/connection_",
    "tests/server/closing_deadlines_test",
    "tests/server/publish_test",
    "tests/server/subscribe_test",
    "tests/server/stop_options_test",
    "tests/server/ways_to_run_test",
    "tests/server/registry_test",
    "tests/server/refused_calls_test",
    "tests/server/wrong_twice_test",
    "tests/server/calls_in_connect_test",
    "tests/server/causes_test",
    "tests/server/handshake_places_test",
    "tests/server/inbound_backlog_test",
  ], [
    "tests/server/connections_test",
    "tests/server/listeners_test",
    "tests/server/routes_test",
    "tests/server/close_test",
  ]],
  [/^server\.ts/, ["tests/shapes/ws_control_test"], ["tests/server/messages_test"]],
  [/^server\/(?:connection|flow|inbound_backlog|topics)\.ts/, [
    "tests/server/acknowledge_server_test",
    "tests/shapes/acknowledge_test",
    "tests/shapes/combined_test",
    "tests/shapes/ws_corners_test",
    "tests/shapes/ws_paused_test",
    "tests/pair/thenables_test",
  ], [
    "tests/shapes/ws_wire_test",
    "tests/shapes/ws_test",
    "tests/server/flow_test",
    "tests/server/messages_test",
    "tests/server/terminate_test",
  ]],
  [/^server\/(?:limits|handshake|listening_server|registry)\.ts/, [], [
    "tests/server/topics_test",
    "tests/server/handshake_test",
    "tests/server/max_connections_test",
    "tests/server/refusal_reasons_test",
    "tests/server/mount_test",
    "tests/shapes/ws_wire_test",
    "tests/shapes/ws_test",
  ]],
  [/^client\/|^client\.ts/, [
    "tests/client/connection_",
    "tests/client/after_end_test",
    "tests/client/attempt_test",
    "tests/client/call_order_test",
    "tests/client/reading_pauses_test",
    "tests/client/reconnect_send_test",
    "tests/client/reconnect_test",
    "tests/client/reconnect_asked_test",
    "tests/client/reconnect_hooks_test",
    "tests/client/reconnect_sleep_test",
    "tests/client/reconnect_runtime_test",
    "tests/client/reconnect_acknowledge_test",
    "tests/client/reconnect_given_test",
    "tests/client/reconnect_now_test",
    "tests/client/reconnect_policy_test",
    "tests/client/refused_calls_test",
    "tests/client/reconnecting_test",
    "tests/client/deferred_test",
    "tests/client/message_iterator_test",
  ], [
    "tests/client/buffered_test",
    "tests/client/connect_options_test",
    "tests/client/handshake_test",
    "tests/client/header_receive_test",
    "tests/client/states_test",
  ]],
  [/^heartbeat\.ts|^internal\/timeout_queue/, [
    "tests/heartbeat_",
    "tests/heartbeat/many_test",
    "tests/heartbeat/probe_test",
    "tests/heartbeat/together_test",
    "tests/server/closing_deadlines_test",
  ], ["tests/hostile/churn_test"]],
  [/^internal\/(?:close_|drain_watch|payload)/, [
    "tests/client/after_end_test",
    "tests/client/connection_",
    "tests/server/closing_deadlines_test",
    "tests/server/connection_",
  ], ["tests/client/close_test", "tests/pair/error_kinds_test"]],
  [/^internal\/close_codes/, ["tests/docs/close_codes_test"], []],
  [/^errors\.ts/, ["tests/errors_test", "tests/pair/error_kinds_test"], [
    "tests/pair/odd_runtimes_test",
  ]],
  [/^internal\/(?:describe|validate)/, [
    "tests/client/client_options_test",
    "tests/client/options_test",
    "tests/server/options_test",
  ], []],
  [/^(?:client|server)\/|^(?:client|server|heartbeat)\.ts/, ["tests/pair/pairwise_test"], []],
  [
    /^(?:internal\/(?:observer|stats)|server\/(?:gauges|listening_server|observed_handshakes)|client\/attempt)\.ts/,
    [
      "tests/client/attempt_test",
      "tests/pair/stats_",
      "tests/server/gauges_test",
      "tests/server/observed_handshakes_test",
      "tests/cluster/broker_stats_test",
    ],
    ["tests/pair/observer_wire_test", "tests/otel/"],
  ],
  [/^client\/(?:connection|reconnecting)\.ts/, [
    "tests/shapes/client_link_test",
    "tests/shapes/socket_extras_test",
    "tests/shapes/socket_model_test",
    "tests/shapes/socket_reconnect_test",
  ], ["tests/shapes/ws_wire_test", "tests/shapes/ws_test"]],
  [/^(?:client|server|server\/listening_server|(?:client|server)\/connection)\.ts|^runtime\//, [], [
    "tests/pair/binary_type_test",
  ]],
  [
    /acknowledg|receipt|sessions|^client\/(?:events|message_|reconnecting|send_queue)|^(?:client|server)(?:\/connection)?\.ts/,
    [
      "tests/client/resume_places_test",
      "tests/client/resume_waiting_test",
      "tests/server/acknowledge_",
      "tests/server/resume_ways_test",
      "tests/shapes/resume_test",
    ],
    ["tests/model/acknowledge_test"],
  ],
  [/^internal\/schema\.ts/, [], ["tests/pair/schema_wire_test"]],
  [/^internal\/(?:listeners|result)\.ts/, [], [
    "tests/client/listeners_test",
    "tests/client/arguments_test",
  ]],
  [/resum/, [
    "tests/client/resum",
    "tests/server/acknowledge_",
    "tests/server/history_faults_test",
    "tests/server/resum",
    "tests/shapes/ws_history_test",
  ], [
    "tests/model/resume_test",
    "tests/server/cluster_limits_test",
  ]],
  [/^server\/(?:handshake|http|pending|routes|origin|request)/, [
    "tests/server/handshake_places_test",
    "tests/server/handshake_words_test",
  ], [
    "tests/server/authorize",
    "tests/server/client_address_test",
    "tests/server/subprotocols_test",
    "tests/server/who_asks_test",
    "tests/server/same_response_test",
    "tests/server/hosts_test",
    "tests/server/refusal_reasons_test",
    "tests/server/fetch_test",
    "tests/server/unix_path_test",
    "tests/server/http_test",
  ]],
  [/^server\/(?:mount|requests|listen)/, ["tests/server/listen_test"], [
    "tests/server/unix_path_test",
    "tests/server/mount_",
    "tests/server/start_test",
  ]],
  [/^server\/(?:config_|options)/, ["tests/server/options_test"], ["tests/server/start_test"]],
  [/^client\.ts|^client\/(?:dial|target|option|url)/, [
    "tests/client/options_test",
    "tests/client/client_options_test",
    "tests/client/url_test",
  ], [
    "tests/client/connect_test",
    "tests/client/connect_url_test",
    "tests/client/process_test",
    "tests/pair/tls_test",
  ]],
  [/^shapes\//, ["tests/shapes/"], [
    "tests/client/reading_pauses_test",
    "tests/pair/binary_type_test",
  ]],
  [/^harmony\//, [
    "tests/harmony/leniency_test",
    "tests/harmony/platform_client_test",
    "tests/harmony/platform_server_test",
  ], [
    "tests/harmony/",
  ]],
  [/^otel\//, ["tests/otel/"], []],
  [/^testing\//, ["tests/testing/", "tests/pair/boundaries_", "tests/pair/states_test"], [
    "tests/model/model_test",
  ]],
  [/^runtime\/(?:bun|deno)\/(?:acceptor|server|socket|mount|internals)/, [
    "tests/server/messages_test",
    "tests/server/close_test",
    "tests/server/publish_test",
    "tests/server/subprotocols_test",
    "tests/server/who_asks_test",
    "tests/server/same_response_test",
    "tests/server/terminate_test",
    "tests/server/authorize_test",
    "tests/runtime/contract_test",
    "tests/runtime/bun_mount_test",
    "tests/runtime/bun_acceptor_test",
    "tests/runtime/bun_connection_test",
    "tests/runtime/bun_host_test",
    "tests/runtime/bun_server_test",
    "tests/runtime/deno_acceptor_test",
    "tests/runtime/deno_server_test",
    "tests/runtime/deno_mount_test",
    "tests/runtime/deno_unknown_test",
  ], [
    "tests/heartbeat/ping_test",
    "tests/heartbeat/dead_peer_",
    "tests/pair/compression",
    "tests/runtime/deno_socket_",
    "tests/runtime/deno_internals_test",
    "tests/runtime/deno_fallback_test",
    "tests/server/backpressure",
    "tests/server/flow_test",
    "tests/server/http_test",
    "tests/server/loss_test",
    "tests/server/mount_",
    "tests/server/stop_test",
    "tests/server/unix_path_test",
    "tests/server/unsent_test",
    "tests/server/who_asks_test",
  ]],
  [
    /^runtime\/(?:(?:bun|deno)\/(?:client|socket|relay|internals)|web\/|proxy|pem|failures|select)/,
    [
      "tests/client/send_test",
      "tests/client/peer_close_test",
      "tests/client/close_test",
      "tests/client/handshake_test",
      "tests/client/connect_options_test",
      "tests/runtime/contract_test",
      "tests/runtime/bun_client_test",
      "tests/runtime/deno_client_test",
      "tests/runtime/deno_relay_test",
      "tests/runtime/proxy_test",
      "tests/runtime/failures_test",
      "tests/runtime/web_",
    ],
    [
      "tests/client/buffered_test",
      "tests/client/drained_test",
      "tests/client/header_receive_test",
      "tests/client/proxy",
      "tests/client/secrets_test",
      "tests/client/unsent_test",
      "tests/heartbeat/ping_test",
      "tests/pair/compression",
      "tests/pair/tls_test",
      "tests/runtime/deno_fallback_test",
      "tests/runtime/environment_test",
      "tests/runtime/own_websocket_test",
      "tests/shapes/socket_close_test",
    ],
  ],
  [/^runtime\/heard\.ts/, [], ["tests/server/stop_test"]],
  [/^runtime\/deno\/port\.ts/, ["tests/runtime/deno_port_test"], ["tests/server/few_files_test"]],
  [/^runtime\/deno\/socket\.ts/, ["tests/runtime/deno_socket_"], []],
  [/^runtime\/deno\/answer\.ts/, [
    "tests/runtime/deno_answer_test",
    "tests/runtime/answer_headers_test",
    "tests/client/header_receive_test",
  ], []],
  [/^(?:cluster\/(?!brokers\/[nr])|server\/cluster|server\.ts)/, [
    "tests/cluster/broker_stats_test",
    "tests/cluster/deadlines_test",
    "tests/cluster/entry_test",
    "tests/cluster/history_test",
    "tests/cluster/log_",
    "tests/cluster/memory_",
    "tests/cluster/node_test",
    "tests/cluster/outbox_",
    "tests/cluster/presence_",
    "tests/cluster/resume_test",
    "tests/cluster/stop_test",
    "tests/server/cluster_",
    "tests/server/resume_test",
  ], [
    "tests/server/resuming_test",
  ]],
  [/^server\/clustered/, ["tests/server/history_bounds_test", "tests/server/resume_"], []],
  [/^cluster\/(?:wait|brokers\/re)/, [
    "tests/cluster/engine_brokers_test",
    "tests/cluster/stream_epochs_test",
    "tests/cluster/reading_test",
    "tests/cluster/stream_commands_test",
    "tests/cluster/stream_rows_test",
  ], [
    "tests/cluster/redis_connections_test",
    "tests/cluster/redis_ahead_test",
    "tests/cluster/redis_gather_test",
    "tests/cluster/redis_epochs_test",
    "tests/cluster/redis_faults_test",
    "tests/cluster/redis_foreign_test",
    "tests/cluster/redis_test",
  ]],
  [/^cluster\/brokers\/nats/, [
    "tests/cluster/engine_brokers_test",
    "tests/cluster/stream_epochs_test",
    "tests/cluster/stream_numbers_test",
    "tests/cluster/stream_requests_test",
    "tests/cluster/stream_silence_test",
  ], [
    "tests/cluster/nats_corners_test",
    "tests/cluster/nats_ahead_test",
    "tests/cluster/nats_faults_test",
    "tests/cluster/nats_test",
  ]],
];

/** What is looked at last: all of these that are quick. */
const ROOMS = /** @type {const} */ ([
  [/^client\b/, ["tests/client/", "tests/pair/"]],
  [/^server\b/, ["tests/server/", "tests/pair/", "tests/cluster/"]],
  [/^internal\//, ["tests/internal/", "tests/client/", "tests/server/", "tests/pair/"]],
  [/^cluster\/(?!brokers\/[nr])/, [
    "tests/cluster/",
    "tests/server/cluster_",
    "tests/server/resum",
  ]],
  [/^runtime\//, ["tests/client/", "tests/server/", "tests/pair/"]],
]);

/**
 * The tests of a file in stages: those of the same name, those in memory, the others, those of the room.
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
    stage(ROOMS.filter(([room]) => room.test(file)).flatMap(([, tests]) => tests)).filter(isQuick),
  ].filter(({ length }) => length > 0);
}

/**
 * The runtime on which the tests of a file notice most: its own, or Bun, which starts sooner.
 *
 * @param {string} file
 */
export function runtimeOf(file) {
  return /^runtime\/(?:deno|web|pem)\b/.test(file) ? "deno" : "bun";
}
