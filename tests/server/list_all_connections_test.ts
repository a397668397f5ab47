import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { RawPeers } from "../helpers/raw_peers.ts";
import { WatchedServer } from "../helpers/watched_server.ts";

describe("createWebSocketServer().listAllConnections()", () => {
  it("returns a plain array at once, oldest first, of one's own", async () => {
    await using watched = await WatchedServer.start();
    const { server } = watched;
    assertEquals(server.listAllConnections(), []);
    await using peers = new RawPeers(watched);
    const [first] = await peers.connectMany(3);
    await watched.connected(3);
    const list = server.listAllConnections();
    assert(Array.isArray(list));
    assertEquals(list.length, 3);
    for (const [i, connection] of list.entries()) {
      assertStrictEquals(connection, watched.connections[i]);
    }
    assertEquals((await server.listAllConnections()).length, 3); // as programs for the device do
    list.length = 0;
    assertEquals(server.listAllConnections().length, 3);
    assertNotStrictEquals(server.listAllConnections(), server.listAllConnections());
    first!.close();
    await watched.closed();
    assertEquals(server.listAllConnections(), watched.connections.slice(1));
  });

  it("returns nothing when the server is not running", async () => {
    await using watched = new WatchedServer();
    const { server } = watched;
    assertEquals(server.listAllConnections(), []);
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    await using peers = new RawPeers(watched);
    await peers.connect();
    await watched.connected();
    await server.stop();
    assertEquals(server.listAllConnections(), []);
  });
});
