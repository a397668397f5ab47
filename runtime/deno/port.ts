/** How long to wait before a port is listened on again, in ms. */
const AGAIN_MS = 100;

/**
 * Why a server has ended with no cause: Deno could not send what a request was answered with, as where somebody has locked
 * its body; unless the answer was to an upgrade, or to HTTP/2, its `onError` is asked (2.9.6, `tests/server/same_response_test.ts`).
 */
const NO_ANSWER =
  "Deno could not send an answer, and has ended its server: its own words are on the console";

/** A server of the runtime. */
export interface DenoServer {
  addr: { hostname?: string; port?: number };
  finished: Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * A port that is listened on again where Deno has stopped: it does so once a connection comes for which the process may
 * open no file, and nothing but `finished` tells of it, which ends the process where nobody hears it (2.9.6,
 * `tests/server/few_files_test.ts`).
 */
export class Port {
  readonly #serve: (signal: AbortSignal) => DenoServer;
  readonly #lost: (cause: unknown) => void;
  #current: { server: DenoServer; stopped: AbortController } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  /** The words of what has been told since it was listened on. */
  #told: string[] = [];

  /** @param lost Told why it is not listened on, and what keeps it from that for longer: each once. */
  constructor(serve: (signal: AbortSignal) => DenoServer, lost: (cause: unknown) => void) {
    this.#serve = serve;
    this.#lost = lost;
  }

  /** Listens; throws what Deno throws. */
  listen(): DenoServer {
    const stopped = new AbortController();
    const server = this.#serve(stopped.signal);
    this.#current = { server, stopped };
    server.finished.then(() => this.#end(new Error(NO_ANSWER)), (cause) => this.#end(cause));
    return server;
  }

  /** Ends it once all that it answers is done, which may be never. */
  async shutdown(): Promise<void> {
    this.#close();
    await this.#current?.server.shutdown();
  }

  /** Ends it at once. */
  async abort(): Promise<void> {
    this.#close();
    this.#current?.stopped.abort();
    await this.#current?.server.finished.catch(() => {});
  }

  #close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #end(cause: unknown): void {
    this.#current = undefined;
    if (this.#isClosed) return;
    this.#told = [];
    this.#tell(cause);
    this.#again();
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      try {
        this.listen();
      } catch (cause) {
        this.#again(); // first: who is told may close it
        this.#tell(cause);
      }
    }, AGAIN_MS);
  }

  /** Tells of a cause whose words are not within those of one before: "accept: Too many open files". */
  #tell(cause: unknown): void {
    const message = String((cause as Error).message);
    if (this.#told.some((words) => words.includes(message))) return;
    this.#told.push(message);
    this.#lost(cause);
  }
}
