import { type BusinessError, businessError } from "../errors.ts";
import { Fifo } from "../internal/fifo.ts";
import type { Incoming } from "../internal/payload.ts";
import type { Receipt } from "../internal/receipt.ts";

/** How much may wait to be read, in bytes; text counts two a character. */
const MAX_WAITING = 16 * 1024 * 1024;

/** What a message counts at the least, in bytes, as it costs that while it waits: it may have nothing in it. */
const LEAST = 64;

/** Where the messages come from. */
export interface MessageSource {
  on(type: string, listener: (first?: unknown, second?: unknown) => unknown): void;
  off(type: string, listener: (first?: unknown, second?: unknown) => unknown): void;
  /** Whether the client is connecting, or has a connection. */
  busy(): boolean;
  /** Called when more messages wait than may wait. */
  tooFast(what: string): void;
  /**
   * Stops reading, until what this returns is called; nothing where that cannot be.
   *
   * @param expired Called where it was stopped for too long. The same one twice counts once.
   */
  pause(expired: () => void): (() => void) | undefined;
}

/** A message, or what `schema` has made of it. */
export type Message = unknown;

/** What is told of a message before it, where there is anything to tell. */
export interface MessageInfo {
  /** Its size in bytes, where it does not show that itself. */
  size: number | undefined;
  /** Where its sender wants to hear what becomes of it. */
  receipt: Receipt | undefined;
}

/** Called once with whether a message was seen; nothing where nobody wants to hear of it. */
type Release = ((isSeen: boolean) => void) | undefined;

/** The messages of a connection, one by one. Ends when it is closed, and throws where it was lost. */
export class MessageIterator implements AsyncIterableIterator<Message> {
  readonly #source: MessageSource;
  readonly #waiting = new Fifo<{ message: Message; size: number; release: Release }>();
  /** To be called for messages that were read. Whoever asks for the next message has done with these. */
  #read: Release[] = [];
  #bytes = 0;
  #readers: { resolve(result: IteratorResult<Message>): void; reject(error: unknown): void }[] = [];
  #error: BusinessError | undefined;
  #ended = false;
  /** While more bytes than this wait, the connection is not read; where that was asked for. */
  #pausesAbove = Infinity;
  /** Call it to have the connection read again. */
  #goOn: (() => void) | undefined;

  constructor(source: MessageSource) {
    this.#source = source;
    source.on("message", this.#message);
    source.on("error", this.#failed);
    source.on("close", this.#closed);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Has the connection not be read while more than so many bytes wait, where it can be stopped. */
  pauseAbove(bytes: number): void {
    this.#pausesAbove = bytes;
  }

  next(): Promise<IteratorResult<Message>> {
    this.#done();
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#bytes -= next.size;
      if (this.#bytes <= this.#pausesAbove / 2) this.#readOn();
      this.#read.push(next.release);
      return Promise.resolve({ done: false, value: next.message });
    }
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      if (this.#ended) this.#settleReaders();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#done();
    for (const { release } of this.#waiting.take()) release?.(false);
    this.#error = undefined;
    this.#detach();
    this.#settleReaders();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Takes a message, and before it a {@linkcode MessageInfo} or nothing. */
  readonly #message = (told: unknown, message: Message): void => {
    const info = told as MessageInfo | undefined;
    const release = info?.receipt?.hold();
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      this.#read.push(release);
      return reader.resolve({ done: false, value: message });
    }
    const size = Math.max(info?.size ?? sizeOf(message as Incoming), LEAST);
    this.#waiting.push({ message, size, release });
    this.#bytes += size;
    if (this.#bytes > this.#pausesAbove) this.#goOn = this.#source.pause(this.#expired);
    // One that waits alone did not come too fast, however long it is.
    if (this.#bytes > MAX_WAITING && this.#waiting.size > 1) {
      this.#overrun(`more than ${MAX_WAITING} bytes wait to be read`);
    }
  };

  readonly #expired = (): void =>
    this.#overrun(`more than ${this.#pausesAbove / 2} bytes waited for too long to be read`);

  #overrun(what: string): void {
    this.#error = businessError("unread", what);
    this.#detach();
    this.#source.tooFast(what);
  }

  #readOn(): void {
    const goOn = this.#goOn;
    this.#goOn = undefined; // first, as what comes at once may be too much again
    goOn?.();
  }

  readonly #failed = (error: unknown): void => {
    if (this.#source.busy()) return; // another attempt has begun already
    this.#error = error as BusinessError;
    this.#closed();
  };

  readonly #closed = (): void => {
    this.#detach();
    this.#settleReaders();
  };

  /** There is nothing to read, as the connection was over before. */
  end(error: BusinessError | undefined): void {
    this.#error = error;
    this.#closed();
  }

  /** Whoever has read messages has done with them. */
  #done(): void {
    if (this.#read.length === 0) return;
    for (const release of this.#read.splice(0)) release?.(true);
  }

  #detach(): void {
    this.#ended = true;
    this.#source.off("message", this.#message);
    this.#source.off("error", this.#failed);
    this.#source.off("close", this.#closed);
    this.#readOn(); // last, as what comes at once is for nobody here
  }

  /** Tells everyone who waits that no more messages come. One of them gets the error. */
  #settleReaders(): void {
    for (const reader of this.#readers.splice(0)) {
      const error = this.#error;
      this.#error = undefined;
      if (error === undefined) reader.resolve({ done: true, value: undefined });
      else reader.reject(error);
    }
  }
}

function sizeOf(message: Incoming): number {
  return typeof message === "string" ? message.length * 2 : message.byteLength;
}
