/**
 * A promise that can be read before and after it is settled. It is made when it is first read. When it
 * is rejected and nobody awaits it, the process goes on. An object that it gives is frozen, as all who
 * await it get the same.
 */
export class Deferred<T> {
  #promise: Promise<T> | undefined;
  #resolve!: (value: T) => void;
  #reject!: (reason: unknown) => void;
  #settled = false;

  get promise(): Promise<T> {
    if (this.#promise === undefined) {
      this.#promise = new Promise<T>((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      this.#promise.catch(() => {});
    }
    return this.#promise;
  }

  resolve(value: T): void {
    void this.promise;
    this.#settled = true;
    this.#resolve(typeof value === "object" ? Object.freeze({ ...value }) : value);
  }

  reject(reason: unknown): void {
    void this.promise;
    this.#settled = true;
    this.#reject(reason);
  }

  /** Begins anew with a promise for the next result, if this one is settled. */
  renew(): void {
    if (!this.#settled) return;
    this.#settled = false;
    this.#promise = undefined;
  }
}
