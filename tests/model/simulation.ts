/** A server and clients on a network in memory: does what a program says, and records what happens. */

import {
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketEvents,
  type WebSocketServer,
  type WebSocketServerEvents,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import {
  type Action,
  CLIENT_EVENTS,
  CLIENTS,
  type Data,
  LATENCY,
  MAX_PAYLOAD,
  type Policy,
  type Program,
  type Reaction,
  SERVER_EVENTS,
  type ServerSpec,
  type Step,
  type Way,
} from "./program.ts";
import { abort, close, connect, send } from "./client_calls.ts";
import { hear, hearServer, keyOf, lookAtDeadlines, lookAtTable } from "./recorder.ts";
import type { Attempt, Client, Run } from "./records.ts";
import { timedClient, timedServer } from "./runtime_timing.ts";
import { serverClose, serverSend, start, stop } from "./server_calls.ts";
import { joinOrLeave, publish } from "./topic_calls.ts";

interface Answer {
  what: string;
  expected: unknown;
  got?: unknown;
}

export class Simulation {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock, latency: LATENCY });
  readonly server: WebSocketServer;
  readonly clients: Client[] = [];
  readonly attempts: Attempt[] = [];
  /** The connections of 'connect', oldest first. */
  readonly peers: Attempt[] = [];
  /** What was seen and must not be. */
  readonly faults: string[] = [];
  serverState: "stopped" | "running" | "stopping" = "stopped";
  spec!: ServerSpec;
  readonly runs: Run[] = [];
  /** What listeners and `authorize` have thrown, and whether that must be told still. */
  readonly thrown = new Map<unknown, "must" | "may" | "told">();
  policy: Policy = "welcome";
  /** How often something was published to more than one in a topic. */
  published = 0;
  stopping: Promise<boolean> | undefined;
  #answers: Answer[] = [];
  readonly #armed = new Map<string, Reaction[]>();
  #messages = 0;

  constructor(timings: Program["timings"]) {
    const { clock, network } = this;
    const runtime = timedServer(network.server, clock, timings.server);
    this.server = createWebSocketServer({ clock, runtime });
    for (let nth = 0; nth < CLIENTS; nth++) {
      const ip = nth === CLIENTS - 1 ? "10.0.0.1" : "127.0.0.1";
      const runtime = timedClient(network.clientAt(ip), clock, timings.client);
      const ws = createWebSocket({ clock, runtime });
      const client: Client = {
        ws,
        ip,
        state: "idle",
        attempt: undefined,
        abort: new AbortController(),
        strays: 0,
      };
      this.clients.push(client);
      for (const event of CLIENT_EVENTS) {
        const listener = (...args: unknown[]) => {
          hear(this, client, event, args);
          return this.#react(`${nth} ${event}`);
        };
        ws.on(event, listener as WebSocketEvents[typeof event]);
      }
    }
    for (const event of SERVER_EVENTS) {
      const listener = (...args: unknown[]) => {
        hearServer(this, event, args);
        return this.#react(`server ${event}`);
      };
      this.server.on(event, listener as WebSocketServerEvents[typeof event]);
    }
  }

  now(): number {
    return this.clock.now();
  }

  /** Does one step and looks whether all is as it should be. */
  async step(step: Step): Promise<void> {
    if (step.op === "pass") await this.clock.advance(step.ms);
    else if (step.op === "arm") this.#arm(`${step.client} ${step.event}`, step.does);
    else if (step.op === "armServer") this.#arm(`server ${step.event}`, step.does);
    else this.act(step);
    await this.settle();
  }

  /** Takes back what listeners were told to do. */
  disarm(): void {
    this.#armed.clear();
    this.policy = "welcome";
  }

  async settle(): Promise<void> {
    await this.clock.advance(0);
    for (const { what, expected, got } of this.#answers) {
      const right = JSON.stringify(got) === JSON.stringify(expected);
      if (!right) this.fault(`${what} answers ${got}, not ${expected}`);
    }
    this.#answers = [];
    for (const { ws, state, attempt } of this.clients) {
      if (ws.state !== state) this.fault(`a client is ${ws.state}, not ${state}`);
      if (state === "idle" && ws.bufferedAmount !== 0) this.fault("bytes are buffered while idle");
      if (attempt !== undefined) lookAtDeadlines(this, attempt, state);
    }
    lookAtTable(this);
    if ((this.server.address === undefined) !== (this.serverState === "stopped")) {
      this.fault(`the server's address is ${this.server.address} while ${this.serverState}`);
    }
  }

  fault(what: string): void {
    this.faults.push(`${this.now()} ${what}`);
  }

  act(action: Action): void {
    switch (action.op) {
      case "connect":
        return connect(this, action);
      case "send":
        return send(this, action);
      case "close":
        return close(this, action);
      case "abort":
        return abort(this.clients[action.client]!, this.now());
      case "serverSend":
        return serverSend(this, action);
      case "serverClose":
        return serverClose(this, action);
      case "join":
      case "leave":
        return joinOrLeave(this, action);
      case "publish":
        return publish(this, action);
      case "start":
        return start(this, action.spec);
      case "stop":
        return stop(this);
      case "policy":
        this.policy = action.policy;
        return;
      default:
        return this.#befall(action);
    }
  }

  /** What befalls a link. */
  #befall({ op, nth, ...rest }: Action & { op: "cut" | "hold" | "release" }): void {
    const { links } = this.network;
    const link = links[nth % links.length];
    if (link === undefined) return;
    const attempt = this.attempts.find((attempt) => attempt.link === link)!;
    const { way = "both" } = rest as { way?: Way };
    const ways = way === "both" ? ["toServer", "toClient"] as const : [way];
    attempt.faulty = true;
    if (op === "cut") {
      link.cut();
      attempt.held = {};
      attempt.cutAt = this.now();
    } else if (op === "hold") {
      link.hold(way);
      for (const one of ways) attempt.held[one] ??= this.now();
      delete attempt.cutAt; // who is cut off and held hears of neither
    } else {
      link.release(way);
      for (const one of ways) delete attempt.held[one];
    }
  }

  /** The nth connection of those there are, and of the last that are gone. */
  peer(nth: number): Attempt | undefined {
    const all = this.attempts.filter(({ peer }) => peer !== undefined);
    return this.peers[nth] ?? all.at(-1 - nth);
  }

  message(kind: Data): { data: string | Uint8Array<ArrayBuffer>; key: string } {
    const id = ++this.#messages;
    if (kind === "wrong") return { data: 42 as unknown as string, key: "" };
    if (kind === "bytes") {
      const data = new Uint8Array([id >> 8, id & 255]);
      return { data, key: keyOf(data.buffer) };
    }
    const data = kind === "empty" ? "" : kind === "big" ? "x".repeat(MAX_PAYLOAD + 1) : `m${id}`;
    return { data, key: keyOf(data) };
  }

  expect(
    what: string,
    expected: unknown,
    callback: boolean,
    call: (done?: (error: BusinessError | undefined, value: unknown) => void) => unknown,
  ): void {
    const answer: Answer = { what, expected };
    this.#answers.push(answer);
    if (!callback) {
      const promise = call() as Promise<boolean>;
      promise.then((value) => answer.got = value, (error) => answer.got = error.code);
      return;
    }
    let returned = false;
    call((error, value) => {
      if (!returned) this.fault(`${what} calls back before it returns`);
      if (answer.got !== undefined) this.fault(`${what} calls back twice`);
      answer.got = error?.code ?? value;
    });
    returned = true;
  }

  #arm(key: string, reaction: Reaction): void {
    // What a listener of 'error' throws is printed: that would be all one sees.
    if (key.endsWith("error") && (reaction.op === "throw" || reaction.op === "reject")) return;
    this.#armed.set(key, [...this.#armed.get(key) ?? [], reaction]);
  }

  #react(key: string): unknown {
    const reaction = this.#armed.get(key)?.shift();
    if (reaction === undefined) return undefined;
    if (reaction.op === "throw") throw this.failure("must");
    if (reaction.op === "reject") return Promise.reject(this.failure("must"));
    return void this.act(reaction);
  }

  failure(how: "must" | "may"): Error {
    const error = new Error("thrown");
    this.thrown.set(error, how);
    return error;
  }
}
