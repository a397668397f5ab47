/** Why a client was not let in: one word at the observer and on 'error', with who it was. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { RefusalReason, ServerHandshake, WebSocketServerConfig } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";
import { until } from "../helpers/until.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { createWebSocketServer } from "../../mod.ts";
import { requestHead } from "../peers/raw.ts";
import { LIMIT_MS } from "../helpers/watched_server.ts";
import { deadline } from "@std/async";

/** What the observer was told, and the handshakes that are begun and not decided. */
function watch() {
  const told: string[] = [];
  const handshakes: ServerHandshake[] = [];
  const open = new Set<ServerHandshake>();
  const decided = (handshake: ServerHandshake | undefined) => {
    if (handshake !== undefined) {
      assert(open.delete(handshake), "it was never begun, or twice ended");
    }
  };
  const observer = {
    asked: (handshake: ServerHandshake) => {
      assertEquals([handshake.duration, handshake.status], [0, undefined]);
      handshakes.push(handshake);
      open.add(handshake);
    },
    opened: (_: unknown, handshake: object) => {
      decided(handshake as ServerHandshake);
      told.push("opened");
    },
    refused: (status: number, _: string, reason: RefusalReason, handshake?: ServerHandshake) => {
      decided(handshake);
      if (handshake !== undefined) {
        assertEquals([handshake.status, handshake.reason], [status, reason]);
      }
      told.push(`${status} ${reason}`);
    },
    abandoned: (handshake: ServerHandshake) => {
      decided(handshake);
      told.push(`abandoned ${handshake.reason}`);
    },
  };
  return { told, handshakes, open, observer };
}

interface Case {
  config?: Partial<WebSocketServerConfig>;
  headers?: Record<string, string | undefined>;
  line?: string;
  /** Connections that are there before. */
  before?: string[];
  status: number;
}

const throws = (): never => {
  throw new Error("no");
};

/** Reasons that have a case of their own below. */
type Other = "path_not_found" | "server_stopping" | "client_left" | "upgrade_failed";

/** How to be refused for each other reason. */
const CASES: Record<Exclude<RefusalReason, Other>, Case> = {
  origin_not_allowed: { headers: { origin: "https://evil.example" }, status: 403 },
  host_not_allowed: { config: { allowedHosts: ["example.com"] }, status: 403 },
  invalid_handshake: { headers: { "sec-websocket-version": "8" }, status: 426 },
  subprotocol_not_offered: { config: { protocol: "chat" }, status: 400 },
  subprotocol_failed: { config: { protocol: throws }, status: 500 },
  client_address_failed: { config: { clientAddress: throws }, status: 500 },
  max_clients: {
    config: { maxConcurrentClientsNumber: 1 },
    before: ["127.0.0.2"],
    status: 503,
  },
  max_connections: { config: { maxConnections: 1 }, before: ["127.0.0.2"], status: 503 },
  max_connections_per_client: {
    config: { maxConnectionsForOneClient: 1 },
    before: ["127.0.0.1"],
    status: 429,
  },
  authorize_rejected: {
    config: { authorize: (() => new Response(null, { status: 401 })) as never },
    status: 401,
  },
  authorize_timeout: {
    config: { authorize: () => new Promise<true>(() => {}), authorizeTimeout: 0.05 },
    status: 503,
  },
  authorize_failed: { config: { authorize: throws }, status: 500 },
};

