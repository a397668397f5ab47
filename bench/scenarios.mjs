// @ts-check
/** What is measured. */
import { fileLimit } from "./prepare.mjs";

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {"cost" | "latency" | "idle" | "client" | "long" | "beat"} kind What is asked of it.
 * @property {number} connections
 * @property {string} [mode] What the server, or the client, does with a message. Default: "echo".
 * @property {(ms: number, perSecond?: number) => string} load What the generator is told for one slice.
 * @property {string} [unit] Default: "message".
 * @property {boolean} [asked] Whether it is measured only where `--only` names it.
 * @property {boolean} [shapes] Whether this module's connections are measured in their other shapes, too.
 * @property {boolean} [peers] Whether all peers take part; else those alone that run on the runtime itself.
 * @property {boolean} [beats] Whether a slice is as long as it is from one Ping to the next.
 * @property {boolean} [half] Whether the load is half of what saturates the bare server.
 * @property {boolean} [binary] Whether its messages are binary data.
 * @property {number} [warmup] How many times longer than others it is warmed up. A connection runs through
 * much more code than a message does, and seldom: else what is measured is how that is compiled.
 * @property {boolean} [sleeper] Whether contenders also meet a connection that is never read from.
 * @property {number} [neighbours] How many connections another server in the same process has, which stops
 * within each slice.
 */

/** @param {string} name @param {number} connections @param {string} what @returns {Scenario} */
const echo = (name, connections, what) => ({
  name: `echo ${name}`,
  kind: "cost",
  connections,
  binary: what.includes("binary"),
  load: (ms) => `echo ${what} ${ms}`,
});

/** @param {number} connections @returns {Scenario} */
const fan = (connections) => ({
  name: `fan-out 1 → ${connections.toLocaleString("en")}, 64 B text`,
  kind: "cost",
  mode: "fan",
  connections,
  load: (ms) => `fan 64 text 1 ${ms}`,
  unit: "delivery",
});

/** A process cannot have more connections than files, and it has other files. @param {number} most */
const possible = (most) => Math.min(most, fileLimit() - 200);

/** @param {number} connections @returns {Scenario} */
const idle = (connections) => ({
  name: `idle, ${connections.toLocaleString("en")} connections`,
  kind: "idle",
  connections,
  load: (ms) => `idle ${ms}`,
});

/** @type {Scenario[]} */
export const SCENARIOS = [
  echo("16 B text, 1 in flight, 64 connections", 64, "16 text 1"),
  {
    ...echo("16 B text, 32 in flight, 16 connections", 16, "16 text 32"),
    shapes: true,
  },
  echo("64 B text, 4 in flight, 16 connections", 16, "64 text 4"),
  echo("64 B binary, 4 in flight, 16 connections", 16, "64 binary 4"),
  echo("4 KiB text, 4 in flight, 16 connections", 16, "4096 text 4"),
  echo("4 KiB binary, 4 in flight, 16 connections", 16, "4096 binary 4"),
  {
    ...echo("128 B binary, 16 in flight, 16 connections", 16, "128 binary 16"),
    shapes: true,
  },
  fan(100),
  fan(500),
  fan(1000),
  {
    name: "accept and close, 32 at a time",
    kind: "cost",
    connections: 0,
    load: (ms) => `churn 32 ${ms}`,
    warmup: 5,
    unit: "connection",
  },
  {
    name: "client receives 16 B text",
    kind: "client",
    mode: "receive",
    connections: 1,
    load: (ms) => `flood 16 text 500 ${ms}`,
  },
  {
    name: "client sends 16 B text",
    kind: "client",
    mode: "send",
    connections: 1,
    load: (ms) => `pull 500 ${ms}`,
  },
  {
    name: "round trip, 16 B text, 5,000 a second over 64 connections",
    kind: "latency",
    connections: 64,
    load: (ms) => `rate 16 text 5000 ${ms}`,
  },
  {
    name: "round trip, 16 B text, 64 connections, half of what saturates the bare server",
    kind: "latency",
    connections: 64,
    load: (ms, perSecond) => `rate 16 text ${perSecond} ${ms}`,
    half: true,
    peers: false,
  },
  {
    name: `round trip, 16 B text, ${possible(20_000).toLocaleString("en")} connections, ` +
      "5,000 a second, with their heartbeats",
    kind: "latency",
    connections: possible(20_000),
    load: (ms) => `rate 16 text 5000 ${ms}`,
    beats: true,
  },
  {
    name: "one slow reader among 100, 4 KiB text to each, 100 a second",
    kind: "latency",
    mode: "fan",
    connections: 99,
    load: (ms) => `fanrate 4096 text 100 ${ms}`,
    sleeper: true,
  },
  {
    name:
      "round trip, 16 B text, 5,000 a second over 64 connections, while another server in the " +
      "process stops, with 1,000 connections",
    kind: "latency",
    connections: 64,
    load: (ms) => `rate 16 text 5000 ${ms}`,
    peers: false,
    neighbours: 1000,
  },
  {
    name: `a beat of the heartbeat, ${possible(20_000).toLocaleString("en")} connections`,
    kind: "beat",
    mode: "beat",
    connections: possible(20_000),
    load: (ms) => `idle ${ms}`,
    asked: true,
  },
  idle(possible(5000)),
  idle(possible(20_000)),
  {
    name: "long run, 5,000 messages of 16 B a second over as many connections as there can be",
    kind: "long",
    connections: possible(20_000),
    load: (ms) => `rate 16 text 5000 ${ms}`,
    asked: true,
  },
];

/** How many messages a client counts before it says so, or sends at once. */
export const CLIENT_BATCH = 500;
