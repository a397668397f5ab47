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
  type Beat,
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
import { hear, hearServer, keyOf, lookAtDeadlines, lookAtTable } from "./recorder.ts";
import { askedFor, type Attempt, type Client, type Run } from "./records.ts";
import { timedClient, timedServer } from "./runtime_timing.ts";
import { serverClose, serverSend, start, stop } from "./server_calls.ts";
import { joinOrLeave, publish } from "./topic_calls.ts";

const DEFAULT_BEAT: Beat = { pingInterval: 30, pongTimeout: 30 };

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
        return this.#connect(action);
      case "send":
        return this.#send(action);
      case "close":
        return this.#close(action);
      case "abort":
        return this.#abort(this.clients[action.client]!);
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

  #connect(action: Action & { op: "connect" }): void {
    const { port, url: kind, protocol, beat, timeout, callback } = action;
    const client = this.clients[action.client]!;
    const { ws, state } = client;
    const url = {
      good: `ws://host:${port}/`,
      scheme: "http://host/",
      "no host": "ws://",
      "no text": 7 as unknown as string,
    }[kind];
    const expected = kind === "no text"
      ? 401
      : state !== "idle"
      ? 2302003
      : { good: true, scheme: 2302001, "no host": -1 }[kind];
    const abort = new AbortController();
    const options = {
      ...(beat ?? {}),
      ...(protocol === "" ? {} : { protocol }),
      connectTimeout: timeout,
      header: { "x-attempt": String(this.attempts.length) },
      signal: abort.signal,
    };
    const links = this.network.links.length;
    if (expected === -1) client.strays++;
    this.expect(
      `connect(${url}) while ${state}`,
      expected,
      callback,
      (done) => done === undefined ? ws.connect(url, options) : ws.connect(url, options, done),
    );
    if (this.network.links.length !== links + Number(expected === true)) {
      this.fault("connect() dials when it must not, or not when it must");
    }
    if (expected !== true) return;
    const link = this.network.links.at(-1)!;
    const attempt: Attempt = {
      client: action.client,
      at: this.now(),
      port,
      protocol,
      key: `${client.ip}:${link.peer.port}`,
      link,
      beat: beat ?? DEFAULT_BEAT,
      timeout: timeout * 1000,
      events: [],
      promises: {},
      faulty: false,
      held: {},
      up: { sent: [], got: [] },
      down: { sent: [], got: [] },
    };
    client.attempt = attempt;
    client.abort = abort;
    client.state = "connecting";
    this.attempts.push(attempt);
    const { promises } = attempt;
    ws.opened.then(() => promises.opened = true, () => promises.opened = false);
    ws.closed.then((close) => promises.closed = close, () => promises.closed = false);
  }

  #send({ client, data: kind, callback }: Action & { op: "send" }): void {
    const { ws, state, attempt } = this.clients[client]!;
    const { data, key } = this.message(kind);
    const busy = state === "connecting" || state === "open";
    const expected = kind === "wrong" ? 401 : busy ? true : -1;
    this.expect(
      `send(${kind}) while ${state}`,
      expected,
      callback,
      (done) => done === undefined ? ws.send(data) : ws.send(data, done),
    );
    if (expected === true) attempt!.up.sent.push({ data: key, at: this.now() });
    if (data instanceof Uint8Array) data.fill(0); // what is sent is what it was at the call
  }

  #close({ client: nth, close, callback }: Action & { op: "close" }): void {
    const client = this.clients[nth]!;
    const { ws, state } = client;
    const options = close === "none"
      ? undefined
      : close === "wrong"
      ? { code: "1" as never }
      : close;
    const busy = state === "connecting" || state === "open";
    const expected = close === "wrong" ? 401 : busy ? true : 2302999;
    this.expect(`close(${JSON.stringify(close)}) while ${state}`, expected, callback, (done) => {
      if (done === undefined) return options === undefined ? ws.close() : ws.close(options);
      return options === undefined ? ws.close(done) : ws.close(options, done);
    });
    if (expected === true && close !== "wrong") this.#leave(client, askedFor(close));
  }

  #abort(client: Client): void {
    client.abort.abort();
    if (client.state === "connecting" || client.state === "open") {
      this.#leave(client, { code: 1000, reason: "CLOSE_NORMAL" });
    }
  }

  #leave(client: Client, close: { code: number; reason: string }): void {
    client.attempt!.asked = {
      ...close,
      at: this.now(),
      from: client.state,
      queued: client.state === "open" ? client.ws.bufferedAmount : 0,
    };
    client.state = "closing";
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
