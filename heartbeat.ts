/**
 * The heartbeat: when to send a Ping, and when a peer is dead. One policy for client and server on
 * every runtime.
 *
 * Every `pingInterval` seconds a peer is sent a Ping frame (RFC 6455 §5.5.2). Any sign of life
 * afterwards – its Pong, or any message – clears it. With no sign of life within `pongTimeout`
 * seconds the peer is dead. Data that flows, in either direction, does not put the Ping off.
 *
 * ```text
 * open          ping           ping                 ping     dead
 *  ├─pingInterval─┼─pingInterval─┼─── pingInterval ───┼────────┤
 *                 └pong┘         └ message ┘          └pongTimeout
 * ```
 *
 * This module knows no sockets and no runtime. It takes a clock, and calls functions of its peers.
 *
 * @example A peer that answers once and then no more, on a clock of our own
 * ```ts
 * import { Heartbeat } from "@netkit/websocket/heartbeat";
 * import { assertEquals } from "@std/assert";
 *
 * let now = 0;
 * let timers: { at: number; task: () => void }[] = [];
 * const clock = {
 *   now: () => now,
 *   setTimer(task: () => void, ms: number) {
 *     const timer = { at: now + ms, task };
 *     timers.push(timer);
 *     return timer;
 *   },
 *   clearTimer: (timer: unknown) => void (timers = timers.filter((other) => other !== timer)),
 * };
 * function tick(seconds: number) {
 *   now += seconds * 1000;
 *   const due = timers.filter(({ at }) => at <= now);
 *   timers = timers.filter(({ at }) => at > now);
 *   for (const { task } of due) task();
 * }
 *
 * const log: string[] = [];
 * const heartbeat = new Heartbeat({ pingInterval: 30, pongTimeout: 10 }, clock);
 * const peer = { ping: () => log.push("ping"), dead: () => log.push("dead") };
 * heartbeat.add(peer);
 * tick(30);
 * heartbeat.alive(peer); // its Pong
 * tick(30);
 * tick(10); // silence
 * assertEquals(log, ["ping", "ping", "dead"]);
 * ```
 *
 * @module
 */

import { type Clock, systemClock } from "./internal/clock.ts";
import { OwnPlaces, STALL_MS, TimeoutQueue } from "./internal/timeout_queue.ts";
import { checkArgument, CLOCK, OBJECT, type Rule, withFunctions } from "./internal/validate.ts";

export { type Clock, systemClock };

/** How often to ping and how long to wait for an answer, in seconds. */
export interface HeartbeatOptions {
  /**
   * Seconds between two Pings, above 0 and at most 30,000. Anything else falls back to the
   * default: the heartbeat cannot be turned off.
   *
   * @default {30}
   */
  pingInterval?: number | undefined;
  /**
   * Seconds to wait for a sign of life after a Ping. Cut to `pingInterval` where it is longer;
   * anything that is no number above 0 and at most 30,000 falls back to the default.
   *
   * @default {30}
   */
  pongTimeout?: number | undefined;
}

/** One peer, as the heartbeat sees it. None of the functions may throw. */
export interface HeartbeatPeer {
  /** Sends a Ping frame. */
  ping(): void;
  /** There was no sign of life in time. The peer is no longer in the heartbeat. */
  dead(): void;
  /** The first sign of life after a Ping, so many milliseconds later. */
  answered?(roundTrip: number): void;
}

/** Seconds, where no number or an impossible one was given. */
const DEFAULT_SECONDS = 30;

/** The longest interval, in seconds. */
const MAX_SECONDS = 30_000;

/** How much longer a peer may take, in ms, after this process was blocked: time to read its sockets. */
const GRACE_MS = 250;

/** Peers that are due within this part of the interval are pinged together, to wake up less often. */
const SLACK = 0.01;

/**
 * How many peers are pinged at a time, and for how many ms: a runtime takes 10 µs for a Ping, or more on a
 * slow machine, and what else there is to do must not wait for thousands. On Deno each has timers besides, which
 * come together like their Pings.
 */
const MOST_AT_ONCE = { most: 64, mostMs: 0.25 };

/** The longest slack, in ms. */
const MAX_SLACK_MS = 100;

/**
 * Applies the defaults and the limits.
 *
 * @param options What was asked for.
 * @returns The seconds that count.
 * @throws {BusinessError} 401 where the options are no object.
 *
 * @example The heartbeat cannot be turned off
 * ```ts
 * import { heartbeatPolicy } from "@netkit/websocket/heartbeat";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(heartbeatPolicy({ pingInterval: 0 }), { pingInterval: 30, pongTimeout: 30 });
 * assertEquals(heartbeatPolicy({ pingInterval: 5 }), { pingInterval: 5, pongTimeout: 5 });
 * ```
 */
export function heartbeatPolicy(
  options: HeartbeatOptions = {},
): { pingInterval: number; pongTimeout: number } {
  checkArgument("heartbeatPolicy: options", OBJECT, options);
  const pingInterval = seconds(options.pingInterval);
  return {
    pingInterval,
    pongTimeout: Math.min(seconds(options.pongTimeout), pingInterval),
  };
}

