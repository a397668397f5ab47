/** The alerts and the dashboard of `ops/`: promtool's tests of the rules, and that what they read is there. */

import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type OpenMetricsContentType, Registry } from "prom-client";
import { promMeter } from "../../docs/recipes/exemplars.ts";
import { brokerInstruments, gauges, instruments } from "../../otel/instruments.ts";
import { reconnectCounter, serverInstruments } from "../../otel/instruments.ts";
import type { OtelMeter } from "../../otel/types.ts";
import { system } from "../../scripts/setup.mjs";

const OPS = fileURLToPath(new URL("../../ops/", import.meta.url));
const read = (name: string) => readFileSync(OPS + name, "utf8");

/** Measures each thing that this module measures once. */
function measureAll(meter: OtelMeter): void {
  const made = [
    ...Object.values(instruments("server", meter)),
    ...Object.values(instruments("client", meter)),
    ...Object.values(serverInstruments(meter)),
    ...Object.values(brokerInstruments(meter)),
    reconnectCounter(meter),
  ];
  for (const one of made) "add" in one ? one.add(1) : one.record(1);
  gauges(meter, {}, new Set([{ buffered: 1, fullest: 1, limit: 1, paused: 1, unacknowledged: 1 }]));
}

/** The names of metrics in what is served to Prometheus. */
const servedIn = (text: string) =>
  new Set(Array.from(text.matchAll(/^(websocket_\w+)/gm), ([, name]) => name!));

/** The names of what the exporter serves, with all that this module measures. */
async function exported(): Promise<Set<string>> {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter as never] });
  measureAll(provider.getMeter("test"));
  const text = await new Promise<string>((resolve) => {
    const response = { statusCode: 0, setHeader() {}, end: resolve };
    exporter.getMetricsRequestHandler({} as never, response as never);
  });
  await provider.shutdown();
  return servedIn(text);
}

/** The names of metrics in an expression of PromQL. */
const named = (text: string) =>
  Array.from(text.matchAll(/\bwebsocket_(?:server|client)_\w+/g), ([name]) => name);

describe("the alerts", () => {
  it("are rules that Prometheus takes, and pass promtool's tests of them", async () => {
    const promtool = await system("promtool");
    assert(promtool !== undefined, "promtool is missing: Debian's package prometheus has it");
    for (const args of [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]]) {
      const { status, stdout, stderr } = spawnSync(promtool, args, {
        cwd: OPS,
        encoding: "utf8",
        timeout: 60_000,
      });
      assertEquals(status, 0, stdout + stderr);
    }
  });

  it("name each reason to refuse a client once, and the page has them all", () => {
    const errors = readFileSync(OPS + "../errors.ts", "utf8");
    const [, union = ""] = /type RefusalReason =([^;]+);/.exec(errors) ?? [];
    const reasons = Array.from(union.matchAll(/"(\w+)"/g), ([, reason]) => reason!);
    const alerts = Array.from(read("alerts.yml").matchAll(/error_type=~?"([\w|]+)"/g))
      .flatMap(([, list]) => list!.split("|"));
    const page = readFileSync(OPS + "../docs/observability.md", "utf8");
    const [, section = ""] = page.split("### Why a client was refused");
    for (const reason of reasons) {
      assert(section.includes(`| \`${reason}\` `), `docs/observability.md has no row ${reason}`);
      assert(errors.includes(` * | ${reason} | `), `errors.ts has no row ${reason}`);
    }
    const once = new Set(alerts.filter((reason) => reasons.includes(reason)));
    assertEquals(reasons.filter((reason) => !once.has(reason)), ["server_stopping"]);
  });

  it("are each tested to fire and to be quiet, and explained", () => {
    const alerts = Array.from(read("alerts.yml").matchAll(/alert: (\w+)/g), ([, name]) => name!);
    const tests = read("alerts_test.yml");
    const page = readFileSync(OPS + "../docs/observability.md", "utf8");
    assert(alerts.length > 10);
    for (const name of alerts) {
      const cases = tests.split(`alertname: ${name}\n`).slice(1)
        .map((text) => text.split("alertname:")[0]!.includes("exp_alerts: []"));
      assert(cases.includes(true), `${name} is not tested to be quiet`);
      assert(cases.includes(false), `${name} is not tested to fire`);
      assert(page.includes(`\`${name}\``), `${name} is not explained`);
    }
  });

  it("read what the exporter serves, as the dashboard does, and nothing else", async () => {
    const names = await exported();
    const { panels } = JSON.parse(read("dashboard.json"));
    const expressions = panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) =>
      targets.map(({ expr }) => expr)
    );
    assert(expressions.length > 15);
    for (const text of [read("alerts.yml"), ...expressions]) {
      for (const name of named(text)) assert(names.has(name), `nothing is called ${name}`);
    }
    const inRules = new Set(named(read("alerts_test.yml")));
    for (const name of inRules) assert(names.has(name), `nothing is called ${name}`);
  });

  it("read what the recipe for prom-client serves, by the same names", async () => {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
    measureAll(promMeter(registry));
    assertEquals(servedIn(await registry.metrics()), await exported());
  });
});

describe("the dashboard", () => {
  it("calls each quantile what it is", () => {
    const { panels } = JSON.parse(read("dashboard.json"));
    const targets: { expr: string; legendFormat: string }[] = panels.flatMap((
      { targets = [] }: { targets?: unknown[] },
    ) => targets);
    const legends = targets.flatMap(({ expr, legendFormat }) => {
      const [, quantile] = /histogram_quantile\(([\d.]+),/.exec(expr) ?? [];
      return quantile === undefined ? [] : [[Number(quantile), legendFormat]];
    });
    assertEquals(legends.length, 8);
    for (const [quantile, legend] of legends) {
      const percent = Math.round(Number(quantile) * 100);
      assertEquals(legend, percent === 50 ? "median" : `${percent} %`);
    }
  });

  it("has panels that do not overlap, each with an id, a unit and a sentence", () => {
    const { panels } = JSON.parse(read("dashboard.json"));
    const taken = new Set<string>();
    for (const { gridPos: { x, y, w, h }, type, description, fieldConfig } of panels) {
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          assert(!taken.has(`${i} ${j}`), `two panels at ${i}, ${j}`);
          taken.add(`${i} ${j}`);
        }
      }
      if (type === "row") continue;
      assert(/^[A-Z].*\.$/.test(description), description);
      assert(fieldConfig.defaults.unit !== undefined);
    }
    const ids = panels.map(({ id }: { id: number }) => id);
    assertEquals(new Set(ids).size, ids.length);
  });

  it("reads the jobs that were chosen alone, and has the unit of what it reads", () => {
    const { panels } = JSON.parse(read("dashboard.json"));
    const units: [RegExp, string][] = [
      [/^histogram_quantile/, "s"],
      [/_io_total/, "Bps"],
      [/_send_buffer_/, "bytes"],
      [/rate\(/, "cps"],
      [/./, "short"],
    ];
    for (const { title, targets = [], fieldConfig } of panels) {
      for (const { expr, legendFormat } of targets) {
        // Whatever it is summed by is in the legend, and nothing else.
        const [, by = ""] = /by \((?!le\))([\w, ]*)\)/.exec(expr) ?? [];
        const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
        assertEquals(labels.join(", "), by, title);
        assertEquals(
          expr.replace(/websocket_\w+\{job=~"\$job"\}/g, "").match(/websocket_(?:server|client)_/),
          null,
          expr,
        );
        const [, unit] = units.find(([words]) => words.test(expr))!;
        assertEquals(fieldConfig.defaults.unit, unit, title);
      }
    }
  });
});
