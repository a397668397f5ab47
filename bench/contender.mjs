// @ts-check
/** One of those that are compared: its process, and a load generator of its own. */
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { BENCH, cpuTime, memory } from "./prepare.mjs";
import { CLIENT_BATCH } from "./scenarios.mjs";
import { Talk } from "./talk.mjs";

/** @typedef {import("./prepare.mjs").Runtime} Runtime */
/** @typedef {import("./prepare.mjs").Tools} Tools */
/** @typedef {import("./scenarios.mjs").Scenario} Scenario */

/**
 * @typedef {object} Plan
 * @property {string} name As the results call it.
 * @property {string} file Without its folder and ending.
 * @property {Runtime} runtime
 * @property {string} [mode] Instead of the scenario's.
 * @property {boolean} [sleeper] Whether one of its connections is never read from.
 * @property {string} [module] The module to load instead of this one.
 * @property {string} [like] The name of the contender that it is a copy of.
 * @property {boolean} [heartbeat] Whether it has its own heartbeat, where it can do without.
 * @property {"arraybuffer" | "uint8array"} [binary] How binary data comes, where not as by default.
 * @property {boolean} [resumes] Whether it is a client that resumes, or its clients are.
 */

/** The control: with no heartbeat, and binary data as the runtime has it by default. */
export const BARE = "bare";

/** The same with the runtime's own heartbeat. */
export const BARE_HEARTBEAT = "bare, heartbeat";

/** The control once more: what differs between the two is noise. */
export const AGAIN = "bare again";

/**
 * Who takes part in a scenario.
 *
 * @param {Scenario} scenario
 * @param {Runtime} runtime
 * @param {string[]} against The folders of other copies of this module, to be compared with it.
 * @returns {Plan[]}
 */
export function plansFor(scenario, runtime, against) {
  const plans = ownPlansFor(scenario, runtime);
  const ours = plans.filter(({ name }) => name.split(",")[0] === "ours");
  const copies = against.flatMap((folder) => {
    const module = pathToFileURL(resolve(folder, "mod.ts")).href;
    return ours.map((plan) => ({
      ...plan,
      name: plan.name.replace("ours", basename(folder)),
      like: plan.name,
      module,
    }));
  });
  return plans.concat(copies);
}

/** @param {Scenario} scenario @param {Runtime} runtime @returns {Plan[]} */
function ownPlansFor(scenario, runtime) {
  const { beats, binary, kind, mode, peers = true, shapes, sleeper } = scenario;
  /** @param {string} name @param {string} [file] @returns {Plan} */
  const plan = (name, file = name) => ({ name, file, runtime });
  /** @param {string} file @returns {Plan[]} */
  const both = (
    file,
  ) => [plan(file), { ...plan(`${file}, heartbeat`, file), heartbeat: true }];
  const plans = [plan(BARE), plan(AGAIN, BARE), plan("ours")];
  if (sleeper) {
    const slow = plans.map((plan) => ({
      ...plan,
      name: `${plan.name}, slow reader`,
      sleeper: true,
    }));
    return plans.concat(slow).filter(({ name }) => name !== `${AGAIN}, slow reader`);
  }
  if (scenario.neighbours) return plans;
  if (beats || kind === "beat") {
    const others = beats ? both("crossws").slice(1) : [];
    return [...plans, ...both(BARE).slice(1), ...others].filter(({ name }) => name !== AGAIN);
  }
  if (kind === "long") return plans.filter(({ name }) => name !== AGAIN);
  if (kind !== "client") {
    plans.push({ ...plan(BARE_HEARTBEAT, BARE), heartbeat: true });
  }
  if (binary) {
    plans.push({ ...plan("ours, Uint8Array", "ours"), binary: "uint8array" });
  }
  if (binary && runtime === "bun") {
    plans.push({ ...plan("bare, ArrayBuffer", BARE), binary: "arraybuffer" });
    plans.push({ ...plan("bare, Uint8Array", BARE), binary: "uint8array" });
    plans.push({
      ...plan("crossws, ArrayBuffer", "crossws"),
      binary: "arraybuffer",
    });
  }
  // A bare server with its own upgrade is the same with a host around it.
  if (kind === "cost" && mode !== "fan") {
    plans.push(plan("ours, mounted", "mounted"));
  }
  if (shapes) {
    plans.push(
      plan("ours, socketOf", "socket_of"),
      plan("ours, wsServer", "ws_server"),
    );
    plans.push(plan("ours, drained", "drained"));
  }
  if (kind === "client") {
    return plans.concat(
      { ...plan("ours, resuming", "ours"), resumes: true },
      plan("ours, standard", "standard"),
      plan("partysocket"),
      plan("ws"),
    );
  }
  if (mode === "fan") {
    plans.push({ ...plan("ours, broadcast", "ours"), mode: "publish" });
    plans.push(plan("ours, history", "history"));
    plans.push({ ...plan("ours, history, resuming", "history"), resumes: true });
    if (runtime === "bun") {
      plans.push({ ...plan("bare, publish", BARE), mode: "publish" });
    }
  }
  if (!peers) return plans.concat(plan("crossws"), plan("hono"));
  plans.push(...both("crossws"), ...both("hono"), {
    ...plan("ws"),
    heartbeat: true,
  });
  plans.push({
    name: "ws on Node",
    file: "ws",
    runtime: "node",
    heartbeat: true,
  });
  return plans;
}

