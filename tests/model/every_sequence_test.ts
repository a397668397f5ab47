/**
 * Every sequence of a few steps of a client, on a runtime that follows a script: a call, what the runtime tells, a
 * timer. And each call from within all that is told, beside shorter ones. What must hold whatever happens is looked at
 * when it is over.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket, type WebSocketObserver } from "../../mod.ts";
import type { ClientEvents, ClientSocket, DialRequest } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedClient, ScriptedSocket } from "../helpers/scripted_runtime.ts";

/** What may be done with a client, and what may happen to it. */
const CALLS = ["connect", "send", "close", "abort", "reconnect"] as const;
const HAPPENS = ["open", "message", "away", "normal", "refused", "timer"] as const;
const ANSWERS = ["url", "no url"] as const;
type Step = (typeof CALLS | typeof HAPPENS | typeof ANSWERS)[number];

/** What tells something, and may be called from. */
const EVENTS = [
  "open",
  "openInfo",
  "message",
  "dataEnd",
  "close",
  "error",
  "reconnecting",
] as const;
const OBSERVED = ["dialling", "opened", "closed", "failed", "gaveUp", "sent", "unsent"] as const;
const PLACES = [
  ...EVENTS,
  ...OBSERVED.map((name) => `observer.${name}`),
  ...["shouldReconnect", "random"],
];

/** A call from within what is told. */
type Within = readonly [place: string, call: Step];

/** A connection of the runtime's, which hears nothing from its peer. */
class Wire extends ScriptedSocket {
  is: "new" | "open" | "over" = "new";
  readonly events: ClientEvents;
  readonly #world: World;

  constructor(events: ClientEvents, world: World) {
    super();
    this.events = events;
    this.#world = world;
  }

  override send(): void {
    if (this.is === "open") this.#world.carried++;
  }

  override terminate(): void {
    this.is = "over";
  }

  /** Tells the end, unless it is over. Returns whether it did. */
  end(code: number, status?: string): boolean {
    if (this.is === "over") return false;
    this.is = "over";
    const failure = status === undefined ? {} : { failure: { what: "refused", status } };
    this.events.closed({ code, reason: "", ...failure });
    return true;
  }
}

/** How a client is made. */
interface Kind {
  reconnects?: boolean;
  /** Whether a function is asked for the URL. */
  asks?: boolean;
  /** Whether promises settle only after all steps. */
  isHasty?: boolean;
}

/** A client, and what is wrong with what it tells. */
class World extends ScriptedClient {
  /** Messages that were accepted, that the runtime got, and that are told as lost. */
  accepted = 0;
  carried = 0;
  #lost = 0;
  readonly #clock = new FakeClock();
  readonly #kind: Kind;
  readonly #within: Within | undefined;
  readonly #ws;
  readonly #faults: string[] = [];
  readonly #wires: Wire[] = [];
  readonly #asked: PromiseWithResolvers<string>[] = [];
  readonly #pending = new Set<string>();
  readonly #counts: Record<string, number> = {};
  #controller = new AbortController();
  #calls = 0;
  /** How often it may still be called from within. */
  #left = 2;
  /** How many lives have begun, and ended. */
  #began = 0;
  #ended = 0;
  #isOpen = false;

