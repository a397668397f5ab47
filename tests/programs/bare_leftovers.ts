/**
 * What the runtimes alone leave behind, without our module; prints "done" when nothing else is to be
 * done, and should then end by itself.
 *
 *     bare_leftovers.ts parked PORT    a Ping was sent, and the peer is gone; "cleared" likewise
 *     bare_leftovers.ts left MS HOW    a server upgrades a client that left MS before: "reset" or "closed"
 */

import process from "node:process";
import { openTcp, requestHead } from "../peers/raw.ts";
import {
  type BareBunServer,
  type BareInfo,
  bun,
  deno,
  dial,
  INTERNAL,
  opened,
  symbolOf,
} from "../runtime/bare.ts";

const [what, arg, how] = process.argv.slice(2);
if (what === "left") await left(Number(arg));
else await parked(what === "cleared");
console.log("done");

async function parked(clear: boolean): Promise<void> {
  const { ws, over } = dial(`ws://127.0.0.1:${arg}/`);
  await opened(ws);
  const arm = () => (ws[symbolOf(WebSocket.prototype, INTERNAL.handleIdle)!] as () => void)();
  if (deno === undefined) ws.ping();
  else {
    const idleTime = symbolOf(ws, INTERNAL.idleTime)!;
    ws[idleTime] = 1e-6;
    arm();
    ws[idleTime] = 2e6;
  }
  await over;
  if (!clear || deno === undefined) return;
  ws[symbolOf(ws, INTERNAL.idleTime)!] = 1e-6;
  arm();
}

async function left(ms: number): Promise<void> {
  const asked = Promise.withResolvers<() => void>();
  const hold = () => new Promise<void>((resolve) => asked.resolve(resolve));
  const wait = async () => {
    await hold();
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  };
  const server = deno === undefined ? onBun(wait) : onDeno(wait);
  const socket = await openTcp(server.port);
  socket.write(requestHead(server.port));
  const release = await asked.promise;
  if (how === "reset") socket.resetAndDestroy();
  else socket.destroy();
  release();
  await new Promise((resolve) => setTimeout(resolve, 200));
  void server.stop();
}

interface Running {
  port: number;
  stop(): Promise<void>;
}

function onDeno(wait: () => Promise<void>): Running {
  const options = { port: 0, hostname: "127.0.0.1", onListen() {} };
  const server = deno.serve(options, async (request: Request, _: BareInfo) => {
    void request.signal; // it is told of only where somebody has looked
    await wait();
    console.log(`aborted ${request.signal.aborted}`);
    return deno.upgradeWebSocket(request, { idleTimeout: 0 }).response;
  });
  return { port: server.addr.port, stop: () => server.shutdown() };
}

function onBun(wait: () => Promise<void>): Running {
  return bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request: Request, server: BareBunServer) {
      void request.signal;
      await wait();
      console.log(`aborted ${request.signal.aborted}`);
      return server.upgrade(request) ? undefined : new Response("", { status: 400 });
    },
    websocket: { message() {} },
  }) as BareBunServer & Running;
}
