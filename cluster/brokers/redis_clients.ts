/** The clients of Redis that people have, and how each is spoken to. Not part of the public API. */

import { unlessAborted } from "../wait.ts";

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

/** What is used of a client of npm's `ioredis`, or of `iovalkey`, which connect by themselves. */
export interface IoRedisClient {
  /** Sends a command. */
  call(command: string, args: string[]): Promise<unknown>;
  /** Closes the connection, whatever is under way. */
  disconnect(): void;
  /** Adds a listener. */
  on(event: string, listener: (cause: unknown) => void): unknown;
}

/** What a `redisBroker` speaks to Redis with. */
export type RedisClient = RedisConnection | NodeRedisClient | IoRedisClient;

/** The methods by which each kind of client is known, and what makes a connection of it. */
const CLIENTS: [methods: string[], connectionOf: (client: never) => RedisConnection][] = [
  [["send", "close", "duplicate"], (own: RedisConnection) => first(own)], // Bun's own
  [["send", "close"], (connection: RedisConnection) => connection],
  [["sendCommand", "connect", "destroy"], ofNodeRedis],
  [["call", "disconnect"], ofIoRedis],
];

/** A connection by what the user's `open` has answered. Throws where that is nothing of the kind. */
export function connectionOf(client: RedisClient): RedisConnection {
  const has = (method: string) =>
    typeof (client as unknown as Record<string, unknown> | undefined)?.[method] === "function";
  for (const [methods, of] of CLIENTS) if (methods.every(has)) return of(client as never);
  throw new TypeError(
    "'open' of redisBroker must answer a client of Redis: npm's redis from version 5, ioredis, " +
      "iovalkey, Bun's own, or an object with 'send' and 'close'",
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

function ofNodeRedis(client: NodeRedisClient): RedisConnection {
  const connection = guarded(client, () => client.destroy(), async (command, args) => {
    await connected;
    return client.sendCommand([command, ...args], { timeout: 0 }); // with no timer of its own
  });
  const connected = client.isOpen ? undefined : client.connect();
  connected?.catch(() => {}); // `send` tells
  return connection;
}

function ofIoRedis(client: IoRedisClient): RedisConnection {
  return guarded(client, () => client.disconnect(), (command, args) => client.call(command, args));
}

/** A connection that ends at the client's first error or end: the broker opens another then. */
function guarded(
  client: Pick<NodeRedisClient & IoRedisClient, "on">,
  end: () => void,
  send: RedisConnection["send"],
): RedisConnection {
  first(client);
  const ended = new AbortController();
  const close = (cause: unknown = new Error("the connection was closed")) => {
    if (ended.signal.aborted) return;
    ended.abort(cause);
    end();
  };
  client.on("error", close);
  client.on("close", () => close());
  client.on("connect", () => ended.signal.aborted && end()); // npm's redis ends none that is on its way
  return {
    // Some clients keep what is under way, to send it once they are connected again.
    send: (command, args) => unlessAborted(send(command, args), ended.signal),
    close: () => close(),
  };
}
