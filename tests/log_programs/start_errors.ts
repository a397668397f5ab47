/** What `start` refuses, in the order it looks. */

import { createWebSocketServer } from "../../mod.ts";
import { say, sayAnswer } from "../helpers/event_log.ts";

const port = { serverPort: 0 };
const here = { serverPort: 0, serverIP: "127.0.0.1" };
const configs: unknown[] = [
  undefined,
  null,
  8080,
  [],
  {},
  { serverPort: "8080" },
  { ...here, serverIp: "127.0.0.1" },
  { serverPort: -1, serverIP: 5 },
  { serverPort: -1, serverIP: "localhost" },
  { ...port, serverIP: " " },
  { ...port, serverIP: "1.2.3" },
  { ...port, serverIP: "01.2.3.4" },
  { ...port, serverIP: "::1::" },
  { ...port, serverIP: "192.0.2.1" },
  { ...port, serverIP: "2001:db8::1" },
  { serverPort: -1, serverIP: "127.0.0.1" },
  { serverPort: 70000 },
  { serverPort: 80.5 },
  { serverPort: NaN },
  { ...here, maxConcurrentClientsNumber: 0 },
  { ...here, maxConnectionsForOneClient: 1.5 },
  { ...here, maxConcurrentClientsNumber: "5" },
  { ...here, maxPayload: 0 },
  { ...here, maxBufferedAmount: -1 },
  { ...here, protocol: "a b" },
  { ...here, allowedOrigins: "all" },
  { ...here, authorize: true },
  { ...here, fetch: {} },
  { ...here, signal: {} },
  { ...here, signal: AbortSignal.abort() },
  { ...here, serverCert: "cert.pem" },
  { ...here, serverCert: { certPath: "/nowhere/cert.pem" } },
  { ...here, serverCert: { certPath: "/nowhere/cert.pem", keyPath: "/nowhere/key.pem" } },
  { ...here, pingInterval: "often", pongTimeout: null },
];
for (const config of configs) {
  const server = createWebSocketServer();
  await sayAnswer(`start ${JSON.stringify(config)}`, server.start(config as typeof here));
  say("  address:", server.address?.hostname);
  if (server.address !== undefined) say("  stop:", await server.stop());
}
for (const options of [{ clock: 5 }, { maxPayload: 5 }, null, 5]) {
  const server = createWebSocketServer(options as object);
  await sayAnswer(`createWebSocketServer(${JSON.stringify(options)})`, server.start(here));
}
