// @ts-check
/** crossws, with its adapter for the runtime. */
import {
  BINARY,
  Bun,
  Deno,
  MAX_BUFFERED,
  MAX_PAYLOAD,
  mode,
  PING_SECONDS,
  ready,
  runtime,
} from "./common.mjs";

const { default: adapter } = await import(`crossws/adapters/${runtime}`);

/** @type {Set<any>} */
const peers = new Set();

const ws = adapter({
  idleTimeout: PING_SECONDS,
  hooks: {
    /** @param {any} peer */
    open(peer) {
      if (Deno) peer.websocket.binaryType = "arraybuffer";
      peers.add(peer);
    },
    /** @param {any} peer */
    close: (peer) => peers.delete(peer),
    /** @param {any} peer @param {any} message */
    message(peer, { rawData }) {
      if (mode === "echo") peer.send(rawData);
      else for (const peer of peers) peer.send(rawData);
    },
  },
});

/** @param {Request} request @param {any} context */
const fetch = (request, context) =>
  request.headers.get("upgrade") === "websocket"
    ? ws.handleUpgrade(request, context)
    : new Response(null, { status: 426 });

if (Bun) {
  const limits = {
    perMessageDeflate: false,
    maxPayloadLength: MAX_PAYLOAD,
    backpressureLimit: MAX_BUFFERED,
    closeOnBackpressureLimit: true,
    sendPings: PING_SECONDS > 0,
  };
  /** @param {any} socket */
  const open = (socket) => {
    if (BINARY) socket.binaryType = BINARY; // what a peer of crossws offers cannot set it
    ws.websocket.open(socket);
  };
  const websocket = { ...ws.websocket, ...limits, open };
  ready(Bun.serve({ hostname: "127.0.0.1", port: 0, fetch, websocket }).port);
} else {
  ready(
    Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, fetch).addr
      .port,
  );
}
