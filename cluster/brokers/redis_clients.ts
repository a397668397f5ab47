/** The clients of Redis that people have, and how each is spoken to. Not part of the public API. */

import { Ending } from "../wait.ts";

/** A connection to Redis, of whichever client. */
export interface RedisConnection {
  /**
   * Sends a command.
   *
   * @param command Its name.
   * @param args Its arguments.
   * @returns Its reply; rejects with the server's error.
   */
  send(command: string, args: string[]): Promise<unknown>;
  /** Closes the connection, whatever is under way. */
  close(): unknown;
}

/** What is used of a client of npm's `redis` from version 5, or of `@redis/client`. */
export interface NodeRedisClient {
  /** Whether it is connected, or on its way. */
  readonly isOpen: boolean;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Sends a command, with no limit of time where `timeout` is 0. */
  sendCommand(words: string[], options: { timeout: number }): Promise<unknown>;
  /** Closes the connection, whatever is under way. */
  destroy(): void;
  /** Adds a listener. */
  on(event: string, listener: (cause: unknown) => void): unknown;
}

/** What is used of `createSentinel` of npm's `redis` from version 5. */
export interface NodeRedisSentinel extends Omit<NodeRedisClient, "sendCommand"> {
  /** Sends a command to the server that writes, with no limit of time where `timeout` is 0. */
  sendCommand(
    isReadonly: boolean,
    words: string[],
    options: { timeout: number },
  ): Promise<unknown>;
}

/** What is used of a client of npm's `ioredis`, or of `iovalkey`, which connect by themselves. */
export interface IoRedisClient {
  /** How far it is: `"wait"` until it is told to connect, at last `"ready"`, and `"end"` for good. */
  readonly status: string;
  /** Connects. */
  connect(): Promise<unknown>;
  /** Sends a command. */
  call(command: string, args: string[]): Promise<unknown>;
  /** Closes the connection, whatever is under way. */
  disconnect(): void;
  /** Adds a listener. */
  on(event: string, listener: (cause: unknown) => void): unknown;
}

/** What a `redisBroker` speaks to Redis with. */
export type RedisClient = RedisConnection | NodeRedisClient | NodeRedisSentinel | IoRedisClient;

/** The methods by which each kind of client is known, and what makes a connection of it. The first counts. */
const CLIENTS: [methods: string[], connectionOf: ((client: never) => RedisConnection) | null][] = [
  [["send", "close", "duplicate"], (own: RedisConnection) => first(own)], // Bun's own
  [["send", "close"], (connection: RedisConnection) => connection],
  [["sendCommand", "connect", "destroy", "acquire"], ofNodeSentinel],
  [["sendCommand", "connect", "destroy", "getSlotRandomNode"], null], // createCluster, which wants a key first
  [["sendCommand", "connect", "destroy"], ofNodeRedis],
  [["call", "connect", "disconnect"], ofIoRedis],
];

/** A connection by what the user's `open` has answered. Throws where that is nothing of the kind. */
export function connectionOf(client: RedisClient): RedisConnection {
  const has = (method: string) =>
    typeof (client as unknown as Record<string, unknown> | undefined)?.[method] === "function";
  const of = CLIENTS.find(([methods]) => methods.every(has))?.[1];
  if (of) return of(client as never);
  throw new TypeError(
    "'open' of redisBroker must answer a client of Redis: createClient, createClientPool or " +
      "createSentinel of npm's redis from version 5, ioredis, iovalkey, Bun's own, or an object " +
      "with 'send' and 'close'",
  );
}

/** The clients that were answered. What waits for entries on one would keep what is appended by it waiting. */
const answered = new WeakSet<object>();

function first<Client extends object>(client: Client): Client {
  if (answered.has(client)) {
    throw new TypeError("'open' of redisBroker must answer another client each time");
  }
  answered.add(client);
  return client;
}

/** What is sent waits for as long as the broker does, with no timer of the client's own. */
const UNLIMITED = { timeout: 0 };

function ofNodeRedis(client: NodeRedisClient): RedisConnection {
  return ofNode(client, (words) => client.sendCommand(words, UNLIMITED));
}

function ofNodeSentinel(client: NodeRedisSentinel): RedisConnection {
  return ofNode(client, (words) => client.sendCommand(false, words, UNLIMITED));
}

function ofNode(
  client: Omit<NodeRedisClient, "sendCommand">,
  send: (words: string[]) => Promise<unknown>,
): RedisConnection {
  const connect = () => client.isOpen ? Promise.resolve() : client.connect();
  return guarded(client, connect, () => client.destroy(), (command, args) => {
    return send([command, ...args]);
  });
}

function ofIoRedis(client: IoRedisClient): RedisConnection {
  const connect = () => {
    if (client.status === "ready" || client.status === "end") return Promise.resolve();
    return new Promise((resolve, reject) => {
      client.on("ready", resolve);
      if (client.status === "wait") client.connect().catch(reject);
    });
  };
  return guarded(client, connect, () => client.disconnect(), (command, args) => {
    return client.call(command, args);
  });
}

/** Closes a connection that may be closed already. */
export function closeQuietly(connection: Pick<RedisConnection, "close"> | undefined): void {
  try {
    const closing = connection?.close() as PromiseLike<unknown> | undefined;
    if (typeof closing?.then === "function") closing.then(undefined, () => {});
  } catch {
    // It was closed already.
  }
}

/** A connection that ends at the client's first error or end: the broker opens another then. */
function guarded(
  client: Pick<NodeRedisClient & IoRedisClient, "on">,
  connect: () => Promise<unknown>,
  end: () => unknown,
  send: RedisConnection["send"],
): RedisConnection {
  first(client);
  const ending = new Ending();
  const close = (cause: unknown = "the connection was closed") => {
    if (ending.cause !== undefined) return;
    ending.end(cause instanceof Error ? cause : new Error(String(cause))); // a Sentinel's is text
    closeQuietly({ close: end });
  };
  client.on("error", close);
  client.on("close", () => close());
  client.on("connect", () => ending.cause !== undefined && closeQuietly({ close: end })); // npm's redis ends none that is on its way
  // Nothing is sent before: a client that is to keep nothing for later refuses it.
  let isReady = false;
  const ready = connect();
  ready.then(() => isReady = true, () => {}); // `send` tells
  return {
    // Some clients keep what is under way, to send it once they are connected again.
    send: (command, args) =>
      ending.before(isReady ? send(command, args) : ready.then(() => send(command, args))),
    close: () => close(),
  };
}
