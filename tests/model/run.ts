/** Runs one program to its end, and says what was wrong. */

import { World } from "./expected_server.ts";
import { LATENCY, type Program, type ServerSpec, type Step } from "./program.ts";
import { judge } from "./verdict.ts";

/** Longer than anything may take: every heartbeat and deadline has run out then. */
const ALL_MS = 62_000;

/** Long enough for all to hear of an end, and for whoever takes his time to decide. */
const SOON_MS = 60;

/** Runs a program; what it answers should be empty. */
export async function run(
  { moods, first, open, steps, last }: Program,
  look: (world: World) => void = () => {},
): Promise<string[]> {
  const world = new World(moods);
  try {
    await world.step({ op: "start", spec: first });
    for (let client = 0; client < open; client++) await world.step(connect(client, first));
    if (open > 0) await world.step({ op: "pass", ms: 2 * LATENCY });
    for (const step of steps) await world.step(step);
    await leave(world, last);
  } catch (error) {
    world.fault(`thrown: ${(error as Error).stack}`);
  }
  judge(world);
  look(world);
  return world.faults;
}

/** How many timers of a server's may run out by themselves while it runs: one a deadline. */
const TIMERS = 6;

function connect(client: number, { port, protocol, beat }: ServerSpec): Step {
  const rest = { url: "good", timeout: 20, callback: false } as const;
  return { op: "connect", client, port, protocol, beat, ...rest };
}

async function leave(world: World, last: Program["last"]): Promise<void> {
  const { clock, network } = world;
  const runs = () => world.serverState !== "stopped";
  world.disarm();
  /** Where nothing has befallen any link, nothing is left at all once all have heard of the end. */
  const atRest = async () => {
    await clock.advance(SOON_MS);
    await world.settle();
    if (clock.pending > (runs() ? TIMERS : 0) && world.attempts.every(({ faulty }) => !faulty)) {
      world.fault(`${clock.pending} timers are left though all is well`);
    }
  };
  const clientsLeave = async () => {
    for (const { state, ws } of world.clients) {
      // A client that is alone at the end learns it by its heartbeat.
      if (state === "connecting" || (state === "open" && last === "clients")) {
        world.act({
          op: "close",
          client: world.clients.findIndex((client) => client.ws === ws),
          close: "none",
          callback: false,
        });
      }
    }
    await world.settle();
    await atRest();
    await clock.advance(ALL_MS);
    await world.settle();
  };
  const serverLeaves = async () => {
    if (world.serverState === "running") world.act({ op: "stop" });
    await world.settle();
    if (world.clients.every(({ state }) => state !== "connecting")) await atRest();
    await clock.advance(5000);
    await world.settle();
    if (runs()) world.fault("stop() never settles");
  };
  if (last === "clients") {
    await clientsLeave();
    if (clock.pending > 0) world.fault(`${clock.pending} timers are left while the server runs`);
    if (world.serverState === "running" && world.peers.length > 0) world.fault("peers are left");
    if (world.serverState === "running") {
      world.act({ op: "stop" });
      await world.settle();
      if (runs()) world.fault("stop() waits though nobody is there");
    }
    await serverLeaves();
  } else {
    await serverLeaves();
    await clientsLeave();
  }
  await clock.advance(2 * LATENCY);
  for (const { ws } of world.clients) {
    if (ws.state !== "idle") world.fault(`a client is ${ws.state}`);
  }
  if (clock.pending > 0) world.fault(`${clock.pending} timers are left`);
  for (const link of network.links) {
    // Only what has never reached the server can be there still.
    if (world.attempts.find((attempt) => attempt.link === link)!.verdict) {
      world.fault("a link is left");
    }
    link.release();
  }
  await clock.advance(LATENCY);
  if (network.links.length > 0) world.fault(`${network.links.length} links are left`);
}