/** What always has a heartbeat. */
const OURS = new Set([
  ...["ours", "mounted", "socket_of", "ws_server", "drained", "history"],
]);

export class Contender {
  #program;
  #load;
  /** How a load generator is started. */
  #generator;

  /** @param {string} name @param {Talk} program @param {Talk} load @param {string[]} generator */
  constructor(name, program, load, generator) {
    this.name = name;
    this.#program = program;
    this.#load = load;
    this.#generator = generator;
  }

  /**
   * Starts both processes; a server has no connections yet.
   *
   * @param {Plan} plan
   * @param {Scenario} scenario
   * @param {Tools} tools
   * @param {number} pingSeconds
   */
  static async start(plan, scenario, { run, load, pin }, pingSeconds) {
    const { name, file, runtime, module, heartbeat, binary, resumes } = plan;
    const command = [...pin("server"), ...run[runtime] ?? []];
    const generator = [...pin("load"), ...load];
    const mode = plan.mode ?? scenario.mode ?? "echo";
    const env = {
      BENCH_PING: String(heartbeat || OURS.has(file) ? pingSeconds : 0),
      BENCH_BINARY: binary ?? "",
      ...(module && { BENCH_MODULE: module }),
      ...(resumes && { BENCH_RESUMES: "1" }),
    };
    if (scenario.kind === "client") {
      const server = new Talk(`load for ${name}`, generator);
      const { port } = await server.hear();
      const program = join(BENCH, "clients", `${file}.mjs`);
      const args = [program, String(port), mode, String(CLIENT_BATCH)];
      const client = new Talk(name, [...command, ...args], env);
      await Promise.race([server.hear(), client.hear()]); // a client says something only where it fails
      return new Contender(name, client, server, generator);
    }
    const server = new Talk(name, [
      ...command,
      join(BENCH, "servers", `${file}.mjs`),
      mode,
    ], env);
    const { port } = await server.hear();
    const talk = new Talk(`load for ${name}`, [...generator, String(port)]);
    return new Contender(name, server, talk, generator);
  }

  /** @param {Scenario} scenario @param {Partial<Plan>} plan */
  async connect({ connections }, { resumes, sleeper } = {}) {
    const how = resumes ? "resuming" : "";
    if (connections > 0) await this.#load.ask(`open ${connections} ${how}`);
    if (sleeper) await this.#load.ask("sleeper");
  }

  /**
   * Loads it for a while.
   *
   * @param {string} command
   */
  async slice(command) {
    const stop = cpuTime(this.#program.pid);
    const answer = await this.#load.ask(command);
    const cpu = stop();
    if (answer.wrong > 0) {
      throw new Error(`${this.name}: ${answer.wrong} messages came back wrong`);
    }
    return { ...answer, cpu };
  }

  /**
   * Loads it while another server in its process stops, a third of the time after the start. The clients
   * of that one have the load's core only where the load leaves it to them.
   *
   * @param {string} command @param {number} connections @param {number} ms
   */
  async sliceBesideStop(command, connections, ms) {
    const { port } = await this.#program.ask("other");
    const clients = ["nice", "-n", "19", ...this.#generator, String(port)];
    const others = new Talk(`load for the other server of ${this.name}`, clients);
    await others.ask(`open ${connections}`);
    const stopped = this.#program.ask(`stop ${Math.round(ms / 3)}`);
    const answer = await this.slice(command);
    await stopped;
    await others.end();
    return answer;
  }

  /**
   * Watches its beats for so long: how long each of its timers' functions takes, and how far apart those
   * of a timer of 1 ms are.
   *
   * @param {string} command
   */
  async beats(command) {
    await this.#program.ask("watch");
    const { pings } = await this.slice(command);
    return { pings, ...await this.#program.ask("watched") };
  }

  /** The memory it has when its garbage is collected, in bytes. */
  async memory() {
    await this.#program.ask("gc");
    return memory(this.#program.pid);
  }

  /** What of it is the heap of JavaScript. */
  async heap() {
    return (await this.#program.ask("gc")).heap;
  }

  /** The memory it has as it stands, in bytes. */
  get footprint() {
    return memory(this.#program.pid);
  }

  async end() {
    await Promise.all([this.#load.end(), this.#program.end()]);
  }
}
