/**
 * Random calls of a server, from outside and from within all that it tells, on a runtime that tells of an end
 * whenever it may: within a `send`, `close`, `terminate` or `resume`. Real runtimes do so seldom, each in its own
 * places.
 */

import {
  type BusinessError,
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketObserver,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import type { Admission, End } from "../../runtime/contract.ts";
import { FakeClock, MemoryBroker } from "../../testing.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";
import { Chance } from "./chance.ts";
import { programs } from "./hasty_programs.ts";

/** How many may be connected. */
const PLACES = 4;

/** A connection of the runtime's. */
class Hasty extends PausableSocket {
  readonly admission: Admission;
  readonly #world: World;
  #isOpen = false;
  #isOver = false;

  constructor(world: World, admission: Admission) {
    super();
    this.#world = world;
    this.admission = admission;
  }

  open(): void {
    if (this.#isOver) return;
    this.#isOpen = true;
    this.admission.open(this);
  }

  message(): void {
    if (this.#isOpen) this.admission.message("m".repeat(this.#world.chance.below(60)));
  }

  end(end: End): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isOpen = false;
    this.admission.closed(end);
  }

  override send(): void {
    const { chance } = this.#world;
    if (this.#isOver) return;
    this.bufferedAmount += chance.below(40);
    if (chance.is(0.15)) this.end({ code: 1006, reason: "", unsent: 3 });
  }

  override close(code: number): void {
    const { chance, clock } = this.#world;
    const end = { code: chance.is(0.7) ? code : 1006, reason: "", unsent: chance.below(2) * 7 };
    if (chance.is(0.5)) this.end(end);
    else if (chance.is(0.6)) clock.setTimer(() => this.end(end), 20);
  }

  override resume(): void {
    if (this.#world.chance.is(0.5)) this.message();
  }

  override terminate(): void {
    this.bufferedAmount = 0;
    if (this.#world.chance.is(0.5)) this.end({ code: 1006, reason: "" });
  }

  override ping(): void {
    const { chance, clock } = this.#world;
    if (chance.is(0.7)) clock.setTimer(() => this.#isOpen && this.admission.alive(), 50);
  }
}

/** A server, and what is wrong with what it tells. */
class World extends ScriptedServer {
  readonly clock = new FakeClock();
  readonly chance: Chance;
  readonly #faults: string[] = [];
  readonly #config: WebSocketServerConfig;
  readonly #broker: MemoryBroker | undefined;
  readonly #server: WebSocketServer;
  readonly #sockets: Hasty[] = [];
  /** Those of which 'connect' was told, and not yet 'close'. */
  readonly #known: WebSocketConnection[] = [];
  #depth = 0;
  #left = 0;
  #port = 1000;

  constructor(seed: number) {
    super();
    const chance = this.chance = new Chance(seed);
    this.#config = {
      ...{ serverPort: 80, maxConnections: PLACES, maxConnectionsForOneClient: PLACES },
      ...{ pingInterval: 1, pongTimeout: 0.5, maxPendingAmount: 100 + chance.below(3000) },
      ...{
        maxBufferedAmount: 20 + chance.below(100),
        slowPeer: chance.is(0.5) ? "drop" : "refuse",
      },
    };
    const observer: WebSocketObserver = {};
    const names = ["opened", "closed", "sent", "received", "unsent", "dropped", "stopped"] as const;
    for (const name of names) if (chance.is(0.4)) observer[name] = () => this.#call();
    const broker = this.#broker = chance.is(0.6)
      ? new MemoryBroker({ clock: this.clock })
      : undefined;
    const server = this.#server = createWebSocketServer({
      ...{ clock: this.clock, runtime: this, observer, broker },
      presence: broker !== undefined && chance.is(0.5),
    });
    server.on("connect", (connection) => {
      this.#known.push(connection);
      this.#call();
    });
    server.on("close", (connection) => {
      const at = this.#known.indexOf(connection);
      if (at === -1) this.#faults.push("'close' before 'connect', or twice");
      else this.#known.splice(at, 1);
      this.#call();
    });
    server.on("messageReceive", () => {
      this.#call();
      return chance.is(0.2)
        ? new Promise<void>((done) => this.clock.setTimer(() => done(), 30))
        : undefined;
    });
    server.on("error", ({ kind, message }: BusinessError) => {
      if (kind === "listenerFailed") this.#faults.push(message);
      this.#call();
    });
    server.on("presence", () => this.#call());
  }

  async run(): Promise<string[]> {
    const { chance, clock } = this;
    const [server, broker] = [this.#server, this.#broker];
    await clock.until(server.start(this.#config));
    for (let step = 0; step < 25; step++) {
      this.#left = 40;
      if (chance.is(0.5)) this.#peer();
      else this.#call();
      for (const socket of this.#sockets) if (chance.is(0.2)) socket.message();
      if (chance.is(0.2)) chance.of(this.#sockets)?.end({ code: 1006, reason: "", unsent: 5 });
      if (chance.is(0.15)) broker?.down();
      else if (chance.is(0.3)) broker?.up();
      await clock.advance(chance.below(chance.is(0.15) ? 20_000 : 300));
    }
    this.#left = 0;
    broker?.mend();
    await clock.advance(100);
    await clock.until(server.stop().catch(() => {}));
    for (const socket of this.#sockets) socket.end({ code: 1006, reason: "" });
    await clock.advance(60_000);
    if (this.#known.length > 0) this.#faults.push(`${this.#known.length} have no 'close'`);
    await clock.until(server.start(this.#config));
    const answers = Array.from({ length: PLACES + 2 }, () => this.request({}, this.#port++));
    const refused = answers.filter((answer) => answer instanceof Response).length;
    if (refused !== 2) this.#faults.push(`${refused} of ${answers.length} are refused`);
    await clock.until(server.stop());
    await clock.advance(60_000);
    if (clock.pending > 0) this.#faults.push(`${clock.pending} timers are left`);
    return this.#faults;
  }

  /** A client comes. */
  #peer(): void {
    const { chance, clock } = this;
    if (this.#sockets.length > 60 || this.#server.address === undefined) return;
    const admission = this.request({}, this.#port++);
    if (admission instanceof Response || admission instanceof Promise) return;
    const socket = new Hasty(this, admission);
    this.#sockets.push(socket);
    if (chance.is(0.8)) socket.open();
    else clock.setTimer(() => socket.open(), chance.below(3000));
  }

  /** Perhaps calls the server. */
  #call(): void {
    const { chance } = this;
    if (this.#depth > 4 || this.#left-- <= 0 || !chance.is(0.5)) return;
    this.#depth++;
    void this.#any().catch(() => {});
    this.#depth--;
  }

  #any(): Promise<unknown> {
    const { chance } = this;
    const server = this.#server;
    const one = chance.of(this.#known) ?? { clientIP: "::1", clientPort: 1 };
    const topic = `t${chance.below(2)}`;
    switch (chance.below(11)) {
      case 0:
        return server.send("x".repeat(chance.below(40)), one);
      case 1:
        return server.close(one, { code: 4000 });
      case 2:
        return server.terminate(one);
      case 3:
        return chance.is(0.5) ? server.stop() : Promise.resolve();
      case 4:
        return server.start(this.#config);
      case 5:
        return server.join(one, topic);
      case 6:
        return server.leave(one, topic);
      case 7:
        return server.publish(topic, "p".repeat(chance.below(30)));
      case 8:
        return server.broadcast("b", { except: one });
      case 9:
        return server.drained(one, chance.below(5));
      default:
        this.#peer();
        return Promise.resolve();
    }
  }
}

programs("a server on a hasty runtime", 200, (seed) => new World(seed).run());
