/** A node with a history over the Redis whose URL is given. Takes everybody into `t`; prints its port. */

import process from "node:process";
import { createWebSocketServer } from "../../mod.ts";
import { redisBroker } from "../../redis.ts";
import { CLIENT } from "../helpers/redis_clients.ts";

const [url = ""] = process.argv.slice(2);
const server = createWebSocketServer({
  broker: redisBroker({ open: () => CLIENT(url) }),
  history: true,
});
server.on("connect", (connection) => void server.join(connection, "t"));
server.on("error", () => {});
await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
console.log(`port ${server.address!.port}`);
