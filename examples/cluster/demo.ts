/**
 * Three servers as one, and a page that shows them and kills them: `demo.ts ENGINE PROGRAM PORT`, where ENGINE is
 * redis, nats or memory, and PROGRAM is that of its server. Run it by `npm run demo:cluster`.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { memoryBroker } from "../../cluster.ts";
import { createWebSocketServer } from "../../mod.ts";
import { Clients } from "./clients.ts";
import { startNode, TOPICS } from "./node.ts";

const [engine = "memory", program = "", port = "8080"] = process.argv.slice(2);
const CLIENTS = 60;
const FOLDER = mkdtempSync(join(tmpdir(), "cluster-demo-"));

/** How long a node and the engine stay away when they are killed, in ms. */
const AWAY_MS = { node: 5000, engine: 1500 };

/** How often a node is started that ends before it listens: where the engine takes long, say. */
const MOST_STARTS = 3;

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What can be killed, and comes back. */
interface Part {
  name: string;
  isUp: boolean;
  port: number;
  kill(): Promise<void>;
}

const children = new Set<ChildProcess>();
const clients = new Clients();

let isEnding = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => end(0));
/** Told twice where a terminal and npm both pass Ctrl-C on, it ends once, and removes its folder. */
async function end(code: number): Promise<void> {
  if (isEnding) return;
  isEnding = true;
  killAll();
  await Promise.race([clients.close(), later(500)]);
  killAll(); // what the page has killed may have come back meanwhile
  rmSync(FOLDER, { recursive: true, force: true });
  process.exit(code);
}

function killAll(): void {
  for (const child of children) child.kill("SIGKILL");
}

function start(command: string, args: string[], output: "inherit" | "pipe"): ChildProcess {
  const child = spawn(command, args, { stdio: ["ignore", output, "inherit"] });
  children.add(child);
  child.once("close", () => children.delete(child));
  return child;
}

async function engineOf(): Promise<Part & { url: string }> {
  const port = await freePort();
  const config = join(FOLDER, "nats.conf");
  writeFileSync(config, `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${FOLDER}" }\n`);
  const redis = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", FOLDER, "--save", ""];
  const more = ["--appendonly", "yes", "--loglevel", "warning"];
  const args = engine === "nats" ? ["-c", config] : [...redis, ...more];
  let child = start(program, args, "pipe");
  const part = {
    name: engine,
    isUp: true,
    port,
    url: engine === "nats" ? `127.0.0.1:${port}` : `redis://127.0.0.1:${port}`,
    async kill() {
      part.isUp = false;
      child.kill("SIGKILL");
      await later(AWAY_MS.engine);
      child = start(program, args, "pipe");
      part.isUp = true;
    },
  };
  await later(500);
  return part;
}

/** A node in a process of its own, on one of the runtimes. */
async function nodeOf(name: string, url: string): Promise<Part> {
  const isBun = name.includes("Bun");
  const runtime = process.env[isBun ? "BUN" : "DENO"] ?? (isBun ? "bun" : "deno");
  const file = fileURLToPath(new URL("node.ts", import.meta.url));
  const args = [...(isBun ? [] : ["run", "-A", "--quiet"]), file, name, engine, url];
  let child!: ChildProcess;
  const begin = async () => {
    for (let starts = 1; !part.isUp && !isEnding; starts++) {
      if (starts > MOST_STARTS) {
        console.error(`Node ${name} has ended ${MOST_STARTS} times before it listened.`);
        return await end(1);
      }
      child = start(runtime, args, "pipe");
      const said = await new Promise<string>((resolve) => {
        child.stdout!.once("data", (chunk) => resolve(String(chunk)));
        child.once("error", () => resolve("")).once("close", () => resolve(""));
      });
      part.port = Number(/port (\d+)/.exec(said)?.[1] ?? 0);
      part.isUp = part.port > 0;
    }
  };
  const part: Part = {
    name,
    isUp: false,
    port: 0,
    async kill() {
      part.isUp = false;
      child.kill("SIGKILL");
      await later(AWAY_MS.node);
      await begin();
    },
  };
  await begin();
  return part;
}

/** A node in this process, over a log in memory. */
async function ownNode(name: string, broker: ReturnType<typeof memoryBroker>): Promise<Part> {
  let server = await startNode(name, broker);
  const part: Part = {
    name,
    isUp: true,
    port: server.address!.port,
    async kill() {
      part.isUp = false;
      await server.stop({ retryAfter: 1 });
      await later(AWAY_MS.node);
      server = await startNode(name, broker);
      part.port = server.address!.port;
      part.isUp = true;
    },
  };
  return part;
}

const log = engine === "memory" ? undefined : await engineOf();
const names = ["one, Deno", "two, Deno", "three, Bun"];
const broker = memoryBroker();
const nodes = await Promise.all(
  names.map((name) =>
    log === undefined ? ownNode(name.split(",")[0]!, broker) : nodeOf(name, log.url)
  ),
);
await Promise.all(Array.from({ length: CLIENTS }, (_, n) =>
  clients.add(n, (last) => {
    const there = nodes.filter(({ isUp }) => isUp);
    const others = there.filter(({ port }) => port !== last);
    const choice = last === undefined ? there : others.length > 0 ? others : there;
    return choice[n % choice.length]?.port ?? 1;
  })));

/** What the page shows. */
async function state(): Promise<object> {
  const figures = await Promise.all(nodes.map(async ({ name, isUp, port }) => {
    const answer = isUp
      ? await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
      : undefined;
    return { name, isUp, ...(await answer?.json().catch(() => ({})) ?? {}) };
  }));
  const { open, messages, lost, twice, moved } = clients;
  const shown = {
    name: log?.name ?? "in memory",
    isUp: log?.isUp ?? true,
    canDie: log !== undefined,
  };
  return { engine: shown, topics: TOPICS, nodes: figures, open, messages, lost, twice, moved };
}

const html = readFileSync(new URL("page.html", import.meta.url), "utf8");
const page = createWebSocketServer();
page.on("messageReceive", ({ data }) => {
  const part = data === "engine" ? log : nodes[Number(data)];
  if (part?.isUp) void part.kill();
});
try {
  await page.start({
    serverPort: Number(port),
    serverIP: "127.0.0.1",
    fetch: () => new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } }),
  });
  console.log(`The demo is at http://127.0.0.1:${page.address!.port}/ (Ctrl+C ends it)`);
  setInterval(async () => void page.broadcast(JSON.stringify(await state())), 300);
} catch (error) {
  console.error((error as Error).message); // the port is taken, say
  await end(1);
}
