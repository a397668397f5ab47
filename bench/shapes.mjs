// @ts-check
/**
 * What a connection and a message cost more in the shapes of `./standard` and `./node` than with a plain
 * listener: `node bench/shapes.mjs [--runtime=bun] [--only=idle|echo] [--rounds=15] [--connections=5000]
 * [--repeat=3] [--against=FOLDER]`, where another copy of this module may lie.
 */
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Contender } from "./contender.mjs";
import { fileLimit, prepare } from "./prepare.mjs";
import { endAll } from "./talk.mjs";

const { values } = parseArgs({
  options: {
    runtime: { type: "string", multiple: true, default: ["bun", "deno"] },
    rounds: { type: "string", default: "15" },
    connections: { type: "string", default: "5000" },
    load: { type: "string" },
    against: { type: "string" },
    repeat: { type: "string", default: "3" },
    only: { type: "string" },
  },
});
const ROUNDS = Number(values.rounds);
const CONNECTIONS = Math.min(Number(values.connections), fileLimit() - 200);
const SLICE_MS = 150;
const SHAPES = ["plain", "socketOf", "wsServer"];
const module = values.against && pathToFileURL(`${values.against}/mod.ts`).href;

/** @type {import("./scenarios.mjs").Scenario} */
const IDLE = {
  name: "idle",
  kind: "idle",
  connections: CONNECTIONS,
  load: () => "",
};
/** @type {import("./scenarios.mjs").Scenario[]} */
const ECHOES = ["64 text 8", "64 binary 8"].map((what) => ({
  ...{ name: `echo ${what}`, kind: "cost", connections: 16 },
  load: (ms) => `echo ${what} ${ms}`,
}));

/** @param {number[]} values @returns {number} */
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;

const tools = await prepare(values.load);

/** @param {string} mode @param {"deno" | "bun"} runtime @param {typeof IDLE} scenario */
function start(mode, runtime, scenario) {
  const plan = { name: mode, file: "shapes", runtime, mode, heartbeat: true };
  return Contender.start(
    module ? { ...plan, module } : plan,
    scenario,
    tools,
    30,
  );
}

/**
 * The bytes of a connection: of the heap of JavaScript, and of the process.
 *
 * @param {string} mode @param {"deno" | "bun"} runtime
 */
async function idle(mode, runtime) {
  const [heaps, memories] = [
    /** @type {number[]} */ ([]),
    /** @type {number[]} */ ([]),
  ];
  for (let i = 0; i < Number(values.repeat); i++) {
    const contender = await start(mode, runtime, IDLE);
    await contender.slice("churn 32 1500"); // what is made once is made now
    const heap = await contender.heap();
    const memory = await contender.memory();
    await contender.connect(IDLE);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await contender.heap();
    heaps.push((await contender.heap() - heap) / CONNECTIONS);
    memories.push((await contender.memory() - memory) / CONNECTIONS);
    await contender.end();
  }
  return { heap: median(heaps), memory: median(memories) };
}

/**
 * The CPU time of a message: what a plain listener takes, divided by what the shape does.
 *
 * @param {"deno" | "bun"} runtime @param {typeof IDLE} scenario
 */
async function echo(runtime, scenario) {
  /** @type {{ name: string, contender: Contender, costs: number[] }[]} */
  const contenders = [];
  for (const name of [...SHAPES, "plain"]) {
    const contender = await start(name, runtime, scenario);
    await contender.connect(scenario);
    await contender.slice(scenario.load(1500));
    contenders.push({ name, contender, costs: [] });
  }
  for (let round = 0; round < ROUNDS; round++) {
    const first = round % contenders.length;
    for (
      const one of [...contenders.slice(first), ...contenders.slice(0, first)]
    ) {
      const { cpu, messages } = await one.contender.slice(
        scenario.load(SLICE_MS),
      );
      one.costs.push(cpu / messages);
    }
  }
  for (const { contender } of contenders) await contender.end();
  const plain = contenders[0]?.costs ?? [];
  const ratios = contenders.slice(1).map(({ name, costs }) => {
    const ratio = median(
      costs.map((cost, round) => (plain[round] ?? NaN) / cost),
    );
    return `${name} ${ratio.toFixed(3)}`;
  });
  return { ns: median(plain), ratios };
}

try {
  for (const name of /** @type {("bun" | "deno")[]} */ (values.runtime)) {
    if (values.only !== "echo") {
      const plain = await idle("plain", name);
      const bytes = [plain.memory, plain.heap].map((one) => one.toFixed(0));
      console.log(
        `${name}, idle: plain ${bytes[0]} bytes, ${bytes[1]} of them heap`,
      );
      for (const mode of SHAPES.slice(1)) {
        const { heap, memory } = await idle(mode, name);
        const more = [memory - plain.memory, heap - plain.heap].map((one) => one.toFixed(0));
        console.log(`  ${mode}: ${more[0]} more, ${more[1]} of them heap`);
      }
    }
    if (values.only === "idle") continue;
    for (const scenario of ECHOES) {
      const { ns, ratios } = await echo(name, scenario);
      console.log(`${name}, ${scenario.name}: of plain, ${ns.toFixed(0)} ns, ${ratios.join(", ")}`);
    }
  }
} finally {
  await endAll();
  tools.clean();
}
process.exit(0);
