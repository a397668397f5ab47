/** How the runtimes show a client the headers of a server's answer: Bun in an event of its own, Deno its debugger. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno } from "../helpers/programs.ts";
import { acceptHead, RawServer } from "../peers/raw.ts";
import { type Bare, deno, dial, INTERNAL, opened, symbolOf } from "./bare.ts";

/** A debugger, as Deno tells it of the network; it writes down all. */
class Debugger {
  readonly told: unknown[] = [];
  isEnabled = () => true;
  nextRequestId = () => "an id";
  webSocketCreated = () => void this.told.push("created");
  webSocketWillSendHandshakeRequest = () => void this.told.push("sends");
  webSocketHandshakeResponseReceived = ({ response }: { response: object }) =>
    void this.told.push(response);
}

/** Has Deno find this debugger. Returns what ends that. */
function enter(found: object): () => void {
  const inside = (deno as unknown as Record<symbol, Record<string, unknown>>)[deno.internal]!;
  const { [INTERNAL.network]: before } = inside;
  inside[INTERNAL.network] = found;
  return () => {
    if (before === undefined) delete inside[INTERNAL.network];
    else inside[INTERNAL.network] = before;
  };
}

async function answering(use: (server: RawServer) => Promise<void>): Promise<void> {
  const extra = ["Set-Cookie: a=1", "set-cookie: b=2", "X-Own: 1"];
  const server = await RawServer.listen({ answer: (request) => acceptHead(request, extra) });
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

async function close(ws: Bare, over: Promise<void>): Promise<void> {
  ws.close();
  await deadline(over, 30_000);
}

describe("the answer to a client's handshake", () => {
  it("is told by an event of its own on Bun, before 'open', and by none on Deno", async () => {
    await answering(async (server) => {
      const { ws, log, over } = dial(server.url);
      let told: Record<string, unknown> | undefined;
      ws.addEventListener("handshake", (event) => {
        told = (event as MessageEvent).data;
        log.push("handshake");
      });
      await deadline(opened(ws), 30_000);
      assertEquals(log, onDeno ? ["open"] : ["handshake", "open"]);
      if (!onDeno) {
        const { rawHeaders, statusCode } = told as { rawHeaders: string[]; statusCode: number };
        assertEquals(statusCode, 101);
        assertEquals(rawHeaders.slice(-6), [
          ...["Set-Cookie", "a=1", "set-cookie", "b=2", "X-Own", "1"],
        ]);
      }
      await close(ws, over);
    });
  });

  it("is told on Bun where it refuses, too", async () => {
    const refusal = "HTTP/1.1 401 No\r\nx-own: 1\r\ncontent-length: 0\r\n\r\n";
    const server = await RawServer.listen({ answer: () => refusal });
    const { ws, over } = dial(server.url);
    const told: number[] = [];
    ws.addEventListener("handshake", (event) => {
      told.push((event as MessageEvent).data.statusCode);
    });
    await deadline(over, 30_000);
    assertEquals(told, onDeno ? [] : [401]);
    await server.close();
  });

  if (onDeno) {
    it("is told to a debugger on Deno that is there as it is made, and as the answer comes", async () => {
      await answering(async (server) => {
        const found = new Debugger();
        const leave = enter(found);
        const { ws, over } = dial(server.url);
        leave();
        assertEquals(found.told, ["created", "sends"]);
        const id = symbolOf(ws, INTERNAL.requestId)!;
        assertEquals(ws[id], "an id");
        await deadline(opened(ws), 30_000);
        assertEquals(found.told.length, 2); // it was not there any more
        await close(ws, over);

        const next = dial(server.url);
        let looked = 0;
        const get = () => {
          looked++;
          delete next.ws[id];
          const leave = enter(found);
          queueMicrotask(leave); // it looks right after this
          return id;
        };
        Object.defineProperty(next.ws, id, { get, configurable: true });
        await deadline(opened(next.ws), 30_000);
        assertEquals(looked, 1);
        const { headers } = found.told[2] as { headers: Record<string, string> };
        assertEquals(headers["set-cookie"], "a=1, b=2");
        assertEquals(headers["x-own"], "1");
        assertNotEquals(headers["sec-websocket-accept"], undefined);
        assert(!Object.hasOwn(next.ws, id));
        await close(next.ws, next.over);
      });
    });
  }
});
