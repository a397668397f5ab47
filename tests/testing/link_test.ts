/** `./testing`: what is done to a connection in memory, in which direction, and who hears of it. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  createWebSocket,
  createWebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import type { ClientRuntime, DialRequest } from "../../runtime/contract.ts";
import { type Direction, FakeClock, MemoryNetwork } from "../../testing.ts";
import { LATENCY, MemoryPair } from "../helpers/memory_pair.ts";

/** A pair, its link, and what each end is told. */
async function open(config: Partial<WebSocketServerConfig> = {}) {
  const pair = await MemoryPair.start({ config });
  const told: unknown[] = [];
  pair.server.on("messageReceive", ({ data }) => void told.push(data));
  pair.server.on("close", (_, { code }) => told.push(`server ${code}`));
  pair.ws.on("message", (_, data) => told.push(data));
  pair.ws.on("close", (_, { code }) => told.push(`client ${code}`));
  const connection = await pair.open();
  return { pair, told, connection, link: pair.network.links[0]! };
}

describe("a link", () => {
  it("refuses a direction that there is not, and does nothing then", async () => {
    const { pair, told, link } = await open();
    for (const name of ["hold", "release"] as const) {
      for (const direction of ["up", "", null, 1] as never[]) {
        const { code, message } = assertThrows(() => link[name](direction), BusinessError);
        const rule = "link: direction must be 'toServer' or 'toClient' or 'both'";
        assertEquals([code, message.includes(rule)], [401, true], message);
      }
    }
    await pair.ws.send("through");
    await pair.clock.advance(LATENCY);
    assertEquals(told, ["through"]);
    await pair[Symbol.asyncDispose]();
  });

  it("holds and releases one direction or both", async () => {
    const rows: [Direction | undefined, boolean, boolean][] = [
      ["toServer", true, false],
      ["toClient", false, true],
      ["both", true, true],
      [undefined, true, true],
    ];
    for (const [direction, holdsUp, holdsDown] of rows) {
      const { pair, told, connection, link } = await open();
      link.hold(direction);
      await pair.ws.send("up");
      await pair.server.send("down", connection);
      await pair.clock.advance(100);
      const through = [...(holdsUp ? [] : ["up"]), ...(holdsDown ? [] : ["down"])];
      assertEquals([direction, ...told.splice(0)], [direction, ...through]);
      link.release(direction);
      await pair.clock.advance(100);
      assertEquals([direction, told.length], [direction, 2 - through.length]);
      await pair[Symbol.asyncDispose]();
    }
  });

  it("stays held while its end does not read, and the other way round", async () => {
    for (const first of ["link", "reader"]) {
      const work = Promise.withResolvers<void>();
      const { pair, told, link } = await open({ maxPendingAmount: 1 });
      pair.server.on("messageReceive", () => work.promise);
      await pair.ws.send("one");
      await pair.clock.advance(LATENCY); // from here on nothing is read
      await pair.ws.send("two");
      link.hold();
      await pair.clock.advance(100);
      if (first === "link") link.release();
      else work.resolve();
      await pair.clock.advance(100);
      assertEquals([first, ...told], [first, "one"]);
      if (first === "link") work.resolve();
      else link.release();
      await pair.clock.advance(100);
      assertEquals(told, ["one", "two"]);
      await pair[Symbol.asyncDispose]();
    }
  });

  it("that is held is lost at both ends all the same where it is cut", async () => {
    const { pair, told, link } = await open();
    link.hold();
    link.cut();
    await pair.clock.advance(LATENCY);
    assertEquals(told.sort(), ["client 1006", "server 1006"]);
    await pair[Symbol.asyncDispose]();
  });

  it("that is cut has forgotten what it held, be it held again", async () => {
    const { pair, told, link } = await open();
    link.hold();
    await pair.ws.send("held");
    await pair.clock.advance(100);
    link.cut();
    link.hold();
    await pair.clock.advance(100);
    assertEquals(told, []);
    link.release();
    await pair.clock.advance(100);
    assertEquals(told.sort(), ["client 1006", "server 1006"]);
    link.cut();
    await pair.clock.advance(100);
    assertEquals([told.length, pair.network.links], [2, []]);
    await pair[Symbol.asyncDispose]();
  });
});

