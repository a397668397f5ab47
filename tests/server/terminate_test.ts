/** Dropping a connection at once. */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, TEXT } from "../peers/raw.ts";
import { fill, NO_CONNECTIONS, stalled } from "../helpers/stalled_peer.ts";

describe("server.terminate()", () => {
  it("drops a peer at once, with 'close' at the end of the turn and no 'error'", async () => {
    await using it = await stalled();
    const { server, connection, peer, watched } = it;
    await fill(watched, connection);
    const answer = server.terminate({ ...connection });
    assertEquals(watched.log, ["connect"]);
    assertEquals(await answer, true);
    await Promise.resolve();
    assertEquals(watched.log, ["connect", "close 1006 Terminated"]);
    assertEquals(server.listAllConnections(), []);
    peer.socket.resume();
    await deadline(peer.ended, LIMIT_MS);
    assertEquals(peer.frames.filter(({ opcode }) => opcode === CLOSE), []);
  });

  it("drops one that is closing and whose peer does not answer, also after its 'close'", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const { server } = watched;
    for (const told of [false, true]) {
      const peer = await peers.connect({ answerClose: false });
      const connection = await watched.connected(told ? 2 : 1);
      peer.socket.pause();
      await fill(watched, connection); // so that no runtime is done with it at once
      await server.close(connection, { code: 4001, reason: "bye" });
      if (told) await watched.closed(2);
      assertEquals(await server.terminate(connection), true);
      await watched.closed(told ? 2 : 1);
      await assertRefused(() => server.terminate(connection), 2302006);
      peer.socket.resume();
      await deadline(peer.ended, LIMIT_MS);
    }
    const once = ["connect", "close 4001 bye"];
    assertEquals(watched.log, [...once, ...once]);
    const watch = new Stopwatch();
    assertEquals(await deadline(server.stop(), LIMIT_MS), true);
    watch.assertLess(1000); // nothing is left to wait for
  });

  it("works in every listener", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const { server } = watched;
    server.on("connect", (connection) => void server.terminate(connection));
    const peer = await peers.connect();
    await deadline(peer.ended, LIMIT_MS);
    await watched.closed();
    server.off("connect");
    server.on("messageReceive", ({ clientConnection }) => {
      void server.terminate(clientConnection);
      void server.send("never", clientConnection).catch(() => {});
    });
    const other = await peers.connect();
    other.send(TEXT, "one");
    other.send(TEXT, "two");
    await deadline(other.ended, LIMIT_MS);
    await watched.closed(2);
    assertEquals(watched.closes.map(({ code, reason }) => `${code} ${reason}`), [
      "1006 Terminated",
      "1006 Terminated",
    ]);
    assertEquals(other.texts(), []);
    assertEquals(watched.messages.length, 1);
    assertEquals(watched.errors, []);
  });

  it("is refused where there is nothing to drop", async () => {
    const server = createWebSocketServer();
    const nobody = { clientIP: "127.0.0.1", clientPort: 1 };
    await assertRefused(() => server.terminate(nobody), 2302006, "terminate: ");
    for (const wrong of NO_CONNECTIONS) {
      await assertRefused(() => server.terminate(wrong as never), 401, "terminate: the connection");
    }
  });
});
