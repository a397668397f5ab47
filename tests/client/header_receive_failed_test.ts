/** 'headerReceive' where attempts have failed: Deno looks for its debugger then, too. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { within } from "../helpers/client.ts";
import { RawServer } from "../peers/raw.ts";

/** Where nobody listens. */
const NOBODY = "ws://127.0.0.1:1/";

/** A client that wants to hear of headers, and how often it did. */
function listening(): { ws: WebSocketClient; told: { n: number } } {
  const ws = createWebSocket();
  const told = { n: 0 };
  ws.on("headerReceive", () => void told.n++);
  return { ws, told };
}

async function close(ws: WebSocketClient): Promise<void> {
  await within(ws.opened);
  void ws.close();
  await within(ws.closed);
}

describe("createWebSocket().on('headerReceive'), after attempts that failed", () => {
  it("is told when several have failed in one turn", async () => {
    const server = await RawServer.listen();
    const failing = Array.from({ length: 10 }, listening);
    for (const { ws } of failing) void ws.connect(NOBODY);
    await within(Promise.allSettled(failing.map(({ ws }) => ws.opened)));
    const { ws, told } = listening();
    void ws.connect(server.url);
    await close(ws);
    assertEquals([told.n, ...failing.map(({ told }) => told.n)], [1, ...failing.map(() => 0)]);
    await server.close();
  });

  it("is told of the attempt that is made as the one before is told to have failed", async () => {
    const server = await RawServer.listen();
    const { ws, told } = listening();
    const failed = new Promise<void>((resolve) =>
      ws.once("error", () => {
        void ws.connect(server.url);
        resolve();
      })
    );
    void ws.connect(NOBODY);
    await within(failed);
    await close(ws);
    assertEquals(told.n, 1);
    await server.close();
  });
});
