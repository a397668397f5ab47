// @ts-check
/**
 * What the line costs that a published message begins with, where a client can resume: `deno run -A
 * --no-config bench/header.mjs [FOLDER]` or `bun bench/header.mjs [FOLDER]`, where another copy of this module
 * may lie. Three servers with a history publish 64 bytes to 50 clients by turns of a few milliseconds: to
 * clients without headers, with them, and without once more, which says how much of the difference is the
 * machine's.
 */
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { connect } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const CLIENTS = 50;
const MESSAGES = 40;
const WARMUP = 30;
const TURNS = 300;
const GROUPS = 10;
const TEXT = "x".repeat(63);

const [first, port, offers] = process.argv.slice(2);
if (first === "--clients") openClients(Number(port), offers === "true");
else {await measure(
    first === undefined ? "../mod.ts" : pathToFileURL(`${first}/mod.ts`).href,
  );}

/**
 * Opens clients that read what comes and do nothing with it.
 *
 * @param {number} port
 * @param {boolean} offers Whether they can resume.
 */
function openClients(port, offers) {
  const offer = offers ? "Sec-WebSocket-Protocol: resume.netkit.1\r\n" : "";
  const head = `GET / HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\n` +
    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
    `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${offer}\r\n`;
  const hello = Buffer.from('{"resume":1}\n');
  const frame = Buffer.concat([
    Buffer.from([0x81, 0x80 | hello.length, 0, 0, 0, 0]),
    hello,
  ]);
  for (let n = 0; n < CLIENTS; n++) {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    socket.write(head);
    if (offers) socket.once("data", () => socket.write(frame));
    socket.on("data", () => {});
  }
}

/** @param {string} module */
async function measure(module) {
  const { createWebSocketServer } = await import(module);
  /** @param {boolean} offers */
  const serve = async (offers) => {
    const server = createWebSocketServer({ history: { maxMessages: 100 } });
    let there = 0;
    const all = new Promise((resolve) => {
      server.on("connect", (/** @type {unknown} */ connection) => {
        void server.join(connection, "t");
        if (++there === CLIENTS) resolve(undefined);
      });
    });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const run = "Deno" in globalThis ? ["run", "-A", "--no-config"] : [];
    const args = [
      fileURLToPath(import.meta.url),
      "--clients",
      `${server.address.port}`,
      `${offers}`,
    ];
    const child = spawn(process.execPath, [...run, ...args], {
      stdio: "inherit",
    });
    await all;
    return { server, child };
  };
  const kinds = [await serve(false), await serve(true), await serve(false)];
  const costs = kinds.map(() => Array(GROUPS).fill(0));
  for (let turn = -WARMUP; turn < TURNS; turn++) {
    for (let n = 0; n < kinds.length; n++) {
      const kind = (n + turn + WARMUP) % kinds.length;
      const cost = await publish(kinds[kind]?.server);
      const groups = costs[kind];
      if (turn >= 0 && groups) groups[turn % GROUPS] += cost / (TURNS / GROUPS);
    }
  }
  const [without = [], with_ = [], again = []] = costs;
  const mean = without.reduce((sum, cost) => sum + cost, 0) / GROUPS;
  console.log(
    `without: ${mean.toFixed(2)} µs of CPU for each client and message`,
  );
  console.log(`with:    ${ratio(with_, without)}`);
  console.log(`without, once more: ${ratio(again, without)}`);
  for (const { child, server } of kinds) {
    child.kill("SIGKILL");
    await server.stop();
  }
}

/**
 * Publishes, and returns the µs of CPU for each client and message.
 *
 * @param {any} server
 */
async function publish(server) {
  const before = process.cpuUsage();
  for (let n = 0; n < MESSAGES; n++) {
    await server.publish("t", `${TEXT}${n % 10}`);
    if (n % 10 === 9) await sleep(0);
  }
  await sleep(2);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (MESSAGES * CLIENTS);
}

/**
 * How much more the one is: the median of the groups, and all but the least and the greatest.
 *
 * @param {number[]} costs
 * @param {number[]} others
 */
function ratio(costs, others) {
  const all = costs.map((cost, n) => (cost / (others[n] ?? 1) - 1) * 100).sort((
    a,
    b,
  ) => a - b);
  const show = (/** @type {number | undefined} */ percent = 0) => `${percent.toFixed(1)} %`;
  return `${show(all[GROUPS / 2])} more (${show(all[1])} to ${show(all.at(-2))})`;
}
