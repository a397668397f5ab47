/**
 * The server's options and calls, under the names of the OpenHarmony reference.
 *
 * @module
 */

import type { WebSocketCloseOptions, WebSocketData } from "../client/types.ts";
import type { Callback } from "../errors.ts";
import type { WebSocketStats } from "../internal/stats.ts";
import type { ClusterCalls, JoinResult } from "./cluster_types.ts";
import type { WebSocketServerConfig, WebSocketUnixConfig, WithAuthorize } from "./config_types.ts";
import type {
  ConnectionAddress,
  PublishedMessage,
  PublishOptions,
  PublishResult,
  SendOptions,
  ServerAddress,
  StopOptions,
  WebSocketConnection,
  WebSocketServerEvents,
} from "./connection_types.ts";
import type { WebSocketMount, WebSocketMountConfig } from "./mount_types.ts";

export type * from "./authorizing_types.ts";
export type * from "./cluster_types.ts";
export type * from "./config_types.ts";
export type * from "./connection_types.ts";
export type * from "./mount_types.ts";
export type * from "./option_types.ts";

/**
 * A server. It can be started again once it has stopped; its listeners stay.
 *
 * No method but `on`, `once`, `off`, `subscribe`, `presence` and `bufferedAmount` throws.
 *
 * @typeParam Context What `authorize` finds out about a client.
 * @typeParam Data What 'messageReceive' tells.
 */
export interface WebSocketServer<
  Context extends object | undefined = object | undefined,
  Data = string | ArrayBuffer,
