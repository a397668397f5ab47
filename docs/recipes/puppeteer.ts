/** Puppeteer's connection to Chromium over our client: through a proxy, say, or with headers. */

import { createWebSocket, type WebSocketRequestOptions } from "@netkit/websocket";
import puppeteer, { type Browser, type ConnectionTransport } from "puppeteer-core";

/** Connects to the `webSocketDebuggerUrl` of a browser. */
export async function browserAt(
  url: string,
  options: WebSocketRequestOptions = {},
): Promise<Browser> {
  const ws = createWebSocket({ maxPayload: 256 * 1024 * 1024 });
  await ws.connect(url, options);
  await ws.opened;
  const transport: ConnectionTransport = {
    send: (message) => void ws.send(message),
    close: () => void ws.close().catch(() => {}), // which is asked of one that is closed, too
  };
  ws.on("message", (_, data) => transport.onmessage?.(String(data)));
  ws.on("close", () => transport.onclose?.());
  try {
    return await puppeteer.connect({ transport, defaultViewport: null });
  } catch (why) {
    void ws.close(); // puppeteer leaves it open
    throw why;
  }
}
