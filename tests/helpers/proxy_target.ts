/** What the tests of proxies connect to, and how. */

import { assertEquals } from "@std/assert";
import { createWebSocket, type WebSocketRequestOptions } from "../../mod.ts";
import type { Made } from "./certificates.ts";
import { EventLog, within } from "./client.ts";
import { WatchedServer } from "./watched_server.ts";

export const SCHEMES = ["ws", "wss"] as const;
export const CREDENTIALS = { username: "user", password: "secret" };

/** Where to connect. */
export interface Destination {
  url: string;
  caPath: string;
}

/** A server of ours that greets, and writes down the names of each request's headers. */
export class Target implements Destination, AsyncDisposable {
  readonly requests: string[][] = [];
  greeted = 0;
  readonly url: string;
  readonly caPath: string;
  readonly port: number;
  readonly #server: WatchedServer;

  private constructor(server: WatchedServer, scheme: string, caPath: string) {
    this.#server = server;
    this.port = server.port;
    this.url = `${scheme}://localhost:${server.port}/`;
    this.caPath = caPath;
    server.server.on("connect", (connection) => {
      this.greeted++;
      void server.server.send("hello", connection);
    });
  }

  static async start(scheme: "ws" | "wss", ca: Made, serverCert: Made): Promise<Target> {
    const note = (request: Request) => {
      target.requests.push([...request.headers.keys()]);
      return true as const;
    };
    const server = await WatchedServer.start({
      authorize: note,
      fetch: (request) => {
        note(request);
        return new Response("no upgrade", { status: 426 });
      },
      ...(scheme === "wss" ? { serverCert } : {}),
    });
    const target: Target = new Target(server, scheme, scheme === "wss" ? ca.certPath : "");
    return target;
  }

  /** The same server by another URL. */
  at(url: string): Destination {
    return { url, caPath: this.caPath };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** The first line of the request a proxy gets for a destination. */
export function requestLine({ url }: Destination): string {
  return `CONNECT ${new URL(url).host} HTTP/1.1`;
}

/** Connects, and tells what came of it: the greeting, or the error. */
export async function attempt(
  { url, caPath }: Destination,
  options: WebSocketRequestOptions,
): Promise<string> {
  const ws = createWebSocket();
  const log = new EventLog(ws);
  const told = new Promise<void>((resolve) => {
    ws.on("message", () => resolve());
    ws.on("error", () => resolve());
  });
  assertEquals(await within(ws.connect(url, { caPath, ...options })), true);
  await within(told);
  if (log.errors.length > 0) {
    assertEquals(log.names, ["error"]);
    return `error ${log.errors[0]!.code} ${log.errors[0]!.message}`;
  }
  await within(ws.close());
  await log.next("close");
  return String(log.messages[0]);
}