describe("a refusal's reason", () => {
  for (const [reason, one] of Object.entries<Case>(CASES)) {
    const { config, before = [], status, ...request } = one;
    it(`is '${reason}', at the observer and on 'error', with who it was`, async () => {
      const { told, handshakes, open, observer } = watch();
      await using watched = await WatchedServer.start(config, { observer });
      await using peers = new RawPeers(watched);
      for (const from of before) await peers.connect({ from });
      const { status: answered } = await peers.handshake({ from: "127.0.0.1", ...request });
      assertEquals(answered, status);
      assertEquals(told, [...before.map(() => "opened"), `${status} ${reason}`]);
      assertEquals([open.size, handshakes.length], [0, told.length]);
      const { clientIP, clientPort, peerIP, duration } = handshakes.at(-1)!;
      assertEquals([clientIP, peerIP], ["127.0.0.1", "127.0.0.1"]);
      assert(duration >= 0 && duration < LIMIT_MS, `${duration}`);
      const error = watched.errors.at(-1)!;
      assertEquals([error.reason, error.clientIP], [reason as RefusalReason, "127.0.0.1"]);
      assertEquals(error.clientPort, clientPort);
      assert(error.message.includes(`${clientPort}`) || error.kind === "hookFailed");
      // It prints as ever.
      assertEquals(Object.keys(error).filter((key) => key !== "data"), ["code", "message"]);
    });
  }

  it("is 'path_not_found' for another path, which is no handshake of this server's", async () => {
    const { told, handshakes, observer } = watch();
    await using watched = await WatchedServer.start({ path: "/chat" }, { observer });
    await using peers = new RawPeers(watched);
    assertEquals((await peers.handshake()).status, 404);
    assertEquals([told, handshakes, watched.log], [["404 path_not_found"], [], []]);
  });

  it("is 'invalid_handshake' where Host and target make no URL", async () => {
    const { told, open, observer } = watch();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ runtime, clock: new FakeClock(), observer });
    await server.start({ serverPort: 80 });
    const request = new Request("http://localhost/", { headers: { upgrade: "websocket" } });
    Object.defineProperty(request, "url", { value: "http://[/" });
    const answer = runtime.ask(request);
    assertEquals([(answer as Response).status, told], [400, ["400 invalid_handshake"]]);
    assertEquals(open.size, 0);
    await server.stop();
  });

  it("is 'server_stopping' for who waits when the server stops", async () => {
    const { told, open, observer } = watch();
    const authorize = () => new Promise<true>(() => {});
    await using watched = await WatchedServer.start({ authorize }, { observer });
    await using peers = new RawPeers(watched);
    const socket = await peers.tcp();
    socket.write(requestHead(watched.port));
    await until("it is open", () => open.size > 0);
    await watched.server.stop();
    assertEquals([told, open.size], [["503 server_stopping"], 0]);
    assertEquals(watched.errors.map(({ reason }) => reason), ["server_stopping"]);
  });

  it("is 'client_left' for who leaves before it is let in, and no error", async () => {
    const { told, open, observer } = watch();
    const left = Promise.withResolvers<void>();
    const abandoned = (handshake: ServerHandshake) => {
      observer.abandoned(handshake);
      left.resolve();
    };
    const authorize = () => new Promise<true>(() => {});
    const options = { observer: { ...observer, abandoned } };
    await using watched = await WatchedServer.start({ authorize }, options);
    await using peers = new RawPeers(watched);
    const socket = await peers.tcp();
    socket.write(requestHead(watched.port));
    await until("it is open", () => open.size > 0);
    socket.destroy();
    await deadline(left.promise, LIMIT_MS);
    assertEquals([told, open.size, watched.log], [["abandoned client_left"], 0, []]);
  });

  it("is 'client_left' for who is let in and never opens", async () => {
    const { told, open, observer } = watch();
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ runtime, clock, observer });
    await server.start({ serverPort: 80 });
    runtime.enter(1);
    runtime.enter(2).open(new ScriptedSocket());
    await clock.advance(10_000);
    assertEquals([told, open.size], [["opened", "abandoned client_left"], 0]);
    await clock.until(server.stop());
  });

  it("is 'upgrade_failed' where a host does not answer with what it was given", async () => {
    const { told, open, observer } = watch();
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ runtime, clock, observer });
    const errors: unknown[] = [];
    server.on("error", ({ kind, reason }) => errors.push([kind, reason]));
    await server.mount({});
    runtime.enter(1);
    await clock.advance(10_000);
    assertEquals([told, open.size], [["500 upgrade_failed"], 0]);
    assertEquals(errors, [["hostFault", "upgrade_failed"]]);
    await clock.until(server.stop());
  });

  it("comes with the client's address behind a proxy, and the proxy's beside it", async () => {
    const { handshakes, observer } = watch();
    const config = {
      clientAddress: () => "203.0.113.7",
      authorize: (() => new Response(null, { status: 403 })) as never,
    };
    await using watched = await WatchedServer.start(config, { observer });
    await using peers = new RawPeers(watched);
    await peers.handshake();
    const [{ clientIP, peerIP }] = handshakes as [ServerHandshake];
    assertEquals([clientIP, peerIP], ["203.0.113.7", "127.0.0.1"]);
    assertEquals(watched.errors[0]!.clientIP, "203.0.113.7");
  });
});

describe("a handshake at the observer", () => {
  it("has the client's trace, where it is one", async () => {
    const { handshakes, observer } = watch();
    await using watched = await WatchedServer.start({}, { observer });
    await using peers = new RawPeers(watched);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const all = [
      {},
      { traceparent },
      { traceparent, tracestate: "a=1" },
      { traceparent, tracestate: "a".repeat(512) },
      { traceparent, tracestate: "a".repeat(513) },
      { traceparent: "00-nothing" },
    ];
    for (const headers of all) await peers.connect({ headers });
    assertEquals(handshakes.map(({ trace }) => trace), [
      undefined,
      { traceparent },
      { traceparent, tracestate: "a=1" },
      { traceparent, tracestate: "a".repeat(512) },
      { traceparent },
      undefined,
    ]);
  });
});

describe("an error about a peer", () => {
  it("has the peer's address and port as fields", async () => {
    await using pair = await MemoryPair.start({ config: { maxPayload: 1 } });
    const errors: unknown[] = [];
    pair.server.on("error", ({ kind, clientIP, clientPort }) => {
      errors.push([kind, clientIP, clientPort]);
    });
    const { clientIP, clientPort } = await pair.open();
    await pair.ws.send("12");
    await pair.clock.advance(100);
    assertEquals(errors, [["tooBig", clientIP, clientPort]]);
  });
});
