/** A connection, of either side, as a stream of Node's. */

import { Buffer } from "node:buffer";
import { addAbortSignal, Duplex, type DuplexOptions } from "node:stream";
import type { TextOrBytes, WebSocketClient } from "../client/types.ts";
import { businessError } from "../errors.ts";
import { passOn } from "../internal/listeners.ts";
import { ANY, argumentError, COUNT, readOptions, type Rule, SIGNAL } from "../internal/validate.ts";
import type { ConnectionAddress } from "../server/types.ts";
import { FlowWindow } from "./flow_window.ts";
import { needs, type ShapedServer } from "./server_hub.ts";
import { ofClient, ofServer, type OwnStreams, type WebSocketStreams } from "./streams.ts";

/** Options of a Duplex, and one more. */
export interface WebSocketDuplexOptions extends DuplexOptions {
  /**
   * Bytes that may be under way to the far end and not be read there yet: then the writer waits. Both
   * ends must be Duplexes of `duplexOf` with the same `window`, as they tell each other, in messages of
   * text, how much was read. It needs nothing of the runtime: a slow reader holds the far end back where
   * reading cannot be stopped, too. Without it only the system's own queues hold it back. It ends with its
   * connection: of a client that reconnects the Duplex fails then, and closes it.
   */
  window?: number | undefined;
}

/** A Duplex over a pair of web streams. */
class WebSocketDuplex extends Duplex {
  readonly #reader: ReadableStreamDefaultReader<string | ArrayBuffer>;
  readonly #writer: WritableStreamDefaultWriter<unknown>;
  readonly #streams: WebSocketStreams;
  readonly #fail: OwnStreams["fail"];
  readonly #window: FlowWindow | undefined;
  #isOver = false;