/**
 * What has the functions of a {@linkcode HeartbeatPeer}. Looked for one by one, not in a loop over their names: a
 * server asks it of each connection.
 */
const PEER: Rule = [
  (value) => {
    if (!OBJECT[0](value)) return false;
    const { ping, dead } = value as Partial<HeartbeatPeer>;
    return typeof ping === "function" && typeof dead === "function";
  },
  withFunctions("ping", "dead")[1],
];

function seconds(value: unknown): number {
  const possible = typeof value === "number" && value > 0 &&
    value <= MAX_SECONDS;
  return possible ? value : DEFAULT_SECONDS;
}

/**
 * Keeps the heartbeat of any number of peers with three timers at the most.
 *
 * See the module's documentation for an example.
 */
export class Heartbeat {
  readonly #resting: TimeoutQueue<HeartbeatPeer>;
  readonly #waiting: TimeoutQueue<HeartbeatPeer>;
  readonly #grace: TimeoutQueue<HeartbeatPeer>;
  /** When each was sent the Ping that has had no answer. */
  readonly #unanswered = new Map<HeartbeatPeer, number>();
  readonly #clock: Clock;

  /**
   * Starts with no peers and no timers.
   *
   * @param options How often to ping and how long to wait, in seconds.
   * @param clock Where time comes from.
   * @param keepsTimer Whether its timers run on, until `close`, when no peer is left: for servers,
   * whose peers come and go.
   * @throws {BusinessError} 401 where the options are no object, or the clock is none.
   */
  constructor(
    options: HeartbeatOptions = {},
    clock: Clock = systemClock,
    keepsTimer = false,
  ) {
    checkArgument("Heartbeat: options", OBJECT, options);
    checkArgument("Heartbeat: the clock", CLOCK, clock);
    const { pingInterval, pongTimeout } = heartbeatPolicy(options);
    this.#clock = clock;
    const ms = pingInterval * 1000;
    const bury = (peer: HeartbeatPeer) => {
      this.delete(peer);
      peer.dead();
    };
    this.#resting = new TimeoutQueue({
      clock,
      keepsTimer,
      ms,
      slack: Math.min(ms * SLACK, MAX_SLACK_MS),
      places: new OwnPlaces(),
      ...MOST_AT_ONCE,
      expired: (peer) => {
        // Where both intervals are equal, the last Ping times out at the moment the next one is due.
        this.#resting.add(peer);
        this.#ask(peer);
      },
    });
    this.#waiting = new TimeoutQueue({
      clock,
      keepsTimer,
      ms: pongTimeout * 1000,
      expired: (peer, late) => late > STALL_MS ? this.#grace.add(peer) : bury(peer),
    });
    this.#grace = new TimeoutQueue({
      clock,
      keepsTimer,
      ms: GRACE_MS,
      expired: bury,
    });
  }

  /**
   * Adds a peer. Its first Ping is due one interval from now.
   *
   * @param peer The peer.
   * @throws {BusinessError} 401 where it has not the functions of one.
   */
  add(peer: HeartbeatPeer): void {
    checkArgument("add: the peer", PEER, peer);
    this.#resting.add(peer);
  }

  /**
   * Pings a peer now, unless it has not answered the last Ping yet, or is not there: one that is not read, say.
   *
   * @param peer The peer.
   * @returns Whether it was pinged.
   * @throws {BusinessError} 401 where it has not the functions of one.
   */
  probe(peer: HeartbeatPeer): boolean {
    checkArgument("probe: the peer", PEER, peer);
    if (!this.#resting.has(peer)) return false;
    this.#resting.add(peer);
    return this.#ask(peer);
  }

  /**
   * Removes a peer. When none is left no timer runs, unless `keepsTimer` is set.
   *
   * @param peer The peer.
   */
  delete(peer: HeartbeatPeer): void {
    this.#excuse(peer);
    this.#resting.delete(peer);
  }

  /** Removes all peers and stops all timers. */
  close(): void {
    this.#unanswered.clear();
    for (const queue of [this.#resting, this.#waiting, this.#grace]) {
      queue.close();
    }
  }

  /**
   * Notes a sign of life. This is cheap: it is called for each message.
   *
   * @param peer The peer that gave it.
   */
  alive(peer: HeartbeatPeer): void {
    if (this.#unanswered.size === 0) return;
    const asked = this.#unanswered.get(peer);
    if (asked === undefined) return;
    this.#excuse(peer);
    peer.answered?.(this.#clock.now() - asked);
  }

  /** Stops waiting for a peer's answer. */
  #excuse(peer: HeartbeatPeer): void {
    if (this.#unanswered.size === 0 || !this.#unanswered.delete(peer)) return;
    this.#waiting.delete(peer);
    this.#grace.delete(peer);
  }

  #ask(peer: HeartbeatPeer): boolean {
    if (this.#unanswered.has(peer)) return false;
    this.#unanswered.set(peer, this.#clock.now());
    this.#waiting.add(peer);
    peer.ping();
    return true;
  }
}
