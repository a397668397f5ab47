/** What is asked of a client: each answer by the tables of the documentation. */

import type { Action, Beat } from "./program.ts";
import { askedFor, type Attempt, type Client } from "./records.ts";
import type { Simulation } from "./simulation.ts";

const DEFAULT_BEAT: Beat = { pingInterval: 30, pongTimeout: 30 };

/** Connects, or is refused. */
export function connect(simulation: Simulation, action: Action & { op: "connect" }): void {
  const { port, url: kind, protocol, beat, timeout, callback } = action;
  const client = simulation.clients[action.client]!;
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
    header: { "x-attempt": String(simulation.attempts.length) },
    signal: abort.signal,
  };
  const links = simulation.network.links.length;
  if (expected === -1) client.strays++;
  simulation.expect(
    `connect(${url}) while ${state}`,
    expected,
    callback,
    (done) => done === undefined ? ws.connect(url, options) : ws.connect(url, options, done),
  );
  if (simulation.network.links.length !== links + Number(expected === true)) {
    simulation.fault("connect() dials when it must not, or not when it must");
  }
  if (expected !== true) return;
  const link = simulation.network.links.at(-1)!;
  const attempt: Attempt = {
    client: action.client,
    at: simulation.now(),
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
  simulation.attempts.push(attempt);
  const { promises } = attempt;
  ws.opened.then(() => promises.opened = true, () => promises.opened = false);
  ws.closed.then((close) => promises.closed = close, () => promises.closed = false);
}

/** Sends from a client, in whatever state it is. */
export function send(
  simulation: Simulation,
  { client, data: kind, callback }: Action & { op: "send" },
): void {
  const { ws, state, attempt } = simulation.clients[client]!;
  const { data, key } = simulation.message(kind);
  const busy = state === "connecting" || state === "open";
  const expected = kind === "wrong" ? 401 : busy ? true : -1;
  simulation.expect(
    `send(${kind}) while ${state}`,
    expected,
    callback,
    (done) => done === undefined ? ws.send(data) : ws.send(data, done),
  );
  if (expected === true) attempt!.up.sent.push({ data: key, at: simulation.now() });
  if (data instanceof Uint8Array) data.fill(0); // what is sent is what it was at the call
}

/** Closes a client, in whatever state it is. */
export function close(
  simulation: Simulation,
  { client: nth, close, callback }: Action & { op: "close" },
): void {
  const client = simulation.clients[nth]!;
  const { ws, state } = client;
  const options = close === "none" ? undefined : close === "wrong" ? { code: "1" as never } : close;
  const busy = state === "connecting" || state === "open";
  const expected = close === "wrong" ? 401 : busy ? true : 2302999;
  simulation.expect(
    `close(${JSON.stringify(close)}) while ${state}`,
    expected,
    callback,
    (done) => {
      if (done === undefined) return options === undefined ? ws.close() : ws.close(options);
      return options === undefined ? ws.close(done) : ws.close(options, done);
    },
  );
  if (expected === true && close !== "wrong") leave(client, simulation.now(), askedFor(close));
}

/** Aborts the signal that a client was told of last. */
export function abort(client: Client, now: number): void {
  client.abort.abort();
  if (client.state === "connecting" || client.state === "open") {
    leave(client, now, { code: 1000, reason: "CLOSE_NORMAL" });
  }
}

/** A client begins to close. */
function leave(client: Client, now: number, close: { code: number; reason: string }): void {
  client.attempt!.asked = {
    ...close,
    at: now,
    from: client.state,
    queued: client.state === "open" ? client.ws.bufferedAmount : 0,
  };
  client.state = "closing";
}
