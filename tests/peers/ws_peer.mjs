// @ts-check
/**
 * npm's `ws` as a peer, of either role. It takes commands on standard input and tells of events on
 * standard output, as `tests/interop/peers.ts` describes them, one JSON a line.
 */
import { WebSocket, WebSocketServer } from "ws";
import { createHash } from "node:crypto";
import process from "node:process";
import { createInterface } from "node:readline";

/** @typedef {import("node:events").EventEmitter} Emitter npm's ws comes with no types */

/** @type {any} */
let socket;

/**
 * @param {string} event
 * @param {object} [what]
 */
function tell(event, what = {}) {
  process.stdout.write(`${JSON.stringify({ event, ...what })}\n`);
}

/**
 * @param {any} ws
 * @param {string} [extensions] what the other side said of extensions
 */
function opened(ws, extensions = "") {
  socket = ws;
  tell("open", { protocol: ws.protocol, extensions });
}

/** @param {Emitter} ws */
function hear(ws) {
  ws.on("message", (data, isBinary) => {
    tell("message", { [isBinary ? "binary" : "text"]: shown(data, isBinary) });
  });
  ws.on("ping", (payload) => tell("ping", { payload: String(payload) }));
  ws.on("pong", (payload) => tell("pong", { payload: String(payload) }));
  ws.on("close", (code, reason) => tell("close", { code, reason: String(reason) }));
  ws.on("error", ({ message }) => tell("error", { message }));
}

/**
 * @param {Buffer} bytes
 * @param {boolean} isBinary
 */
function shown(bytes, isBinary) {
  if (bytes.length <= 1000) return isBinary ? bytes.toString("hex") : String(bytes);
  return { size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** @type {Record<string, (command: any) => void>} */
const commands = {
  listen({ protocols }) {
    /** @type {Emitter & { address(): unknown }} */
    const server = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      maxPayload: 0,
      perMessageDeflate: true,
      handleProtocols: (/** @type {Set<string>} */ offered) =>
        protocols.find((/** @type {string} */ it) => offered.has(it)),
    });
    server.on("connection", (ws, request) => {
      hear(ws);
      opened(ws, request.headers["sec-websocket-extensions"]);
    });
    server.on("listening", () => {
      const address = /** @type {import("node:net").AddressInfo} */ (server.address());
      tell("listening", { port: address.port });
    });
  },
  connect({ url, protocols }) {
    /** @type {Emitter & { terminate(): void }} */
    const ws = new WebSocket(url, protocols, { perMessageDeflate: true, maxPayload: 0 });
    let extensions = "";
    ws.on("upgrade", ({ headers }) => extensions = headers["sec-websocket-extensions"] ?? "");
    ws.on("open", () => opened(ws, extensions));
    ws.on("unexpected-response", (_, { statusCode }) => {
      tell("refused", { status: statusCode });
      ws.terminate();
    });
    hear(ws);
  },
  send({ text, binary, times = 1, pieces }) {
    if (pieces !== undefined) {
      pieces.forEach((/** @type {string} */ piece, /** @type {number} */ i) =>
        socket?.send(piece, { fin: i === pieces.length - 1 })
      );
    } else if (text !== undefined) socket?.send(text.repeat(times));
    else socket?.send(Buffer.from(binary.repeat(times), "hex"));
  },
  ping: ({ payload }) => socket?.ping(payload),
  close: ({ code, reason }) => code === undefined ? socket?.close() : socket?.close(code, reason),
};

createInterface({ input: process.stdin }).on("line", (line) => {
  const command = JSON.parse(line);
  commands[command.do]?.(command);
});
