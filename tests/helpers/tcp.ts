/** Plain TCP, for servers that do not even speak HTTP. */

import { createServer, type Socket } from "node:net";

/** A TCP server on a free port of 127.0.0.1. */
export class TcpServer implements AsyncDisposable {
  readonly port: number;
  readonly #server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: ReturnType<typeof createServer>, serve: (socket: Socket) => void) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.once("close", () => this.#sockets.delete(socket));
      serve(socket);
    });
  }

  /** Listens; `serve` gets each connection. */
  static async listen(serve: (socket: Socket) => void): Promise<TcpServer> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TcpServer(server, serve);
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Where nobody listens: a free port could be taken by another process between two lines. */
export const REFUSED_URL = "ws://127.0.0.1:1/";
