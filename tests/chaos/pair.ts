/** A client of ours and a server of ours, a chaos proxy between them, and what both must be after. */

import { assert, assertEquals } from "@std/assert";
import { type CloseResult, createWebSocket, type WebSocketConnection } from "../../mod.ts";
import { EventLog, within } from "../helpers/client.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { ChaosProxy, type Link, type Ways } from "./proxy.ts";

/** A heartbeat that soon tells of a dead peer, where little else goes on. */
export const HEARTBEAT = { pingInterval: 0.3, pongTimeout: 0.2 };

/** A heartbeat for slow networks, and for many pairs at once. */
export const PATIENT = { pingInterval: 1, pongTimeout: 1 };

/** How long a dead peer may go unnoticed with that, in ms. */
export const DEAD_MS = 3000;

/** So long a heartbeat that no test sees a Ping: what is told was noticed without one. */
export const NO_HEARTBEAT = { pingInterval: 30, pongTimeout: 30 };

/** How a connection ends on one side: it is lost, or closed with this. */
export type Ending = "lost" | CloseResult;

/** Messages to send, to see them arrive: of each kind of length that a frame can have, up to most. */
function payloads(most: number): string[] {
  return ["", "a", "é".repeat(100), "b".repeat(1100), "c".repeat(70_000)]
    .filter(({ length }) => length <= most);
}

/** How a pair is set up. */
export interface PairOptions {
  /** What becomes of the connections, each in turn. */
  plans?: Ways[];
  /** The heartbeat of both. @default {PATIENT} */
  heartbeat?: { pingInterval: number; pongTimeout: number };
}

/** A client, a server, the proxy between them, and the logs of both. */
export class Pair implements AsyncDisposable {
  readonly watched: WatchedServer;
  readonly proxy: ChaosProxy;
  readonly ws = createWebSocket();
  readonly log: EventLog = new EventLog(this.ws);
  readonly #heartbeat: object;

  private constructor(watched: WatchedServer, proxy: ChaosProxy, heartbeat: object) {
    this.watched = watched;
    this.proxy = proxy;
    this.#heartbeat = heartbeat;
    watched.echo();
  }

  static async start({ plans = [], heartbeat = PATIENT }: PairOptions = {}): Promise<Pair> {
    const watched = await WatchedServer.start(heartbeat);
    return new Pair(watched, await ChaosProxy.listen(watched, ...plans), heartbeat);
  }

  /** Starts to connect through the proxy; gives the link. */
  async dial(options: object = {}): Promise<Link> {
    const n = this.proxy.links.length + 1;
    const { ws, proxy } = this;
    assertEquals(await within(ws.connect(proxy.url, { ...this.#heartbeat, ...options })), true);
    return within(proxy.link(n));
  }

  /** Connects, and sends messages both ways; gives the link and the server's connection. */
  async open(most?: number): Promise<{ link: Link; connection: WebSocketConnection }> {
    const [opens, connects] = [this.log.of("open").length, this.watched.connections.length];
    const link = await this.dial();
    await this.log.next("openInfo", opens + 1);
    const connection = await this.watched.connected(connects + 1);
    await this.exchange(most);
    return { link, connection };
  }

  /** Sends messages to the server, and asserts that their echoes come back, intact and in order. */
  async exchange(most = Infinity): Promise<void> {
    const sent = payloads(most);
    const [heard, told] = [this.log.messages.length, this.watched.messages.length];
    for (const text of sent) void this.ws.send(text);
    await this.log.next("message", heard + sent.length);
    assertEquals(this.log.messages.slice(heard), sent);
    assertEquals(this.watched.messages.slice(told).map(({ data }) => data), sent);
  }

  /** The client's events, but for those of messages. */
  get clientEvents(): string[] {
    return eventsOf(this.log);
  }

  /** The server's events, but for those of messages. */
  get serverEvents(): string[] {
    return this.watched.log.filter((line) => !line.startsWith("message"));
  }

  /** Asserts that nothing is left, and that the client can connect, exchange and close again. */
  async assertWell(): Promise<void> {
    const { ws, log, watched } = this;
    assertEquals([ws.state, watched.server.listAllConnections()], ["idle", []]);
    const before = [this.clientEvents, this.serverEvents];
    await this.open();
    const [closes, ends] = [log.of("close").length, watched.closes.length];
    assertEquals(await within(ws.close({ code: 4321, reason: "well" })), true);
    await log.next("close", closes + 1);
    await watched.closed(ends + 1);
    assertEquals([this.clientEvents, this.serverEvents], [
      [...before[0]!, "open", "openInfo", "close 4321 well"],
      [...before[1]!, "connect", "close 4321 well"],
    ]);
    assertEquals([ws.state, watched.server.listAllConnections()], ["idle", []]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    if (this.ws.state !== "idle") await within(this.ws.closed.catch(() => {}));
    await this.watched[Symbol.asyncDispose]();
  }
}

/** What a client told, a line an event, but for messages. */
export function eventsOf(log: EventLog): string[] {
  return log.entries.filter(({ event }) => event !== "message" && event !== "dataEnd").map(
    ({ event, args }) => {
      if (event === "close") {
        const { code, reason } = args[1] as CloseResult;
        return `close ${code} ${reason}`;
      }
      const { code, data } = (args[0] ?? {}) as { code?: number; data?: unknown };
      return event === "error" ? `error ${code} ${data}` : event;
    },
  );
}

/** How an ending is told. */
export function told(ending: Ending): string[] {
  if (ending === "lost") return ["error 200 0", "close 1006 The link is down"];
  return [`close ${ending.code} ${ending.reason}`];
}

/** Asserts that all of an error's words are there. */
export function assertTold(error: { message: string; cause?: unknown }): void {
  assert(error.message.startsWith("Websocket connect failed: "), error.message);
  assert(error.cause instanceof Error);
}
