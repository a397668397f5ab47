// @ts-check
/** The control: the runtime and nothing else, with the limits of the others. */
import {
  BINARY,
  Bun,
  Deno,
  MAX_BUFFERED,
  MAX_PAYLOAD,
  mode,
  PING_SECONDS,
  ready,
} from "./common.mjs";

const ALL = "all";

/** What connections are closed with where the server stops. */
const GOING_AWAY = 1001;

function startOnBun() {
  /** @type {Set<any>} */
  const sockets = new Set();
  /** @param {any} ws @param {string | ArrayBuffer} data */
  const echo = (ws, data) => ws.send(data);
  /** @param {any} _ @param {string | ArrayBuffer} data */
  const fan = (_, data) => sockets.forEach((ws) => ws.send(data));
  /** @param {any} _ @param {string | ArrayBuffer} data */
  const publish = (_, data) => server.publish(ALL, data);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    /** @param {Request} request @param {any} server */
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : new Response(null, { status: 426 }),
    websocket: {
      perMessageDeflate: false,
      maxPayloadLength: MAX_PAYLOAD,
      backpressureLimit: MAX_BUFFERED,
      closeOnBackpressureLimit: true,
      idleTimeout: PING_SECONDS,
      sendPings: PING_SECONDS > 0,
      /** @param {any} ws */
      open(ws) {
        if (BINARY) ws.binaryType = BINARY;
        sockets.add(ws);
        if (mode === "publish") ws.subscribe(ALL);
      },
      message: { fan, publish }[mode] ?? echo,
      /** @param {any} ws */
      close: (ws) => sockets.delete(ws),
    },
  });
  const stop = () => {
    sockets.forEach((ws) => ws.close(GOING_AWAY));
    return server.stop(true);
  };
  return { port: server.port, stop };
}

function startOnDeno() {
  /** @type {Set<any>} */
  const sockets = new Set();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    /** @param {Request} request */
    (request) => {
      if (request.headers.get("upgrade") !== "websocket") {
        return new Response(null, { status: 426 });
      }
      const { socket, response } = Deno.upgradeWebSocket(request, {
        idleTimeout: PING_SECONDS,
      });
      socket.binaryType = "arraybuffer";
      socket.onopen = () => sockets.add(socket);
      socket.onclose = () => sockets.delete(socket);
      /** @param {MessageEvent} event */
      const echo = ({ data }) => socket.send(data);
      /** @param {MessageEvent} event */
      const fan = ({ data }) => sockets.forEach((socket) => socket.send(data));
      socket.onmessage = mode === "fan" ? fan : echo;
      return response;
    },
  );
  const stop = () => {
    sockets.forEach((socket) => socket.close(GOING_AWAY));
    return server.shutdown();
  };
  return { port: server.addr.port, stop };
}

const start = Bun ? startOnBun : startOnDeno;
ready(start().port, () => Promise.resolve(start()));
