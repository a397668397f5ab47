/** A real Prometheus that scrapes a port of this machine five times a second. */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "../../scripts/setup.mjs";
import { freePort } from "./programs.ts";

/**
 * Starts it.
 *
 * @param target The port.
 * @param rules What is in its file of rules.
 */
export async function prometheus(target: number, rules = "groups: []") {
  const binary = await system("prometheus");
  if (binary === undefined) {
    throw new Error("prometheus is missing: Debian has a package of this name");
  }
  const folder = mkdtempSync(join(tmpdir(), "netkit-prometheus-"));
  writeFileSync(join(folder, "rules.yml"), rules);
  writeFileSync(
    join(folder, "prometheus.yml"),
    `global: { scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }
rule_files: [rules.yml]
scrape_configs: [{ job_name: chat, static_configs: [{ targets: ["127.0.0.1:${target}"] }] }]
`,
  );
  const port = await freePort();
  const args = [
    `--config.file=${folder}/prometheus.yml`,
    `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--enable-feature=exemplar-storage",
  ];
  const child = spawn(binary, args, { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined);
    if (response?.ok === true) return (await response.json()).data;
    await response?.body?.cancel(); // it is not ready yet
  };
  return {
    /** Whether it has scraped the service so many times. */
    async scraped(times: number): Promise<boolean> {
      const query = "count_over_time(websocket_server_active_connections[1m])";
      const data = await get(`query?query=${encodeURIComponent(query)}`);
      return Number(data?.result[0]?.value[1] ?? 0) >= times;
    },
    /** The alerts that fire. */
    async firing(): Promise<string[]> {
      const data = await get("alerts");
      const all = data.alerts as { state: string; labels: { alertname: string } }[];
      return all.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    },
    /** The exemplars of a histogram's buckets. */
    async exemplars(histogram: string): Promise<{ trace_id: string; span_id: string }[]> {
      const minute = 60_000;
      const [start, end] = [Date.now() - minute, Date.now() + minute].map((ms) => ms / 1000);
      const all = await get(`query_exemplars?query=${histogram}_bucket&start=${start}&end=${end}`);
      type Series = { exemplars: { labels: { trace_id: string; span_id: string } }[] };
      return (all as Series[] | undefined ?? [])
        .flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels));
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
