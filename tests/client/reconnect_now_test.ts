import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketClientOptions,
} from "../../mod.ts";
import type { ClientRuntime } from "../../runtime/contract.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";

await import("../../client/resume.ts");

/** A client that waits for an hour before each attempt, and a server. */
class World implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly server = createWebSocketServer({ clock: this.clock, runtime: this.network.server });
  /** What tells of a network that is there again. */
  readonly wakes = new Set<() => void>();
  readonly log: string[] = [];

  async start(options: WebSocketClientOptions = {}): Promise<WebSocketClient> {
    const { client } = this.network;
    const runtime: ClientRuntime = {
      ...client,
      woken: (wake) => {
        this.wakes.add(wake);
        return () => void this.wakes.delete(wake);
      },
    };
    await this.clock.until(this.server.start({ serverPort: 1 }));
    const { clock } = this;
    const reconnect = { minDelay: 3600, maxDelay: 3600, random: () => 1 };
    const ws = createWebSocket({ clock, runtime, reconnect, ...options });
    for (const name of ["open", "close", "reconnecting"] as const) {
      ws.on(name, () => void this.log.push(name));
    }
    await ws.connect("ws://localhost:1/");
    await this.clock.advance(20);
    return ws;
  }

  async cut(): Promise<void> {
    for (const link of this.network.links) link.cut();
    await this.clock.advance(20);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.until(this.server.stop({ code: 1000 }));
    await this.clock.advance(5000);
    assertEquals(this.clock.pending, 0);
    assertEquals(this.wakes.size, 0);
  }
}

const BACK = ["open", "close", "reconnecting", "open"];

describe("reconnect()", () => {
  it("makes the next attempt now, and answers whether it did", async () => {
    await using world = new World();
    const ws = await world.start();
    assertEquals(await ws.reconnect(), false);
    await world.cut();
    assertEquals(ws.state, "reconnecting");
    assertEquals(await ws.reconnect(), true);
    assertEquals(await ws.reconnect(), false, "it is connecting already");
    await world.clock.advance(20);
    assertEquals(world.log, BACK);
  });

  it("does so in a listener, too, and once", async () => {
    for (const name of ["close", "reconnecting"] as const) {
      await using world = new World();
      const ws = await world.start();
      ws.once(name, () => void ws.reconnect());
      await world.cut();
      await world.clock.advance(20);
      assertEquals(world.log.filter((event) => event === "open").length, 2, name);
    }
  });

  it("leaves it to 'shouldReconnect' whether there is an attempt", async () => {
    await using world = new World();
    const answers: Promise<boolean>[] = [];
    const shouldReconnect = () => {
      answers.push(ws.reconnect());
      return false;
    };
    const ws: WebSocketClient = await world.start({ reconnect: { shouldReconnect } });
    await world.cut();
    assertEquals(await Promise.all(answers), [false]);
    assertEquals(world.log, ["open", "close"]);
  });

  it("asks an open connection for a sign of life", async () => {
    await using world = new World();
    const ws = await world.start({ reconnect: { minDelay: 1 } });
    for (const link of world.network.links) link.hold();
    await ws.reconnect();
    await world.clock.advance(30_100); // 'pongTimeout': a Ping would have been sent only after 30 s
    assertEquals(world.log.slice(0, 3), ["open", "close", "reconnecting"]);
    await ws.close();
    for (const link of world.network.links) link.cut();
    await world.clock.advance(100);
  });

  it("changes nothing of how long an open connection has been stable", async () => {
    await using world = new World();
    const attempts: number[] = [];
    const ws = await world.start({ reconnect: { minDelay: 1, stableAfter: 2, attempts: 1 } });
    ws.on("reconnecting", ({ attempt }) => void attempts.push(attempt));
    for (const _ of [1, 2, 3]) {
      assertEquals(await ws.reconnect(), false);
      await world.clock.advance(2000);
      await world.cut();
      await world.clock.advance(2000);
    }
    assertEquals([ws.state, attempts], ["open", [1, 1, 1]]);
  });

  it("is refused where there is nothing to wait for", async () => {
    await using world = new World();
    const plain = createWebSocket({ clock: world.clock, runtime: world.network.client });
    const ws = await world.start();
    await plain.connect("ws://localhost:1/");
    await world.clock.advance(20);
    const { kind, message } = await refusal(plain.reconnect());
    const why = "the client is open, or was made without 'reconnect'";
    assertEquals([kind, message.endsWith(`reconnect: ${why}`)], ["notConnected", true]);
    await ws.close();
    assertEquals((await refusal(ws.reconnect())).kind, "notConnected");
    await world.clock.advance(20);
    assertEquals((await refusal(ws.reconnect())).kind, "notConnected");
    await plain.close();
    await world.clock.advance(20);
  });
});

describe("a network that is there again", () => {
  for (const resume of [false, true]) {
    it(`has the next attempt made now, with resume: ${resume}`, async () => {
      await using world = new World();
      const ws = await world.start({ resume });
      await world.cut();
      for (const wake of world.wakes) wake();
      await world.clock.advance(20);
      assertEquals(world.log, BACK);
      await ws.close();
      await world.clock.advance(20);
    });
  }
});
