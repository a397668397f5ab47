// @ts-check
/** The files that the test command works on, as paths from the root with forward slashes. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { ROOT } from "./exec.mjs";

/**
 * The test files, all or those that any of the filters names: a file, a folder, or a part of a path.
 *
 * @param {string[]} filters
 * @returns {string[]}
 */
export function testFiles(filters) {
  const files = readdirSync(join(ROOT, "tests"), { recursive: true, encoding: "utf8" })
    .map((path) => `tests/${path.split(sep).join("/")}`)
    .filter((path) => path.endsWith("_test.ts") && !path.includes("/node_modules/"))
    .sort();
  if (filters.length === 0) return files;
  const wanted = filters.map((filter) => {
    const path = relative(ROOT, resolve(filter)).split(sep).join("/");
    return files.some((file) => file === path || file.startsWith(`${path}/`)) ? path : filter;
  });
  return files.filter((file) => wanted.some((part) => file.includes(part)));
}

/** Where the modules are whose documentation may have snippets: those at the root, and what they export. */
const DOCUMENTED = [
  "",
  "client/",
  "cluster/",
  "cluster/brokers/",
  "harmony/",
  "otel/",
  "server/",
  "shapes/",
  "testing/",
];

/** The modules whose documentation has snippets. */
export function documentedModules() {
  return DOCUMENTED.flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => folder + name)
      .filter((path) => readFileSync(join(ROOT, path), "utf8").includes("* ```ts"))
      .sort()
  );
}

/** What `--quick` leaves out, as `tests/README.md` says it: suites that take long or need more than a runtime. */
export const LONG_SUITES = [
  ...["chaos", "examples", "heartbeat", "hostile", "interop", "model", "ops", "package", "recipes"],
  ...["runtime", "scripts"],
];

/** The same of the files of other suites, by how their paths begin. */
export const LONG_FILES = [
  ...["client/process_", "client/proxy_", "client/reconnect_real_"],
  ...["cluster/drain_", "cluster/nats_", "cluster/redis_", "cluster/resume_nodes_"],
  ...["cluster/valkey_"],
  ...["docs/types_", "harmony/programs_", "pair/scale_"],
  ...["server/exit_", "server/flow_process_", "server/reuse_port_"],
];

/** Of those that are quick, the ones that take over five seconds on some runtime. */
const SLOW_FILES = [
  ...["client/close_", "client/drained_", "docs/readme_", "guide/", "pair/binary_type_"],
  ...[
    "pair/one_log_",
    "pair/pairwise_",
    "server/authorize_",
    "server/backpressure_",
    "server/http_",
  ],
  ...["server/stop_"],
];

/** Those that take about half a minute on some runtime. */
export const LONGEST_FILES = [
  "cluster/redis_",
  "examples/chat_",
  "examples/chat_servers_",
  "examples/dashboard_",
  "examples/programs_",
  "heartbeat/dead_peer_",
  "heartbeat/dead_peer_close_",
  "hostile/churn_",
  "hostile/connection_",
  "interop/clients_",
  "model/model_",
  "package/npm_",
  "pair/one_log_",
];

/** Those that take about a quarter of a minute. */
export const LONGER_FILES = [
  "chaos/pair_",
  "chaos/server_",
  "client/process_",
  "client/proxy_system_",
  "client/proxy_tunnel_",
  "cluster/drain_",
  "cluster/nats_",
  "cluster/nats_faults_",
  "cluster/redis_connections_",
  "cluster/redis_faults_",
  "cluster/redis_partition_",
  "docs/readme_",
  "docs/types_",
  "examples/cluster_",
  "harmony/programs_",
  "heartbeat/ping_",
  "interop/browser_",
  "interop/page_",
  "interop/resume_",
  "interop/servers_",
  "model/cluster_",
  "ops/faults_",
  "package/jsr_",
  "recipes/clients_",
  "scripts/demo_",
  "server/authorize_waiting_",
  "server/backpressure_inbound_",
  "server/exit_",
  "server/flow_process_",
  "server/http_",
  "server/reuse_port_",
  "server/stop_",
];

/**
 * Whether a test file is among those that `--quick` runs.
 *
 * @param {string} file
 */
export function isQuick(file) {
  const long = [...LONG_SUITES.map((suite) => `${suite}/`), ...LONG_FILES];
  return !long.some((path) => file.startsWith(`tests/${path}`));
}

/** What a test says that measures time, or that waits for a length of it. */
const TIMED =
  /assertInTime|shortOfCores|Stopwatch|performance\.now|Date\.now\(\) [-<+]|setTimeout|delay\(/;

/**
 * Whether a test of a file depends on how long something takes.
 *
 * @param {string} file
 */
export function isTimed(file) {
  return TIMED.test(readFileSync(join(ROOT, file), "utf8"));
}

/**
 * The tests in which it is counted what they reach: those of the rooms that `coverage.mjs` names, those of two things
 * at once, and shapes that ask of a room what nobody else does.
 */
const COUNTED = new RegExp(
  "^tests/(?:(?:client|harmony|internal|otel|pair|server)/|heartbeat_|errors_" +
    "|shapes/(?:ws|streams_corners)_)",
);

/** Those among them that cost most, and reach nothing but what several others reach. */
const UNCOUNTED = [
  ...["client/send_", "client/unsent_", "pair/one_log_", "pair/pairwise_", "pair/tls_"],
  ...["server/backpressure_", "server/history_bounds_", "server/max_connections_"],
  ...["server/start_", "server/unsent_"],
];

/**
 * Whether it is counted what a test file reaches, which takes half as long again. Of those that are not, none is
 * needed: each branch is reached by some that are, and all but a few by two.
 *
 * @param {string} file
 */
export function isCounted(file) {
  return isQuick(file) && COUNTED.test(file) &&
    !UNCOUNTED.some((path) => file.startsWith(`tests/${path}`));
}

/**
 * How long a test file may take that has never run here, in seconds. Where many take longer than is guessed, their
 * runner is the last to end, and the others idle.
 *
 * @param {string} file
 */
export function guessedSeconds(file) {
  const isOneOf = (/** @type {string[]} */ names) =>
    names.includes(file.slice("tests/".length, -"test.ts".length));
  if (isOneOf(LONGEST_FILES)) return 30;
  if (isOneOf(LONGER_FILES)) return 15;
  return !isQuick(file) || SLOW_FILES.some((path) => file.startsWith(`tests/${path}`)) ? 5 : 1;
}
