// @ts-check
/**
 * What it costs to publish one message to three nodes with 500 connections each, over Redis:
 * `fanout.mjs [CONTENDER…]`. Prints how long it takes until the last connection has a message, and the
 * CPU time of the nodes for each connection that gets it.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { install, runtimes, system } from "../../scripts/setup.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const NODES = 3;
const CONNECTIONS = 500;
const PUBLISHES = 100;
const PER_SECOND = 20;
const SIZE = 200;

if (!existsSync(join(HERE, "node_modules"))) {
  await install("what it is compared with", "from npm", HERE);
}
const { bun, deno, node } = await runtimes();
const redisServer = await system("redis-server");
if (!redisServer) process.exit(1);
/** @type {any} */
const { WebSocket } = await import(`${"ws"}`);

/** @type {Record<string, [string | undefined, string[]]>} */
const RUN = {
  "ours, Bun": [bun, ["ours"]],
  "ours, Deno": [deno, ["ours"]],
  "crossws, Bun": [bun, ["crossws"]],
  "socket.io, redis-adapter": [node, ["socket.io, redis-adapter"]],
  "socket.io, redis-streams-adapter": [node, [
    "socket.io, redis-streams-adapter",
  ]],
};

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {{ port: number }} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @param {string[]} command */
function start(command) {
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    cwd: HERE,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })
    [Symbol.asyncIterator]();
  return {
    child,
    /** @param {string} word @returns {Promise<number>} */
    async number(word) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) throw new Error(`${file} has ended`);
        if (value.startsWith(`${word} `)) {
          return Number(value.slice(word.length + 1));
        }
      }
    },
    /** @param {string} line */
    say: (line) => child.stdin.write(`${line}\n`),
  };
}

/** @param {number | undefined} pid The CPU time of a process, in µs. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** @param {string} name */
async function measure(name) {
  const [runtime = "", args] = RUN[name] ?? ["", []];
  const redisPort = await freePort();
  const redis = spawn(redisServer ?? "", [
    "--port",
    String(redisPort),
    "--save",
    "",
  ], {
    stdio: "ignore",
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const flags = runtime === deno ? ["run", "-A", "--quiet", "--no-check"] : [];
  const command = [runtime, ...flags, join(HERE, "fanout_node.mjs"), ...args];
  const nodes = Array.from(
    { length: NODES },
    () => start([...command, `redis://127.0.0.1:${redisPort}`]),
  );
  const isSocketIo = name.startsWith("socket.io");
  let left = 0;
  let told = () => {};
  let mark = "";
  const sockets = [];
  for (const one of nodes) {
    const port = await one.number("port");
    const path = isSocketIo ? "/socket.io/?EIO=4&transport=websocket" : "/";
    for (let n = 0; n < CONNECTIONS; n++) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
        perMessageDeflate: false,
      });
      sockets.push(socket);
      await new Promise((resolve, reject) => {
        socket.on("error", reject);
        socket.on("message", (/** @type {Uint8Array} */ data) => {
          const text = String(data);
          if (text.includes(mark) && mark !== "") {
            if (--left === 0) told();
          } else if (text.startsWith("0{")) socket.send("40");
          else if (text.startsWith("40")) resolve(undefined);
          else if (text === "2") socket.send("3");
        });
        if (!isSocketIo) socket.on("open", resolve);
      });
    }
  }
  const cpu = async () => {
    for (const one of nodes) one.say("cpu");
    const all = await Promise.all(nodes.map((one) => one.number("cpu")));
    return all.reduce((sum, one) => sum + one, 0);
  };
  /** @type {number[]} */
  const times = [];
  let lost = 0;
  let before = { nodes: 0, redis: 0 };
  for (let n = -20; n < PUBLISHES; n++) {
    if (n === 0) before = { nodes: await cpu(), redis: cpuOf(redis.pid) };
    mark = `<${n}>`;
    left = NODES * CONNECTIONS;
    const began = performance.now();
    const all = new Promise((resolve) => told = () => resolve(true));
    nodes[0]?.say(`publish ${mark.padEnd(SIZE, "x")}`);
    const late = new Promise((resolve) => setTimeout(() => resolve(false), 3000));
    const isWhole = await Promise.race([all, late]);
    if (n >= 0 && isWhole) times.push(performance.now() - began);
    if (!isWhole) lost += left;
    const rest = 1000 / PER_SECOND - (performance.now() - began);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  }
  const messages = PUBLISHES * NODES * CONNECTIONS;
  const spent = (await cpu() - before.nodes) / messages;
  const engine = (cpuOf(redis.pid) - before.redis) / PUBLISHES;
  times.sort((a, b) => a - b);
  const at = (/** @type {number} */ part) => times[Math.floor(times.length * part)]?.toFixed(1);
  console.log(JSON.stringify({
    name,
    p50: Number(at(0.5)),
    p99: Number(at(0.99)),
    cpuPerConnection: Number(spent.toFixed(2)),
    redisPerPublish: Number(engine.toFixed(1)),
    lost,
  }));
  for (const socket of sockets) socket.terminate();
  for (const { child } of nodes) child.kill("SIGKILL");
  redis.kill("SIGKILL");
}

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(RUN)) {
  await measure(name);
}
process.exit(0);
