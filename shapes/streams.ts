/** A connection, of either side, as a pair of web streams. */

import { MessageIterator } from "../client/message_iterator.ts";
import type { CloseResult, TextOrBytes, WebSocketClient, WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { asBuffer, mostBytes } from "../internal/payload.ts";
import type { ConnectionAddress } from "../server/types.ts";
import { connectionOf, listenTo, needs, type ShapedServer } from "./server_hub.ts";

/** Bytes that may be queued before the writer waits, and messages that may wait to be read. */
const HIGH_WATER_BYTES = 64 * 1024;
const HIGH_WATER_MESSAGES = 16;

/** Bytes that a message takes besides its own, at the most: the head of its frame, and of one that resumes. */
const HEAD_BYTES = 16;

/** With more bytes than this that wait to be read a client does not read on, where it can be stopped. */
const PAUSE_BYTES = 1024 * 1024;

/** A connection as streams. */
export interface WebSocketStreams {
  /** What comes in: a chunk for each message. It ends with the connection, and fails where that is lost. */
  readonly readable: ReadableStream<string | ArrayBuffer>;
  /**
   * What goes out: a message for each chunk. A write is done when the system has taken all but 64 KiB of
   * what is queued, and waits until it may be queued at all. Closing it closes the connection with 1000,
   * aborting it with 1011, also while a write waits. Of a client that reconnects both streams go on with its next
   * connection; what the last one had not sent is lost.
   */
  readonly writable: WritableStream<WebSocketData>;
  /** Settles when the connection is open, with its subprotocol; rejects where it never is. */
  readonly opened: Promise<{ protocol: string }>;
  /** Settles when the connection is over, however it ended: 1006 where it was lost. */
  readonly closed: Promise<CloseResult>;
}

/** What one of the sides has below the streams. */
interface Side {
  /** How many bytes may be queued so that this fits, where it is not certain that a write leaves as much. */
  room?(data: WebSocketData): number;
  send(data: WebSocketData): Promise<unknown>;
  drained(bytes: number): Promise<boolean>;
  close(code: number, reason: string): Promise<unknown>;
}

/** What closes a connection with 1011, for a reason that may be anything. */
type Fail = (reason: unknown) => Promise<void>;

/** A connection as streams, and what closes it where a write has failed: its stream, which has then, does not. */
export interface OwnStreams {
  readonly streams: WebSocketStreams;
  readonly fail: Fail;
}

function failing(side: Side): Fail {
  return async (reason) => {
    await side.close(1011, wordsOf(reason)).catch(() => {}); // it may be over by now
  };
}

function wordsOf(reason: unknown): string {
  try {
    return `${reason instanceof Error ? reason.message : reason ?? ""}`;
  } catch {
    return ""; // no text can be made of it
  }
}

/** The end that writes. */
function writableOf(
  side: Side,
  fail: Fail,
  closed: Promise<CloseResult>,
): WritableStream<WebSocketData> {
  /** Aborts with the stream. */
  let signal!: AbortSignal;
  /** Call it to have the write under way wait no longer. */
  let giveUp = (): void => {};
  /** Waits until no more than so many bytes are queued; `false` where it is over, or aborted, before. */
  const drained = (bytes: number): Promise<boolean> =>
    new Promise((resolve) => {
      giveUp = () => resolve(false);
      void side.drained(bytes).then(resolve);
    });
  /** Why a write has waited in vain. */
  const ended = async (): Promise<unknown> =>
    signal.aborted ? signal.reason : over((await closed).code);
  // It is over: who hears of that first, the stream or who writes, differs between the runtimes.
  const refused = async (error: BusinessError): Promise<never> => {
    throw error.kind === "noConnection" ? await ended() : error;
  };
  /** Sends again what had no room, once all is taken that is queued: with nothing queued it has, or never will. */
  const retried = async (error: BusinessError, chunk: WebSocketData): Promise<unknown> => {
    if (error.kind !== "queueFull") return refused(error);
    if (!await drained(0)) throw await ended();
    return await side.send(chunk).catch(refused);
  };
  return new WritableStream<WebSocketData>({
    start(controller) {
      signal = controller.signal;
      // `abort` below comes when no write is under way any more.
      signal.addEventListener("abort", () => giveUp());
      closed.then(({ code }) => controller.error(over(code)));
    },
    async write(chunk) {
      if (side.room !== undefined && !await drained(side.room(chunk))) throw await ended();
      try {
        await side.send(chunk);
      } catch (error) {
        await retried(error as BusinessError, chunk);
      }
      // Over before all of it was taken: whether it arrived nobody knows.
      if (!await drained(HIGH_WATER_BYTES)) throw await ended();
    },
    async close() {
      await side.close(1000, "").catch(refused);
      await closed;
    },
    abort: fail,
  }, new CountQueuingStrategy({ highWaterMark: 1 }));
}

function over(code: number): Error {
  return businessError("lost", `the connection is over: ${code}`);
}

/** The streams of a client. Not part of the public API. */
export function ofClient(client: WebSocketClient<TextOrBytes | ArrayBuffer>): OwnStreams {
  const messages = client[Symbol.asyncIterator]();
  if (messages instanceof MessageIterator) messages.pauseAbove(PAUSE_BYTES);
  const { closed: end } = client;
  const closed = end.catch(() => ({ code: 1006, reason: "" }));
  /** Whether the program has connected anew since: that connection is no affair of these streams. */
  const isAnother = () => client.closed !== end;
  const isOver = () => client.state === "idle" || isAnother();
  const side: Side = {
    async send(data) {
      if (isAnother()) throw over((await closed).code);
      return client.send(data);
    },
    async drained(bytes) {
      // Of one that reconnects the queue goes on with what waits for the next connection.
      while (!await client.drained(bytes)) if (isOver()) return false;
      return true;
    },
    async close(code, reason) {
      if (!isAnother()) await client.close({ code, reason });
    },
  };
  const readable = new ReadableStream<string | ArrayBuffer>({
    async pull(controller) {
      const { done, value } = await messages.next();
      if (done) controller.close();
      else controller.enqueue(asBuffer(value));
    },
    async cancel() {
      await messages.return!();
      if (isOver()) return; // there is no end to wait for
      await client.close().catch(() => {}); // which may be over by now
      await closed;
    },
  }, new CountQueuingStrategy({ highWaterMark: HIGH_WATER_MESSAGES }));
  const opened = client.opened.then(() => ({ protocol: client.protocol }));
  opened.catch(() => {}); // who does not wait for it hears of it by the streams
  const fail = failing(side);
  const writable = writableOf(side, fail, closed);
  return { streams: { readable, writable, opened, closed }, fail };
}

/** The streams of a server's connection; `call` is what the program has called. Not part of the public API. */
export function ofServer(
  call: string,
  server: ShapedServer,
  connection: ConnectionAddress,
): OwnStreams {
  const found = connectionOf(call, server, connection);
  const { handle, host: { maxBufferedAmount, maxPayload } } = found;
  const isTight = maxBufferedAmount < HIGH_WATER_BYTES + maxPayload + HEAD_BYTES;
  const { promise: closed, resolve: end } = Promise.withResolvers<CloseResult>();
  const side: Side = {
    // Without it a peer that reads slowly would be dropped.
    ...(isTight && {
      room: (data) => Math.max(0, maxBufferedAmount - mostBytes(data) - HEAD_BYTES) || 0,
    }),
    send: (data) => server.send(data, handle),
    drained: (bytes) => server.drained(handle, bytes),
    close: (code, reason) => server.close(handle, { code, reason }),
  };
  let reader: ReadableStreamDefaultController<string | ArrayBuffer> | undefined;
  /** Settles when there is room again: until then the message counts as being worked on. */
  let room: PromiseWithResolvers<void> | undefined;
  const release = () => {
    room?.resolve();
    room = undefined;
  };
  const readable = new ReadableStream<string | ArrayBuffer>({
    start(controller) {
      reader = controller;
    },
    pull: release,
    async cancel() {
      reader = undefined;
      await server.close(handle).catch(() => {}); // which may be over by now
      await closed;
    },
  }, new CountQueuingStrategy({ highWaterMark: HIGH_WATER_MESSAGES }));
  listenTo(server, found, {
    message(data, receipt) {
      if (reader === undefined) return undefined;
      receipt?.hold()(true);
      reader.enqueue(data);
      if (reader.desiredSize! > 0) return undefined;
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    closed(close) {
      if (close.code === 1006) reader?.error(over(1006));
      else reader?.close();
      release();
      end(close.code === 1005 ? { code: 1000, reason: "" } : { ...close });
    },
    ponged() {},
  });
  const opened = Promise.resolve({ protocol: found.protocol });
  const fail = failing(side);
  const writable = writableOf(side, fail, closed);
  return { streams: { readable, writable, opened, closed }, fail };
}

/**
 * Gives a connection as web streams, with backpressure in both directions: a writer waits for a slow
 * peer, and a slow reader holds the peer back, where the runtime can stop reading, for `pingInterval + pongTimeout` at
 * the most. Then, and where it cannot, the connection is closed with 1008: of a server when `maxPendingAmount` waits, of a
 * client when 16 MiB do.
 *
 * @param client The client; what comes in from here on is read.
 * @returns The streams.
 * @throws {BusinessError} 401 where it is no client.
 *
 * @example Send what comes in back
 * ```ts
 * import { createWebSocket, createWebSocketServer } from "@netkit/websocket";
 * import { streamsOf } from "@netkit/websocket/standard";
 * import { assertEquals } from "@std/assert";
 *
 * const server = createWebSocketServer();
 * server.on("connect", (connection) => {
 *   const { readable, writable } = streamsOf(server, connection);
 *   readable.pipeTo(writable).catch(() => {}); // the connection ends in the middle of it
 * });
 * await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
 *
 * const ws = createWebSocket();
 * const { readable, writable, opened } = streamsOf(ws);
 * await ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
 * await opened;
 * await writable.getWriter().write("there and back");
 * const { value } = await readable.getReader().read();
 * assertEquals(value, "there and back");
 * await server.stop();
 * ```
 */
export function streamsOf(client: WebSocketClient<TextOrBytes | ArrayBuffer>): WebSocketStreams;
/**
 * The same for a connection of a server.
 *
 * @param server The server.
 * @param connection Which; a copy does as well.
 * @returns The streams.
 * @throws {BusinessError} 401 where it is no connection, 2302006 where it is over.
 */
export function streamsOf(server: ShapedServer, connection: ConnectionAddress): WebSocketStreams;
export function streamsOf(
  one: WebSocketClient<TextOrBytes | ArrayBuffer> | ShapedServer,
  connection?: ConnectionAddress,
): WebSocketStreams {
  if (connection !== undefined) {
    return ofServer("streamsOf", one as ShapedServer, connection).streams;
  }
  needs("streamsOf", "client", one);
  return ofClient(one as WebSocketClient<TextOrBytes | ArrayBuffer>).streams;
}
