/** A client that reconnects: messages over several connections, and a machine that has slept. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { scripted, URL, world } from "./reconnect_world.ts";

describe("a client that reconnects", () => {
  it("goes on with `for await` over a loss, and ends it at the end", async () => {
    await using it = await world({ random: () => 0 });
    const { ws, clock, cut, server } = it;
    const got: unknown[] = [];
    await ws.connect(URL);
    const loop = (async () => {
      for await (const message of ws) got.push(message);
    })();
    for (const text of ["1", "2", "3"]) {
      await clock.advance(10);
      await server.broadcast(text);
      await clock.advance(10);
      await cut();
    }
    await clock.advance(10);
    void ws.close();
    await clock.until(loop);
    assertEquals(got, ["1", "2", "3"]);
  });

  it("makes the next attempt at once when the machine has slept", async () => {
    await using it = await world({ random: () => 1, minDelay: 3600, maxDelay: 3600 });
    const { ws, clock, cut } = it;
    await ws.connect(URL);
    await clock.advance(10);
    await cut();
    await clock.advance(10_000);
    assertEquals(ws.state, "reconnecting");
    clock.sleep(3_600_000);
    await clock.advance(2010);
    assertEquals(ws.state, "open");
  });

  it("pings at once when the machine has slept, and notices that the server is gone", async () => {
    await using it = await world({ random: () => 1 });
    const { ws, clock, network } = it;
    await ws.connect(URL, { pingInterval: 600, pongTimeout: 2 });
    await clock.advance(10_000);
    network.links[0]!.hold();
    await clock.advance(10_000);
    assertEquals(ws.state, "open");
    clock.sleep(60_000);
    await clock.advance(4001);
    assertEquals(ws.state, "reconnecting");
  });

  it("lets a living server be when the machine has slept", async () => {
    await using it = await world();
    const { ws, clock } = it;
    await ws.connect(URL, { pingInterval: 600, pongTimeout: 2 });
    await clock.advance(1000);
    clock.sleep(60_000);
    await clock.advance(60_000);
    assertEquals([ws.state, it.heads.length], ["open", 1]);
  });

  it("takes no notice of sleep on a clock that knows no calendar", async () => {
    const clock = new FakeClock();
    const { now, setTimer, clearTimer } = clock;
    const plain = {
      now: now.bind(clock),
      setTimer: setTimer.bind(clock),
      clearTimer: clearTimer.bind(clock),
    };
    const network = new MemoryNetwork({ clock: plain });
    const ws = createWebSocket({ clock: plain, runtime: network.client, reconnect: true });
    await ws.connect(URL);
    await clock.advance(100);
    assertEquals(ws.state, "reconnecting");
    assertEquals(clock.pending, 1);
    void ws.close();
    await clock.advance(10);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  it("has one connection at a time when it has slept while one closes by itself", async () => {
    await using it = await world({ shouldReconnect: () => true });
    const { clock, network, server, ws } = it;
    await ws.connect(URL);
    await clock.advance(10);
    network.links[0]!.hold("toServer"); // the Close frame is not answered
    await server.broadcast("x".repeat(5_242_864));
    ws.once("message", () => {});
    const [connection] = server.listAllConnections();
    await server.send("bye", connection!);
    clock.sleep(60_000);
    await clock.advance(3000);
    assertEquals(network.links.length, 1);
  });

  it("does not ask for a sign of life, after a sleep, where it cannot ping", async () => {
    const { clock, runtime, ws } = scripted();
    runtime.canPing = false;
    await ws.connect(URL);
    runtime.events.open();
    clock.sleep(60_000);
    await clock.advance(120_000);
    assertEquals([ws.state, runtime.socket.calls], ["open", []]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
  });
});
