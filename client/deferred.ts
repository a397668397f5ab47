/** A promise that gives everybody who awaits it an object of his own: he may change it. */
class CopyingPromise<T> extends Promise<T> {
  /** What comes out of `then` is anybody's value, and no object to copy. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const given = fulfilled ?? ((value: T) => value as unknown as A);
    return super.then((value) => given(typeof value === "object" ? { ...value } : value), rejected);
  }
}

/**
 * A promise that can be read before and after it is settled. It is made when it is first read. When it
 * is rejected and nobody awaits it, the process goes on.
 */
export class Deferred<T> {
  #promise: Promise<T> | undefined;
  #resolve!: (value: T) => void;
  #reject!: (reason: unknown) => void;
  #settled = false;

  get promise(): Promise<T> {
    if (this.#promise === undefined) {
      this.#promise = new CopyingPromise<T>((resolve, reject) => {
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
    this.#resolve(value);
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
