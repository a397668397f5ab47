/**
 * A server that shares its port with others, and says who it is to whoever comes, and much besides to who comes to
 * /much. It stops on SIGTERM.
 */

import process from "node:process";
import { createWebSocketServer } from "../../mod.ts";

const [port = "0", name = ""] = process.argv.slice(2);
const server = createWebSocketServer();
server.on("connect", (connection) => {
  void server.send(name, connection);
  if (connection.url !== "/much") return;
  for (let mib = 0; mib < 12; mib++) void server.send(new Uint8Array(1024 * 1024), connection);
});
process.once("SIGTERM", () => server.stop({ retryAfter: 1 }));
try {
  await server.start({ serverPort: Number(port), serverIP: "127.0.0.1", reusePort: true });
  console.log(`port ${server.address!.port}`);
} catch (error) {
  console.log(JSON.stringify(error));
}
