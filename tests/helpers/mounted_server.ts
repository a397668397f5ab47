/** A server that is mounted in a host of the runtime's own, and peers of the host's. */

import { assertEquals } from "@std/assert";
import type { WebSocketMount, WebSocketMountConfig } from "../../mod.ts";
import { RawPeers } from "./raw_peers.ts";
import { type HostHandler, TestHost } from "./test_host.ts";
import { WatchedServer } from "./watched_server.ts";

/** A server that is mounted in a host, and peers of the host's. All are gone at the end of the block. */
export class MountedServer implements AsyncDisposable {
  readonly watched: WatchedServer;
  readonly mount: WebSocketMount;
  readonly host: TestHost;
  readonly peers: RawPeers;

  private constructor(watched: WatchedServer, mount: WebSocketMount, host: TestHost) {
    this.watched = watched;
    this.mount = mount;
    this.host = host;
    this.peers = new RawPeers(host);
  }

  static async start(
    config: WebSocketMountConfig = {},
    handlerOf: (mount: WebSocketMount) => HostHandler = ({ fetch }) => fetch,
    websocketOf: (mount: WebSocketMount) => object | undefined = ({ websocket }) => websocket,
  ): Promise<MountedServer> {
    const watched = new WatchedServer();
    const mount = await watched.server.mount(config);
    const host = new TestHost(handlerOf(mount), { websocket: websocketOf(mount) });
    return new MountedServer(watched, mount, host);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peers[Symbol.asyncDispose]();
    await this.watched[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
  }
}

/** The text of the only 'error' that was told, which must be about the host. */
export function hostFault({ errors }: WatchedServer): string {
  assertEquals(errors.map(({ code, kind }) => [code, kind]), [[2302999, "hostFault"]]);
  return errors[0]!.message;
}
