// @ts-check
/** hono's WebSocket helper, with its adapter for the runtime. */
import {
  Bun,
  Deno,
  MAX_BUFFERED,
  MAX_PAYLOAD,
  mode,
  PING_SECONDS,
  ready,
  runtime,
} from "./common.mjs";

const { Hono } = await import(/** @type {string} */ ("hono"));
const { upgradeWebSocket, websocket } = await import(`hono/${runtime}`);

/** @type {Set<any>} */
const sockets = new Set();

/** A peer is the runtime's own socket: on Bun hono makes a new context for each event. */
const events = {
  /** @param {any} _ @param {any} ws */
  onOpen(_, ws) {
    // On Bun the helper reads `buffer` of a binary message, which only Bun's default has.
    if (Deno) ws.raw.binaryType = "arraybuffer";
    sockets.add(ws.raw);
  },
  /** @param {any} _ @param {any} ws */
  onClose: (_, ws) => sockets.delete(ws.raw),
  /** @param {any} event @param {any} ws */
  onMessage({ data }, ws) {
    if (mode === "echo") ws.send(data);
    else for (const socket of sockets) socket.send(data);
  },
};

const app = new Hono();
const options = Deno ? { idleTimeout: PING_SECONDS } : undefined;
app.get("/", upgradeWebSocket(() => events, options));

if (Bun) {
  const limits = {
    perMessageDeflate: false,
    maxPayloadLength: MAX_PAYLOAD,
    backpressureLimit: MAX_BUFFERED,
    closeOnBackpressureLimit: true,
    idleTimeout: PING_SECONDS,
    sendPings: PING_SECONDS > 0,
  };
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: app.fetch,
    websocket: { ...websocket, ...limits },
  });
  ready(server.port);
} else {
  ready(
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, app.fetch)
      .addr.port,
  );
}
