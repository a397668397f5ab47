/** Limits of the runtimes' clients that this module cannot mend, each as `docs/limits.md` says it. */

import { assertEquals, assertGreater, assertLess, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { EventLog, Session, within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { acceptHead, BINARY, frame, RawServer } from "../peers/raw.ts";

/** Whether a client takes an answer: 'open', or what 'error' says. */
async function outcome(answer: (request: string) => string, protocol = ""): Promise<string> {
  const server = await RawServer.listen({ answer });
  try {
    const ws = createWebSocket();
    await within(ws.connect(server.url, { protocol }));
    const opened = await within(
      ws.opened.then(() => "open", (error) => (error.cause as Error).message),
    );
    if (ws.state === "open") {
      await ws.close();
      await within(ws.closed);
    }
    return opened;
  } finally {
    await server.close();
  }
}

describe("the runtime's client", () => {
  it("refuses `Connection: keep-alive, Upgrade` in a 101 on Deno, as if it were no upgrade", async () => {
    const answer = (request: string) =>
      acceptHead(request).replace("Connection: Upgrade", "Connection: keep-alive, Upgrade");
    const words = "the server did not upgrade the connection";
    assertEquals(await outcome(answer), onDeno ? words : "open");
  });

  for (const name of ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]) {
    it(`refuses an empty ${name} on Bun`, async () => {
      const answer = (request: string) => acceptHead(request, [`${name}: `]);
      assertEquals(await outcome(answer) === "open", onDeno);
    });
  }

  it("takes the first of two Sec-WebSocket-Protocols on Deno, and refuses them on Bun", async () => {
    for (const second of ["b", "none that was offered"]) {
      const answer = (request: string) =>
        acceptHead(request, ["a", second].map((name) => `Sec-WebSocket-Protocol: ${name}`));
      assertEquals(await outcome(answer, "a, b") === "open", onDeno);
    }
  });

  it("refuses a 101 with a head of 20 KB on Bun, and with 150 fields on Deno", async () => {
    const large = (request: string) => acceptHead(request, [`X-Large: ${"x".repeat(20_000)}`]);
    assertEquals(await outcome(large) === "open", onDeno);
    const fields = Array.from({ length: 150 }, (_, i) => `X-${i}: x`);
    const many = (request: string) => acceptHead(request, fields);
    assertEquals(await outcome(many) === "open", !onDeno);
  });

  it("delivers a masked frame of a server's as it came on Deno, and ends the connection on Bun", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const bytes = Uint8Array.of(1, 2, 3, 4);
    peer.write(frame(BINARY, bytes, { mask: true }));
    if (!onDeno) {
      await session.log.next("close");
      return assertEquals([session.log.messages, session.log.closes], [
        [],
        [{ code: 1006, reason: "The link is down" }],
      ]);
    }
    const [, data] = await session.log.next("message");
    assertEquals((data as ArrayBuffer).byteLength, 4); // and four bytes of a mask that is never 0
    assertNotEquals(new Uint8Array(data as ArrayBuffer), bytes);
    await within(session.ws.close());
    await session.log.next("close");
  });

  it("takes a peer for dead whose one frame takes longer than the heartbeat, though bytes flow", async () => {
    const clock = new FakeClock();
    const server = await RawServer.listen();
    try {
      const ws = createWebSocket({ clock });
      const log = new EventLog(ws);
      await within(ws.connect(server.url, { pingInterval: 5, pongTimeout: 5 }));
      const peer = await within(server.accept());
      await log.next("open");
      const message = frame(BINARY, new Uint8Array(100_000));
      for (let second = 0; second < 10; second++) {
        peer.write(message.slice(second * 1000, (second + 1) * 1000));
        await new Promise((resolve) => setTimeout(resolve, 10));
        clock.tick(1000);
      }
      await log.next("close");
      assertEquals(log.errors.map(({ kind }) => kind), ["heartbeatTimeout"]);
    } finally {
      await server.close();
    }
  });

  it("sends a message of 1,025 B to 16 KiB 40 ms late on Deno, and others at once", async () => {
    const server = await RawServer.listen();
    try {
      const ws = createWebSocket();
      await within(ws.connect(server.url));
      const peer = await within(server.accept());
      await within(ws.opened);
      const times: number[] = [];
      for (const size of [1024, 4096]) {
        const took: number[] = [];
        for (let i = 0; i < 20; i++) {
          const from = peer.frames.length;
          const began = performance.now();
          void ws.send(new Uint8Array(size));
          await within(peer.next(BINARY, from));
          took.push(performance.now() - began);
          peer.send(BINARY, new Uint8Array(size)); // a request and its answer, over and over
          await within(new Promise((resolve) => ws.once("message", resolve)));
        }
        times.push(took.sort((a, b) => a - b)[10]!);
      }
      const [small, large] = times as [number, number];
      assertLess(small, 30);
      if (onDeno) assertGreater(large, 30);
      else assertLess(large, 30);
      await ws.close();
      await within(ws.closed);
    } finally {
      await server.close();
    }
  });
});
