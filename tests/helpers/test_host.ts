/** A server of the runtime's own, in this process, for servers of ours to be mounted in. Programs use it, too. */

import type { HostWebSocketHandler } from "../../mod.ts";
import { type BareBunServer, bun, deno } from "../runtime/bare.ts";

/** Answers requests; `info` is what the runtime hands it beside them. */
export type HostHandler = (
  request: Request,
  info: unknown,
) => Response | Promise<Response> | undefined;

/** What a host is started with. */
export interface HostOptions {
  /** The WebSocket handler, on Bun; none where it is left out. */
  websocket?: object | undefined;
  cert?: string;
  key?: string;
  /** 0 takes a free one, as does nothing. */
  port?: number;
  /** The path of a Unix socket, instead of a port. */
  path?: string;
}

/** The host. It is stopped by force at the end of the block. */
export class TestHost implements AsyncDisposable {
  readonly port: number;
  /** What the runtime's own hook for errors was told. */
  readonly errors: unknown[] = [];
  readonly #stop: (force: boolean) => Promise<unknown>;
  readonly #reload: (websocket: object) => void;
  #stopped: Promise<unknown> | undefined;

  constructor(handler: HostHandler, { websocket, cert, key, port = 0, path }: HostOptions = {}) {
    const failed = (error: unknown) => {
      this.errors.push(error);
      return new Response(null, { status: 500 });
    };
    const fetch = (request: Request, info: unknown) =>
      handler(request, info) ?? new Response("the host's");
    const tls = cert === undefined ? {} : { cert, key };
    const where = { port, hostname: "127.0.0.1" };
    if (bun !== undefined) {
      const server: BareBunServer = bun.serve({
        ...(path === undefined ? where : { unix: path }),
        ...(cert === undefined ? {} : { tls }),
        fetch,
        error: failed,
        ...(websocket === undefined ? {} : { websocket }),
      });
      this.port = server.port;
      this.#reload = (websocket) => server.reload({ fetch, error: failed, websocket });
      this.#stop = (force) => server.stop(force);
    } else {
      const aborter = new AbortController();
      const server = deno.serve(
        {
          ...(path === undefined ? where : { path }),
          ...tls,
          signal: aborter.signal,
          onListen() {},
          onError: failed,
        },
        fetch,
      );
      this.port = server.addr.port;
      this.#reload = () => {};
      let finished = false;
      void server.finished.then(() => finished = true);
      this.#stop = (force) => {
        if (!force) return server.shutdown();
        // Deno ends a server by itself whose handler does not return the answer to an upgrade.
        if (!finished) aborter.abort();
        return server.finished;
      };
    }
  }

  /** One with a single mount and nothing of its own but a text. */
  static of(mount: {
    fetch: (request: Request, info?: unknown) => Response | Promise<Response> | undefined;
    websocket: HostWebSocketHandler;
  }): TestHost {
    return new TestHost((request, info) => mount.fetch(request, info), mount);
  }

  /** Gives it another WebSocket handler, on Bun, for the connections to come. */
  reload(websocket: object): void {
    this.#reload(websocket);
  }

  /** Stops it, as it sees fit, or by force. */
  stop(force: boolean): Promise<unknown> {
    return this.#stopped ??= this.#stop(force);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(true);
  }
}
