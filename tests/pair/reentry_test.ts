/** Calls from within events and callbacks, and what two of a kind do to each other. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { EventLog, Session, within } from "../helpers/client.ts";
import { Program, ROOT, RUNTIMES } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, readClose, TEXT } from "../peers/raw.ts";

describe("a client", () => {
  it("keeps the connection that is started in the callback of a refused one", async () => {
    await using session = await Session.start();
    const { ws, url } = session;
    const log = new EventLog(ws);
    const accepted = session.server.accept();
    ws.connect("ws://", () => void ws.connect(url));
    await within(accepted);
    await log.next("openInfo");
    assertEquals([ws.state, ...log.names], ["open", "error", "open", "openInfo"]);
    await within(ws.opened);
    assertEquals(await within(ws.close()), true);
    assertEquals(await within(ws.closed), { code: 1000, reason: "CLOSE_NORMAL" });
  });

  it("ends a 'for await' that was begun before off() of everything", async () => {
    await using session = await Session.start();
    const peer = await session.open();
    const messages = session.ws[Symbol.asyncIterator]();
    for (const event of ["message", "close", "error"] as const) session.ws.off(event);
    peer.send(TEXT, "one");
    assertEquals(await within(messages.next()), { done: false, value: "one" });
    peer.close(1000);
    assertEquals((await within(messages.next())).done, true);
  });

  for (const runtime of RUNTIMES) {
    it(`prints on ${runtime} what a listener beside a 'for await' throws`, async () => {
      const program = Program.run(runtime, `${ROOT}/tests/programs/throw_beside_loop.ts`);
      const { code, stdout, stderr } = await program.ended;
      assertEquals([code, stdout], [0, "hello\n"]);
      assertStringIncludes(stderr, "of the program's own");
    });
  }
});

describe("a server", () => {
  it("tells a peer that is still sending the code it is closed with", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const { server } = watched;
    server.on("messageReceive", ({ clientConnection }) => {
      void server.close(clientConnection, { code: 4001, reason: "enough" }).catch(() => {});
    });
    for (let round = 1; round <= 20; round++) {
      const peer = await peers.connect({ answerClose: false });
      for (let i = 0; i < 50; i++) peer.send(TEXT, "x".repeat(1000));
      assertEquals(readClose(await within(peer.next(CLOSE))), { code: 4001, reason: "enough" });
      peer.close(4001);
      await watched.closed(round);
    }
    assertEquals(watched.errors, []);
  });

  it("keeps two connections apart that a proxy gives the same address and port", async () => {
    await using watched = await WatchedServer.start({ clientAddress: () => "192.0.2.1" });
    await using peers = new RawPeers(watched);
    const { server } = watched;
    const first = await peers.connect({ from: "127.0.0.2" });
    const [one] = server.listAllConnections();
    const localPort = first.socket.localPort;
    const second = await peers.connect({ from: "127.0.0.3", localPort });
    await watched.connected(2);
    assertEquals(server.listAllConnections().map(String), [String(one), String(one)]);
    first.close(1000);
    await watched.closed(1);
    assertEquals(server.listAllConnections().length, 1);
    assertEquals(await server.stop(), true);
    assertEquals(readClose(await within(second.next(CLOSE))).code, 1001);
    assertEquals(watched.closes.length, 2);
  });
});
