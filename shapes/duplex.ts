/** A connection, of either side, as a stream of Node's. */

import { Buffer } from "node:buffer";
import { Duplex, type DuplexOptions } from "node:stream";
import type { TextOrBytes, WebSocketClient } from "../client/types.ts";
import type { ConnectionAddress } from "../server/types.ts";
import type { ShapedServer } from "./server_hub.ts";
import { streamsOf, type WebSocketStreams } from "./streams.ts";

/** A Duplex over a pair of web streams. */
class WebSocketDuplex extends Duplex {
  readonly #reader: ReadableStreamDefaultReader<string | ArrayBuffer>;
  readonly #writer: WritableStreamDefaultWriter<unknown>;
  readonly #streams: WebSocketStreams;
  readonly #isObject: boolean;
  #isOver = false;

  constructor(streams: WebSocketStreams, options: DuplexOptions) {
    super({ allowHalfOpen: false, ...options });
    this.#streams = streams;
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter() as WritableStreamDefaultWriter<unknown>;
    this.#isObject = this.readableObjectMode;
    this.#writer.closed.catch(() => {}); // the reader tells
    streams.closed.then(() => this.#isOver = true);
    streams.opened.catch((error) => this.destroy(error));
  }

  override async _read(): Promise<void> {
    try {
      const { done, value } = await this.#reader.read();
      if (done) return void this.push(null);
      // An empty chunk would end a stream of bytes no more than none at all: it reads on.
      const chunk = typeof value === "string" ? Buffer.from(value) : Buffer.from(value);
      if (chunk.length === 0 && !this.#isObject) return await this._read();
      this.push(this.#isObject ? typeof value === "string" ? value : chunk : chunk);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override _write(chunk: unknown, _: string, done: (error?: Error | null) => void): void {
    this.#streams.opened.then(() => this.#writer.write(chunk)).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#isOver) return done();
    this.#streams.opened.then(() => this.#writer.close()).then(
      () => done(),
      (error) => done(this.#isOver ? null : error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const end = error === null ? this.#reader.cancel() : this.#writer.abort(error);
    end.then(() => done(error), () => done(error));
  }
}

/**
 * Gives a connection as a Duplex of `node:stream`, with backpressure in both directions as `streamsOf`
 * has it. What is written goes out as binary messages, one for each chunk; what comes in is read as
 * Buffers. With `readableObjectMode` each message is a chunk, and text is text.
 *
 * Ending it closes the connection with 1000, destroying it with an error closes it with 1011. It ends
 * when the peer closes, and is destroyed with an error where the connection is lost.
 *
 * @param client The client; it may be connecting still.
 * @param options Those of a Duplex.
 * @returns The stream.
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
  options?: DuplexOptions,
): Duplex;
/**
 * The same for a connection of a server.
 *
 * @param server The server.
 * @param connection Which; a copy does as well.
 * @param options Those of a Duplex.
 * @returns The stream.
 * @throws {BusinessError} 401 where it is no connection, 2302006 where it is over.
 */
export function duplexOf(
  server: ShapedServer,
  connection: ConnectionAddress,
  options?: DuplexOptions,
): Duplex;
export function duplexOf(
  one: WebSocketClient<TextOrBytes | ArrayBuffer> | ShapedServer,
  second?: ConnectionAddress | DuplexOptions,
  third: DuplexOptions = {},
): Duplex {
  if ("connect" in one) return new WebSocketDuplex(streamsOf(one), (second ?? {}) as DuplexOptions);
  return new WebSocketDuplex(streamsOf(one, second as ConnectionAddress), third);
}
