/**
 * The alerts of `ops/`, each fired by a fault that is real: a service of ours that OpenTelemetry's SDK
 * measures, and a Prometheus that scrapes it. What takes minutes there takes seconds here.
 */

import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createWebSocket, type WebSocketServerConfig } from "../../mod.ts";
import { otelObserver } from "../../otel.ts";
import { redisBroker } from "../../redis.ts";
import { RedisServer } from "../helpers/engines.ts";
import { HERE } from "../helpers/programs.ts";
import { prometheus } from "../helpers/prometheus.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { PING, PONG, type RawPeer, requestHead, TEXT } from "../peers/raw.ts";

const RULES = fileURLToPath(new URL("../../ops/alerts.yml", import.meta.url));

/** How long all alerts together may take to fire, in ms. */
const LIMIT_MS = 90_000;

/** How late some answer their Pings, in ms. */
const LATE_MS = 1200;

/** The rules, with seconds for minutes. */
const quick = () =>
  readFileSync(RULES, "utf8").replace(/\[\d+m\]/g, "[4s]").replace(/offset \d+m/g, "offset 4s")
    .replace(/for: \d+m/g, "for: 0s");

/** A peer that takes over a second to answer each Ping, until it is gone. */
async function answerLate(peer: RawPeer): Promise<void> {
  for (let n = 0;; n++) {
    while (peer.frames.length <= n) await peer.next(PING, n);
    await delay(LATE_MS);
    peer.send(PONG, peer.frames[n]!.payload);
  }
}

/** Which alerts fire on this runtime. */
const WANTED = [
  "WebSocketBrokerFails",
  "WebSocketBrokerSlow",
  "WebSocketClientsLeaveEarly",
  "WebSocketClientsRefused",
  "WebSocketConnectFails",
  "WebSocketConnectionsLost",
  "WebSocketHandshakeFaults",
  "WebSocketHandshakesStuck",
  "WebSocketMessagesLost",
  "WebSocketPeersDropped",
  "WebSocketProcessBlocked",
  // Deno cannot stop reading: the peer is dropped there.
  ...(HERE === "bun" ? ["WebSocketReadingPaused"] : []),
  "WebSocketReconnectStorm",
  "WebSocketRoundTripSlow",
  "WebSocketSendQueueFilling",
  "WebSocketServerFull",
];

