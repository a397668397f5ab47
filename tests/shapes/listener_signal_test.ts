/** Listeners of a socket that are there until a signal aborts, one that lives longer than the socket. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { socketOf, WebSocket } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { next } from "../helpers/sockets.ts";
import { RawServer, TEXT } from "../peers/raw.ts";

/** A socket of either side, and what ends its server. */
const SIDES: Record<string, () => Promise<[ws: WebSocket, end: () => Promise<unknown>]>> = {
  async client() {
    const raw = await RawServer.listen();
    const ws = new WebSocket(raw.url);
    await next(ws, "open");
    return [ws, () => raw.close()];
  },
  async server() {
    const { server, one, peer } = await shaped(socketOf);
    return [one, () => Promise.all([within(peer.ended), server.stop()])];
  },
};

for (const [side, make] of Object.entries(SIDES)) {
  describe(`a listener with a signal: ${side}`, () => {
    it("leaves nothing on the signal when the socket is over", async () => {
      const [ws, end] = await make();
      const aborter = new AbortController();
      const held = countListeners(aborter.signal);
      const heard: string[] = [];
      const { signal } = aborter;
      ws.addEventListener("x", () => heard.push("once"), { signal, once: true });
      ws.addEventListener("x", () => heard.push("every time"), { signal });
      ws.addEventListener("message", () => heard.push("message"), aborter);
      const closed = next(ws, "close");
      ws.dispatchEvent(new Event("x"));
      ws.terminate();
      await closed;
      assertEquals(held(), 0);
      ws.dispatchEvent(new Event("x"));
      aborter.abort(); // which counts all the same
      ws.dispatchEvent(new Event("x"));
      assertEquals(heard, ["once", "every time", "every time"]);
      await end();
    });

    it("may be added anew once it has aborted, and then is in its new place", async () => {
      const [ws, end] = await make();
      const heard: string[] = [];
      const [one, other, third] = ["one", "other", "third"].map((name) => () => heard.push(name));
      const aborter = new AbortController();
      ws.addEventListener("x", one!, aborter);
      ws.addEventListener("x", third!, aborter);
      ws.addEventListener("x", other!);
      aborter.abort();
      ws.removeEventListener("x", one!);
      ws.addEventListener("x", third!); // which nobody has removed
      ws.addEventListener("x", one!);
      ws.dispatchEvent(new Event("x"));
      assertEquals(heard, ["other", "third", "one"]);
      const closed = next(ws, "close");
      ws.terminate();
      await closed;
      await end();
    });
  });
}

describe("a socket whose listeners have all aborted", () => {
  it("has the runtime tell of a message, to those that only it knows", async () => {
    const raw = await RawServer.listen();
    const ws = new WebSocket(raw.url);
    const peer = await within(raw.accept());
    const aborter = new AbortController();
    const heard: string[] = [];
    ws.addEventListener("message", () => heard.push("aborted"), aborter);
    aborter.abort();
    const told = new Promise((resolve) =>
      EventTarget.prototype.addEventListener.call(ws, "message", resolve)
    );
    peer.send(TEXT, "a");
    await within(told);
    assertEquals(heard, []);
    const closed = next(ws, "close");
    ws.terminate();
    await closed;
    await raw.close();
  });
});
