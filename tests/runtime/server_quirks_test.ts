/**
 * What the runtimes' own servers do, without our module. Each of these is worked round in
 * `runtime/`: where one turns red after an upgrade, the workaround can go or must change.
 */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno } from "../helpers/programs.ts";
import {
  CLOSE,
  header,
  type RawClientOptions,
  rawConnect,
  rawHandshake,
  readClose,
  TEXT,
} from "../peers/raw.ts";
import {
  type BareBunServer,
  type BareBunSocket,
  type BareInfo,
  bun,
  deno,
  INTERNAL,
  symbolOf,
} from "./bare.ts";

interface Bare {
  port: number;
  /** What the server has told of, in order. */
  log: string[];
  stop(): Promise<void>;
}

/** What a test does with a connection, on each runtime. */
interface Use {
  /** Options of the upgrade on Deno, of `websocket` on Bun. */
  deno?: object;
  bun?: object;
  onUpgrade?(request: Request, server: BareInfo | BareBunServer): void;
  onOpen?(socket: WebSocket & BareBunSocket, log: string[]): void;
}

function serve(use: Use = {}): Bare {
  const log: string[] = [];
  if (onDeno) {
    const server = deno.serve(
      {
        port: 0,
        hostname: "127.0.0.1",
        onListen() {},
        onError: () => new Response("", { status: 500 }),
      },
      (request, info) => {
        let upgrade;
        try {
          upgrade = deno.upgradeWebSocket(request, { idleTimeout: 0, ...use.deno });
        } catch (error) {
          log.push(`throws ${(error as Error).name}`);
          return new Response("", { status: 500 });
        }
        use.onUpgrade?.(request, info);
        const { socket, response } = upgrade;
        socket.onopen = () => use.onOpen?.(socket as WebSocket & BareBunSocket, log);
        socket.onerror = () => log.push("error");
        socket.onmessage = ({ data }) => log.push(`message ${data.length ?? data.size}`);
        socket.onclose = ({ code, reason }) => log.push(`close ${code} ${reason}`);
        return response;
      },
    );
    return { port: server.addr.port, log, stop: () => server.shutdown() };
  }
  const server = bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch(request: Request, server: BareBunServer) {
      if (!server.upgrade(request)) return new Response("", { status: 400 });
      use.onUpgrade?.(request, server);
      return undefined;
    },
    websocket: {
      open: (socket: WebSocket & BareBunSocket) => use.onOpen?.(socket, log),
      message: (_: unknown, data: string | Uint8Array) => log.push(`message ${data.length}`),
      close: (_: unknown, code: number, reason: string) => log.push(`close ${code} ${reason}`),
      idleTimeout: 0,
      ...use.bun,
    },
  });
  return { port: server.port, log, stop: () => server.stop(true) };
}

