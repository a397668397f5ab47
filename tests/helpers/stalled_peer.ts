/** A server with a peer that reads nothing, and what must be so for anything to be queued to it. */

import { assertLess } from "@std/assert";
import type { WebSocketConnection } from "../../mod.ts";
import { RawPeers } from "./raw_peers.ts";
import { WatchedServer } from "./watched_server.ts";

const MIB = 1024 * 1024;

/** Sends until so much is queued that it does not fit into the system's buffers. */
export async function fill(
  watched: WatchedServer,
  connection: WebSocketConnection,
  bytes = 2 * MIB,
): Promise<void> {
  const { server } = watched;
  for (let sent = 0; server.bufferedAmount(connection) < bytes; sent += MIB) {
    assertLess(sent, 100 * MIB, "nothing is queued");
    await server.send(new Uint8Array(MIB), connection);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** A server with one peer that reads nothing, and something queued to it. */
export async function stalled(config = {}) {
  const watched = await WatchedServer.start(config);
  const peers = new RawPeers(watched);
  const peer = await peers.connect();
  const connection = await watched.connected();
  peer.socket.pause();
  return {
    watched,
    peer,
    connection,
    server: watched.server,
    async [Symbol.asyncDispose]() {
      await peers[Symbol.asyncDispose]();
      await watched[Symbol.asyncDispose]();
    },
  };
}

/** What no call takes for a connection. */
export const NO_CONNECTIONS = [undefined, null, 5, "127.0.0.1:80", {}, { clientIP: "127.0.0.1" }];
