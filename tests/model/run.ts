/** Runs one program to its end, and says what was wrong. */

import { checkAtTheEnd } from "./final_check.ts";
import { LATENCY, type Program, type ServerSpec, type Step } from "./program.ts";
import { Simulation } from "./simulation.ts";

/** Longer than anything may take: every heartbeat and deadline has run out then. */
const ALL_MS = 62_000;

/** Long enough for all to hear of an end, and for whoever takes his time to decide. */
const SOON_MS = 60;

/** Runs a program; what it answers should be empty. */
export async function run(
  { timings, first, open, steps, last }: Program,
  look: (simulation: Simulation) => void = () => {},
): Promise<string[]> {
  const simulation = new Simulation(timings);
  try {
    await simulation.step({ op: "start", spec: first });
    for (let client = 0; client < open; client++) await simulation.step(connect(client, first));
    if (open > 0) await simulation.step({ op: "pass", ms: 2 * LATENCY });
    for (const step of steps) await simulation.step(step);
    await leave(simulation, last);
  } catch (error) {
    simulation.fault(`thrown: ${(error as Error).stack}`);
  }
  checkAtTheEnd(simulation);
  look(simulation);
  return simulation.faults;
}

/** How many timers of a server's may run out by themselves while it runs: one a deadline. */
const TIMERS = 6;

function connect(client: number, { port, protocol, beat }: ServerSpec): Step {
  const rest = { url: "good", timeout: 20, callback: false } as const;
  return { op: "connect", client, port, protocol, beat, ...rest };
}

async function leave(simulation: Simulation, last: Program["last"]): Promise<void> {
  const { clock, network } = simulation;
  const runs = () => simulation.serverState !== "stopped";
  simulation.disarm();
  /** Where nothing has befallen any link, nothing is left at all once all have heard of the end. */
  const atRest = async () => {
    await clock.advance(SOON_MS);
    await simulation.settle();
    if (
      clock.pending > (runs() ? TIMERS : 0) && simulation.attempts.every(({ faulty }) => !faulty)
    ) {
      simulation.fault(`${clock.pending} timers are left though all is well`);
    }
  };
  const clientsLeave = async () => {
    for (const { state, ws } of simulation.clients) {
      // A client that is alone at the end learns it by its heartbeat.
      if (state === "connecting" || (state === "open" && last === "clients")) {
        simulation.act({
          op: "close",
          client: simulation.clients.findIndex((client) => client.ws === ws),
          close: "none",
          callback: false,
        });
      }
    }
    await simulation.settle();
    await atRest();
    await clock.advance(ALL_MS);
    await simulation.settle();
  };
  const serverLeaves = async () => {
    if (simulation.serverState === "running") simulation.act({ op: "stop" });
    await simulation.settle();
    if (simulation.clients.every(({ state }) => state !== "connecting")) await atRest();
    await clock.advance(5000);
    await simulation.settle();
    if (runs()) simulation.fault("stop() never settles");
  };
  if (last === "clients") {
    await clientsLeave();
    await clock.advance(ALL_MS); // the timers that a server keeps run out once more, and are not set again
    if (clock.pending > 0) {
      simulation.fault(`${clock.pending} timers are left while the server runs`);
    }
    if (simulation.serverState === "running" && simulation.peers.length > 0) {
      simulation.fault("peers are left");
    }
    if (simulation.serverState === "running") {
      simulation.act({ op: "stop" });
      await simulation.settle();
      if (runs()) simulation.fault("stop() waits though nobody is there");
    }
    await serverLeaves();
  } else {
    await serverLeaves();
    await clientsLeave();
  }
  await clock.advance(2 * LATENCY);
  for (const { ws } of simulation.clients) {
    if (ws.state !== "idle") simulation.fault(`a client is ${ws.state}`);
  }
  if (clock.pending > 0) simulation.fault(`${clock.pending} timers are left`);
  for (const link of network.links) {
    // Only what has never reached the server can be there still.
    if (simulation.attempts.find((attempt) => attempt.link === link)!.verdict) {
      simulation.fault("a link is left");
    }
    link.release();
  }
  await clock.advance(LATENCY);
  if (network.links.length > 0) simulation.fault(`${network.links.length} links are left`);
}
