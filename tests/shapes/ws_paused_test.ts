/** A socket of `ws` that does not read when its connection ends: the peer's Close frame is read all the same. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { wsServer, type WsSocket } from "../../node.ts";
import { MemoryPair, RTT } from "../helpers/memory_pair.ts";

/** What ends a connection from here, and the code that both ends are told. */
const WAYS: Record<string, [end: (pair: MemoryPair, socket: WsSocket) => unknown, code: number]> = {
  "close() of the socket": [(_, socket) => socket.close(4000), 4000],
  "close() of the server": [({ server }) => {
    const [connection] = server.listAllConnections();
    return server.close(connection!, { code: 4001 });
  }, 4001],
  "stop()": [() => {}, 1001],
};

describe("a socket that is paused", () => {
  for (const [name, [end, code]] of Object.entries(WAYS)) {
    it(`hears at once that the peer has answered after ${name}, and tells no message`, async () => {
      await using pair = await MemoryPair.start();
      const told: unknown[] = [];
      const sockets: WsSocket[] = [];
      wsServer(pair.server).on("connection", (socket) => {
        socket.on("close", (code: number) => told.push(code));
        socket.on("message", (data) => told.push(String(data)));
        socket.pause();
        sockets.push(socket);
      });
      pair.ws.on("open", () => pair.ws.send("under way"));
      pair.ws.on("close", (_, { code }) => told.push(code));
      await pair.open();
      await pair.clock.advance(RTT);
      await end(pair, sockets[0]!);
      const stopped = pair.server.stop().then(() => told.push("stopped"));
      await pair.clock.advance(RTT + 1);
      assertEquals(told, [code, code, "stopped"]);
      await stopped;
      await pair.server.start({ serverPort: 80 });
    });
  }
});
