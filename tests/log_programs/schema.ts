/** Messages that a schema accepts, and what becomes of those that it does not, on both sides. */

import { createWebSocket, createWebSocketServer, type StandardSchema } from "../../mod.ts";
import { listen, next, say, watchClient } from "../helpers/event_log.ts";

/** Accepts numbers, and doubles them. */
const double: StandardSchema<number> = {
  "~standard": {
    version: 1,
    vendor: "log",
    validate: (value) =>
      typeof value === "number" ? { value: value * 2 } : { issues: [{ message: "no number" }] },
  },
};

const server = createWebSocketServer({ schema: double });
server.on("messageReceive", ({ data }) => say("server messageReceive", data));
server.on("error", (error) => say("server error", error));
server.on("close", (_, reason) => say("server close", reason));
const url = await listen(server);
for (const data of ["21", '"21"', "{", Uint8Array.of(1)]) {
  say("--", data);
  const ws = createWebSocket();
  await ws.connect(url);
  await ws.opened;
  const left = next(server, "close");
  server.once("messageReceive", () => void ws.close());
  await ws.send(data);
  say("client closed", await ws.closed);
  await left;
}
await server.stop();

const plain = createWebSocketServer();
const other = await listen(plain);
for (const data of ["21", "[]", "?", Uint8Array.of(1)]) {
  say("--", data);
  const ws = createWebSocket({ schema: double });
  watchClient(ws as never);
  const connected = next(plain, "connect");
  const left = next(plain, "close");
  await ws.connect(other);
  await connected;
  await ws.opened;
  ws.once("dataEnd", () => void ws.close());
  await plain.send(data, plain.listAllConnections()[0]!);
  await ws.closed;
  await left;
}
await plain.stop();