/** Waits until the server has told of something that begins with this. */
async function told(log: string[], start: string): Promise<void> {
  for (let i = 0; i < 500 && !log.some((line) => line.startsWith(start)); i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert(log.some((line) => line.startsWith(start)), `no ${start} in ${log.join(" | ")}`);
}

async function statusOf(port: number, options: RawClientOptions): Promise<number> {
  const { status, peer } = await deadline(rawHandshake(port, options), 30_000);
  peer.socket.destroy();
  await deadline(peer.ended, 30_000);
  return status;
}

describe("the runtime's server in the handshake", () => {
  it("answers with the first subprotocol offered on Bun, with none on Deno", async () => {
    const server = serve();
    const raw = await rawConnect(server.port, { headers: { "sec-websocket-protocol": "a, b" } });
    assertEquals(header(raw.head, "sec-websocket-protocol"), onDeno ? "" : "a");
    raw.close(1000);
    await told(server.log, "close");
    await server.stop();
  });

  it("has a 'protocol' on Deno that fails on a list with no blanks in it", async () => {
    const server = serve({ deno: { protocol: "b" } });
    const headers = { "sec-websocket-protocol": "a,b" };
    assertEquals(await statusOf(server.port, { headers }), onDeno ? 500 : 101);
    if (onDeno) assertEquals(server.log, ["throws TypeError"]);
    else await told(server.log, "close");
    await server.stop();
  });

  it("is told of an open connection within upgrade() on Bun, and after it on Deno", async () => {
    const order: string[] = [];
    const server = serve({
      onUpgrade: () => order.push("upgraded"),
      onOpen: () => order.push("open"),
    });
    const raw = await deadline(rawConnect(server.port), 30_000);
    raw.close(1000);
    await told(server.log, "close");
    assertEquals(order, onDeno ? ["upgraded", "open"] : ["open", "upgraded"]);
    await server.stop();
  });

  for (const forgets of [false, true]) {
    const where = forgets ? "unless it knows of none" : "though nobody has asked for it";
    it(`makes a signal on Deno for each request that it has upgraded, ${where}`, async () => {
      let request!: Request & Record<symbol, unknown>;
      const kept = symbolOf(new Request("http://localhost/"), INTERNAL.signal);
      assertEquals(kept !== undefined, onDeno);
      const before: unknown[] = [];
      const server = serve({
        onUpgrade(upgraded) {
          request = upgraded as typeof request;
          before.push(kept && request[kept]);
          if (forgets && kept) request[kept] = undefined;
        },
      });
      const peer = await rawConnect(server.port);
      assertEquals(before, [onDeno ? false : undefined]);
      assertEquals(kept !== undefined && request[kept] instanceof AbortSignal, onDeno && !forgets);
      assertEquals(request.signal.aborted, onDeno);
      if (onDeno) assertEquals((request.signal.reason as Error).name, "AbortError");
      peer.reset();
      await server.stop();
    });
  }

  it("has forgotten the peer's address after the upgrade", async () => {
    let seen = "";
    const server = serve({
      onUpgrade(request, from) {
        try {
          const address = onDeno
            ? (from as BareInfo).remoteAddr
            : (from as BareBunServer).requestIP(request);
          seen = String(address);
        } catch (error) {
          seen = `throws ${(error as Error).message}`;
        }
      },
    });
    const raw = await deadline(rawConnect(server.port), 30_000);
    assertEquals(seen, onDeno ? "throws Request closed" : "null");
    raw.close(1000);
    await told(server.log, "close");
    await server.stop();
  });

  const requests: [string, RawClientOptions, { deno: number; bun: number }][] = [
    ["version 8", { headers: { "sec-websocket-version": "8" } }, { deno: 101, bun: 426 }],
    ["a short key", { headers: { "sec-websocket-key": "short" } }, { deno: 101, bun: 400 }],
    ["no key", { headers: { "sec-websocket-key": undefined } }, { deno: 500, bun: 400 }],
    ["no Connection", { headers: { connection: undefined } }, { deno: 500, bun: 101 }],
  ];
  for (const [what, options, expected] of requests) {
    const status = onDeno ? expected.deno : expected.bun;
    it(`answers ${expected.deno} on Deno and ${expected.bun} on Bun to ${what}`, async () => {
      const server = serve();
      assertEquals(await statusOf(server.port, options), status);
      if (status === 101) await told(server.log, "close");
      await server.stop();
    });
  }
});

describe("the runtime's server", () => {
  it("tells its own side 1006 and this text on Bun when it closes with 1009", async () => {
    const server = serve({ bun: { maxPayloadLength: 10 } });
    const raw = await rawConnect(server.port);
    raw.send(TEXT, "12345678901");
    if (onDeno) {
      await told(server.log, "message 11"); // no limit of its own
      raw.close(1000);
      await told(server.log, "close 1000");
    } else {
      const frame = await deadline(raw.next(CLOSE), 30_000);
      assertEquals(readClose(frame).code, 1009);
      await told(server.log, "close");
      assertEquals(server.log, ["close 1006 Received too big message"]);
    }
    await server.stop();
  });

  it("closes at once on Bun, and waits for the peer's Close frame on Deno", async () => {
    const server = serve({
      onOpen(socket, log) {
        socket.close(4000, "bye");
        log.push("called");
      },
    });
    const raw = await rawConnect(server.port, { answerClose: false });
    assertEquals(readClose(await deadline(raw.next(CLOSE), 30_000)), { code: 4000, reason: "bye" });
    if (!onDeno) {
      await deadline(raw.ended, 30_000);
      assertEquals(server.log, ["close 4000 bye", "called"]);
    } else {
      assertEquals(server.log, ["called"]);
      raw.close(4000, "bye");
      await told(server.log, "close 4000");
      assertEquals(server.log, ["called", "close 4000 bye"]);
    }
    raw.socket.destroy();
    await server.stop();
  });

  it("tells twice on Deno of the end that its idle timer has made, once on Bun of any", async () => {
    const server = serve({ deno: { idleTimeout: 0.2 } });
    const raw = await rawConnect(server.port, { pong: false, answerClose: false });
    if (!onDeno) raw.reset();
    await deadline(raw.ended, 30_000);
    if (!onDeno) {
      await told(server.log, "close");
      assertEquals(server.log.map((line) => line.slice(0, 10)), ["close 1006"]);
    } else {
      await told(server.log, "close 1005");
      assertEquals(server.log, ["error", "close 1001 No response from ping frame.", "close 1005 "]);
    }
    raw.socket.destroy();
    await server.stop();
  });

  it("sends no Ping on Deno while data flows, whatever its idle timer", async () => {
    const server = serve({ deno: { idleTimeout: 4 } }); // after 2 s with nothing it sends a Ping
    const raw = await rawConnect(server.port);
    for (let i = 0; i < 50; i++) {
      raw.send(TEXT, "x");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assertEquals(raw.frames, []);
    raw.close(1000);
    await told(server.log, "close");
    await server.stop();
  });

  for (const backpressureLimit of [1024 * 1024, 0]) {
    it(`drops messages on Bun at a limit of ${backpressureLimit}: 0 is none`, async () => {
      const results: unknown[] = [];
      const server = serve({
        bun: { backpressureLimit, closeOnBackpressureLimit: false },
        onOpen(socket) {
          for (let i = 0; i < 20; i++) results.push(socket.send(new Uint8Array(1024 * 1024)));
        },
      });
      const raw = await rawConnect(server.port);
      raw.socket.pause();
      for (let i = 0; i < 500 && results.length < 20; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const dropped = results.filter((result) => result === 0).length;
      if (onDeno) assertEquals(results.filter((result) => result === undefined).length, 20);
      else if (backpressureLimit > 0) assertGreater(dropped, 5);
      else assertEquals(dropped, 0);
      raw.socket.resume();
      for (let i = 0; i < 500 && raw.frames.length < 20 - dropped; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assertEquals(raw.frames.length, 20 - dropped);
      raw.close(1000);
      await told(server.log, "close");
      await server.stop();
    });
  }
});
