/** A connection and a server of Bun's that write down all, and what decides on requests. */

import type { HostWebSocketHandler } from "../../mod.ts";
import type { BunConnection } from "../../runtime/bun/connection.ts";
import type { AcceptorEvents, Address, End } from "../../runtime/contract.ts";

/** A connection of Bun's. */
export class Ws {
  readonly calls: unknown[][] = [];
  data!: BunConnection;
  binaryType = "nodebuffer";
  queued = 0;
  readonly getBufferedAmount = () => this.queued;
  readonly send = this.#does("send");
  readonly sendText = this.#does("sendText");
  readonly ping = this.#does("ping");
  readonly pong = this.#does("pong");
  readonly pause = this.#does("pause");
  readonly resume = this.#does("resume");
  readonly close = this.#does("close");
  readonly terminate = this.#does("terminate");
  readonly #topics = new Set<string>();
  readonly isSubscribed = (topic: string) => this.#topics.has(topic);
  readonly publish = this.#does("publish");

  subscribe(topic: string): void {
    this.calls.push(["subscribe", topic]);
    this.#topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.calls.push(["unsubscribe", topic]);
    this.#topics.delete(topic);
  }

  /** A method that writes down its call, and answers as `send` does. */
  #does(name: string) {
    return (...args: unknown[]) => {
      this.calls.push([name, ...args]);
      return this.queued > 0 ? -1 : 1;
    };
  }
}

/** What answers requests, and all that is told of the connections. */
export function deciding(admission: object = {}) {
  const told: unknown[] = [];
  const tell = (name: string) => (...args: unknown[]) => void told.push([name, ...args]);
  const events = {
    request: (_: Request, { hostname, port }: Address) => ({
      protocol: "",
      open: () => told.push(["open", `${hostname} ${port}`]),
      message: tell("message"),
      alive: tell("alive"),
      closed: ({ code, tooBig }: End) => told.push(["closed", code, tooBig]),
      ...admission,
    }),
    hostFault: (why: string) => told.push(["fault", why]),
  } as unknown as AcceptorEvents;
  return { events, told };
}

/** A server of Bun's that tells a handler of each that it upgrades, which becomes `ws`. */
export function hostOf(handler: HostWebSocketHandler, ws: Ws, port: number | undefined = 80) {
  const host = {
    port,
    calls: [] as unknown[][],
    headers: undefined as Headers | undefined,
    requestIP: () => ({ address: "127.0.0.1", port: 5 }),
    publish: (...args: unknown[]) => host.calls.push(args),
    upgrade(_: Request, { data, headers }: { data: BunConnection; headers?: Headers }) {
      ws.data = data;
      host.headers = headers;
      void handler.open!(ws);
      return true;
    },
  };
  return host;
}

export const request = (headers: Record<string, string> = {}) =>
  new Request("http://localhost/", { headers });
