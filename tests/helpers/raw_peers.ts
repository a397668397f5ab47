/** Raw clients of one server, all gone at the end of the block. */

import { assertEquals, assertLess } from "@std/assert";
import { deadline, delay } from "@std/async";
import type { Socket } from "node:net";
import {
  openTcp,
  type RawClientOptions,
  rawConnect,
  rawHandshake,
  type RawPeer,
} from "../peers/raw.ts";
import { LIMIT_MS } from "./watched_server.ts";

/** Raw clients, and plain TCP connections, of one server. */
export class RawPeers implements AsyncDisposable {
  readonly #port: number;
  readonly #sockets: { socket: Socket; closed: Promise<void> }[] = [];

  constructor({ port }: { port: number }) {
    this.#port = port;
  }

  /** One that is let in. */
  async connect(options: RawClientOptions = {}): Promise<RawPeer> {
    const peer = await deadline(rawConnect(this.#port, options), LIMIT_MS);
    this.#keep(peer.socket);
    return peer;
  }

  /** Several that are let in, one after the other. */
  async connectMany(n: number, options: RawClientOptions = {}): Promise<RawPeer[]> {
    const peers = [];
    for (let i = 0; i < n; i++) peers.push(await this.connect(options));
    return peers;
  }

  /** One that is answered somehow: the status and the head of the answer. */
  async handshake(
    options: RawClientOptions = {},
  ): Promise<{ status: number; head: string; peer: RawPeer }> {
    const { status, peer } = await deadline(rawHandshake(this.#port, options), LIMIT_MS);
    this.#keep(peer.socket);
    return { status, head: peer.head, peer };
  }

  /**
   * Takes all the room a server has, and asserts that it is so much: for connections of each of so
   * many clients; gives them. One that has vanished may be noticed late, so those that should get
   * in may ask for 30 s.
   */
  async fillUp(clients: number, perClient: number): Promise<RawPeer[]> {
    const end = performance.now() + 30_000;
    const all = [];
    const client = (n: number) => ({ from: `127.0.0.${n}` });
    for (let n = 1; n <= clients; n++) {
      for (let i = 1; i <= perClient; i++) {
        let { status, peer } = await this.handshake(client(n));
        while (status !== 101) {
          assertLess(performance.now(), end, `${status} to connection ${i} of client ${n}`);
          await delay(10);
          ({ status, peer } = await this.handshake(client(n)));
        }
        all.push(peer);
      }
      assertEquals((await this.handshake(client(n))).status, 429);
    }
    assertEquals((await this.handshake(client(clients + 1))).status, 503);
    return all;
  }

  /** A TCP connection with no handshake. */
  async tcp(options: RawClientOptions = {}): Promise<Socket> {
    const socket = await deadline(openTcp(this.#port, options), LIMIT_MS);
    this.#keep(socket);
    return socket;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#sockets) socket.destroy();
    await deadline(Promise.all(this.#sockets.map(({ closed }) => closed)), LIMIT_MS);
  }

  #keep(socket: Socket): void {
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    this.#sockets.push({ socket, closed });
  }
}