describe("the alerts", () => {
  it("fire for real faults, and none of them before", async () => {
    const exporter = new PrometheusExporter({ preventServerStart: true });
    const provider = new MeterProvider({ readers: [exporter as never] });
    const observer = otelObserver({ meter: provider.getMeter("chat") });
    const web = createServer((request, response) =>
      exporter.getMetricsRequestHandler(request as never, response as never)
    ).listen(0, "127.0.0.1");
    await new Promise((resolve) => web.once("listening", resolve));

    let asks: "true" | "throws" | "waits" = "true";
    const config: Partial<WebSocketServerConfig> = {
      maxPayload: 10_000_000,
      maxBufferedAmount: 8_000_000,
      authorizeTimeout: 2 * LIMIT_MS / 1000, // those that wait do so until the end
      authorize: (request) => {
        if (asks === "throws") throw new Error("no database");
        return asks === "waits" && request.url.endsWith("/wait") ? new Promise(() => {}) : true;
      },
    };
    await using main = await WatchedServer.start(config, { observer });
    await using small = await WatchedServer.start({ maxConnections: 1 }, { observer });
    await using strict = await WatchedServer.start({ maxPayload: 5 }, { observer });
    await using busy = await WatchedServer.start({ maxPendingAmount: 1 }, { observer });
    busy.server.on("messageReceive", () => new Promise(() => {}));
    await using redis = await RedisServer.run();
    const broker = redisBroker({ open: () => REDIS_CLIENTS["node-redis"]!(redis.url) });
    await using clustered = await WatchedServer.start({}, { observer, broker });
    await using far = await WatchedServer.start({ pingInterval: 2.5 }, {
      observer,
    });
    await using distant = new RawPeers(far);
    const doomed = await WatchedServer.start({}, { observer });
    await using peers = new RawPeers(main);
    await using others = new RawPeers(small);
    await using eager = new RawPeers(busy);
    await using wrong = new RawPeers(strict);
    await others.connect();
    const ws = createWebSocket({
      observer,
      reconnect: { minDelay: 0.05, maxDelay: 0.1, attempts: Infinity },
    });
    ws.on("error", () => {});
    await ws.connect(`ws://127.0.0.1:${doomed.port}/`);
    await ws.opened;
    await peers.connect();

    await using monitor = await prometheus((web.address() as AddressInfo).port, quick());
    const started = performance.now() + LIMIT_MS;
    while (!(await monitor.scraped(8))) {
      assert(performance.now() < started, "Prometheus has scraped nothing");
      await delay(50);
    }
    // A machine that has much to do blocks this process, too.
    const before = (await monitor.firing()).filter((name) => name !== "WebSocketProcessBlocked");
    assertEquals(before, []);

    // One that reads nothing, and gets more than half of what may be queued to it.
    const lazy = await peers.connect();
    const connection = await main.connected(2);
    lazy.socket.pause();
    const megabyte = new Uint8Array(1_000_000);
    while (main.server.bufferedAmount(connection) < 5_000_000) {
      await main.server.send(megabyte, connection);
      await delay(1);
    }
    // Another that reads nothing is lost with what is queued to it.
    const lost = await peers.connect();
    const unlucky = await main.connected(3);
    lost.socket.pause();
    while (main.server.bufferedAmount(unlucky) === 0) {
      await main.server.send(megabyte, unlucky);
    }
    await main.server.terminate(unlucky);
    (await eager.connect()).send(TEXT, "work");
    await doomed.server.stop();
    asks = "waits";
    for (let n = 0; n < 60; n++) {
      const socket = await peers.tcp();
      socket.write(requestHead(main.port, { line: "GET /wait HTTP/1.1" }));
    }
    for (const peer of await distant.connectMany(4, { pong: false })) void answerLate(peer);
    const seen = new Set<string>();
    const end = performance.now() + LIMIT_MS;
    // Redis stands still for a while, time and again, and then for so long that it counts as gone.
    const stalls = (async () => {
      while (!seen.has("WebSocketBrokerSlow") && performance.now() < end) {
        redis.freeze();
        await delay(1500);
        redis.thaw();
        await delay(500);
      }
      redis.freeze();
      while (!seen.has("WebSocketBrokerFails") && performance.now() < end) await delay(100);
      redis.thaw();
    })();
    while (!WANTED.every((name) => seen.has(name)) && performance.now() < end) {
      const leavers = await Promise.all([1, 2, 3, 4].map(() => peers.tcp()));
      for (const socket of leavers) {
        socket.write(requestHead(main.port, { line: "GET /wait HTTP/1.1" }));
      }
      for (let n = 0; n < 3; n++) {
        const { socket } = await peers.connect();
        socket.destroy(); // lost
      }
      for (const socket of leavers) socket.destroy();
      asks = "throws";
      await peers.handshake();
      asks = "waits";
      await peers.handshake({ headers: { origin: "https://evil.example" } });
      await others.handshake({ from: "127.0.0.2" });
      (await wrong.connect()).send(TEXT, "too big");
      void clustered.server.publish("room", "to all").catch(() => {});
      const blocked = performance.now() + 400;
      while (performance.now() < blocked);
      await delay(100);
      for (const name of await monitor.firing()) seen.add(name);
    }
    assertEquals(WANTED.filter((name) => !seen.has(name)), [], "these did not fire");
    await stalls;

    await ws.close();
    await ws.closed;
    // Those who answer late have no Ping to answer any more, and are done with the last.
    await distant[Symbol.asyncDispose]();
    await delay(LATE_MS + 100);
    await provider.shutdown();
    await new Promise((resolve) => web.close(resolve));
  });
});
