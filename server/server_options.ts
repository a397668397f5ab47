/** What the options of `createWebSocketServer` must be. Not part of the public API. */

import {
  BINARY_TYPE,
  CLOCK,
  COUNT,
  FLAG,
  FUNCTION,
  OBJECT,
  OBSERVER,
  type Rule,
  SCHEMA,
  withFunctions,
} from "../internal/validate.ts";
import type { ClusterOptions } from "./cluster_types.ts";

const BROKER: Rule = [
  withFunctions("append", "read", "close")[0],
  "must be a broker: an object with 'append', 'read' and 'close'",
];

/** It goes into each entry. */
const NODE: Rule = [
  (value) => typeof value === "string" && value.length >= 1 && value.length <= 100,
  "must be text of 1 to 100 characters",
];

const PRESENCE: Rule = [
  (value) => typeof value === "boolean" || isPresence(value),
  "must be true, false, or an object with 'lease', 1 to 3600 seconds, and 'member', a function",
];

function isPresence(value: unknown): boolean {
  if (!OBJECT[0](value)) return false;
  const { lease, member, ...more } = value as Record<string, unknown>;
  const isLease = lease === undefined ||
    (typeof lease === "number" && lease >= 1 && lease <= 3600);
  const isMember = member === undefined || typeof member === "function";
  return isLease && isMember && Object.keys(more).length === 0;
}

const HISTORY: Rule = [
  (value) => typeof value === "boolean" || isHistory(value),
  "must be true, false, or an object with 'maxMessages' and 'maxBytes', integers above 0, and " +
  "'maxAge', 1 to 86,400 seconds",
];

function isHistory(value: unknown): boolean {
  if (!OBJECT[0](value)) return false;
  const { maxMessages, maxBytes, maxAge, ...more } = value as Record<string, unknown>;
  const isAge = maxAge === undefined ||
    (typeof maxAge === "number" && maxAge >= 1 && maxAge <= 86_400);
  return isAge &&
    [maxMessages, maxBytes].every((count) => count === undefined || COUNT[0](count)) &&
    Object.keys(more).length === 0;
}

/** The rule of each option. */
export const OPTIONS: Readonly<Record<string, Rule>> = {
  authorize: FUNCTION,
  binaryType: BINARY_TYPE,
  broker: BROKER,
  clock: CLOCK,
  history: HISTORY,
  node: NODE,
  observer: OBSERVER,
  presence: PRESENCE,
  runtime: withFunctions("fault", "listen", "mount"),
  schema: SCHEMA,
  stats: FLAG,
};

/** What makes a server one of several, as it is now: the program may change its objects later. */
export function readClusterOptions(
  { broker, history, presence, node }: ClusterOptions,
): ClusterOptions | undefined {
  if (broker === undefined && !presence && !history) return undefined;
  return {
    broker,
    node,
    history: typeof history === "object"
      ? { maxMessages: history.maxMessages, maxBytes: history.maxBytes, maxAge: history.maxAge }
      : history,
    presence: typeof presence === "object"
      ? { lease: presence.lease, member: presence.member }
      : presence,
  };
}
