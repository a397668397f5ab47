/** Listeners that return a thenable which is no promise. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { Listeners } from "../../internal/listeners.ts";
import { Receipt } from "../../internal/receipt.ts";
import { socketOf } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** One that calls what it is given without a look, a little later, and gives nothing itself. */
const thenable = (settle: (done: () => void, fail: (cause: unknown) => void) => void) => ({
  then(done: () => void, fail: (cause: unknown) => void): void {
    queueMicrotask(() => settle(done, fail));
  },
});

describe("a listener that returns a thenable", () => {
  it("is at work until that is settled", async () => {
    const listeners = new Listeners<"open">(["open", "error"]);
    const log: unknown[] = [];
    listeners.on("error", (error: unknown) => log.push((error as BusinessError).cause));
    listeners.on("open", () => thenable((done) => (log.push("done"), done())));
    await listeners.emit("open");
    assertEquals(log, ["done"]);
    listeners.once("open", () => thenable((_, fail) => fail("failed")));
    await listeners.emit("open");
    assertEquals(log, ["done", "done", "failed"]);
  });

  it("acknowledges its message when that is settled", async () => {
    const listeners = new Listeners<"open">(["open", "error"]);
    const log: unknown[] = [];
    listeners.on("open", () => thenable((done) => (log.push("done"), done())));
    const receipt = new Receipt((refused) => log.push(refused ?? "accepted"));
    receipt.end(listeners.emitTo(receipt.watch(listeners.list("open"))));
    await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(log, ["done", "accepted"]);
  });
});

describe("a listener of a socket that returns a thenable", () => {
  for (const history of [false, true]) {
    it(`is at work until that is settled, acknowledging: ${history}`, async () => {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server, history });
      const log: unknown[] = [];
      server.on("connect", (connection) => {
        socketOf(server, connection).onmessage = ({ data }) =>
          thenable((done, fail) => {
            log.push(data);
            if (data === "good") done();
            else fail(new Error("bad"));
          });
      });
      await clock.until(server.start({ serverPort: 80 }));
      const options = history ? { reconnect: true, resume: true } : {};
      const ws = createWebSocket({ clock, runtime: network.client, ...options });
      void ws.connect("ws://localhost/");
      await clock.until(ws.opened);
      const { error } = console;
      console.error = ({ message }: Error) => log.push(message.split(": ")[1]);
      const how = history ? { acknowledge: true } : undefined;
      try {
        for (const data of ["good", "bad"]) {
          await clock.until(
            ws.send(data, how).catch(({ kind }: BusinessError) => void log.push(kind)),
          );
          await clock.advance(1);
        }
      } finally {
        console.error = error;
      }
      const failed = "a listener of 'message' failed";
      assertEquals(log, ["good", "bad", failed, ...history ? ["refusedByPeer"] : []]);
      void ws.close();
      await clock.until(server.stop());
    });
  }
});
