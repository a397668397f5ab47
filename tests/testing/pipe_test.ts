/** `./testing`: a connection in memory that is stopped by several, cut meanwhile, or left too early. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocket,
  createWebSocketServer,
  type WebSocketClient,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** A server whose listener is at work until it is told that it is done, and a client. */
async function world(config: Partial<WebSocketServerConfig> = {}) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const log: string[] = [];
  const done: (() => void)[] = [];
  const server = createWebSocketServer({ clock, runtime: network.server });
  server.on("messageReceive", ({ data }) => {
    log.push(`${data}`);
    return config.maxPendingAmount && new Promise<void>((resolve) => done.push(resolve));
  });
  server.on("error", ({ kind }) => log.push(`${kind}`));
  server.on("close", (_, { code }) => log.push(`${code}`));
  await server.start({ serverPort: 80, ...config });
  const ws = createWebSocket({ clock, runtime: network.client });
  ws.on("message", (_, data) => log.push(`client ${data}`));
  ws.on("error", () => {});
  await ws.connect("ws://localhost/");
  await clock.advance(10);
  const [link] = network.links;
  return { clock, network, log, done, server, ws, link: link! };
}

describe("a connection in memory that is held", () => {
  for (const direction of ["toServer", "both"] as const) {
    it(`stays stopped where its reader is at work, though it is released: ${direction}`, async () => {
      const { clock, log, done, server, ws, link } = await world({ maxPendingAmount: 4 });
      for (const text of ["first", "other", "third"]) void ws.send(text);
      await clock.advance(10);
      assertEquals(log, ["first"]);
      for (let n = 0; n < 3; n++) {
        link.hold(direction);
        await clock.advance(10);
        link.release(direction);
        await clock.advance(10);
      }
      assertEquals([log, ws.bufferedAmount], [["first"], 10]);
      link.hold(direction);
      done[0]!();
      await clock.advance(10);
      assertEquals(log, ["first"], "the reader goes on, and it is held");
      link.release(direction);
      await clock.advance(10);
      assertEquals(log, ["first", "other"]);
      done[1]!();
      await clock.advance(10);
      assertEquals([log, ws.bufferedAmount], [["first", "other", "third"], 0]);
      done[2]!();
      await clock.until(ws[Symbol.asyncDispose]());
      await clock.until(server.stop());
    });
  }

  it("has nothing come that was held when it was cut, whatever is done to it then", async () => {
    for (const again of [false, true]) {
      const { clock, log, server, ws, link } = await world();
      link.hold();
      for (const text of ["one", "two"]) void ws.send(text);
      await server.send("three", server.listAllConnections()[0]!);
      await clock.advance(10); // their time has come
      link.cut();
      if (again) link.hold();
      link.release();
      await clock.advance(10);
      assertEquals([log, ws.state], [["lost", "1006"], "idle"]);
      await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    }
  });

  it("has nothing come that was held for an end which is over, though the other has not heard", async () => {
    const { clock, log, server, ws, link } = await world();
    link.hold();
    for (const text of ["one", "two"]) void ws.send(text);
    await clock.advance(10);
    await server.terminate(server.listAllConnections()[0]!);
    await clock.advance(10);
    assertEquals([log, ws.state], [["1006"], "open"]);
    for (let n = 0; n < 2; n++) {
      link.hold("toServer");
      link.release("toServer");
      await clock.advance(10);
    }
    assertEquals([log, ws.state], [["1006"], "open"]);
    link.hold();
    link.release();
    await clock.advance(10);
    assertEquals([log, ws.state], [["1006"], "idle"]);
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  });
});

describe("what is sent in memory", () => {
  for (const [text, arrives] of [["a\ud800b", "a\ufffdb"], ["\udfff", "\ufffd"], ["😀", "😀"]]) {
    it(`arrives as UTF-8 can say it: ${JSON.stringify(text)}`, async () => {
      const { clock, log, server, ws } = await world();
      await ws.send(text!);
      await server.send(text!, server.listAllConnections()[0]!);
      await server.broadcast(text!);
      await clock.advance(10);
      assertEquals(log.sort(), [arrives, `client ${arrives}`, `client ${arrives}`].sort());
      await clock.until(ws[Symbol.asyncDispose]());
      await clock.until(server.stop());
    });
  }
});

describe("a client in memory that leaves while it waits to be let in", () => {
  const ways: [name: string, leave: (ws: WebSocketClient, network: MemoryNetwork) => unknown][] = [
    ["as it closes", (ws) => ws.close()],
    ["as its link is cut", (_, network) => network.links[0]!.cut()],
  ];
  for (const [name, leave] of ways) {
    it(`is heard of by whoever looks whether to: ${name}`, async () => {
      const clock = new FakeClock();
      const network = new MemoryNetwork({ clock });
      const observed: string[] = [];
      const observer = { abandoned: () => observed.push("abandoned") };
      const server = createWebSocketServer({ clock, runtime: network.server, observer });
      let signal!: AbortSignal;
      const authorize = (request: Request) => {
        ({ signal } = request);
        return new Promise<true>((resolve) =>
          signal.addEventListener("abort", () => resolve(true), { once: true })
        );
      };
      server.on("connect", () => observed.push("connect"));
      await server.start({ serverPort: 80, authorize });
      const ws = createWebSocket({ clock, runtime: network.client });
      ws.on("error", () => {});
      await ws.connect("ws://localhost/");
      await clock.advance(10);
      assertEquals([signal.aborted, observed], [false, []]);
      await leave(ws, network);
      await clock.advance(10);
      assertEquals([signal.aborted, observed, ws.state], [true, ["abandoned"], "idle"]);
      await clock.until(server.stop());
      assertEquals(clock.pending, 0);
    });
  }
});

describe("a host in memory that is slow", () => {
  it("has a mounted server let nobody in who has left meanwhile", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    const log: string[] = [];
    server.on("connect", () => log.push("connect"));
    server.on("close", () => log.push("close"));
    const mount = await server.mount({ maxConnections: 1 });
    const gates: (() => void)[] = [];
    const host = network.serve(80, async (request, info) => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return await mount.fetch(request, info) ?? new Response(null, { status: 404 });
    });
    const make = () => createWebSocket({ clock, runtime: network.client });
    const [left, stays] = [make(), make()];
    for (const ws of [left, stays]) {
      ws.on("error", () => {});
      await ws.connect("ws://localhost/");
    }
    await clock.advance(10);
    await left.close();
    await clock.advance(10);
    for (const open of gates) open();
    await clock.advance(10);
    assertEquals([log, left.state, stays.state], [["connect"], "idle", "open"]);
    assertEquals(server.listAllConnections().length, 1);
    await clock.until(stays[Symbol.asyncDispose]());
    await clock.until(server.stop());
    host.stop();
    assertEquals([log, clock.pending, network.links], [["connect", "close"], 0, []]);
  });
});
