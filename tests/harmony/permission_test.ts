/**
 * What HarmonyOS' own conformance suites ask of a program without permission, asked of `./harmony`
 * (OpenHarmony, `xts_acts`, `telephony/networkmanager/noPermission/websockettest`). They want 201 of every
 * call. Here it is the answer where a host is asked for: Deno allows hosts, and Bun all of them.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { runSource } from "../helpers/source.ts";

const HARMONY = new URL("../../harmony.ts", import.meta.url).href;

describe("a program of ./harmony without permission", () => {
  it("is answered 201 where it asks for a host, and else as ever", async () => {
    // Only Deno has permissions, so the program runs there whatever runs the test.
    const { code, stdout, stderr } = await runSource(
      `import webSocket from ${JSON.stringify(HARMONY)};
      const ws = webSocket.createWebSocket();
      const server = webSocket.createWebSocketServer();
      const reason = "permission denied";
      const calls = {
        "connect with a host": () => ws.connect("ws://127.0.0.1/"),
        "connect with none": () => ws.connect("ws://", { header: { name: "value" } }),
        send: () => ws.send("hello world"),
        close: () => ws.close(),
        "close with options": () => ws.close({ code: 10000011, reason }),
        start: () => server.start({ serverPort: 8088, serverIP: "0.0.0.0" }),
        listAllConnections: async () => (await server.listAllConnections()).length,
        stop: () => server.stop(),
      };
      for (const [name, call] of Object.entries(calls)) {
        console.log(name, await call().catch(({ code }) => code));
      }`,
      { runtime: "deno", flags: ["--no-prompt", "--no-check", "--allow-read", "--allow-env"] },
    );
    assertEquals(stderr, "");
    assertEquals(stdout.trim().split("\n"), [
      "connect with a host 201",
      "connect with none -1",
      "send -1",
      "close 2302999",
      "close with options 2302999",
      "start 201",
      "listAllConnections 0",
      "stop 2302999",
    ]);
    assertEquals(code, 0);
  });
});
