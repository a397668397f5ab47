/** What is asked of the server: each answer by the tables of the documentation. */

import { askedFor, GOING } from "./expected_connections.ts";
import type { World } from "./expected_server.ts";
import { type Action, LATENCY, MAX_PAYLOAD, type ServerSpec } from "./program.ts";

/** How long the policies that take their time take, in ms. */
const DECISION_MS = 40;

/** Sends from the server to one that is there, or to one that is gone. */
export function serverSend(world: World, { nth, data: kind }: Action & { op: "serverSend" }): void {
  const attempt = world.peer(nth);
  const peer = attempt?.peer;
  const { data, key } = world.message(kind);
  const expected = kind === "wrong" || (kind === "big" && world.serverState !== "stopped")
    ? 401
    : peer === undefined || peer.state === "gone"
    ? 2302006
    : peer.state === "open"
    ? true
    : -1;
  const call = world.server.send(
    data,
    peer?.connection ?? { clientIP: "10.9.9.9", clientPort: 9 },
  );
  world.expect(`server.send(${kind}) while ${peer?.state}`, expected, false, () => call);
  if (expected === true) attempt!.down.sent.push({ data: key, at: world.now() });
  if (data instanceof Uint8Array) data.fill(0);
}

/** Closes from the server. */
export function serverClose(world: World, { nth, close }: Action & { op: "serverClose" }): void {
  const peer = world.peer(nth)?.peer;
  const options = close === "none" ? undefined : close === "wrong" ? { code: "1" as never } : close;
  const expected = close === "wrong"
    ? 401
    : peer === undefined || peer.state === "gone"
    ? 2302006
    : peer.state === "open"
    ? true
    : 2302999;
  const { clientIP, clientPort } = peer?.connection ?? { clientIP: "10.9.9.9", clientPort: 9 };
  const call = world.server.close({ clientIP, clientPort }, options); // a copy does as well
  world.expect(`server.close() while ${peer?.state}`, expected, false, () => call);
  if (expected !== true || close === "wrong") return;
  peer!.asked = { ...askedFor(close), at: world.now(), from: "open" };
  peer!.state = "closing";
}

/** Starts the server. */
export function start(world: World, spec: ServerSpec): void {
  const expected = world.serverState === "stopped"
    ? true
    : spec.port === world.spec.port
    ? 2302007
    : 2302999;
  const call = world.server.start({
    serverPort: spec.port,
    maxPayload: MAX_PAYLOAD,
    ...(spec.beat ?? {}),
    ...(spec.protocol === "" ? {} : { protocol: spec.protocol }),
    ...(spec.perClient === 0 ? {} : { maxConnectionsForOneClient: spec.perClient }),
    ...(spec.clients === 0 ? {} : { maxConcurrentClientsNumber: spec.clients }),
    authorize: (request) => authorize(world, request),
  });
  world.expect(`start() while ${world.serverState}`, expected, false, () => call);
  if (expected !== true) return;
  world.spec = spec;
  world.serverState = "running";
  world.runs.push({ port: spec.port, from: world.now(), until: Infinity, gone: Infinity });
}

/** Stops the server. */
export function stop(world: World): void {
  const before = world.serverState;
  const call = world.server.stop();
  if (before === "stopped") return world.expect("stop()", 2302999, false, () => call);
  if (before === "stopping") {
    if (call !== world.stopping) world.fault("stop() answers with another promise while stopping");
    return;
  }
  const from = world.now();
  world.serverState = "stopping";
  world.stopping = call;
  const run = world.runs.at(-1)!;
  run.until = from;
  for (const { peer } of world.peers) {
    if (peer?.state !== "open") continue;
    peer.asked = { ...GOING, at: from, from: "open" };
    peer.stopped = true;
    peer.state = "closing";
  }
  const stopped = (right: boolean) => {
    world.serverState = "stopped";
    run.gone = world.now();
    if (!right) world.fault("stop() settles with something else than true");
    if (world.now() - from > 5000) world.fault(`stop() takes ${world.now() - from} ms`);
    if (world.peers.length > 0) world.fault("stop() settles before every 'close'");
    const well = world.attempts.every(({ faulty }) => !faulty);
    if (well && world.now() - from > 4 * LATENCY) world.fault("stop() waits though all is well");
  };
  call.then((value) => stopped(value === true), () => stopped(false));
}

/** What the server asks of each who wants to be let in. */
function authorize(world: World, request: Request): true | Response | Promise<true | Response> {
  const attempt = world.attempts[Number(request.headers.get("x-attempt"))]!;
  if (attempt.verdict !== undefined) world.fault("authorize() is asked twice");
  attempt.verdict = "pending";
  attempt.spoken = world.spec.protocol;
  const decide = (verdict: "welcome" | "refuse" | "throw"): true | Response => {
    attempt.verdict = verdict;
    attempt.decided = world.now();
    if (verdict === "welcome") return true;
    if (verdict === "refuse") return new Response(null, { status: 403 });
    // Late, it is told only where somebody waits for it still.
    throw world.failure(when === undefined ? "must" : "may");
  };
  const [verdict, when] = world.policy.split(" ");
  if (verdict === "never") return new Promise(() => {});
  const known = verdict === "reject" ? "throw" : verdict as "welcome" | "refuse" | "throw";
  if (when === undefined) return decide(known);
  const decided = Promise.withResolvers<void>();
  world.clock.setTimer(decided.resolve, DECISION_MS);
  return decided.promise.then(() => decide(known));
}
