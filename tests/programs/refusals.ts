/** Refused calls that nobody handles, or somebody does: `refusals.ts HOW`. */

import process from "node:process";
import { createWebSocket } from "../../client.ts";
import { memoryBroker } from "../../cluster.ts";
import { createWebSocketServer } from "../../server.ts";

const server = createWebSocketServer();
const refused = () => server.stop(); // not running: 2302999

/** Stops a server that waits for its start, which fails: the refusal comes later. */
async function whileStarting(handle: (stopped: Promise<boolean>) => void): Promise<void> {
  const clustered = createWebSocketServer({ broker: memoryBroker() });
  const serverCert = { certPath: "/nowhere", keyPath: "/nowhere" };
  const start = clustered.start({ serverPort: 0, serverIP: "127.0.0.1", serverCert });
  handle(clustered.stop());
  await start.catch(() => {});
}

const ways: Record<string, () => unknown> = {
  ignored: () => void refused(),
  then: () => void refused().then(() => console.log("never")),
  chain: () => void refused().then(() => 1).then(() => 2).then(() => 3),
  finally: () => void refused().finally(() => {}),
  twice: () => void [refused(), refused()],
  many: () => {
    for (let i = 0; i < 9; i++) void refused();
    void server.send("hello", { clientIP: "127.0.0.1", clientPort: 1 });
    void createWebSocket().close(); // another kind of the same code
  },
  // As the guide's server does in its 'close' listener, only with no catch at all.
  async: () => void (() => refused().then((ok) => ok))(),
  starting: () => whileStarting(() => {}),
  branches: () =>
    whileStarting((stopped) => {
      for (let i = 0; i < 3; i++) void stopped.then(() => console.log("never"));
    }),
  caught: () => void refused().catch(() => {}),
  awaited: async () => {
    try {
      await refused();
    } catch {
      // handled
    }
  },
  late: () => void refused().then(() => 1).finally(() => {}).catch(() => {}),
  own: () =>
    void refused().catch(() => {
      throw new Error("my own mistake");
    }),
};

await ways[process.argv[2]!]!();
await new Promise((resolve) => setTimeout(resolve, 50));
console.log("alive");
