/** Simulated clients: they come and go in waves, and say something now and then. */

import { createWebSocket, type WebSocketClient } from "@netkit/websocket";

/** How often what they do is decided, in ms. */
const TICK_MS = 50;

/** Has clients come and go until the signal aborts. */
export function simulateClients(url: string, signal: AbortSignal): void {
  let clients: WebSocketClient[] = [];
  const ticks = setInterval(() => {
    const seconds = performance.now() / 1000;
    const wanted = Math.round(36 + 12 * wave(seconds, 19) + 6 * wave(seconds, 7));
    // Some may have been lost, or are being closed by the server.
    clients = clients.filter(({ state }) => state === "connecting" || state === "open");
    if (clients.length < wanted) clients.push(join(url, signal));
    else if (clients.length > wanted) clients.shift()!.close();

    const chance = (9 + 4 * wave(seconds, 17) + wave(seconds, 4)) * TICK_MS / 1000;
    for (const client of clients) {
      if (client.state === "open" && Math.random() < chance) client.send("Hello!");
    }
  }, TICK_MS);
  signal.addEventListener("abort", () => clearInterval(ticks));
}

function join(url: string, signal: AbortSignal): WebSocketClient {
  const client = createWebSocket();
  client.on("error", (error) => console.error(error.message));
  client.connect(url, { signal });
  return client;
}

/** Between -1 and 1, once up and down in so many seconds. */
function wave(seconds: number, period: number): number {
  return Math.sin(2 * Math.PI * seconds / period);
}
