/** 100 MB through two Duplexes, each way, and not much of it in memory. */

import { assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tunnelEntrance, tunnelServer } from "../../docs/recipes/tunnel.ts";
import { within } from "../helpers/client.ts";
import { memoryHeld } from "../helpers/memory.ts";
import { HERE } from "../helpers/programs.ts";

const CHUNK = new Uint8Array(1024 * 1024).map((_, i) => i % 251);
const CHUNKS = 100;

/** A connection that goes through a tunnel to a target; and what ends all of it. */
async function through(target: Server): Promise<{ socket: Socket; end(): Promise<void> }> {
  await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
  const server = tunnelServer((target.address() as AddressInfo).port);
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  const entrance = tunnelEntrance(`ws://127.0.0.1:${server.address!.port}/`);
  await new Promise<void>((resolve) => entrance.listen(0, "127.0.0.1", resolve));

  const socket = connect((entrance.address() as AddressInfo).port, "127.0.0.1");
  const end = async () => {
    await server.stop();
    await Promise.all([target, entrance].map((one) => new Promise((done) => one.close(done))));
  };
  return { socket, end };
}

describe("a TCP tunnel through a WebSocket", () => {
  it("takes 100 MB there and back", async () => {
    const target = createServer((socket) => socket.pipe(socket).on("error", () => {}));
    const { socket, end } = await through(target);
    const [sent, received] = [createHash("sha256"), createHash("sha256")];
    const before = memoryHeld();
    let bytes = 0;
    let next = 10 * CHUNK.length;
    let most = 0;
    const ended = new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("data", (chunk: Uint8Array) => {
        received.update(chunk);
        bytes += chunk.length;
        if (bytes >= next) {
          most = Math.max(most, memoryHeld() - before);
          next += 10 * CHUNK.length;
        }
        if (bytes === CHUNKS * CHUNK.length) resolve();
      });
    });
    for (let i = 0; i < CHUNKS; i++) {
      sent.update(CHUNK);
      if (!socket.write(CHUNK)) await Promise.race([once(socket, "drain"), ended]);
    }
    await within(ended, 60_000);
    assertEquals(received.digest("hex"), sent.digest("hex"));
    console.log(`${HERE}: ${Math.round(most / 1024 / 1024)} MiB more at the most`);
    assertLess(most, 160 * 1024 * 1024);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end();
    await within(closed);
    await end();
  });

  it("takes all of what is ended before the WebSocket is open", async () => {
    let received = "";
    const ended = Promise.withResolvers<void>();
    const target = createServer((socket) => {
      socket.on("data", (data: Uint8Array) => received += new TextDecoder().decode(data));
      socket.on("end", ended.resolve).on("error", ended.reject);
    });
    const { socket, end } = await through(target);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end("and that was all");
    await within(ended.promise);
    assertEquals(received, "and that was all");
    await within(closed);
    await end();
  });
});
