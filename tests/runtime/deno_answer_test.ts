/** What becomes of Deno's WebSocket where a client wants to hear what the server has answered. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { MODULE, runSource } from "../helpers/source.ts";

describe("the WebSocket of a client on Deno that listens to 'headerReceive'", () => {
  it("is no dictionary to V8, but for the first", async () => {
    const server = createWebSocketServer();
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const url = `ws://127.0.0.1:${server.address!.port}/`;
    const { code, stdout, stderr } = await runSource(
      `
      const { addEventListener } = WebSocket.prototype;
      const made = new Set();
      WebSocket.prototype.addEventListener = function (...given) {
        made.add(this);
        return addEventListener.apply(this, given);
      };
      const { createWebSocket } = await import(${JSON.stringify(MODULE)});
      for (let n = 0; n < 6; n++) {
        await using ws = createWebSocket();
        let told = 0;
        ws.on("headerReceive", () => told++);
        await ws.connect(${JSON.stringify(url)});
        await ws.opened;
        if (told !== 1) throw new Error("it was not told");
      }
      const isFast = new Function("ws", "return %HasFastProperties(ws)");
      console.log(Array.from(made, isFast).slice(1).join(" "));
    `,
      { runtime: "deno", flags: ["-A", "--no-prompt", "--v8-flags=--allow-natives-syntax"] },
    );
    assertEquals([code, stderr, stdout], [0, "", "true true true true true\n"]);
    await server.stop();
  });

  it("is left to the debugger with '--inspect', whether one is there or not", async () => {
    const source = `
      const { createWebSocket, createWebSocketServer } = await import(${JSON.stringify(MODULE)});
      const server = createWebSocketServer();
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      const ws = createWebSocket();
      ws.on("headerReceive", () => console.log("told"));
      await ws.connect("ws://127.0.0.1:" + server.address.port);
      await ws.opened;
      console.log("open");
      await ws.close();
      await ws.closed;
      await server.stop();
      Deno.exit(); // its debugger's port would keep it
    `;
    for (
      const [flag, told] of [[[], "told\nopen\n"], [["--inspect=127.0.0.1:0"], "open\n"]] as const
    ) {
      const flags = ["-A", "--no-prompt", ...flag];
      assertEquals((await runSource(source, { runtime: "deno", flags })).stdout, told);
    }
  });
});
