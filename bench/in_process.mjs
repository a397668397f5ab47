// @ts-check
/**
 * What an echo costs in JavaScript alone: the adapter and all above it, called as the runtime calls it,
 * with sockets that only count. `bun bench/in_process.mjs [FOLDER] [--only=KIND] [--rounds=11]` or
 * `deno run -A --no-config bench/in_process.mjs …`, where another copy of this module may lie in FOLDER;
 * prints the median in ns of CPU time, and the least.
 */
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { INTERNAL } from "../runtime/deno/internal_names.ts";

/** How many messages a round has, how many rounds count, and how many warm up. */
const MESSAGES = 1_000_000;
const { values, positionals: [folder] } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string", multiple: true }, rounds: { type: "string", default: "11" } },
});
const ROUNDS = Number(values.rounds);
const WARMUP = { rounds: 30, messages: 100_000, pauseMs: 5 };

const CONNECTIONS = 16;

const { Bun, Deno } = /** @type {any} */ (globalThis);
if (!Bun && !Deno) throw new Error("This needs Bun or Deno");
const { noInline, drainMicrotasks } = Bun
  ? await import(/** @type {string} */ ("bun:jsc"))
  : { noInline() {}, drainMicrotasks: Deno[Deno.internal].core.runMicrotasks }; // V8 has none for programs

const base = folder === undefined ? new URL("..", import.meta.url) : pathToFileURL(`${folder}/`);
/** @param {string} name */
const load = (name) => import(new URL(name, base).href);

/**
 * What answers each message, by kind.
 *
 * @type {Record<string, (server: any) => unknown>}
 */
const ANSWERS = {
  ours(server) {
    server.on("messageReceive", (/** @type {any} */ { clientConnection, data }) => {
      server.send(data, clientConnection);
    });
  },
  mounted: (server) => ANSWERS.ours?.(server),
  drained(server) {
    server.on("messageReceive", async (/** @type {any} */ { clientConnection, data }) => {
      await server.send(data, clientConnection);
      await server.drained(clientConnection);
    });
  },
  async socketOf(server) {
    const { socketOf } = await load("standard.ts");
    server.on("connect", (/** @type {any} */ connection) => {
      const socket = socketOf(server, connection);
      socket.binaryType = "arraybuffer";
      socket.onmessage = (/** @type {any} */ { data }) => socket.send(data);
    });
  },
  async wsServer(server) {
    const { wsServer } = await load("node.ts");
    wsServer(server).on("connection", (/** @type {any} */ socket) => {
      socket.on("message", (/** @type {any} */ data, /** @type {boolean} */ binary) => {
        socket.send(binary ? data : String(data));
      });
    });
  },
};

/** A connection as Bun has it, with nothing behind it. */
class CountingSocket {
  sent = 0;
  binaryType = "";
  /** @type {any} */
  data;

  /** @param {unknown} _ */
  send(_) {
    return ++this.sent;
  }

  /** @param {string} _ */
  sendText(_) {
    return ++this.sent;
  }

  getBufferedAmount() {
    return 0;
  }
}
noInline(CountingSocket.prototype.send); // as nothing native can be
noInline(CountingSocket.prototype.sendText);

/** @typedef {(socket: CountingSocket, data: string | ArrayBuffer) => void} Handler */

const HEADERS = {
  host: "localhost",
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
};

/**
 * A connection as Deno has it, which never will be one: it only counts.
 *
 * @param {Request} request @param {object} options
 */
function upgrade(request, options) {
  const { socket, response } = realUpgrade(request, options);
  socket.sent = 0;
  socket.send = () => ++socket.sent;
  Object.defineProperty(socket, "bufferedAmount", { value: 0 });
  return { socket, response };
}

const realUpgrade = Deno?.upgradeWebSocket;

/** What Deno does for each message. */
function denoHandler() {
  const [idle = Symbol()] = Object.getOwnPropertySymbols(WebSocket.prototype)
    .filter(({ description }) => description === INTERNAL.handleIdle);
  /** @type {Handler} */
  return (/** @type {any} */ socket, data) => {
    socket[idle]();
    socket.dispatchEvent(new MessageEvent("message", { data }));
  };
}

/** @returns {{ handler: Handler, sockets: CountingSocket[] }} */
function bare() {
  if (Deno) {
    const sockets = Array.from({ length: CONNECTIONS }, () => {
      const request = new Request("http://localhost/", { headers: HEADERS });
      const { socket } = upgrade(request, { idleTimeout: 0 });
      socket.onopen = () => {};
      socket.onmessage = (/** @type {any} */ { data }) => socket.send(data);
      // V8 knows two kinds of events in any server then, which takes 100 ns of a message (2.9.6).
      socket.dispatchEvent(new Event("open"));
      return socket;
    });
    return { handler: denoHandler(), sockets };
  }
  const sockets = Array.from(
    { length: CONNECTIONS },
    () => new CountingSocket(),
  );
  return { handler: (socket, data) => void socket.send(data), sockets };
}

