/** States other than open, crossed with what can be read and asked then; and what is left after each. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketClient } from "../../mod.ts";
import { Heartbeat } from "../../heartbeat.ts";
import { FakeClock } from "../../testing.ts";
import { answer } from "../helpers/answer.ts";
import { countListeners } from "../helpers/leftovers.ts";
import { MemoryPair, RTT } from "../helpers/memory_pair.ts";
import { ScriptedServer, TopicSocket } from "../helpers/scripted_runtime.ts";

const URL = "ws://localhost:80/";

const CHAT = { protocol: "chat" };
const RECONNECT = { reconnect: { minDelay: 1, maxDelay: 1, maxQueued: 9, random: () => 1 } };

/** How each state is reached, with a client that reconnects or not. */
const STATES: Record<string, (pair: MemoryPair) => Promise<void>> = {
  idle: () => Promise.resolve(),
  connecting: async (pair) => void await pair.ws.connect(URL, CHAT),
  open: async (pair) => void await pair.open(CHAT),
  closing: async (pair) => {
    await pair.open(CHAT);
    await pair.ws.close();
  },
  "idle again": async (pair) => {
    await pair.open(CHAT);
    await pair.close();
  },
  reconnecting: async (pair) => {
    await pair.open(CHAT);
    pair.network.links[0]!.cut();
    await pair.clock.advance(RTT);
  },
  "idle after a loss": async (pair) => {
    await pair.open(CHAT);
    pair.network.links[0]!.cut();
    await pair.clock.advance(RTT);
  },
};

/** What drained() answers; what is read: state, protocol; what send() and connect() answer; what is queued. */
const ANSWERS: [reconnects: boolean, state: string, ...answers: unknown[]][] = [
  [false, "idle", false, "idle", "", "notOpen", 0],
  [false, "connecting", true, "connecting", "", true, "alreadyConnected", 5],
  [false, "open", true, "open", "chat", true, "alreadyConnected", 5],
  [false, "closing", false, "closing", "", "notOpen", "alreadyConnected", 0],
  [false, "idle again", false, "idle", "", "notOpen", 0],
  [false, "idle after a loss", false, "idle", "", "notOpen", 0],
  [true, "connecting", true, "connecting", "", false, "alreadyConnected", 5],
  [true, "open", true, "open", "chat", true, "alreadyConnected", 5],
  [true, "closing", false, "closing", "", "notOpen", "alreadyConnected", 0],
  [true, "reconnecting", true, "reconnecting", "", false, "alreadyConnected", 5],
];

