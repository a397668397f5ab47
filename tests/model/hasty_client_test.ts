/**
 * Random calls of a client, from outside and from within all that it tells, on a runtime that tells of an end
 * whenever it may: within the dialling, a `send`, `close` or `terminate`. Real runtimes do so seldom, each in
 * its own places.
 */

import {
  type BusinessError,
  createWebSocket,
  type WebSocketClient,
  type WebSocketObserver,
} from "../../mod.ts";
import type { ClientEvents, ClientSocket, DialRequest, End } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { PausableSocket, ScriptedClient } from "../helpers/scripted_runtime.ts";
import { Chance } from "./chance.ts";
import { programs } from "./hasty_programs.ts";

const FAILED: End = { code: 0, reason: "", failure: { what: "refused", status: "0" } };

/** A connection of the runtime's. */
class Hasty extends PausableSocket {
  isOpen = false;
  readonly events: ClientEvents;
  readonly #world: World;
  #isOver = false;
  #isDropped = false;

  constructor(world: World, events: ClientEvents) {
    super();
    this.#world = world;
    this.events = events;
  }

  begin(): void {
    const { chance, clock } = this.#world;
    if (chance.is(0.1)) return this.end(FAILED);
    clock.setTimer(() => {
      if (this.#isOver || this.#isDropped) return;
      if (chance.is(0.3)) return this.end(FAILED);
      this.isOpen = true;
      this.events.open();
    }, 1 + chance.below(200));
  }

  end(end: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.isOpen = false;
    this.events.closed(end);
  }

  override send(): void {
    const { chance, faults } = this.#world;
    if (this.#isOver) return;
    if (!this.isOpen) faults.push("sent before it was open");
    this.bufferedAmount += chance.below(40);
    if (chance.is(0.05)) this.end({ code: 1006, reason: "", unsent: 3 });
  }

  override close(code: number): void {
    const { chance, clock } = this.#world;
    if (chance.is(0.3)) this.end({ code, reason: "", unsent: chance.below(2) * 7 });
    else if (chance.is(0.6)) clock.setTimer(() => this.end({ code, reason: "" }), 20);
  }

  override terminate(): void {
    this.bufferedAmount = 0;
    this.isOpen = false;
    this.#isDropped = true;
    if (this.#world.chance.is(0.5)) this.end({ code: 1006, reason: "" });
  }

  override ping(): void {
    const { chance, clock } = this.#world;
    if (chance.is(0.7)) clock.setTimer(() => this.isOpen && this.events.alive(), 50);
  }
}

/** A client, and what is wrong with what it tells. */
class World extends ScriptedClient {
  readonly clock = new FakeClock();
  readonly faults: string[] = [];
  readonly chance: Chance;
  readonly #ws: WebSocketClient;
  readonly #sockets: Hasty[] = [];
  readonly #signals: AbortController[] = [];
  /** How deep calls are within what is told, and how many there may be yet. */
  #depth = 0;
  #left = 0;
  #isOpen = false;

  constructor(seed: number) {
    super();
    const chance = this.chance = new Chance(seed);
    const reconnect = chance.is(0.6) && {
      ...{ minDelay: 0.01, maxDelay: 0.5, stableAfter: 1, random: chance.next },
      attempts: chance.is(0.5) ? 3 : Infinity,
      shouldReconnect: () => {
        this.#call();
        return chance.is(0.7);
      },
    };
    const observer: WebSocketObserver = {};
    const names = ["opened", "closed", "sent", "unsent", "dialling", "failed", "gaveUp"] as const;
    for (const name of names) if (chance.is(0.4)) observer[name] = () => this.#call();
    const ws = this.#ws = createWebSocket({
      clock: this.clock,
      runtime: this,
      reconnect,
      observer,
    });
    ws.on("open", () => {
      if (this.#isOpen) this.faults.push("'open' twice");
      this.#isOpen = true;
      const { length } = this.#sockets.filter(({ isOpen }) => isOpen);
      if (length > 1) this.faults.push(`${length} connections at a time`);
      this.#call();
    });
    ws.on("message", () => {
      if (!this.#isOpen) this.faults.push("'message' while it is not open");
      this.#call();
    });
    ws.on("close", () => {
      this.#isOpen = false;
      if (ws.state !== "idle" && ws.state !== "reconnecting") {
        this.faults.push(`${ws.state} in 'close'`);
      }
      this.#call();
    });
    ws.on("error", ({ kind, message }: BusinessError) => {
      if (kind === "listenerFailed" || kind === "hookFailed") this.faults.push(message);
      this.#call();
    });
    ws.on("reconnecting", () => this.#call());
  }

  override dial(_: DialRequest, events: ClientEvents): ClientSocket {
    if (this.chance.is(0.1)) throw new Error("no descriptors");
    const socket = new Hasty(this, events);
    this.#sockets.push(socket);
    socket.begin();
    return socket;
  }

  async run(): Promise<string[]> {
    const { chance, clock, faults } = this;
    for (let step = 0; step < 25; step++) {
      this.#left = 40;
      for (let n = 0; n < 3; n++) this.#call();
      const socket = this.#sockets.at(-1);
      if (socket?.isOpen && chance.is(0.4)) socket.events.message("hello");
      else if (chance.is(0.2)) socket?.end({ code: chance.is(0.5) ? 1001 : 1006, reason: "" });
      await clock.advance(chance.below(chance.is(0.1) ? 5000 : 300));
    }
    this.#left = 0;
    for (let n = 0; n < 4; n++) {
      void this.#ws.close().catch(() => {});
      await clock.advance(130_000);
    }
    if (this.#isOpen) faults.push("no 'close' after 'open'");
    if (this.#ws.state !== "idle") faults.push(`${this.#ws.state} at the end`);
    if (clock.pending > 0) faults.push(`${clock.pending} timers are left`);
    return faults;
  }

  /** Perhaps calls the client. */
  #call(): void {
    const { chance } = this;
    if (this.#depth > 4 || this.#left-- <= 0 || !chance.is(0.3)) return;
    this.#depth++;
    void this.#any().catch(() => {});
    this.#depth--;
  }

  #any(): Promise<unknown> {
    const { chance } = this;
    const ws = this.#ws;
    switch (chance.below(7)) {
      case 0:
        return ws.send("x".repeat(chance.below(40)));
      case 1:
        return ws.close({ code: 4000 });
      case 2:
        return ws.reconnect();
      case 3:
        return ws.drained(chance.below(10));
      case 4:
        chance.of(this.#signals)?.abort();
        return Promise.resolve();
      case 5:
        return ws[Symbol.asyncIterator]().next();
      default: {
        const controller = new AbortController();
        this.#signals.push(controller);
        if (chance.is(0.2)) controller.abort();
        const { signal } = controller;
        const url = chance.is(0.05) ? "ws://" : "ws://localhost/";
        return ws.connect(url, {
          ...{ pingInterval: 1, pongTimeout: 0.5 },
          connectTimeout: 3,
          signal,
        });
      }
    }
  }
}

programs("a client on a hasty runtime", 1000, (seed) => new World(seed).run());
