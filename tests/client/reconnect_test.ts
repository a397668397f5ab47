/** `createWebSocket({ reconnect })`, on a clock that stands still and a network in memory. */

import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type Interruption,
  type ReconnectInfo,
  type ReconnectOptions,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { EventLog, refusal } from "../helpers/client.ts";

const URL = "ws://localhost:80/";

/** A server, a client that reconnects, and everything both tell. */
class World {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork({ clock: this.clock });
  readonly server = createWebSocketServer({ clock: this.clock, runtime: this.network.server });
  readonly ws;
  readonly events;
  /** What the client told, a line each, with the time in seconds. */
  readonly log: string[] = [];
  readonly delays: ReconnectInfo[] = [];
  readonly received: string[] = [];

  constructor(reconnect: boolean | ReconnectOptions = true) {
    const { clock, network, log } = this;
    const ws = this.ws = createWebSocket({ clock, runtime: network.client, reconnect });
    this.events = new EventLog(ws);
    const note = (what: string) => void log.push(`${what}, ${ws.state}`);
    ws.on("open", () => note("open"));
    ws.on("close", (_, { code }) => note(`close ${code}`));
    ws.on("error", (error) => note(`error ${error.code}`));
    ws.on("reconnecting", (info) => {
      this.delays.push(info);
      note(`reconnecting ${info.attempt}`);
    });
    this.server.on("messageReceive", ({ data }) => this.received.push(String(data)));
  }

  static async start(reconnect?: boolean | ReconnectOptions, config = {}): Promise<World> {
    const world = new World(reconnect);
    await world.listen(config);
    return world;
  }

  listen(config: Partial<WebSocketServerConfig> = {}): Promise<boolean> {
    return this.server.start({ serverPort: 80, ...config });
  }

  /** Connects, and takes note of the log so far. */
  async connect(): Promise<void> {
    assertEquals(await this.ws.connect(URL), true);
    await this.clock.advance(10);
    assertEquals(this.ws.state, "open");
    this.log.splice(0);
  }

  /** The server dies and says nothing. */
  async crash(): Promise<void> {
    for (const link of this.network.links) link.cut();
    const stopped = this.server.stop();
    await this.clock.until(stopped);
  }

  /** Nothing may be left when all is over. */
  async end(): Promise<void> {
    if (this.ws.state !== "idle") void this.ws.close();
    if (this.server.address !== undefined) await this.clock.until(this.server.stop());
    await this.clock.advance(10_000);
    assertEquals([this.ws.state, this.clock.pending], ["idle", 0]);
  }
}