> extends ClusterCalls {
  /**
   * Starts to listen.
   *
   * @param config See {@linkcode WebSocketServerConfig}.
   * @returns `true` once it listens, or rejects with 401 (a wrong argument), 201 (no permission),
   * 2302002 (a file of `serverCert`), 2302004 (the address), 2302005 (the port), 2302007 (the port is
   * taken, or this server has it already) or 2302999 (running already, an option this runtime cannot
   * honour, `signal` aborted, a broker that cannot be read within five seconds, or listening failed for
   * another reason).
   */
  start(
    config: WithAuthorize<Context, WebSocketServerConfig<Context> | WebSocketUnixConfig<Context>>,
  ): Promise<boolean>;

  /**
   * Gets ready to take its connections from a server that is there already: the host. Everything is as
   * after `start`, but where to listen and with which certificate; `stop` ends the connections and
   * leaves the host alone.
   *
   * @param config See {@linkcode WebSocketMountConfig}.
   * @returns What the host is to be given; or rejects with 401 (a wrong argument, or one that is the
   * host's affair) or 2302999 (running already, no server's runtime, an option this runtime cannot
   * honour, `signal` aborted, or a broker that cannot be read within five seconds).
   *
   * @example In a server of Deno's
   * ```ts
   * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const server = createWebSocketServer();
   * const mount = await server.mount({});
   * const host = Deno.serve(
   *   { port: 0, hostname: "127.0.0.1", onListen() {} },
   *   (request, info) => mount.fetch(request, info) ?? new Response("the host's"),
   * );
   * server.on("messageReceive", ({ clientConnection, data }) => {
   *   server.send(data, clientConnection);
   * });
   *
   * const ws = createWebSocket();
   * await ws.connect(`ws://127.0.0.1:${host.addr.port}/`);
   * await ws.send("hello");
   * for await (const data of ws) {
   *   assertEquals(data, "hello");
   *   break;
   * }
   * await server.stop();
   * await host.shutdown();
   * ```
   */
  mount(
    ...config: [Context] extends [object]
      ? [config: WithAuthorize<Context, WebSocketMountConfig<Context>>]
      : [config?: WebSocketMountConfig<Context>]
  ): Promise<WebSocketMount>;

  /**
   * Sends a message to one peer.
   *
   * @param data Text, an ArrayBuffer or a view of one; at most `maxPayload` bytes; may be empty.
   * @param connection Whom to; a copy does as well.
   * @param options See {@linkcode SendOptions}.
   * @returns `true`, or rejects with 401 (a wrong argument), 2302006 (no such connection), -1 (it is
   * closing) or, where `slowPeer` is `'refuse'`, 2302999 (more than `maxBufferedAmount` bytes would be
   * queued). With `acknowledge`, `true` once the client's listeners have done with it; or rejects with
   * 401 (the client cannot resume) or 2302999 (`kind` 'refusedByPeer' where they fail or it is not
   * accepted, 'unacknowledged' where the connection is over before, 'queueFull' where more than
   * `maxBufferedAmount` bytes or 65,536 messages would wait for that).
   */
  send(
    data: WebSocketData,
    connection: ConnectionAddress,
    options?: SendOptions,
  ): Promise<boolean>;

  /**
   * Starts to close one connection; what was sent to it goes out first.
   *
   * @param connection Which; a copy does as well.
   * @param options See {@linkcode WebSocketCloseOptions}.
   * @returns `true`, or rejects with 401 (a wrong argument), 2302006 (no such connection) or
   * 2302999 (it is closing already).
   */
  close(connection: ConnectionAddress, options?: WebSocketCloseOptions): Promise<boolean>;

  /**
   * Drops one connection at once, also one that is closing: what is queued to it is lost. 'close' tells
   * 1006 'Terminated' with no 'error', unless it was known already how it ends.
   *
   * @param connection Which; a copy does as well, unless 'close' has been told.
   * @returns `true`, or rejects with 401 (a wrong argument) or 2302006 (no such connection).
   */
  terminate(connection: ConnectionAddress): Promise<boolean>;

  /**
   * How many bytes are queued to a connection: not yet taken by the system.
   *
   * @param connection Which; a copy does as well.
   * @returns 0 where it is over.
   * @throws {BusinessError} 401 where no connection is given.
   */
  bufferedAmount(connection: ConnectionAddress): number;

  /**
   * Waits until a peer has read enough to be sent more.
   *
   * @param connection Which; a copy does as well.
   * @param bytes How many may be queued still, from 0 on.
   * @returns `true` once no more are queued, `false` when the connection is closing or closed; rejects
   * with 401 (a wrong argument).
   *
   * @example A hundred megabytes to a slow reader, with no more than one of them in memory
   * ```ts
   * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
   * import { FakeClock, MemoryNetwork } from "@netkit/websocket/testing";
   * import { assertEquals } from "@std/assert";
   *
   * const clock = new FakeClock();
   * const network = new MemoryNetwork({ clock });
   * const server = createWebSocketServer({ clock, runtime: network.server });
   * await server.start({ serverPort: 80 });
   * const MIB = 1024 * 1024;
   * const done = new Promise<number>((resolve) =>
   *   server.on("connect", async (connection) => {
   *     let most = 0;
   *     for (let sent = 0; sent < 100; sent++) {
   *       await server.send(new Uint8Array(MIB), connection);
   *       most = Math.max(most, server.bufferedAmount(connection));
   *       if (!await server.drained(connection, MIB)) break; // it has left
   *     }
   *     resolve(most / MIB);
   *   })
   * );
   * const ws = createWebSocket({ clock, runtime: network.client });
   * await ws.connect("ws://localhost/");
   * assertEquals(await clock.until(done), 2);
   * await clock.until(server.stop());
   * ```
   */
  drained(connection: ConnectionAddress, bytes?: number): Promise<boolean>;

  /**
   * Sends a message to every connection. On Bun by its own `publish`, which is much cheaper than one
   * `send` each.
   *
   * @param data Text, an ArrayBuffer or a view of one; at most `maxPayload` bytes; may be empty.
   * @param options See {@linkcode PublishOptions}.
   * @returns To how many it went; or rejects with 401 (a wrong argument, or too long for the broker's
   * log) or 2302999 (not running; with a broker, `kind` 'brokerDown', 'queueFull' or 'unconfirmed'
   * where its log has not taken it).
   */
  broadcast(data: WebSocketData, options?: PublishOptions): Promise<PublishResult>;

  /**
   * Takes a connection into a topic, until it leaves the topic or is closed. A topic exists as soon as a connection is in it.
   *
   * @param connection Which; a copy does as well.
   * @param topic The topic's name, any text; with a broker, `history` or `presence`, of at most 65,536
   * characters.
   * @returns `true`, also where it was in it, and with `history` what the client had missed, which it has
   * been sent by then; or rejects with 401 (a wrong argument), 2302006 (no such connection) or -1 (it is
   * closing).
   */
  join(connection: ConnectionAddress, topic: string): Promise<boolean | JoinResult>;

  /**
   * Takes a connection out of a topic.
   *
   * @param connection Which; a copy does as well.
   * @param topic The topic's name.
   * @returns `true`, also where it was not in it, or rejects as `join` does.
   */
  leave(connection: ConnectionAddress, topic: string): Promise<boolean>;

  /**
   * Sends a message to every connection in a topic; otherwise like `broadcast`.
   *
   * @param topic The topic's name.
   * @param data Text, an ArrayBuffer or a view of one; at most `maxPayload` bytes; may be empty.
   * @param options See {@linkcode PublishOptions}.
   * @returns To how many it went; or rejects as `broadcast` does.
   */
  publish(topic: string, data: WebSocketData, options?: PublishOptions): Promise<PublishResult>;

  /** The connections there are, oldest first: an array of one's own. */
  listAllConnections(): WebSocketConnection<Context>[];

  /**
   * Hears what is published to a topic, in this program itself. It is not counted in `sent`. It may begin
   * while the server is not running, and goes on over stops and starts. A listener that fails is told to
   * 'error'.
   *
   * @param topic The topic's name, any text.
   * @param listener What to call. Each call of `subscribe` counts, though the function is the same.
   * @returns A function that ends it.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   *
   * @example A log of what is published
   * ```ts
   * import { createWebSocketServer } from "@netkit/websocket";
   * import { assertEquals } from "@std/assert";
   *
   * const server = createWebSocketServer();
   * const log: unknown[] = [];
   * const end = server.subscribe("news", ({ topic, data, local }) => log.push([topic, data, local]));
   * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
   * assertEquals(await server.publish("news", "one"), { sent: 0, tooSlow: 0 });
   * end();
   * await server.publish("news", "two");
   * assertEquals(log, [["news", "one", true]]);
   * await server.stop();
   * ```
   */
  subscribe(topic: string, listener: Callback<PublishedMessage>): () => void;

  /**
   * Tells every peer that it is over, tells every 'close', and stops listening.
   *
   * @param options See {@linkcode StopOptions}; 1001 `server is going away` where they are left out.
   * @returns `true` within five seconds, whatever the peers do; or rejects with 401 (a wrong
   * argument) or 2302999 when not running. While stopping, the same promise again.
   */
  stop(options?: StopOptions): Promise<boolean>;

  /**
   * Adds a listener. Those of one event are called in the order they were added; the same one twice
   * counts once; an event that does not exist is ignored, and the console says once which there are.
   *
   * @param type The event.
   * @param listener What to call. Should it fail, 'error' is told with 2302999.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  on<K extends keyof WebSocketServerEvents>(
    type: K,
    listener: WebSocketServerEvents<Context, Data>[K],
  ): void;

  /**
   * Adds a listener that is removed when it is called; otherwise like `on`.
   *
   * @param type The event.
   * @param listener What to call.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  once<K extends keyof WebSocketServerEvents>(
    type: K,
    listener: WebSocketServerEvents<Context, Data>[K],
  ): void;

  /**
   * Removes a listener, or all that were added to an event by `on` and `once`.
   *
   * @param type The event.
   * @param listener What to remove; all where it is left out.
   * @throws {BusinessError} 401 where an argument is of the wrong type.
   */
  off<K extends keyof WebSocketServerEvents>(
    type: K,
    listener?: WebSocketServerEvents<Context, Data>[K],
  ): void;

  /** What was counted since the server was made; `undefined` unless `stats` was asked for. */
  stats(): WebSocketStats | undefined;

  /** Where it listens; `undefined` when not running. */
  readonly address: ServerAddress | undefined;

  /** Stops, if it is running. */
  [Symbol.asyncDispose](): Promise<void>;
}
