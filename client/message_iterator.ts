import { type BusinessError, businessError } from "../errors.ts";

/** How much may wait to be read, in bytes; text counts two a character. */
const MAX_WAITING = 16 * 1024 * 1024;

/** Where the messages come from. */
export interface MessageSource {
  on(type: string, listener: (first?: unknown, second?: unknown) => unknown): void;
  off(type: string, listener: (first?: unknown, second?: unknown) => unknown): void;
  /** Whether an attempt or a connection is under way. */
  busy(): boolean;
  /** Called when a reader has fallen behind for good. */
  tooFast(): void;
}

/** A message, or what a schema has made of one. */
export type Message = unknown;

/** The messages of a connection, to be read one by one. Ends with it; throws where it was lost. */
export class MessageIterator implements AsyncIterableIterator<Message> {
  readonly #source: MessageSource;
  readonly #waiting: { message: Message; size: number }[] = [];
  #bytes = 0;
  #reader: { resolve(result: IteratorResult<Message>): void; reject(error: unknown): void }[] = [];
  #error: BusinessError | undefined;
  #over = false;

  constructor(source: MessageSource) {
    this.#source = source;
    source.on("message", this.#message);
    source.on("error", this.#failed);
    source.on("close", this.#closed);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Message>> {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#bytes -= next.size;
      return Promise.resolve({ done: false, value: next.message });
    }
    return new Promise((resolve, reject) => {
      this.#reader.push({ resolve, reject });
      if (this.#over) this.#end();
    });
  }

  return(): Promise<IteratorResult<Message>> {
    this.#waiting.length = 0;
    this.#error = undefined;
    this.#leave();
    this.#end();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Takes a message; its size is told where it cannot be seen from it. */
  readonly #message = (told: unknown, message: Message): void => {
    const reader = this.#reader.shift();
    if (reader !== undefined) return reader.resolve({ done: false, value: message });
    const size = (told ?? sizeOf(message as string | ArrayBuffer)) as number;
    this.#waiting.push({ message, size });
    this.#bytes += size;
    if (this.#bytes <= MAX_WAITING) return;
    this.#error = businessError("unread", `more than ${MAX_WAITING} bytes wait to be read`);
    this.#leave();
    this.#source.tooFast();
  };

  readonly #failed = (error: unknown): void => {
    if (this.#source.busy()) return; // another attempt is under way already
    this.#error = error as BusinessError;
    this.#closed();
  };

  readonly #closed = (): void => {
    this.#leave();
    this.#end();
  };

  #leave(): void {
    this.#over = true;
    this.#source.off("message", this.#message);
    this.#source.off("error", this.#failed);
    this.#source.off("close", this.#closed);
  }

  /** Tells whoever waits that nothing more comes; the error once. */
  #end(): void {
    for (const reader of this.#reader.splice(0)) {
      const error = this.#error;
      this.#error = undefined;
      if (error === undefined) reader.resolve({ done: true, value: undefined });
      else reader.reject(error);
    }
  }
}

function sizeOf(message: string | ArrayBuffer): number {
  return typeof message === "string" ? message.length * 2 : message.byteLength;
}