describe("createWebSocket({ reconnect })", () => {
  it("opens again after a loss, with the events of each connection", async () => {
    const world = await World.start({ random: () => 0.5 });
    await world.connect();
    world.network.links[0]!.cut();
    await world.clock.advance(1);
    assertEquals(world.log.splice(0), [
      "error 200, reconnecting",
      "close 1006, reconnecting",
      "reconnecting 1, reconnecting",
    ]);
    assertEquals(world.delays, [{ attempt: 1, delay: 0.5 }]);
    await world.clock.advance(499);
    assertEquals(world.ws.state, "reconnecting");
    await world.clock.advance(11);
    assertEquals(world.log, ["open, open"]);
    await world.end();
  });

  it("tries again when the first attempt fails, too", async () => {
    const world = new World({ random: () => 0.5 });
    assertEquals(await world.ws.connect(URL), true);
    await world.clock.advance(400);
    assertEquals(world.log.splice(0), [
      "error 200, reconnecting",
      "reconnecting 1, reconnecting",
    ]);
    await world.listen();
    await world.clock.advance(200);
    assertEquals(world.log, ["open, open"]);
    await world.end();
  });

  it("waits any time up to a limit that doubles up to maxDelay", async () => {
    const world = new World({ random: () => 1, minDelay: 2, maxDelay: 30, factor: 3 });
    void world.ws.connect(URL);
    await world.clock.advance(120_000);
    assertEquals(
      world.delays.slice(0, 5).map(({ attempt, delay }) => [attempt, delay]),
      [[1, 2], [2, 6], [3, 18], [4, 30], [5, 30]],
    );
    await world.end();
    const spread = new World();
    void spread.ws.connect(URL);
    await spread.clock.advance(3600_000);
    const late = spread.delays.slice(10).map(({ delay }) => delay);
    assert(late.length > 100, `${late.length}`);
    assertLess(Math.max(...late), 30.001);
    assertAlmostEquals(late.reduce((sum, delay) => sum + delay) / late.length, 15, 4);
    await spread.end();
  });

  it("counts anew once a connection has been open for stableAfter", async () => {
    const world = await World.start({ random: () => 1, stableAfter: 3 });
    await world.connect();
    for (const seconds of [2.9, 2.9, 3.1, 3.1]) {
      await world.clock.advance(seconds * 1000 - 10);
      world.network.links[0]!.cut();
      const { length } = world.delays;
      await world.clock.advance(1);
      assertEquals(world.delays.length, length + 1);
      await world.clock.advance(world.delays.at(-1)!.delay * 1000 + 10);
      assertEquals(world.ws.state, "open");
    }
    assertEquals(world.delays.map(({ attempt }) => attempt), [1, 2, 1, 1]);
    await world.end();
  });

  it("gives up after so many attempts: the last 'error' finds it idle", async () => {
    const world = new World({ attempts: 2, random: () => 0.1 });
    const { opened, closed } = world.ws;
    void world.ws.connect(URL);
    await world.clock.advance(60_000);
    assertEquals(world.log, [
      "error 200, reconnecting",
      "reconnecting 1, reconnecting",
      "error 200, reconnecting",
      "reconnecting 2, reconnecting",
      "error 200, idle",
    ]);
    const [open, close] = await Promise.all([opened, closed].map((p) => p.catch((e) => e)));
    assert(open instanceof BusinessError && close === open);
    await world.end();
  });

  const finals = [1000, 1002, 1003, 1007, 1008, 1009, 1010, 4400, 4401, 4403, 4499];
  for (const code of finals) {
    it(`does not come back after the server's ${code}`, async () => {
      const world = await World.start();
      await world.connect();
      const [connection] = world.server.listAllConnections();
      await world.server.close(connection!, { code, reason: "x" });
      await world.clock.advance(100);
      assertEquals(world.log, [`close ${code}, idle`]);
      assertEquals(await world.ws.closed, { code, reason: "x" });
      await world.end();
    });
  }

  for (const code of [1001, 1011, 1012, 1013, 1014, 3000, 4000, 4500]) {
    it(`comes back after the server's ${code}`, async () => {
      const world = await World.start();
      await world.connect();
      const [connection] = world.server.listAllConnections();
      await world.server.close(connection!, { code, reason: "x" });
      await world.clock.advance(100);
      assertEquals(world.log.slice(0, 2), [
        `close ${code}, reconnecting`,
        "reconnecting 1, reconnecting",
      ]);
      await world.end();
    });
  }

  it("does not come back after its own close(), in any state", async () => {
    const world = await World.start({ random: () => 1 });
    await world.connect();
    assertEquals(await world.ws.close({ code: 4000, reason: "enough" }), true);
    await world.clock.advance(60_000);
    assertEquals(world.log.splice(0), ["close 4000, idle"]);

    await world.connect();
    world.network.links[0]!.cut();
    await world.clock.advance(1);
    world.log.splice(0);
    assertEquals(await world.ws.close(), true);
    assertEquals((await refusal(world.ws.close())).code, 2302999);
    await world.clock.advance(60_000);
    assertEquals(world.log.splice(0), ["close 1000, idle"]);

    await world.crash();
    void world.ws.connect(URL);
    assertEquals(world.ws.state, "connecting");
    void world.ws.close();
    await world.clock.advance(60_000);
    assertEquals(world.log, ["close 1000, idle"]);
    await world.end();
  });

  it("does not come back when it is closed in the listeners that tell of the end", async () => {
    for (const event of ["error", "close", "reconnecting"] as const) {
      const world = await World.start();
      await world.connect();
      let closes = 0;
      world.ws.on("close", () => closes++);
      const close = () => {
        world.ws.off(event, close);
        void world.ws.close();
      };
      world.ws.on(event, close);
      world.network.links[0]!.cut();
      await world.clock.advance(60_000);
      assertEquals([event, world.ws.state], [event, "idle"]);
      // The connection's own, and one for the attempt that was under way; none is told twice.
      assertEquals([event, closes], [event, event === "error" ? 1 : 2]);
      await world.end();
    }
  });

  it("does not come back after a 'signal'", async () => {
    const world = await World.start();
    const controller = new AbortController();
    await world.ws.connect(URL, { signal: controller.signal });
    await world.clock.advance(10);
    world.network.links[0]!.cut();
    await world.clock.advance(1);
    assertEquals(world.ws.state, "reconnecting");
    controller.abort();
    await world.clock.advance(60_000);
    assertEquals(world.log.at(-1), "close 1000, idle");
    await world.end();
  });

  it("asks shouldReconnect, with the code, the reason and the status", async () => {
    const asked: Interruption[] = [];
    const shouldReconnect = (end: Interruption) => {
      asked.push(end);
      return asked.length < 3;
    };
    const world = await World.start({ shouldReconnect, random: () => 0 });
    await world.connect();
    const [connection] = world.server.listAllConnections();
    await world.server.close(connection!, { code: 1000, reason: "so" });
    await world.clock.until(world.server.stop());
    await world.listen({ authorize: () => new Response(null, { status: 401 }) });
    await world.clock.advance(1000);
    assertEquals(asked.filter(({ status }) => status !== 0), asked);
    assertEquals(asked[0], { code: 1000, reason: "so" });
    assertEquals(asked.at(-1)!.code, 1006);
    assertEquals([world.ws.state, asked.length], ["idle", 3]);
    await world.end();
  });

  it("gives up and says so when shouldReconnect throws", async () => {
    const world = await World.start({
      shouldReconnect() {
        throw new RangeError("no idea");
      },
    });
    await world.connect();
    world.network.links[0]!.cut();
    await world.clock.advance(1);
    assertEquals(world.log, [
      "error 200, reconnecting",
      "error 2302999, reconnecting",
      "close 1006, idle",
    ]);
    assertEquals((world.events.errors[1]!.cause as Error).message, "no idea");
    await world.end();
  });

  for (
    const [status, again] of [[401, false], [403, false], [404, false], [429, true], [
      503,
      true,
    ]] as const
  ) {
    it(`${again ? "comes back" : "does not come back"} after a handshake refused with ${status}`, async () => {
      const world = await World.start({ attempts: 3, random: () => 1 }, {
        authorize: () => new Response(null, { status }),
      });
      void world.ws.connect(URL);
      await world.clock.advance(20);
      assertEquals(world.log.at(-1), again ? "reconnecting 1, reconnecting" : "error 200, idle");
      await world.end();
    });
  }

  it("leaves a server alone that closes with 1012 or 1013 for as long as it says", async () => {
    for (
      const [code, reason, least] of [
        [1012, "5", 5],
        [1013, "retry after 2500 ms", 2.5],
        [1013, "busy", 0],
        [1001, "back in 9 s", 0],
      ] as const
    ) {
      const world = await World.start({ random: () => 0.5 });
      await world.connect();
      const [connection] = world.server.listAllConnections();
      await world.server.close(connection!, { code, reason });
      await world.clock.advance(10);
      assertEquals(world.delays, [{ attempt: 1, delay: least + 0.5 }]);
      await world.end();
    }
  });
});
