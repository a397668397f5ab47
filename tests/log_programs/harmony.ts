/** The entry for programs from HarmonyOS: one listener for an event, and options as the device takes them. */

import webSocket from "../../harmony.ts";
import { say, sayAnswer } from "../helpers/event_log.ts";

console.warn = (what: string) => say(`console: ${what}`);

const server = webSocket.createWebSocketServer();
server.on("connect", () => say("never"));
server.on("connect", () => say("server connect"));
server.on("messageReceive", ({ clientConnection, data }) => {
  say("server messageReceive", data);
  void server.close(clientConnection, { code: "1001", reason: null } as never);
});
const left = new Promise<void>((resolve) => {
  server.on("close", (_, { code, reason }) => {
    say("server close", code, reason);
    resolve();
  });
});
await sayAnswer(
  "start",
  server.start({ serverPort: 0, serverIP: "127.0.0.1", backlog: 5, protocol: null } as never),
);

await sayAnswer(
  "start again",
  server.start({ serverPort: 1, serverIP: 5, serverCert: "" } as never),
);

const ws = webSocket.createWebSocket();
const url = `ws://127.0.0.1:${server.address!.port}/`;
for (
  const options of [
    null,
    { header: new Map() },
    { protocol: undefined },
    { proxy: "" },
    { caPath: "/nowhere/ca.pem" },
    { caPath: 5, skipServerCertVerification: "yes", supportOriginPort: 1, proxy: "" },
  ]
) {
  await sayAnswer(`connect with ${JSON.stringify(options)}`, ws.connect(url, options as never));
}

ws.on("open", () => say("never"));
ws.on("open", (_, value) => say("open", value));
ws.on("error", (error) => say("error", error));
ws.on("close", () => say("never"));
const closed = new Promise<void>((resolve) => {
  ws.on("close", (error, value) => {
    say("close", error, value);
    resolve();
  });
});
await sayAnswer(
  "connect",
  ws.connect(url, {
    header: "Bearer secret",
    protocol: null,
    proxy: null,
    caPath: "",
    clientCert: { certPath: "", keyPath: "", alias: "mine" },
    minSupportTlsProtocol: 9,
    supportOriginPort: true,
    timeout: 5,
  } as never),
);
await sayAnswer("send", ws.send("Hello"));
await closed;
await left;
await sayAnswer("close", ws.close({ code: -100, reason: 5 } as never));
await sayAnswer("stop", server.stop());
