// @ts-check
/**
 * How it is measured: all contenders of a scenario are up at once and take turns, a short slice each,
 * so that whatever else the machine does strikes all of them alike. What counts is the ratio within a
 * round, and the median over the rounds.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { AGAIN, BARE, BARE_HEARTBEAT, Contender, plansFor } from "./contender.mjs";
import { BENCH } from "./prepare.mjs";

/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/** @typedef {import("./prepare.mjs").Runtime} Runtime */
/** @typedef {import("./prepare.mjs").Tools} Tools */

/**
 * @typedef {object} Effort
 * @property {number} until When the time for a scenario is over, by `performance.now()`.
 * @property {number} sets How often everything is started afresh: no two processes are quite alike.
 * @property {number} rounds Slices of each contender in a set.
 * @property {number} slice Length of a slice, in ms.
 * @property {number} warmup How long each contender warms up, in ms.
 * @property {number} idle How long idle connections are watched, in ms.
 * @property {number} long Slices of a long run, of half a minute each.
 * @property {number} ping Seconds between two Pings.
 * @property {string[]} against See `plansFor`.
 * @property {string[]} [kinds] Which contenders take part beside the control: by name, or all of a kind by what
 * stands before the comma.
 *
 * @typedef {{ median: number, low: number, high: number }} Spread With the quartiles.
 *
 * @typedef {object} Result
 * @property {string} scenario
 * @property {Scenario["kind"]} kind
 * @property {string} unit
 * @property {Runtime} runtime
 * @property {number | undefined} noise How far the control is from itself, as a share.
 * @property {Record<string, Record<string, Spread>>} of What was found, by contender and quantity.
 * @property {Record<string, string>} failed Why a contender could not be measured.
 * @property {Record<string, Record<string, number[]>>} slices What all is computed from, in order.
 */

/** How far the control may be from itself where a ratio is to mean anything. */
export const MAX_NOISE = 0.03;

/** @returns {Promise<(values: number[]) => Spread>} */
async function statistics() {
  // By its path: Deno's configuration has no packages from npm.
  const path = join(
    BENCH,
    "node_modules/simple-statistics/dist/simple-statistics.mjs",
  );
  const { quantileSorted } = await import(pathToFileURL(path).href);
  return (values) => {
    const sorted = values.toSorted((a, b) => a - b);
    const [low, median, high] = [0.25, 0.5, 0.75].map((p) => quantileSorted(sorted, p));
    return { low, median, high };
  };
}

/**
 * @param {Scenario} scenario
 * @param {Runtime} runtime
 * @param {Tools} tools
 * @param {Effort} effort
 * @returns {Promise<Result>}
 */
export async function measure(scenario, runtime, tools, effort) {
  const spread = await statistics();
  /** @type {Record<string, any[]>} */
  const slices = {};
  /** @type {Record<string, string>} */
  const failed = {};
  for (let set = 0; set < (scenario.kind === "long" ? 1 : effort.sets); set++) {
    const contenders = await start(scenario, runtime, tools, effort, failed);
    const one = { idle, long, beat: beats }[/** @type {string} */ (scenario.kind)] ?? rounds;
    await one(scenario, contenders, effort, slices, failed);
    await Promise.all(contenders.map((contender) => contender.end()));
  }
  const names = plansFor(scenario, runtime, effort.against).map(({ name }) => name);
  const of = summary(names, scenario.kind, slices, spread);
  const { name, kind, unit = "message" } = scenario;
  const again = of[AGAIN]?.["ratio"];
  const noise = again && Math.max(
    Math.abs(1 - again.median),
    (again.high - again.low) / Math.sqrt(slices[AGAIN]?.length ?? 1), // about its standard error
  );
  const read = Object.entries(QUANTITIES[kind]);
  const kept = Object.fromEntries(
    Object.entries(slices).map(([name, own]) => [
      name,
      Object.fromEntries(
        read.map(([quantity, read]) => [quantity, own.map(read)]),
      ),
    ]),
  );
  return {
    scenario: name,
    kind,
    unit,
    runtime,
    noise,
    of,
    failed,
    slices: kept,
  };
}

/**
 * @param {Scenario} scenario
 * @param {Runtime} runtime
 * @param {Tools} tools
 * @param {Effort} effort
 * @param {Record<string, string>} failed
 */