describe("a client in each state", () => {
  for (const [reconnects, state, ...expected] of ANSWERS) {
    it(`that ${reconnects ? "reconnects" : "does not reconnect"}: ${state}`, async () => {
      await using pair = await MemoryPair.start({
        client: reconnects ? RECONNECT : {},
        config: { protocol: "chat" },
      });
      await STATES[state]!(pair);
      const { ws } = pair;
      const heard: unknown[] = [];
      pair.server.on("messageReceive", ({ data }) => heard.push(data));
      const drained = answer(ws.drained());
      const sent = await answer(ws.send("12345"));
      const got: unknown[] = [ws.state, ws.protocol, sent];
      if (ws.state !== "idle") got.push(await answer(ws.connect(URL)));
      got.push(ws.bufferedAmount);
      const [drains, ...more] = expected;
      assertEquals(got, more);
      if (reconnects && sent === false) {
        assertEquals(await answer(ws.send("1234")), false);
        assertEquals([await answer(ws.send("1")), ws.bufferedAmount], ["queueFull", 9]);
      }
      await pair.clock.advance(1000 + 2 * RTT);
      const arrives = sent === "notOpen" ? [] : sent === false ? ["12345", "1234"] : ["12345"];
      assertEquals([heard, ws.bufferedAmount, await drained], [arrives, 0, drains]);
    });
  }

  it("counts what is queued by the old connection no longer once another follows", async () => {
    await using pair = await MemoryPair.start({ client: RECONNECT });
    const one = await pair.open();
    pair.network.links[0]!.hold("toServer");
    await pair.ws.send("12345");
    assertEquals(pair.ws.bufferedAmount, 5);
    await pair.server.close(one, { code: 1012 });
    await pair.clock.advance(RTT);
    assertEquals([pair.ws.state, pair.ws.bufferedAmount], ["reconnecting", 0]);
  });

  it("keeps `opened` and `closed` to itself where a URL is refused", async () => {
    await using pair = await MemoryPair.start();
    const { opened, closed } = pair.ws;
    let settled = 0;
    for (const promise of [opened, closed]) promise.then(() => settled++, () => settled++);
    assertEquals(await answer(pair.ws.connect("http//nowhere")), "url");
    assertEquals([settled, pair.ws.opened === opened, pair.ws.closed === closed], [0, true, true]);
    await pair.open();
    assertEquals(await opened, await pair.ws.opened);
    assertEquals(settled, 1);
  });

  it("has new `opened` and `closed` for a URL with no host, and nothing to read", async () => {
    await using pair = await MemoryPair.start();
    await pair.open();
    await pair.close();
    assertEquals((await pair.ws.closed).code, 1000);
    assertEquals(await answer(pair.ws.connect("ws://")), "noHost");
    const { closed, opened } = pair.ws;
    const read = pair.ws[Symbol.asyncIterator]().next();
    const kinds = await Promise.all([opened, closed, read].map(answer));
    assertEquals(kinds, ["connectFailed", "connectFailed", "connectFailed"]);
    await pair.open();
    assertEquals((await pair.ws.opened).status, 101);
  });

  it("connects again inside 'close' while `for await` waits, which ends", async () => {
    await using pair = await MemoryPair.start();
    await pair.open();
    const heard: unknown[] = [];
    const read = (async () => {
      for await (const data of pair.ws) heard.push(data);
      heard.push("end");
    })();
    let again: Promise<unknown> | undefined;
    pair.ws.on("close", () => again ??= pair.ws.connect(URL));
    const one = pair.server.listAllConnections()[0]!;
    await pair.server.send("one", one);
    await pair.server.close(one);
    await pair.clock.advance(4 * RTT);
    await read;
    assertEquals([heard, await again, pair.ws.state], [["one", "end"], true, "open"]);
    pair.ws.off("close");
  });
});

describe("the listeners on a signal", () => {
  const ENDS: Record<string, (pair: MemoryPair) => unknown> = {
    "close()": ({ ws }) => ws.close(),
    "the server's close()": ({ server }) => server.close(server.listAllConnections()[0]!),
    "a loss": ({ network }) => network.links[0]!.cut(),
    "an attempt that fails": () => {},
  };
  for (const [name, end] of Object.entries(ENDS)) {
    for (const reconnects of [false, true]) {
      it(`are gone after ${name}, ${reconnects ? "with" : "without"} reconnect`, async () => {
        await using pair = await MemoryPair.start({
          client: reconnects ? { reconnect: { shouldReconnect: () => false } } : {},
        });
        const { signal } = new AbortController();
        const count = countListeners(signal);
        const fails = name === "an attempt that fails";
        await pair.ws.connect(fails ? "ws://localhost:81/" : URL, { signal });
        assertEquals(count(), 1);
        await pair.clock.advance(RTT);
        await end(pair);
        await pair.clock.advance(2 * RTT);
        assertEquals([pair.ws.state, count()], ["idle", 0]);
      });
    }
  }

  it("are none where it has aborted already, or the URL is refused", async () => {
    await using pair = await MemoryPair.start();
    for (const signal of [AbortSignal.abort(), new AbortController().signal]) {
      const count = countListeners(signal);
      await answer(pair.ws.connect(signal.aborted ? URL : "nothing", { signal }));
      await pair.clock.advance(RTT);
      assertEquals([pair.ws.state, count()], ["idle", 0]);
    }
  });
});

describe("Heartbeat.close()", () => {
  it("in the grace after a stall: nobody is dead later, and no timer is left", async () => {
    const clock = new FakeClock();
    const heartbeat = new Heartbeat({ pingInterval: 4, pongTimeout: 2 }, clock);
    const log: string[] = [];
    heartbeat.add({ ping: () => log.push("ping"), dead: () => log.push("dead") });
    await clock.advance(4000);
    clock.block(2101);
    assertEquals(log, ["ping"]);
    heartbeat.close();
    assertEquals(clock.pending, 0);
    await clock.advance(10_000);
    assertEquals(log, ["ping"]);
  });

  for (const [late, deadAt] of [[100, 0], [101, 250]] as const) {
    it(`a Pong that is overdue by ${late} ms of a stall: dead ${deadAt} ms later`, async () => {
      const clock = new FakeClock();
      const heartbeat = new Heartbeat({ pingInterval: 30, pongTimeout: 2 }, clock);
      let dead: number | undefined;
      heartbeat.add({ ping: () => {}, dead: () => dead = clock.now() });
      await clock.advance(30_000);
      clock.block(2000 + late);
      const blocked = clock.now();
      await clock.advance(1000);
      assertEquals(dead! - blocked, deadAt);
      assertEquals(clock.pending, 0);
    });
  }
});

