import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { requestHead, TEXT, textOf } from "../peers/raw.ts";

const HOST = "127.0.0.1";

/** Asserts that who asks for a server at another address of this machine does not get to it. */
async function assertNotAt(watched: WatchedServer, peers: RawPeers, host: string): Promise<void> {
  const before = watched.connections.length;
  // Somebody else may have the same port there.
  await peers.tcp({ host }).then((socket) => socket.write(requestHead(watched.port)), () => {});
  await peers.connect({ host: watched.server.address!.hostname });
  await watched.connected(before + 1);
  assertEquals(watched.connections.length, before + 1);
}

describe("createWebSocketServer().start({ serverIP })", () => {
  it("listens on the one IPv4 address it was told", async () => {
    await using watched = await WatchedServer.start({ serverIP: "127.0.0.2" });
    assertEquals(watched.server.address!.hostname, "127.0.0.2");
    await using peers = new RawPeers(watched);
    await peers.connect({ host: "127.0.0.2" });
    await assertNotAt(watched, peers, HOST);
    await assertNotAt(watched, peers, "::1");
  });

  it("listens on the one IPv6 address it was told", async () => {
    await using watched = await WatchedServer.start({ serverIP: "::1" });
    assertEquals(watched.server.address!.hostname, "::1");
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ host: "::1" });
    const connection = await watched.connected();
    const port = peer.socket.localPort!;
    assertEquals({ ...connection }, { clientIP: "::1", clientPort: port });
    assertEquals(String(connection), `[::1]:${port}`);
    await assertNotAt(watched, peers, HOST);
  });

  for (
    const [serverIP, hostname] of [
      ["0:0:0:0:0:0:0:1", "::1"],
      ["::0001", "::1"],
      ["::0", "::"],
      ["::FFFF:7f00:1", HOST],
      [`::ffff:${HOST}`, HOST],
    ] as const
  ) {
    it(`tells ${serverIP} as ${hostname} in its address`, async () => {
      await using watched = await WatchedServer.start({ serverIP });
      assertEquals(watched.server.address!.hostname, hostname);
      await using peers = new RawPeers(watched);
      await peers.connect({ host: hostname });
      await watched.connected();
    });
  }

  it("listens on both families when serverIP is ''", async () => {
    await using watched = await WatchedServer.start({ serverIP: "" });
    assertEquals(watched.server.address!.hostname, "::");
    await using peers = new RawPeers(watched);
    for (const host of [HOST, "::1"]) await peers.connect({ host });
    await watched.connected(2);
  });

  it("listens on both families when serverIP is left out, an IPv4 peer being plain IPv4", async () => {
    await using watched = new WatchedServer();
    await watched.server.start({ serverPort: 0 });
    assertEquals(watched.server.address!.hostname, "::");
    await using peers = new RawPeers(watched);
    const four = await peers.connect({ host: HOST });
    const plain = await watched.connected(1);
    assertEquals({ ...plain }, { clientIP: HOST, clientPort: four.socket.localPort! });
    assertEquals(String(plain), `${HOST}:${four.socket.localPort}`);
    const six = await peers.connect({ host: "::1" });
    const other = await watched.connected(2);
    assertEquals({ ...other }, { clientIP: "::1", clientPort: six.socket.localPort! });
    assertEquals(await watched.server.send("four", { ...plain }), true);
    assertEquals(textOf((await deadline(four.next(TEXT), LIMIT_MS)).payload), "four");
  });

  it("listens on all of IPv4 when serverIP is 0.0.0.0", async () => {
    await using watched = await WatchedServer.start({ serverIP: "0.0.0.0" });
    await using peers = new RawPeers(watched);
    for (const host of [HOST, "127.0.0.2"]) await peers.connect({ host });
    await assertNotAt(watched, peers, "::1");
  });

  for (const serverIP of ["192.0.2.1", "fe80::1", "2001:db8::1"]) {
    it(`refuses ${serverIP}, which is not this machine's: 2302004`, async () => {
      const server = createWebSocketServer();
      await assertRefused(() => server.start({ serverPort: 0, serverIP }), 2302004, serverIP);
      assertEquals(server.address, undefined);
      assertEquals(await server.start({ serverPort: 0, serverIP: HOST }), true);
      assertEquals(await server.stop(), true);
    });
  }
});
