/** Listens on a privileged port as a user who may not: what the system says, and what we say. */

import { createServer } from "node:net";
import process from "node:process";
import { type BusinessError, createWebSocketServer } from "../../mod.ts";

/** A privileged port of its own: programs like this one may run at the same time. */
const PORT = 600 + process.pid % 400;

if (process.getuid?.() === 0) {
  process.setgid!(65534);
  process.setuid!(65534);
}

const raw = createServer();
console.log(
  await new Promise<string>((resolve) => {
    raw.once("error", (error: { code?: string }) => resolve(error.code ?? ""));
    raw.listen(PORT, "127.0.0.1", () => raw.close(() => resolve("listens")));
  }),
);

const server = createWebSocketServer();
console.log(
  await server.start({ serverPort: PORT, serverIP: "127.0.0.1" }).then(
    async (started) => {
      await server.stop();
      return String(started);
    },
    (error: BusinessError) => String(error.code),
  ),
);