  /** @param open Begins to read: not before Node has taken the options. */
  constructor(open: () => OwnStreams, { signal, window, ...options }: WebSocketDuplexOptions) {
    super({ allowHalfOpen: false, ...options });
    const { streams, fail } = open();
    this.#streams = streams;
    this.#fail = fail;
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter() as WritableStreamDefaultWriter<unknown>;
    streams.closed.then(() => {
      this.#isOver = true;
      this.#window?.end();
    });
    streams.opened.catch((error) => this.destroy(error));
    const isRead = this.readable; // unless the option says otherwise
    if (window === undefined) {
      if (isRead) this.read(0); // as a socket of Node's does: who only writes hears of a loss, too
      else void this.#ignore();
    } else {
      this.#window = new FlowWindow(
        window,
        (text) => this.#writer.write(text).catch(() => {}), // it is over: nobody waits for it
      );
      void this.#fill(this.#window);
      if (!isRead) this.#window.take(this.#ignored);
    }
    if (signal !== undefined) addAbortSignal(signal, this); // last: it may have aborted
  }

  override _read(): void {
    if (this.#window === undefined) void this.#readOne();
    else this.#window.take((chunk) => chunk === null ? this.#ended() : this.push(chunk));
  }

  /** The end, which is told as a socket of Node's tells it: also where nobody reads, and nothing is left to be read. */
  #ended(): void {
    if (this.destroyed) return; // it was cut off, and whoever reads must not take it for whole
    this.push(null);
    this.read(0);
  }

  async #readOne(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      if (done) return this.#ended();
      // A stream of bytes passes over an empty chunk, and reads on.
      this.push(typeof value === "string" ? value : Buffer.from(value), "utf8");
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** Nobody is to read it: what comes is dropped, and its end is heard of all the same. */
  async #ignore(): Promise<void> {
    try {
      while (!(await this.#reader.read()).done);
      this.end();
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  readonly #ignored = (chunk: Uint8Array | null): void => {
    if (chunk === null) this.end();
    else this.#window!.take(this.#ignored);
  };

  /** Takes what comes in at once, however slowly it is read: what tells of reading is among it. */
  async #fill(window: FlowWindow): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        if (done) {
          window.add(null);
          return void this.read(0);
        }
        if (typeof value === "string") window.acknowledged(value);
        else window.add(Buffer.from(value));
      }
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override _write(chunk: Buffer, _: string, done: (error?: Error | null) => void): void {
    this.#streams.opened
      .then(() => this.#window?.send(chunk.length))
      .then(() => this.#writer.write(chunk))
      .then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#streams.opened.then(() => this.#writer.close()).then(
      () => done(),
      (error) => done(this.#isOver ? null : error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#window?.end();
    // Where a write has failed, its stream takes no notice of being aborted.
    const end = error === null
      ? this.#reader.cancel()
      : this.#writer.abort(error).then(() => this.#fail(error));
    end.then(() => done(error), () => done(error));
  }
}

/**
 * Has a Duplex fail with its connection where another one follows: the far end of that knows nothing of what was
 * sent or read before.
 */
function endWithConnection(
  duplex: Duplex,
  client: WebSocketClient<TextOrBytes | ArrayBuffer>,
  over: Promise<unknown>,
): void {
  const closed = (): void => {
    if (client.state !== "reconnecting") return; // it is over, or the program has connected anew
    duplex.destroy(businessError("lost", "a 'window' does not outlive its connection"));
  };
  passOn.add(closed);
  client.on("close", closed);
  void over.then(() => client.off("close", closed));
}

/** What can be asked for: `window`, and what a Duplex of Node's knows and checks itself. */
const OPTIONS: Readonly<Record<string, Rule>> = {
  window: COUNT,
  ...Object.fromEntries(
    [
      ...[
        "allowHalfOpen",
        "autoDestroy",
        "captureRejections",
        "construct",
        "decodeStrings",
        "defaultEncoding",
      ],
      ...["destroy", "emitClose", "encoding", "final", "highWaterMark", "objectMode", "read"],
      ...["readable", "readableHighWaterMark", "readableObjectMode", "writable"],
      ...["writableCorked", "writableHighWaterMark", "writableObjectMode", "write", "writev"],
    ].map((name) => [name, ANY]),
  ),
  signal: SIGNAL,
};

/** Reads what was asked for. */
function readDuplexOptions(options: WebSocketDuplexOptions = {}): WebSocketDuplexOptions {
  const given = readOptions("duplexOf", options, OPTIONS, 1);
  if (given instanceof Error) throw given;
  const { decodeStrings, window, objectMode, readableObjectMode, writableObjectMode } = given;
  if (window === undefined) return given as WebSocketDuplexOptions;
  const isOfObjects = objectMode || readableObjectMode || writableObjectMode;
  if (isOfObjects || decodeStrings === false) { // text says how much was read
    const where = isOfObjects ? "in object mode" : "where 'decodeStrings' is false";
    throw argumentError("duplexOf: 'window'", `must be left out ${where}`, window);
  }
  return given as WebSocketDuplexOptions;
}

/**
 * Gives a connection as a Duplex of `node:stream`, with backpressure in both directions as `streamsOf`
 * has it. What is written goes out as binary messages, one for each chunk; what comes in is read as
 * Buffers. With `readableObjectMode` each message is a chunk, and text is text.
 *
 * Ending it closes the connection with 1000, destroying it with an error closes it with 1011. It ends
 * when the peer closes, and is destroyed with an error where the connection is lost.
 *
 * Between two of them, give both a `window`: a fast writer then waits for a slow reader on every
 * runtime. Without it the connection is closed with 1008 where more than `maxPendingAmount`, or 16 MiB
 * on a client, wait to be read and reading cannot be stopped, as on Deno.
 *
 * @param client The client; it may be connecting still.
 * @param options Those of a Duplex, and `window`, in bytes, of at least 1.
 * @returns The stream.
 * @throws {BusinessError} 401 where it is no client, `window` is wrong, or an option is none.
 *
 * @example
 * ```ts
 * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
 * import { duplexOf } from "@netkit/websocket/node";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * server.on("connect", (connection) => {
 *   const stream = duplexOf(server, connection);
 *   stream.pipe(stream);
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = createWebSocket();
 * const stream = duplexOf(ws);
 * await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
 * stream.write("there and back");
 * const chunk = await new Promise((resolve) => stream.once("data", resolve));
 * assertEquals(String(chunk), "there and back");
 * stream.end();
 * await server.stop();
 * ```
 */
export function duplexOf(
  client: WebSocketClient<TextOrBytes | ArrayBuffer>,
  options?: WebSocketDuplexOptions,
): Duplex;
/**
 * The same for a connection of a server.
 *
 * @param server The server.
 * @param connection Which; a copy does as well.
 * @param options As above.
 * @returns The stream.
 * @throws {BusinessError} 401 where it is no connection, `window` is wrong, or an option is none; 2302006
 * where it is over.
 */
export function duplexOf(
  server: ShapedServer,
  connection: ConnectionAddress,
  options?: WebSocketDuplexOptions,
): Duplex;
export function duplexOf(
  one: WebSocketClient<TextOrBytes | ArrayBuffer> | ShapedServer,
  second?: ConnectionAddress | WebSocketDuplexOptions,
  third?: WebSocketDuplexOptions,
): Duplex {
  if (typeof one !== "object" || one === null || "connect" in one) {
    needs("duplexOf", "client", one);
    const client = one as WebSocketClient<TextOrBytes | ArrayBuffer>;
    const options = readDuplexOptions(second as WebSocketDuplexOptions);
    let own!: OwnStreams;
    const duplex = new WebSocketDuplex(() => own = ofClient(client), options);
    if (options.window !== undefined) endWithConnection(duplex, client, own.streams.closed);
    return duplex;
  }
  const options = readDuplexOptions(third);
  const open = () => ofServer("duplexOf", one, second as ConnectionAddress);
  return new WebSocketDuplex(open, options);
}