async function start(scenario, runtime, tools, effort, failed) {
  const contenders = [];
  for (const plan of plansFor(scenario, runtime, effort.against)) {
    const isControl = plan.file === BARE && plan.mode === undefined;
    if (tools.run[plan.runtime] === undefined || failed[plan.name]) continue;
    const { like: name = plan.name } = plan;
    const [kind = ""] = name.split(",");
    const isWanted = effort.kinds?.some((one) => one === kind || one === name) ?? true;
    if (!isControl && !isWanted) continue;
    try {
      const contender = await Contender.start(
        plan,
        scenario,
        tools,
        effort.ping,
      );
      contenders.push(contender);
      if (!["beat", "client", "idle"].includes(scenario.kind)) {
        await contender.connect(scenario, plan);
      }
    } catch (error) {
      failed[plan.name] = String(error);
    }
  }
  return contenders;
}

/**
 * @param {Scenario} scenario
 * @param {Contender[]} contenders
 * @param {Effort} effort
 * @param {Record<string, object[]>} slices
 * @param {Record<string, string>} failed
 */
async function rounds(scenario, contenders, effort, slices, failed) {
  const ms = scenario.beats
    ? effort.ping * 1000
    : scenario.neighbours
    ? BESIDE_STOP_MS
    : scenario.kind === "latency"
    ? effort.slice * 3
    : effort.slice;
  const perSecond = scenario.half ? await half(contenders) : 0;
  const count = scenario.beats ? 1 : effort.rounds;
  const warmup = effort.warmup * (scenario.warmup ?? 1);
  for (let round = -1; round < count; round++) {
    // With not much time left there are fewer rounds, the same for all.
    if (round >= LEAST_ROUNDS && performance.now() > effort.until) break;
    // Each round begins with another one, so that none is always first after a pause.
    const first = Math.max(0, round) % contenders.length;
    for (
      const contender of [
        ...contenders.slice(first),
        ...contenders.slice(0, first),
      ]
    ) {
      const { name } = contender;
      if (failed[name]) continue;
      try {
        const time = round < 0 && !scenario.neighbours ? warmup : ms;
        const load = scenario.load(time, perSecond);
        const slice = await (scenario.neighbours === undefined
          ? contender.slice(load)
          : contender.sliceBesideStop(load, scenario.neighbours, ms));
        if (round >= 0) {
          (slices[name] ??= []).push(slice);
        }
      } catch (error) {
        failed[name] = String(error);
        delete slices[name];
      }
    }
  }
}

/** How long a slice is in which a server stops: its clients take their time. */
const BESIDE_STOP_MS = 1000;

/** The rounds that there are at least, however little time is left. */
const LEAST_ROUNDS = 5;

/** Half of the messages that the bare server echoes a second. @param {Contender[]} contenders */
async function half(contenders) {
  const { messages, ns } = await contenders[0]?.slice("echo 16 text 1 1000");
  return Math.round(messages / ns * 1e9 / 2);
}

/**
 * @param {Scenario} scenario
 * @param {Contender[]} contenders
 * @param {Effort} effort
 * @param {Record<string, object[]>} slices
 * @param {Record<string, string>} failed
 */
async function idle(scenario, contenders, effort, slices, failed) {
  const { connections } = scenario;
  const open = [];
  for (const contender of contenders) {
    try {
      await contender.slice("churn 32 500"); // what is made once is made now
      const empty = await contender.memory();
      await contender.connect(scenario);
      await sleep(1000);
      const full = await contender.memory();
      open.push({ contender, bytes: (full - empty) / connections });
    } catch (error) {
      failed[contender.name] = String(error);
    }
  }
  await Promise.all(open.map(async ({ contender, bytes }) => {
    try {
      const { cpu, ns, pings } = await contender.slice(
        scenario.load(effort.idle),
      );
      const core = cpu / ns * (effort.ping / 30);
      (slices[contender.name] ??= []).push({ bytes, core, pings, cpu, ns });
    } catch (error) {
      failed[contender.name] = String(error);
    }
  }));
}

/**
 * @param {Scenario} scenario
 * @param {Contender[]} contenders
 * @param {Effort} effort
 * @param {Record<string, object[]>} slices
 * @param {Record<string, string>} failed
 */
