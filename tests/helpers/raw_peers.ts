/** Raw clients of one server, all gone at the end of the block. */

import { deadline } from "@std/async";
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
