/**
 * A server that is killed and started again: `reconnect_server.ts PORT`. Prints each message, `got
 * TEXT`, in the order they come.
 */

import process from "node:process";
import { createWebSocketServer } from "../../mod.ts";

const server = createWebSocketServer();
server.on("messageReceive", ({ data }) => console.log(`got ${data}`));
await server.start({ serverPort: Number(process.argv[2]), serverIP: "127.0.0.1" });
console.log("listening");
