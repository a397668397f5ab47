/** Runs tasks that mostly wait a few at a time, so that the tests which ask for them wait less. */
export class Ahead {
  readonly #limit: number;
  readonly #tasks: (() => Promise<void>)[] = [];
  #runs: Promise<unknown> = Promise.resolve();

  /** How many run at a time. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Plans a task; what it gives back waits for its outcome. */
  plan<T>(task: () => Promise<T>): () => Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    promise.catch(() => {}); // its test says so
    this.#tasks.push(() => task().then(resolve, reject));
    return () => promise;
  }

  /** Begins, in the order of the plans. For `beforeAll`. */
  start(): void {
    const worker = async () => {
      for (
        let task = this.#tasks.shift();
        task !== undefined;
        task = this.#tasks.shift()
      ) {
        await task();
      }
    };
    this.#runs = Promise.all(Array.from({ length: this.#limit }, worker));
  }

  /** Begins no more, and waits for those that run. For `afterAll`. */
  async end(): Promise<void> {
    this.#tasks.length = 0;
    await this.#runs;
  }
}