describe("a link that is not open yet", () => {
  it("is reset where it is cut, and is then no connection of the server's", async () => {
    for (const ms of [0, LATENCY + 1]) {
      const pair = await MemoryPair.start();
      const failed: string[] = [];
      pair.ws.on("error", ({ message }) => failed.push(message));
      await pair.ws.connect("ws://localhost/");
      await pair.clock.advance(ms);
      pair.network.links[0]!.cut();
      await pair.clock.advance(100);
      assertEquals(failed, ["Websocket connect failed: the connection was reset"]);
      assertEquals([pair.network.links, pair.server.listAllConnections()], [[], []]);
      await pair[Symbol.asyncDispose]();
    }
  });

  it("is none any more where the server's answer comes after its client has left", async () => {
    const pair = await MemoryPair.start();
    await pair.ws.connect("ws://localhost:80/");
    await pair.clock.advance(LATENCY - 1);
    await pair.ws.close();
    await pair.clock.advance(1);
    assertEquals(pair.server.listAllConnections().length, 1); // which has not heard of it
    const [link] = pair.network.links;
    link!.hold();
    await pair.clock.advance(LATENCY - 1);
    link!.release(); // so the answer overtakes what tells of the end
    await pair.clock.advance(100);
    assertEquals([pair.server.listAllConnections(), pair.network.links], [[], []]);
    await pair[Symbol.asyncDispose]();
  });

  it("is none where its client leaves in the turn in which it is let in", async () => {
    let letIn!: (answer: true) => void;
    const { pair, told } = await open({
      authorize: () => new Promise((resolve) => letIn = resolve),
    });
    let connected = 0;
    pair.server.on("connect", () => void connected++);
    await pair.ws.close();
    letIn(true);
    pair.clock.tick(LATENCY);
    await pair.clock.advance(100);
    assertEquals([connected, told, pair.network.links], [0, ["client 1000"], []]);
    await pair[Symbol.asyncDispose]();
  });
});

describe("the signal of a request in memory", () => {
  it("aborts when the server hears that the client has left, not before", async () => {
    const pair = await MemoryPair.start();
    let signal!: AbortSignal;
    const host = pair.network.serve(81, (request) => {
      ({ signal } = request);
      return new Promise<Response>(() => {});
    });
    await pair.ws.connect("ws://localhost:81/");
    await pair.clock.advance(LATENCY);
    assertEquals(signal.aborted, false);
    await pair.ws.close();
    await pair.clock.advance(LATENCY - 1);
    assertEquals(signal.aborted, false);
    await pair.clock.advance(1);
    assertEquals(signal.aborted, true);
    host.stop();
    await pair[Symbol.asyncDispose]();
  });
});

describe("a link whose request a host asks for twice", () => {
  for (
    const [when, authorize] of [["", undefined], [", later", () => Promise.resolve(true)]] as const
  ) {
    it(`becomes one connection, as on a runtime, and the host hears of it${when}`, async () => {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const server = createWebSocketServer({ clock, runtime: network.server });
      const told: unknown[] = [];
      server.on("connect", () => told.push("connect"));
      server.on("error", ({ kind }) => told.push(kind));
      server.on("close", (_, { code }) => told.push(code));
      const mount = await server.mount({ authorize: authorize as never });
      const host = network.serve(80, async (request, info) => {
        const [one, other] = [mount.fetch(request, info)!, mount.fetch(request, info)!];
        const answer = await one;
        told.push((await other).status);
        return answer;
      });
      const ws = createWebSocket({ clock, runtime: network.client });
      await ws.connect("ws://localhost/");
      await clock.advance(10);
      assertEquals([told.splice(0), ws.state], [["connect", "hostFault", 500], "open"]);
      await ws.close();
      await clock.advance(10);
      assertEquals([told, server.listAllConnections()], [[1000], []]);
      await clock.until(server.stop());
      host.stop();
      assertEquals([clock.pending, network.links], [0, []]);
    });
  }
});

describe("the peer of a MemoryLink", () => {
  it("is nobody else's, however many are at another address", () => {
    const network = new MemoryNetwork({ clock: new FakeClock() });
    const tls = { insecure: false, minVersion: 0 };
    const request: DialRequest = {
      ...{ url: "ws://localhost/", headers: {}, protocols: [], proxy: "no-proxy" },
      tls,
    };
    const none = () => {};
    const dial = (runtime: ClientRuntime) =>
      runtime.dial(request, { open: none, message: none, alive: none, closed: none });
    dial(network.client);
    const other = network.clientAt("10.0.0.9");
    for (let n = 1; n < 16384; n++) dial(other);
    dial(network.client);
    const peers = network.links.map(({ peer: { hostname, port } }) => `${hostname} ${port}`);
    assertEquals(new Set(peers).size, 16385);
  });
});
