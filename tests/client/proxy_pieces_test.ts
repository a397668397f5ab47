/** A proxy that never answers, or answers in pieces, while a client waits, gives up, or is told to end. */

import { assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { type CloseResult, createWebSocket } from "../../mod.ts";
import { EventLog, within } from "../helpers/client.ts";
import { TcpServer } from "../helpers/tcp.ts";
import { acceptHead, frame, TEXT } from "../peers/raw.ts";

/** A proxy that is asked and does what a test says, and when each of its connections ends. */
async function proxyThat(
  answers: (text: string, write: (text: string | Uint8Array) => void) => void,
) {
  const asked = Promise.withResolvers<string>();
  const gone = Promise.withResolvers<void>();
  const server = await TcpServer.listen((socket) => {
    let text = "";
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!text.endsWith("\r\n\r\n")) return;
      asked.resolve(text);
      answers(text, (data) => socket.write(data));
      text = "";
    });
    socket.once("close", () => gone.resolve());
  });
  return { server, asked: asked.promise, gone: gone.promise };
}

describe("a client before a proxy that never answers", () => {
  for (const scheme of ["ws", "wss"]) {
    for (const how of ["abort", "close", "timeout"] as const) {
      it(`lets go of it at once, and tells of that once: ${how}, ${scheme}`, async () => {
        const { server, asked, gone } = await proxyThat(() => {});
        await using _server = server;
        const aborter = new AbortController();
        const ws = createWebSocket();
        const log = new EventLog(ws);
        await ws.connect(`${scheme}://a.example:81/`, {
          proxy: { host: "127.0.0.1", port: server.port },
          signal: aborter.signal,
          ...(how === "timeout" && { connectTimeout: 0.5 }),
        });
        assertMatch(await within(asked), /^CONNECT a\.example:81 HTTP\/1\.1\r\n/);
        if (how === "abort") aborter.abort();
        if (how === "close") await within(ws.close({ code: 4000 }));
        await within(gone);
        await log.next(how === "timeout" ? "error" : "close");
        await delay(20); // a second event would show
        assertEquals(log.names, [how === "timeout" ? "error" : "close"]);
        assertEquals(
          (log.closes as CloseResult[]).map(({ code }) => code),
          {
            abort: [1000],
            close: [4000],
            timeout: [],
          }[how],
        );
        assertEquals([ws.state, ws.bufferedAmount], ["idle", 0]);
      });
    }
  }
});

describe("a client before a proxy whose answer comes in pieces, ws", () => {
  it("opens, and hears what came right behind the handshake", async () => {
    let requests = 0;
    const { server } = await proxyThat(async (text, write) => {
      const isTunnel = ++requests === 1;
      const head = isTunnel
        ? "HTTP/1.1 200 Connection established\r\nvia: a\r\n\r\n"
        : acceptHead(text);
      for (let at = 0; at < head.length - 3; at += 7) {
        write(head.slice(at, Math.min(at + 7, head.length - 3)));
        await delay(1);
      }
      write(head.slice(-3, -1));
      await delay(1);
      const message = isTunnel ? new Uint8Array() : frame(TEXT, "first");
      write(Uint8Array.from([10, ...message])); // in one packet with the last byte
    });
    await using _server = server;
    const ws = createWebSocket();
    const log = new EventLog(ws);
    await ws.connect("ws://a.example/", { proxy: { host: "127.0.0.1", port: server.port } });
    await log.next("message");
    assertEquals(log.names.slice(0, 3), ["open", "openInfo", "message"]);
    assertEquals([log.messages, requests], [["first"], 2]);
    assertEquals(await within(ws.close()), true);
  });
});
