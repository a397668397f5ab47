// @ts-check
/** The results as Markdown. */
import { AGAIN, BARE } from "./contender.mjs";
import { BEAT, MAX_NOISE } from "./measure.mjs";

/** @typedef {import("./measure.mjs").Result} Result */
/** @typedef {import("./measure.mjs").Spread} Spread */

const RUNTIMES = { deno: "Deno", bun: "Bun", node: "Node" };

/**
 * @param {Result[]} results
 * @param {{ command: string, date: string, versions: Record<string, string>, effort: object }} facts
 */
export function report(results, { command, date, versions, effort }) {
  const parts = [
    "# Results",
    `\`${command}\` on ${date}. README.md says how to read this.`,
    Object.entries(versions).map(([name, version]) => `${name} ${version}`)
      .join(" · "),
    `Effort: \`${JSON.stringify(effort)}\`.`,
  ];
  for (const runtime of /** @type {const} */ (["bun", "deno"])) {
    const own = results.filter((result) => result.runtime === runtime);
    if (own.length === 0) continue;
    parts.push(`## ${RUNTIMES[runtime]} ${versions[RUNTIMES[runtime]]}`);
    parts.push(...costs(own.filter(({ kind }) => kind === "cost"), "Servers"));
    parts.push(
      ...costs(own.filter(({ kind }) => kind === "client"), "Clients"),
    );
    parts.push(...latencies(own.filter(({ kind }) => kind === "latency")));
    parts.push(...beats(own.filter(({ kind }) => kind === "beat")));
    parts.push(...idle(own.filter(({ kind }) => kind === "idle")));
    parts.push(...long(own.filter(({ kind }) => kind === "long")));
    parts.push(...failures(own));
  }
  return `${parts.join("\n\n")}\n`;
}

/** @param {Result[]} results @param {string} who */
function costs(results, who) {
  if (results.length === 0) return [];
  const names = namesOf(results).filter((name) => name !== BARE);
  const hasBoth = results.some(({ of }) => of["ours"]?.["beating"]);
  const both = hasBoth ? ["ours, to bare with a heartbeat"] : [];
  const rows = results.map(({ scenario, unit, noise, of }) => [
    scenario,
    of[BARE] ? `${micro(of[BARE]["cost"])} µs per ${unit}` : "failed",
    ...names.map((name) => share(of[name]?.["ratio"], name === AGAIN || isQuiet(noise))),
    ...both.map(() => share(of["ours"]?.["beating"], isQuiet(noise))),
  ]);
  return [
    `### ${who}: CPU time of the bare runtime ÷ that of each`,
    table(["scenario", "bare", ...names, ...both], rows),
  ];
}

/** @param {Result[]} results */
function latencies(results) {
  return results.flatMap(({ scenario, of }) => [
    `### ${scenario[0]?.toUpperCase()}${scenario.slice(1)}, in µs`,
    table(
      ["", "p50", "p99", "p99.9"],
      Object.entries(of).map((
        [name, { p50, p99, p999 }],
      ) => [name, ...[p50, p99, p999].map(micro)]),
    ),
  ]);
}

/** @param {Result[]} results */
function beats(results) {
  return results.flatMap(({ scenario, of }) => [
    `### ${scenario[0]?.toUpperCase()}${scenario.slice(1)}, in ms`,
    table(
      ["", "Pings", "beats", ...Object.values(BEAT)],
      Object.entries(of).map(([name, one]) => [
        name,
        whole(one["pings"]?.median),
        whole(one["beats"]?.median),
        ...Object.keys(BEAT).map((key) => one[key]?.median?.toFixed(3) ?? "–"),
      ]),
    ),
  ]);
}

/** @param {Result[]} results */
function idle(results) {
  return results.flatMap(({ scenario, of }) => [
    `### ${scenario[0]?.toUpperCase()}${scenario.slice(1)}`,
    table(
      [
        "",
        "bytes per connection",
        "over bare",
        "% of a core at a Ping every 30 s",
        "Pings",
      ],
      Object.entries(of).map(([name, { bytes, core, pings }]) => [
        name,
        whole(bytes?.median),
        whole((bytes?.median ?? NaN) - (of[BARE]?.["bytes"]?.median ?? NaN)),
        ((core?.median ?? NaN) * 100).toFixed(2),
        whole(pings?.median),
      ]),
    ),
  ]);
}

/** @param {Result[]} results */
function long(results) {
  return results.flatMap(({ scenario, slices }) => [
    `### ${scenario[0]?.toUpperCase()}${scenario.slice(1)}`,
    table(
      [
        "",
        ...HALVES.map((half) => `CPU per message, µs, ${half}`),
        ...HALVES.map((half) => `memory, MiB, ${half}`),
      ],
      Object.entries(slices).map(([name, { cost = [], bytes = [] }]) => [
        name,
        ...halves(cost, 1000, 1),
        ...halves(bytes, 2 ** 20, 0),
      ]),
    ),
  ]);
}

const HALVES = ["first half", "second half"];

/**
 * The mean of each half, with its ends: memory goes up and down with the collector.
 *
 * @param {number[]} values @param {number} unit @param {number} digits
 */
function halves(values, unit, digits) {
  const middle = values.length >> 1;
  return [values.slice(0, middle), values.slice(middle)].map((half) => {
    const mean = half.reduce((sum, value) => sum + value, 0) / half.length;
    const [low, middle, high] = [Math.min(...half), mean, Math.max(...half)]
      .map((value) => (value / unit).toFixed(digits));
    return `${middle} (${low}–${high})`;
  });
}

/** @param {Result[]} results */
function failures(results) {
  const lines = results.flatMap(({ scenario, failed }) =>
    Object.entries(failed).map(([name, why]) => `- ${name}, ${scenario}: ${why.split("\n")[0]}`)
  );
  return lines.length === 0 ? [] : ["### What could not be measured", lines.join("\n")];
}

/** @param {Spread | undefined} ratio @param {boolean} isSure */
function share(ratio, isSure) {
  if (ratio === undefined) return "–";
  if (!isSure) return "too noisy";
  const { median, low, high } = ratio;
  return `${median.toFixed(3)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

/** @param {number | undefined} noise */
function isQuiet(noise) {
  return noise !== undefined && noise <= MAX_NOISE;
}

/** @param {Result[]} results */
function namesOf(results) {
  return [...new Set(results.flatMap(({ of }) => Object.keys(of)))];
}

/** @param {Spread | undefined} spread In nanoseconds. */
function micro(spread) {
  if (spread === undefined) return "–";
  const { median, low, high } = spread;
  /** @param {number} ns */
  const text = (ns) => (ns / 1000).toFixed(ns < 10_000 ? 2 : 0);
  return `${text(median)} (${text(low)}–${text(high)})`;
}

/** @param {number | undefined} value */
function whole(value = NaN) {
  return Math.round(value).toLocaleString("en");
}

/** @param {string[]} head @param {string[][]} rows */
function table(head, rows) {
  const all = [head, head.map(() => "---"), ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all.map((row, line) =>
    `| ${
      row.map((cell, i) => cell.padEnd(widths[i] ?? 0, line === 1 ? "-" : " "))
        .join(" | ")
    } |`
  ).join("\n");
}
