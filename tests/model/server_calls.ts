/** What is asked of the server: each answer by the tables of the documentation. */

import { type Action, LATENCY, MAX_PAYLOAD, type ServerSpec } from "./program.ts";
import { askedFor, GOING } from "./records.ts";
import type { Simulation } from "./simulation.ts";

/** How long the policies that take their time take, in ms. */
const DECISION_MS = 40;

/** Sends from the server to one that is there, or to one that is gone. */
export function serverSend(
  simulation: Simulation,
  { nth, data: kind }: Action & { op: "serverSend" },
): void {
  const attempt = simulation.peer(nth);
  const peer = attempt?.peer;
  const { data, key } = simulation.message(kind);
  const expected = kind === "wrong" || (kind === "big" && simulation.serverState !== "stopped")
    ? 401
    : peer === undefined || peer.state === "gone"
    ? 2302006
    : peer.state === "open"
    ? true
    : -1;
  const call = simulation.server.send(
    data,
    peer?.connection ?? { clientIP: "10.9.9.9", clientPort: 9 },
  );
  simulation.expect(`server.send(${kind}) while ${peer?.state}`, expected, false, () => call);
  if (expected === true) attempt!.down.sent.push({ data: key, at: simulation.now() });
  if (data instanceof Uint8Array) data.fill(0);
}

/** Closes from the server. */
export function serverClose(
  simulation: Simulation,
  { nth, close }: Action & { op: "serverClose" },
): void {
  const peer = simulation.peer(nth)?.peer;
  const options = close === "none" ? undefined : close === "wrong" ? { code: "1" as never } : close;
  const expected = close === "wrong"
    ? 401
    : peer === undefined || peer.state === "gone"
    ? 2302006
    : peer.state === "open"
    ? true
    : 2302999;
  const { clientIP, clientPort } = peer?.connection ?? { clientIP: "10.9.9.9", clientPort: 9 };
  const call = simulation.server.close({ clientIP, clientPort }, options); // a copy does as well
  simulation.expect(`server.close() while ${peer?.state}`, expected, false, () => call);
  if (expected !== true || close === "wrong") return;
  peer!.asked = { ...askedFor(close), at: simulation.now(), from: "open" };
  peer!.state = "closing";
}

/** Starts the server. */
export function start(simulation: Simulation, spec: ServerSpec): void {
  const expected = simulation.serverState === "stopped"
    ? true
    : spec.port === simulation.spec.port
    ? 2302007
    : 2302999;
  const call = simulation.server.start({
    serverPort: spec.port,
    maxPayload: MAX_PAYLOAD,
    ...(spec.beat ?? {}),
    ...(spec.protocol === "" ? {} : { protocol: spec.protocol }),
    ...(spec.perClient === 0 ? {} : { maxConnectionsForOneClient: spec.perClient }),
    ...(spec.clients === 0 ? {} : { maxConcurrentClientsNumber: spec.clients }),
    authorize: (request) => authorize(simulation, request),
  });
  simulation.expect(`start() while ${simulation.serverState}`, expected, false, () => call);
  if (expected !== true) return;
  simulation.spec = spec;
  simulation.serverState = "running";
  simulation.runs.push({
    port: spec.port,
    from: simulation.now(),
    until: Infinity,
    gone: Infinity,
  });
}

/** Stops the server. */
export function stop(simulation: Simulation): void {
  const before = simulation.serverState;
  const call = simulation.server.stop();
  if (before === "stopped") return simulation.expect("stop()", 2302999, false, () => call);
  if (before === "stopping") {
    if (call !== simulation.stopping) {
      simulation.fault("stop() answers with another promise while stopping");
    }
    return;
  }
  const from = simulation.now();
  simulation.serverState = "stopping";
  simulation.stopping = call;
  const run = simulation.runs.at(-1)!;
  run.until = from;
  for (const { peer } of simulation.peers) {
    if (peer?.state !== "open") continue;
    peer.asked = { ...GOING, at: from, from: "open" };
    peer.stopped = true;
    peer.state = "closing";
  }
  const stopped = (right: boolean) => {
    simulation.serverState = "stopped";
    run.gone = simulation.now();
    if (!right) simulation.fault("stop() settles with something else than true");
    if (simulation.now() - from > 5000) {
      simulation.fault(`stop() takes ${simulation.now() - from} ms`);
    }
    if (simulation.peers.length > 0) simulation.fault("stop() settles before every 'close'");
    const well = simulation.attempts.every(({ faulty }) => !faulty);
    if (well && simulation.now() - from > 4 * LATENCY) {
      simulation.fault("stop() waits though all is well");
    }
  };
  call.then((value) => stopped(value === true), () => stopped(false));
}

/** What the server asks of each who wants to be let in. */
function authorize(
  simulation: Simulation,
  request: Request,
): true | Response | Promise<true | Response> {
  const attempt = simulation.attempts[Number(request.headers.get("x-attempt"))]!;
  if (attempt.verdict !== undefined) simulation.fault("authorize() is asked twice");
  attempt.verdict = "pending";
  attempt.askedAt = simulation.now();
  attempt.spoken = simulation.spec.protocol;
  const decide = (verdict: "welcome" | "refuse" | "throw"): true | Response => {
    attempt.verdict = verdict;
    attempt.decided = simulation.now();
    if (verdict === "welcome") return true;
    if (verdict === "refuse") return new Response(null, { status: 403 });
    // Late, it is told only where somebody waits for it still.
    throw simulation.failure(when === undefined ? "must" : "may");
  };
  const [verdict, when] = simulation.policy.split(" ");
  if (verdict === "never") return new Promise(() => {});
  const known = verdict === "reject" ? "throw" : verdict as "welcome" | "refuse" | "throw";
  if (when === undefined) return decide(known);
  const decided = Promise.withResolvers<void>();
  simulation.clock.setTimer(decided.resolve, DECISION_MS);
  return decided.promise.then(() => decide(known));
}
