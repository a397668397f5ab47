/** `./testing`: what the two ends of a connection in memory tell each other. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

type BinaryType = "arraybuffer" | "uint8array";

/** A server that sends all back, a client, and what both are told. */
async function world(server?: BinaryType, client?: BinaryType) {
  const clock = new FakeClock();
  const network = new MemoryNetwork({ clock });
  const log: string[] = [];
  const show = (data: unknown) =>
    typeof data === "string" ? data : Object.prototype.toString.call(data).slice(8, -1);
  const served = createWebSocketServer({
    clock,
    runtime: network.server,
    binaryType: server as "arraybuffer",
  });
  served.on("messageReceive", ({ clientConnection, data }) => {
    log.push(`server ${show(data)}`);
    void served.send(data, clientConnection);
  });
  served.on("error", ({ message }) => log.push(`server ${message}`));
  served.on("close", (_, { code }) => log.push(`server ${code}`));
  await served.start({ serverPort: 80 });
  const ws = createWebSocket({
    clock,
    runtime: network.client,
    binaryType: client as "arraybuffer",
  });
  ws.on("message", (_, data) => log.push(`client ${show(data)}`));
  ws.on("error", ({ message }) => log.push(`client ${message}`));
  ws.on("close", (_, { code }) => log.push(`client ${code}`));
  await ws.connect("ws://localhost/");
  await clock.advance(10);
  return { clock, network, log, ws, server: served };
}

describe("a connection in memory", () => {
  for (
    const [server, client] of [
      [undefined, undefined],
      ["uint8array", "arraybuffer"],
      ["arraybuffer", "uint8array"],
    ] as const
  ) {
    it(`gives bytes as each end asks for them: ${server}, ${client}`, async () => {
      const it = await world(server, client);
      for (const data of ["text", new Uint8Array([1, 2])]) await it.ws.send(data);
      await it.clock.advance(10);
      const of = (type: BinaryType | undefined) =>
        type === "uint8array" ? "Uint8Array" : "ArrayBuffer";
      assertEquals(it.log, [
        ...["server text", `server ${of(server)}`, "client text", `client ${of(client)}`],
      ]);
      await it.clock.until(it.ws[Symbol.asyncDispose]());
      await it.clock.until(it.server.stop());
    });
  }

  it("that is cut is lost at both ends, and queues nothing any more", async () => {
    const { clock, log, network, server, ws } = await world();
    network.links[0]!.hold();
    await ws.send("held");
    assertEquals(ws.bufferedAmount, 4);
    network.links[0]!.release();
    network.links[0]!.cut();
    assertEquals(ws.bufferedAmount, 4); // it has not heard of that
    await clock.advance(10);
    assertEquals(log, [
      "server Websocket connect failed: 127.0.0.1:49152 was lost",
      "server 1006",
      "client Websocket connect failed: the connection was lost",
      "client 1006",
    ]);
    assertEquals([ws.bufferedAmount, network.links], [0, []]);
    await clock.until(server.stop());
  });

  it("is over in that turn for who drops it, and a latency later for the other end", async () => {
    const { clock, log, server, ws } = await world();
    const [connection] = server.listAllConnections();
    await ws.send("on its way");
    await server.terminate(connection!);
    assertEquals(ws.state, "open");
    await clock.advance(10);
    assertEquals(log, [
      "server 1006",
      "client Websocket connect failed: the connection was lost",
      "client 1006",
    ]);
    await clock.until(server.stop());
  });
});

describe("a socket of the network in memory, as a runtime's", () => {
  it("has nothing queued once it is over, however much was", async () => {
    for (const end of ["terminate", "cut", "the server's end"] as const) {
      const { clock, network, ws, server } = await world();
      await ws.close();
      await clock.advance(10);
      const socket = network.client.dial({
        ...{ url: "ws://localhost/", headers: {}, protocols: [], proxy: "no-proxy" },
        tls: { insecure: false, minVersion: 0 },
      }, { open() {}, message() {}, alive() {}, closed() {} });
      await clock.advance(10);
      const [link] = network.links;
      link!.hold("toServer");
      socket.send("12ö");
      await clock.advance(10);
      assertEquals(socket.bufferedAmount, 4);
      if (end === "terminate") socket.terminate();
      else if (end === "cut") link!.cut();
      else await server.terminate(server.listAllConnections()[0]!);
      await clock.advance(10);
      assertEquals([end, socket.bufferedAmount], [end, 0]);
      await clock.until(server.stop());
    }
  });
});
