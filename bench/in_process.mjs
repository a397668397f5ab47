// @ts-check
/**
 * What an echo costs in JavaScript alone, on Bun: the adapter and all above it, called as Bun calls it,
 * with sockets that only count. `bun bench/in_process.mjs [FOLDER]`, where another copy of this module may
 * lie; prints the median in ns of CPU time.
 */
import process from "node:process";
import { pathToFileURL } from "node:url";

/** How many messages a round has, how many rounds count, and how many warm up. */
const MESSAGES = 1_000_000;
const ROUNDS = 11;
const WARMUP = { rounds: 30, messages: 100_000, pauseMs: 5 };

const CONNECTIONS = 16;

const { Bun } = /** @type {any} */ (globalThis);
if (!Bun) throw new Error("This needs Bun");
const { noInline } = await import(/** @type {string} */ ("bun:jsc"));

const [folder] = process.argv.slice(2);
const module = folder === undefined ? "../mod.ts" : pathToFileURL(`${folder}/mod.ts`).href;

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

  getBufferedAmount() {
    return 0;
  }
}
noInline(CountingSocket.prototype.send); // as nothing native can be

/** @typedef {(socket: CountingSocket, data: string | ArrayBuffer) => void} Handler */

/** @returns {{ handler: Handler, sockets: CountingSocket[] }} */
function bare() {
  const sockets = Array.from(
    { length: CONNECTIONS },
    () => new CountingSocket(),
  );
  return { handler: (socket, data) => void socket.send(data), sockets };
}

/** @param {boolean} mounted @returns {Promise<{ handler: Handler, sockets: CountingSocket[] }>} */
async function ours(mounted) {
  /** @type {any} */
  let given;
  Bun.serve = (/** @type {any} */ options) => {
    given = options;
    return { hostname: "127.0.0.1", port: 80, publish() {}, stop() {} };
  };
  const { createWebSocketServer } = await import(module);
  const server = createWebSocketServer();
  server.on(
    "messageReceive",
    (/** @type {any} */ { clientConnection, data }) => {
      server.send(data, clientConnection);
    },
  );
  server.on("error", (/** @type {Error} */ error) => {
    console.error(error);
    process.exit(1);
  });
  if (mounted) given = await server.mount();
  else await server.start({ serverPort: 80, serverIP: "127.0.0.1" });
  const sockets = [];
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = new CountingSocket();
    const headers = {
      host: "localhost",
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAAAA==",
    };
    given.fetch(new Request("http://localhost/", { headers }), {
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
  return { handler: given.websocket.message, sockets };
}

/** @param {Handler} handler @param {any[]} sockets @param {any[]} data @param {number} n */
function run(handler, sockets, data, n) {
  const mask = CONNECTIONS - 1;
  for (let i = 0; i < n; i++) handler(sockets[i & mask], data[(i >> 4) & mask]);
}

/** @param {{ handler: Handler, sockets: CountingSocket[] }} echo @param {any[]} data */
async function measure({ handler, sockets }, data) {
  noInline(handler);
  for (let i = 0; i < WARMUP.rounds; i++) {
    run(handler, sockets, data, WARMUP.messages);
    await Bun.sleep(WARMUP.pauseMs); // time for the compilers
  }
  const found = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    run(handler, sockets, data, MESSAGES);
    const { user, system } = process.cpuUsage(before);
    return (user + system) * 1000 / MESSAGES;
  });
  const sent = sockets.reduce((sum, { sent }) => sum + sent, 0);
  const meant = WARMUP.rounds * WARMUP.messages + ROUNDS * MESSAGES;
  if (sent !== meant) {
    throw new Error(`${sent} of ${meant} messages were echoed`);
  }
  return found.sort((a, b) => a - b)[ROUNDS >> 1]?.toFixed(1);
}

// Each in a process of its own: what is compiled for one kind of data is no good for two.
const [, kind, what] =
  /^(bare|ours|mounted)-(text|binary)$/.exec(process.env["BENCH_ECHO"] ?? "") ?? [];
if (kind === undefined) {
  for (
    const echo of ["bare", "ours", "mounted"].flatMap((kind) => [`${kind}-text`, `${kind}-binary`])
  ) {
    const child = Bun.spawnSync([process.execPath, ...process.argv.slice(1)], {
      env: { ...process.env, BENCH_ECHO: echo },
      stderr: "inherit",
    });
    if (child.exitCode !== 0) process.exit(1);
    console.log(
      `${echo.replace("-", ", ")}: ${child.stdout.toString().trim()} ns`,
    );
  }
} else {
  const data = Array.from(
    { length: CONNECTIONS },
    (_, i) => what === "text" ? "x".repeat(15) + i.toString(16) : new ArrayBuffer(128),
  );
  console.log(await measure(kind === "bare" ? bare() : await ours(kind === "mounted"), data));
  process.exit(0);
}
