import type { BusinessError } from "../errors.ts";
import { argumentError, FUNCTION, readOptions, type Rule } from "../internal/validate.ts";

/** Why a client may have to connect again: a connection ended, or an attempt failed. */
export interface Interruption {
  /** The close code; 1006 where an attempt failed. */
  code: number;
  /** The reason, '' where an attempt failed. */
  reason: string;
  /** The HTTP status an attempt was refused with, where the runtime tells it. */
  status?: number;
}

/** When to connect again, and how often. */
export interface ReconnectPolicy {
  /** Seconds. */
  minDelay: number;
  /** Seconds. */
  maxDelay: number;
  factor: number;
  attempts: number;
  /** Seconds. */
  stableAfter: number;
  /** Bytes. */
  maxQueued: number;
  shouldReconnect: (interruption: Interruption) => boolean;
  random: () => number;
}

/** The defaults. */
const DEFAULTS: ReconnectPolicy = {
  minDelay: 1,
  maxDelay: 30,
  factor: 2,
  attempts: Infinity,
  stableAfter: 5,
  maxQueued: 1024 * 1024,
  shouldReconnect: isTemporary,
  random: Math.random,
};

const SECONDS: Rule = [
  (value) => typeof value === "number" && value > 0 && value <= 86_400,
  "must be seconds above 0 and at most 86,400",
];

const RULES: Readonly<Record<keyof ReconnectPolicy, Rule>> = {
  minDelay: SECONDS,
  maxDelay: SECONDS,
  factor: [(value) => typeof value === "number" && value >= 1, "must be a number from 1 on"],
  attempts: [
    (value) => value === Infinity || (Number.isInteger(value) && (value as number) > 0),
    "must be an integer above 0 or Infinity",
  ],
  stableAfter: SECONDS,
  maxQueued: [
    (value) => Number.isInteger(value) && (value as number) >= 0,
    "must be an integer from 0 on",
  ],
  shouldReconnect: FUNCTION,
  random: FUNCTION,
};

/** Reads the option `reconnect`. Returns an error where it is wrong, and nothing where it is off. */
export function readReconnectPolicy(value: unknown): ReconnectPolicy | BusinessError | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return DEFAULTS;
  const given = readOptions("createWebSocket: 'reconnect'", value, RULES);
  if (given instanceof Error) return given;
  const asked = Object.entries(given).filter(([, value]) => value !== undefined);
  const policy: ReconnectPolicy = { ...DEFAULTS, ...Object.fromEntries(asked) };
  if (policy.minDelay <= policy.maxDelay) return policy;
  return argumentError(
    "createWebSocket: 'reconnect': 'minDelay'",
    `must be at most 'maxDelay', which is ${policy.maxDelay}`,
    policy.minDelay,
  );
}

/**
 * How long to wait before an attempt, in ms: a random time up to a limit that grows exponentially
 * ("full jitter"). So clients that were disconnected at the same time do not come back at the same
 * time.
 */
export function backoff(
  { minDelay, maxDelay, factor }: ReconnectPolicy,
  attempt: number,
  after: Interruption,
  chance: number,
): number {
  const most = Math.min(maxDelay, minDelay * factor ** (attempt - 1));
  // A number below 0 counts as 0, and one above 1 as 1.
  const part = Math.min(1, Math.max(0, chance)) || 0;
  return Math.round((retryAfter(after) + part * most) * 1000);
}

/** Close codes with which a server says that it will be back (RFC 6455 §7.4, IANA's registry). */
const BACK_SOON = new Set([1012, 1013]);

/** The longest time that a server may ask its clients to stay away, in seconds. */
const MAX_RETRY_AFTER = 3600;

/**
 * A number, alone or after "retry after", and maybe its unit: other numbers may be anything. There is
 * one way to match each text, so that none keeps it busy.
 */
const RETRY_AFTER = /^(?:retry[ -]after[:=]? ?)?(\d+(?:\.\d+)?) ?(ms|s|min)?$/i;

/** The units of a retry hint, in seconds. */
const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, min: 60 };

/** How long a server asked its clients to stay away, in seconds. */
function retryAfter({ code, reason }: Interruption): number {
  if (!BACK_SOON.has(code)) return 0;
  const [, number = 0, unit = "s"] = RETRY_AFTER.exec(reason.trim()) ?? [];
  return Math.min(Number(number) * UNITS[unit.toLowerCase()]!, MAX_RETRY_AFTER);
}

/** Close codes after which another connection would end the same way. */
const FINAL = new Set([1000, 1002, 1003, 1007, 1008, 1009, 1010]);

/**
 * Statuses of a refused handshake after which another attempt may succeed: time-out, too early, too
 * many.
 */
const TEMPORARY_STATUS = new Set([408, 425, 429]);

/** Whether to connect again, where `shouldReconnect` is not given. */
function isTemporary({ code, status = 0 }: Interruption): boolean {
  if (status >= 400 && status < 500) return TEMPORARY_STATUS.has(status);
  return !FINAL.has(code) && !(code >= 4400 && code < 4500);
}
