// @ts-check
/**
 * One node of a contender: `fanout_node.mjs CONTENDER URL`. Everybody who connects is in one topic. Prints
 * its port; a line `publish TEXT` on its standard input publishes, and `cpu` prints the CPU time so far, in µs.
 */
import process from "node:process";
import { createInterface } from "node:readline";

const [contender = "", url = ""] = process.argv.slice(2);

/** Packages of this folder alone. @param {string} name @returns {Promise<any>} */
const load = (name) => import(name);

const client = async () => {
  const { createClient } = await load("redis");
  const client = createClient({ url });
  client.on("error", () => {});
  await client.connect();
  return client;
};

/** What starts each, and gives its port and what publishes. @type {Record<string, () => Promise<any>>} */
const CONTENDERS = {
  async ours() {
    const { createWebSocketServer } = await load("../../mod.ts");
    const { redisBroker } = await load("../../redis.ts");
    const Own = /** @type {any} */ (globalThis).Bun?.RedisClient;
    const broker = redisBroker({
      open: async () => {
        if (Own !== undefined) return new Own(url);
        const one = await client();
        return {
          /** @param {string} name @param {string[]} args */
          send: (name, args) => one.sendCommand([name, ...args]),
          close: () => one.destroy(),
        };
      },
    });
    const server = createWebSocketServer({ broker });
    server.on(
      "connect",
      (/** @type {any} */ connection) => void server.join(connection, "t"),
    );
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const { port } = server.address;
    return {
      port,
      publish: (/** @type {string} */ text) => server.publish("t", text),
    };
  },

  async crossws() {
    const { default: adapter } = await load("crossws/adapters/bun");
    const { redis } = await load("crossws/sync");
    const ws = adapter({
      sync: redis({ client: await client(), channel: "crossws" }),
      hooks: { open: (/** @type {any} */ peer) => peer.subscribe("t") },
    });
    const server = /** @type {any} */ (globalThis).Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      websocket: ws.websocket,
      fetch: (/** @type {any} */ request, /** @type {any} */ server) =>
        ws.handleUpgrade(request, server),
    });
    return {
      port: server.port,
      publish: (/** @type {string} */ text) => ws.publish("t", text),
    };
  },

  "socket.io, redis-adapter": () =>
    socketIo(async () => {
      const { createAdapter } = await load("@socket.io/redis-adapter");
      return createAdapter(await client(), await client());
    }),

  "socket.io, redis-streams-adapter": () =>
    socketIo(async () => {
      const { createAdapter } = await load("@socket.io/redis-streams-adapter");
      return createAdapter(await client());
    }),
};

/** @param {() => Promise<any>} adapter */
async function socketIo(adapter) {
  const { Server } = await load("socket.io");
  const { createServer } = await load("node:http");
  const http = createServer();
  const io = new Server(http, {
    transports: ["websocket"],
    adapter: await adapter(),
  });
  io.on("connection", (/** @type {any} */ socket) => socket.join("t"));
  await new Promise((resolve) => http.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = http.address();
  return {
    port,
    publish: (/** @type {string} */ text) => io.to("t").emit("m", text),
  };
}

const start = CONTENDERS[contender];
if (start === undefined) throw new Error(`no contender: ${contender}`);
const { port, publish } = await start();
console.log(`port ${port}`);
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "cpu") {
    const { user, system } = process.cpuUsage();
    console.log(`cpu ${user + system}`);
  } else publish(line.slice("publish ".length));
}
process.exit(0);