  constructor(kind: Kind, within?: Within) {
    super();
    this.#kind = kind;
    this.#within = within;
    Object.assign(this.#clock, { wall: undefined });
    const observer: WebSocketObserver = {};
    for (const name of OBSERVED) {
      observer[name] = (...[, told]: unknown[]) => {
        if (name === "unsent") this.#lost += told as number;
        const isDialled = name !== "failed" || (told as { scheme?: string }).scheme !== undefined;
        if (isDialled) this.#counts[name] = (this.#counts[name] ?? 0) + 1;
        this.#tells(`observer.${name}`);
      };
    }
    const ws = this.#ws = createWebSocket({
      ...{ clock: this.#clock, runtime: this, observer },
      reconnect: kind.reconnects && {
        ...{ minDelay: 1, maxDelay: 4, stableAfter: 5 },
        shouldReconnect: ({ code }) => this.#tells("shouldReconnect", code !== 1000),
        random: () => this.#tells("random", 0.5),
      },
    });
    for (const name of EVENTS) ws.on(name, (told: unknown) => this.#hears(name, told));
  }

  override dial(_: DialRequest, events: ClientEvents): ClientSocket {
    const last = this.#wires.at(-1);
    if (last !== undefined && last.is !== "over") this.#faults.push("two connections at a time");
    const wire = new Wire(events, this);
    this.#wires.push(wire);
    return wire;
  }

  /** Takes the steps. Returns what was wrong; nothing where one of them cannot be taken. */
  async run(steps: readonly Step[]): Promise<string[] | undefined> {
    for (const step of steps) {
      if (!(step === "timer" ? await this.#timer() : this.#does(step))) return undefined;
      if (!this.#kind.isHasty) await this.#clock.advance(0);
    }
    await this.#clock.advance(0);
    this.#left = 0;
    if (this.#ws.state !== "idle") this.#does("close");
    await this.#clock.advance(6000);
    for (const { resolve } of this.#asked) resolve("ws://late/");
    await this.#clock.advance(6000);
    const { dialling = 0, opened = 0, closed = 0, failed = 0, gaveUp = 0 } = this.#counts;
    this.#expect("the state", this.#ws.state, "idle");
    this.#expect("timers", this.#clock.pending, 0);
    this.#expect("lives that ended", this.#ended, this.#began);
    this.#expect("promises", [...this.#pending], []);
    this.#expect("attempts that ended", opened + failed + gaveUp, dialling);
    this.#expect("connections that were closed", closed, opened);
    this.#expect("messages", this.carried + this.#lost, this.accepted);
    this.#expect(
      "connections",
      this.#wires.filter((wire) => wire.is !== "over" && !isClosed(wire)),
      [],
    );
    return this.#faults;
  }

  #expect(what: string, is: unknown, wanted: unknown): void {
    if (`${is}` !== `${wanted}`) this.#faults.push(`${what}: ${is}, and not ${wanted}`);
  }

  /** Calls the client from within something that is told. */
  #tells<T>(place: string, answer?: T): T {
    if (this.#within?.[0] === place && this.#left-- > 0) this.#does(this.#within[1]);
    return answer as T;
  }

  #hears(name: string, told: unknown): void {
    const { state } = this.#ws;
    const { kind } = (told ?? {}) as Partial<BusinessError>;
    if (kind === "listenerFailed" || kind === "hookFailed") this.#faults.push(kind);
    const follows = name === "openInfo" || name === "dataEnd";
    if (this.#began === this.#ended && !follows) this.#faults.push(`'${name}' after the end`);
    if (name === "open" && this.#isOpen) this.#faults.push("'open' twice");
    if (name === "message" && !this.#isOpen) this.#faults.push("'message' while it is not open");
    if (name === "open") this.#isOpen = true;
    if (name === "close") this.#isOpen = false;
    if (state === "idle" && (name === "close" || name === "error")) {
      if (this.#isOpen) this.#faults.push("idle with no 'close'");
      this.#ended++;
    }
    this.#tells(name);
  }

  /** Waits for a promise, in the end. */
  #watch(name: string, promise: Promise<unknown>): void {
    const id = `${name} ${++this.#calls}`;
    const settled = () => void this.#pending.delete(id);
    this.#pending.add(id);
    promise.then(settled, settled);
  }

  async #timer(): Promise<boolean> {
    const { fired, pending } = this.#clock;
    for (let n = 0; n < 60 && this.#clock.fired === fired; n++) await this.#clock.advance(1000);
    return pending > 0;
  }

  /** Takes a step. Returns whether it can be taken. */
  #does(step: Step): boolean {
    const ws = this.#ws;
    const wire = this.#wires.at(-1);
    const isUp = wire?.is === "open";
    switch (step) {
      case "connect":
        this.#connect();
        return true;
      case "send":
        if (ws.state !== "idle" && ws.state !== "closing") this.accepted++;
        this.#watch(step, ws.send("1"));
        return true;
      case "close":
      case "reconnect":
        this.#watch(step, ws[step]());
        return true;
      case "abort":
        this.#controller.abort();
        return true;
      case "open":
        if (wire?.is !== "new") return false;
        wire.is = "open";
        wire.events.open();
        return true;
      case "message":
        if (isUp) wire.events.message("hello");
        return isUp;
      case "away":
      case "normal":
        return isUp && wire.end(step === "away" ? 1001 : 1000);
      case "refused":
        return wire?.end(0, "0") === true;
      case "url":
      case "no url": {
        const asked = this.#asked.shift();
        if (step === "url") asked?.resolve("ws://localhost/");
        else asked?.reject(new Error("no token"));
        return asked !== undefined;
      }
    }
    return false;
  }

  #connect(): void {
    const ws = this.#ws;
    const controller = new AbortController();
    const { signal } = controller;
    const ask = () => {
      const asked = Promise.withResolvers<string>();
      this.#asked.push(asked);
      return asked.promise;
    };
    const url = this.#kind.asks ? ask : "ws://localhost/";
    const isFree = this.#began === this.#ended;
    if (isFree) {
      this.#began++;
      this.#controller = controller;
    }
    this.#watch("connect", ws.connect(url as string, { signal, connectTimeout: 3 }));
    if (!isFree) return;
    this.#watch("opened", ws.opened);
    this.#watch("closed", ws.closed);
  }
}

/** Whether a connection was told to close, and waits for its peer. */
const isClosed = ({ calls }: Wire) => calls.some((call) => call.startsWith("close"));

/** Runs a program, and all that go on from it with so many steps more. Returns how many there were. */
async function all(
  kind: Kind,
  most: number,
  within?: Within,
  steps: readonly Step[] = ["connect"],
): Promise<number> {
  const wrong = await new World(kind, within).run(steps);
  if (wrong === undefined) return 0;
  assertEquals([within, steps, wrong], [within, steps, []]);
  if (most === 0) return 1;
  let programs = 1;
  for (const step of [...CALLS, ...HAPPENS, ...ANSWERS]) {
    programs += await all(kind, most - 1, within, [...steps, step]);
  }
  return programs;
}

/** Runs a test with no word of what nobody has handled: refusals of calls, most of all. */
async function silently(test: () => Promise<void>): Promise<void> {
  const { error } = console;
  console.error = () => {};
  try {
    await test();
  } finally {
    console.error = error;
  }
}

const KINDS: [name: string, kind: Kind][] = [
  ["a client", {}],
  ["a client that reconnects", { reconnects: true }],
  ["a client that asks for its URL", { reconnects: true, asks: true }],
];

describe("every sequence", () => {
  for (const [name, kind] of KINDS) {
    for (const isHasty of [false, true]) {
      it(`of ${name}${isHasty ? ", in one turn" : ""}, comes to one end`, () =>
        silently(async () => {
          assertEquals(await all({ ...kind, isHasty }, 3) > 200, true);
        }));
    }
    it(`of ${name} that is called from within, comes to one end`, () =>
      silently(async () => {
        for (const place of PLACES) {
          for (const call of [...CALLS, "refused"] as const) await all(kind, 1, [place, call]);
        }
      }));
  }
});