async function long(scenario, contenders, effort, slices, failed) {
  await Promise.all(contenders.map(async (contender) => {
    try {
      for (let i = 0; i < effort.long; i++) {
        const slice = await contender.slice(scenario.load(30_000));
        (slices[contender.name] ??= []).push({
          ...slice,
          bytes: contender.footprint,
        });
      }
    } catch (error) {
      failed[contender.name] = String(error);
    }
  }));
}

/**
 * One after the other: what another one does must not take the time to run of one that is watched. The
 * first beats compile what the others run, and are not counted.
 *
 * @param {Scenario} scenario
 * @param {Contender[]} contenders
 * @param {Effort} effort
 * @param {Record<string, object[]>} slices
 * @param {Record<string, string>} failed
 */
async function beats(scenario, contenders, effort, slices, failed) {
  for (const contender of contenders) {
    try {
      await contender.connect(scenario);
      await contender.slice(scenario.load(effort.ping * 1500));
      (slices[contender.name] ??= []).push(await contender.beats(scenario.load(effort.idle)));
    } catch (error) {
      failed[contender.name] = String(error);
    }
    await contender.end();
  }
}

/** What is found of the beats, in ms, and what the report calls it. */
export const BEAT = {
  p50: "p50",
  p999: "p99.9",
  max: "longest",
  cpuP99: "CPU time, p99",
  cpuP999: "CPU time, p99.9",
  cpuMax: "CPU time, longest",
  gapP999: "timer of 1 ms, p99.9",
  gapMax: "timer of 1 ms, longest",
  gapCpuP999: "CPU time between, p99.9",
};

/** What is computed from the slices, by the kind of a scenario. */
const QUANTITIES = {
  beat: Object.fromEntries(
    ["beats", "pings", ...Object.keys(BEAT)].map((name) => [
      name,
      /** @param {any} slice */ (slice) => slice[name],
    ]),
  ),
  cost: {
    cost: /** @param {any} slice */ ({ cpu, messages }) => cpu / messages,
  },
  client: {
    cost: /** @param {any} slice */ ({ cpu, messages }) => cpu / messages,
  },
  latency: {
    p50: /** @param {any} slice */ ({ p50 }) => p50,
    p99: /** @param {any} slice */ ({ p99 }) => p99,
    p999: /** @param {any} slice */ ({ p999 }) => p999,
  },
  long: {
    cost: /** @param {any} slice */ ({ cpu, messages }) => cpu / messages,
    bytes: /** @param {any} slice */ ({ bytes }) => bytes,
  },
  idle: {
    bytes: /** @param {any} slice */ ({ bytes }) => bytes,
    core: /** @param {any} slice */ ({ core }) => core,
    pings: /** @param {any} slice */ ({ pings }) => pings,
  },
};

/**
 * @param {string[]} names In the order the results have.
 * @param {Scenario["kind"]} kind
 * @param {Record<string, any[]>} slices
 * @param {(values: number[]) => Spread} spread
 */
function summary(names, kind, slices, spread) {
  /** @type {Result["of"]} */
  const of = {};
  const control = slices[BARE] ?? [];
  const beating = slices[BARE_HEARTBEAT];
  for (const name of names) {
    const own = slices[name] ?? [];
    // One that failed half-way has not been measured.
    if (own.length === 0 || own.length < control.length) continue;
    of[name] = Object.fromEntries(
      Object.entries(QUANTITIES[kind]).map((
        [quantity, read],
      ) => [quantity, spread(own.map(read))]),
    );
    // Lower is dearer: 0.5 is twice the control's CPU time, or twice its median time.
    const read = kind === "latency" ? QUANTITIES.latency.p50 : QUANTITIES.cost.cost;
    if (kind === "idle" || kind === "long" || kind === "beat" || control.length !== own.length) {
      continue;
    }
    of[name]["ratio"] = spread(
      own.map((slice, i) => read(control[i]) / read(slice)),
    );
    if (name !== "ours" || beating?.length !== own.length) continue;
    of[name]["beating"] = spread(
      own.map((slice, i) => read(beating[i]) / read(slice)),
    );
  }
  return of;
}
