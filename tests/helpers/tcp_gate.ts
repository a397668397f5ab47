/** A TCP proxy on loopback whose connections are all held, cut, or lost at once. */

import { connect, createServer, type Socket } from "node:net";

/**
 * What becomes of what is sent: it passes, it waits, nothing comes back, or it is lost, new
 * connections included.
 */
export type GateState = "open" | "held" | "one way" | "black hole";

/** The proxy. */
export class TcpGate implements AsyncDisposable {
  readonly port: number;
  readonly #server: ReturnType<typeof createServer>;
  readonly #pairs = new Set<[client: Socket, target: Socket]>();
  #state: GateState = "open";
  /** How many connections there were. */
  accepted = 0;
  /** The port that new connections lead to. */
  target: number;

  private constructor(server: ReturnType<typeof createServer>, target: number) {
    this.#server = server;
    this.target = target;
    this.port = (server.address() as { port: number }).port;
    server.on("connection", (client) => {
      this.accepted++;
      const pair: [Socket, Socket] = [client, connect({ host: "127.0.0.1", port: this.target })];
      this.#pairs.add(pair);
      pair.forEach((from, at) => {
        const to = pair[1 - at]!;
        from.setNoDelay(true);
        from.on("error", () => {});
        from.on("data", (bytes: Uint8Array) => {
          const isLost = this.#state === "black hole" || (this.#state === "one way" && at === 1);
          if (!isLost && to.writable) to.write(bytes);
        });
        from.once("close", () => {
          this.#pairs.delete(pair);
          to.destroy();
        });
      });
      this.#apply(pair);
    });
  }

  /** Listens on a free port, before a server on another. */
  static async listen(target: number): Promise<TcpGate> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TcpGate(server, target);
  }

  set state(state: GateState) {
    this.#state = state;
    for (const pair of this.#pairs) this.#apply(pair);
  }

  /** Resets all connections there are. */
  reset(): void {
    for (const pair of [...this.#pairs]) for (const socket of pair) socket.resetAndDestroy();
  }

  #apply(pair: [Socket, Socket]): void {
    for (const socket of pair) {
      if (this.#state === "held") socket.pause();
      else socket.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const pair of [...this.#pairs]) for (const socket of pair) socket.destroy();
    await closed;
  }
}
