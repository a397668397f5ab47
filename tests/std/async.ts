/** Stand-in for `jsr:@std/async`: see README.md. */

/** Options for {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the delay with a rejection. */
  signal?: AbortSignal;
  /**
   * Whether the timer keeps the process alive.
   *
   * @default {true}
   */
  persistent?: boolean;
}

/** Options for {@linkcode deadline}. */
export interface DeadlineOptions {
  /** Ends the wait with a rejection. */
  signal?: AbortSignal;
}

/** Options for {@linkcode retry}. */
export interface RetryOptions {
  /** @default {2} */
  multiplier?: number;
  /** Milliseconds. @default {60000} */
  maxTimeout?: number;
  /** @default {5} */
  maxAttempts?: number;
  /** Milliseconds. @default {1000} */
  minTimeout?: number;
  /** From 0, none, to 1, all of the wait. @default {1} */
  jitter?: number;
  /** Whether an error is worth another attempt. @default {() => true} */
  isRetriable?: (err: unknown) => boolean;
}

/** What {@linkcode retry} throws after the last attempt, with the last error as its cause. */
export class RetryError extends Error {
  override name = "RetryError";
  constructor(cause: unknown, attempts: number) {
    super(`Retrying exceeded the maxAttempts (${attempts}).`, { cause });
  }
}

/** Resolves after `ms` milliseconds. */
export function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal, persistent = true } = options;
  if (signal?.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    // A number on Deno up to version 2.7, an object with `unref` since then and on Bun.
    if (!persistent && typeof timer === "object") (timer as { unref(): void }).unref();
    signal?.addEventListener("abort", abort, { once: true });
  });
}

/** The promise's outcome, or a rejection with a `TimeoutError` after `ms` milliseconds. */
export async function deadline<T>(
  p: Promise<T>,
  ms: number,
  options: DeadlineOptions = {},
): Promise<T> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new DOMException("Signal timed out.", "TimeoutError")),
    ms,
  );
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([p, stopped]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** Calls the function until it succeeds, waiting longer after each failure. */
export async function retry<T>(
  fn: (() => Promise<T>) | (() => T),
  options: RetryOptions = {},
): Promise<T> {
  const { multiplier = 2, maxTimeout = 60_000, maxAttempts = 5, minTimeout = 1000, jitter = 1 } =
    options;
  for (let attempt = 1;; attempt++) {
    try {
      return await fn();
    } catch (error) {
      if (options.isRetriable?.(error) === false) throw error;
      if (attempt >= maxAttempts) throw new RetryError(error, maxAttempts);
    }
    const wait = Math.min(maxTimeout, minTimeout * multiplier ** (attempt - 1));
    await delay(wait * (1 - jitter * Math.random()));
  }
}