/** @param {string} kind @returns {Promise<{ handler: Handler, sockets: CountingSocket[] }>} */
async function ours(kind) {
  /** @type {any} */
  let given;
  const { createWebSocketServer } = await load("mod.ts");
  /** @type {any[]} */
  const upgraded = [];
  if (Deno) {
    Deno.upgradeWebSocket = (/** @type {any} */ request, /** @type {any} */ options) => {
      const { socket, response } = upgrade(request, options);
      upgraded.push(socket);
      return { socket, response };
    };
    Deno.serve = (/** @type {any} */ _, /** @type {any} */ fetch) => {
      given = { fetch };
      return { addr: { hostname: "127.0.0.1", port: 80 }, finished: new Promise(() => {}) };
    };
  } else {
    Bun.serve = (/** @type {any} */ options) => {
      given = options;
      return { hostname: "127.0.0.1", port: 80, publish() {}, stop() {} };
    };
  }
  const server = createWebSocketServer();
  await ANSWERS[kind]?.(server);
  server.on("error", (/** @type {Error} */ error) => {
    console.error(error);
    process.exit(1);
  });
  if (kind === "mounted") given = await server.mount();
  else await server.start({ serverPort: 80, serverIP: "127.0.0.1" });
  const sockets = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const request = new Request("http://localhost/", { headers: HEADERS });
    if (Deno) {
      const remoteAddr = { hostname: "127.0.0.1", port: 50_000 + i };
      given.fetch(request, { remoteAddr, completed: new Promise(() => {}) });
      upgraded[i].dispatchEvent(new Event("open"));
      continue;
    }
    const socket = new CountingSocket();
    given.fetch(request, {
      port: 80,
      requestIP: () => ({ address: "127.0.0.1", port: 50_000 + i }),
      timeout() {},
      upgrade(/** @type {any} */ _, /** @type {any} */ { data }) {
        socket.data = data;
        given.websocket.open(socket); // as Bun does it, within the call
        return true;
      },
    });
    sockets.push(socket);
  }
  return Deno
    ? { handler: denoHandler(), sockets: upgraded }
    : { handler: given.websocket.message, sockets };
}

/** @param {Handler} handler @param {any[]} sockets @param {any[]} data @param {number} n */
function run(handler, sockets, data, n) {
  const mask = CONNECTIONS - 1;
  for (let i = 0; i < n; i++) {
    handler(sockets[i & mask], data[(i >> 4) & mask]);
    drainMicrotasks(); // as the runtimes do after each
  }
}

/** In a microtask Deno drains none. The pause is time for the compilers. @param {() => void} work */
const inTask = (work) =>
  new Promise((resolve) => setTimeout(() => resolve(work()), WARMUP.pauseMs));

/** @param {{ handler: Handler, sockets: CountingSocket[] }} echo @param {any[]} data */
async function measure({ handler, sockets }, data) {
  noInline(handler);
  /** @type {number[]} */
  const found = [];
  for (let i = 0; i < WARMUP.rounds; i++) {
    await inTask(() => run(handler, sockets, data, WARMUP.messages));
  }
  for (let i = 0; i < ROUNDS; i++) {
    await inTask(() => {
      const before = process.cpuUsage();
      run(handler, sockets, data, MESSAGES);
      const { user, system } = process.cpuUsage(before);
      found.push((user + system) * 1000 / MESSAGES);
    });
  }
  const sent = sockets.reduce((sum, { sent }) => sum + sent, 0);
  const meant = WARMUP.rounds * WARMUP.messages + ROUNDS * MESSAGES;
  if (sent !== meant) {
    throw new Error(`${sent} of ${meant} messages were echoed`);
  }
  const sorted = found.sort((a, b) => a - b);
  return [sorted[ROUNDS >> 1], sorted[0]].map((ns) => ns?.toFixed(1)).join(" ");
}

// Each in a process of its own: what is compiled for one kind of data is no good for two.
const KINDS = ["bare", ...Object.keys(ANSWERS)];
const [kind, what] = process.env["BENCH_ECHO"]?.split(" ") ?? [];
if (kind === undefined) {
  for (const echo of KINDS.flatMap((kind) => [`${kind} text`, `${kind} binary`])) {
    if (values.only?.every((one) => !echo.startsWith(one))) continue;
    const command = [...(Deno ? ["run", "-A", "--no-config"] : []), ...process.argv.slice(1)];
    const { status, stdout } = spawnSync(process.execPath, command, {
      env: { ...process.env, BENCH_ECHO: echo },
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (status !== 0) process.exit(1);
    console.log(`${echo}: ${String(stdout).trim()} ns`);
  }
} else {
  const data = Array.from(
    { length: CONNECTIONS },
    (_, i) => what === "text" ? "x".repeat(15) + i.toString(16) : new ArrayBuffer(128),
  );
  const echo = kind === "bare" ? bare() : await ours(kind);
  const takesBuffers = echo.sockets[0]?.binaryType === "nodebuffer";
  const given = data.map((one) =>
    takesBuffers && one instanceof ArrayBuffer ? Buffer.from(one) : one
  );
  console.log(await measure(echo, given));
  process.exit(0);
}
