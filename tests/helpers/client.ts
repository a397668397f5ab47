/** What the tests of the client share: a client before a raw server, and a log of its events. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import { deadline } from "@std/async";
import {
  BusinessError,
  createWebSocket,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketEvents,
  type WebSocketRequestOptions,
} from "../../mod.ts";
import { type RawPeer, RawServer, type RawServerOptions } from "../peers/raw.ts";
import { assertOver, CountedClock } from "./after_end.ts";
import { countListeners } from "./leftovers.ts";

/** How long anything may take before a test gives up, in ms. */
export const LIMIT_MS = 30_000;

/** What a promise settles with; rejects when that takes too long. */
export function within<T>(promise: Promise<T>, ms = LIMIT_MS): Promise<T> {
  return deadline(promise, ms);
}

/** The methods of a client as a program without types sees them. */
export interface Untyped {
  connect(...args: unknown[]): Promise<boolean>;
  send(...args: unknown[]): Promise<boolean>;
  close(...args: unknown[]): Promise<boolean>;
  on(...args: unknown[]): void;
  off(...args: unknown[]): void;
}

/** A client, for calls its types forbid. */
export function untyped(ws: WebSocketClient): Untyped {
  return ws as unknown as Untyped;
}

/** A client made with options its types forbid. */
export function createUntyped(...options: unknown[]): WebSocketClient {
  return (createWebSocket as (...options: unknown[]) => WebSocketClient)(...options);
}

/** The error a call is refused with. */
export async function refusal(call: Promise<unknown>): Promise<BusinessError> {
  const error = await within(call.then((value) => ({ value }), (error: unknown) => error));
  assertInstanceOf(error, BusinessError);
  return error;
}

/** What a call answers to its callback. Fails when it does so before the call returns. */
export function answerOf(call: (callback: (...args: unknown[]) => void) => unknown) {
  return within(
    new Promise<unknown[]>((resolve, reject) => {
      let returned = false;
      const result = call((...args) => {
        if (returned) resolve(args);
        else reject(new Error("the callback was called before the call returned"));
      });
      returned = true;
      if (result !== undefined) reject(new Error("a call with a callback returned something"));
    }),
  );
}

const EVENTS = ["open", "openInfo", "message", "dataEnd", "close", "error"] as const;
type Name = typeof EVENTS[number];

/** One event, as a listener heard it. */
export interface Entry {
  event: Name;
  args: unknown[];
  /** What the client's state was then. */
  state: string;
}

/** Everything a client tells, in order. */
export class EventLog {
  readonly entries: Entry[] = [];
  readonly #waiting = new Set<() => void>();

  constructor(ws: WebSocketClient) {
    for (const event of EVENTS) {
      const hear = (...args: unknown[]) => {
        this.entries.push({ event, args, state: ws.state });
        for (const look of [...this.#waiting]) look();
      };
      ws.on(event, hear as WebSocketEvents[Name]);
    }
  }

  /** The events' names. */
  get names(): Name[] {
    return this.entries.map(({ event }) => event);
  }

  /** What an event was told with, each time. */
  of(event: Name): unknown[][] {
    return this.entries.filter((entry) => entry.event === event).map(({ args }) => args);
  }

  /** The results of 'close', each time. */
  get closes(): unknown[] {
    return this.of("close").map(([, result]) => result);
  }

  /** The errors of 'error', each time. */
  get errors(): BusinessError[] {
    return this.of("error").map(([error]) => error as BusinessError);
  }

  /** The data of 'message', each time. */
  get messages(): unknown[] {
    return this.of("message").map(([, data]) => data);
  }

  /** What the nth of an event was told with, once it has been. */
  next(event: Name, nth = 1): Promise<unknown[]> {
    return within(
      new Promise((resolve) => {
        const look = () => {
          const args = this.of(event)[nth - 1];
          if (args === undefined) return;
          this.#waiting.delete(look);
          resolve(args);
        };
        this.#waiting.add(look);
        look();
      }),
    );
  }
}

/** How a session is set up. */
export interface SessionOptions {
  server?: RawServerOptions;
  client?: WebSocketClientOptions;
}

/**
 * A client, the log of its events and the raw server it connects to. At the end of the block the client
 * is idle; it must listen to no signal and have no timer then, and tell nothing more.
 */
export class Session implements AsyncDisposable {
  readonly server: RawServer;
  readonly ws: WebSocketClient;
  readonly log: EventLog;
  readonly #signals: (() => number)[] = [];
  readonly #clock = new CountedClock();

  private constructor(server: RawServer, client: WebSocketClientOptions | undefined) {
    this.server = server;
    this.ws = createWebSocket({ clock: this.#clock, ...client });
    this.log = new EventLog(this.ws);
  }

  static async start({ server, client }: SessionOptions = {}): Promise<Session> {
    return new Session(await RawServer.listen(server), client);
  }

  get url(): string {
    return this.server.url;
  }

  /** Connects and waits until both sides are open. */
  async open(options?: WebSocketRequestOptions): Promise<RawPeer> {
    const nth = this.log.of("openInfo").length + 1;
    const accepted = this.server.accept();
    if (options?.signal !== undefined) this.#signals.push(countListeners(options.signal));
    assertEquals(await within(this.ws.connect(this.url, options)), true);
    const peer = await within(accepted);
    await this.log.next("openInfo", nth);
    return peer;
  }

  /**
   * Asserts that these were all the events. To see that none is late, the client connects to
   * another server and closes again first: whatever it had to tell, it has told before.
   */
  async assertEvents(...expected: Name[]): Promise<void> {
    await using next = await RawServer.listen().then(disposable);
    const [opens, closes] = [this.log.of("open").length + 1, this.log.of("close").length + 1];
    assertEquals(await within(this.ws.connect(next.url)), true);
    await this.log.next("open", opens);
    assertEquals(await within(this.ws.close()), true);
    await this.log.next("close", closes);
    assertEquals(this.log.names, [...expected, "open", "openInfo", "close"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    if (this.ws.state !== "idle") await within(this.ws.closed.catch(() => {}));
    assertEquals(this.#signals.map((count) => count()), this.#signals.map(() => 0), "listeners");
    assertOver(this.#clock, this.log.entries);
  }
}

/** Something with a `close`, for `await using`. */
export function disposable<T extends { close(): Promise<void> }>(it: T): T & AsyncDisposable {
  return Object.assign(it, { [Symbol.asyncDispose]: () => it.close() });
}