describe("topics on a runtime that has its own", () => {
  /** A server of three connections with a queue of so many bytes each. */
  async function three(slowPeer: "drop" | "refuse") {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    runtime.published = [];
    const server = createWebSocketServer({ clock, runtime });
    await server.start({ serverPort: 80, maxBufferedAmount: 1000, slowPeer });
    const log: string[] = [];
    server.on("close", ({ clientPort }, { code }) => log.push(`close ${clientPort} ${code}`));
    const sockets = [1, 2, 3].map((port) => {
      const socket = new TopicSocket();
      runtime.enter(port).open(socket);
      return socket;
    });
    return { clock, runtime, server, log, sockets, all: server.listAllConnections() };
  }

  it("measures all queues after more than a quarter of the limit: a slow one of another topic, too", async () => {
    const { clock, server, log, sockets, all } = await three("drop");
    await server.join(all[0]!, "news");
    await server.join(all[1]!, "other");
    for (const socket of sockets) socket.bufferedAmount = 1001;
    sockets[0]!.bufferedAmount = 1000;
    const published = await server.publish("news", new Uint8Array(250));
    await clock.advance(0);
    assertEquals([published, log], [{ sent: 1, tooSlow: 0 }, []]);
    assertEquals(await server.publish("news", new Uint8Array(1)), { sent: 1, tooSlow: 0 });
    await clock.advance(0);
    // The third is in no topic: its queue is none of a topic's.
    assertEquals(log, ["close 2 1013"]);
  });

  it("leaves who is slow out, and no other, where a slow peer is to stay", async () => {
    const { runtime, server, log, sockets, all } = await three("refuse");
    for (const one of all) await server.join(one, "news");
    sockets[1]!.bufferedAmount = 996;
    assertEquals(await server.publish("news", "123ö"), { sent: 2, tooSlow: 1 });
    assertEquals(await server.publish("news", "1234"), { sent: 3, tooSlow: 0 });
    const except = all[1]!; // whom it is not for is not too slow for it
    assertEquals(await server.publish("news", "12345", { except }), { sent: 2, tooSlow: 0 });
    assertEquals([log, sockets[1]!.calls.includes("publish topic 1 12345")], [[], true]);
    assertEquals(runtime.published, ["topic 1 1234"]);
  });

  it("excepts one by the runtime and two by hand", async () => {
    const { runtime, server, sockets, all } = await three("drop");
    for (const one of all) await server.join(one, "news");
    const [a, b, c] = all;
    assertEquals(await server.publish("news", "1", { except: a! }), { sent: 2, tooSlow: 0 });
    assertEquals(await server.publish("news", "2", { except: [a!, b!] }), { sent: 1, tooSlow: 0 });
    await server.leave(c!, "news");
    assertEquals(await server.publish("news", "3", { except: c! }), { sent: 2, tooSlow: 0 });
    assertEquals(runtime.published, ["topic 1 3"]);
    assertEquals(sockets.map(({ calls }) => calls), [
      ["join topic 1", "publish topic 1 1"],
      ["join topic 1"],
      ["join topic 1", "send", "leave topic 1"],
    ]);
  });
});

describe("a client's stats", () => {
  it("have no connection left after each end", async () => {
    for (const how of ["close", "cut", "refused"]) {
      await using pair = await MemoryPair.start({ client: { stats: true } });
      const { ws } = pair as { ws: WebSocketClient };
      if (how === "refused") await ws.connect("ws://localhost:81/");
      else await pair.open();
      assertEquals(ws.stats()!.connections, how === "refused" ? 0 : 1);
      if (how === "close") await ws.close();
      if (how === "cut") pair.network.links[0]!.cut();
      await pair.clock.advance(2 * RTT);
      const { connections, opened, closed } = ws.stats()!;
      assertEquals([how, connections, opened - closed], [how, 0, 0]);
    }
  });
});
