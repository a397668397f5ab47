import { type BusinessError, businessError } from "../errors.ts";
import type { Listener } from "./listeners.ts";

/** The arguments of a call, its callback taken off. */
export interface Call {
  values: unknown[];
  callback: Listener | undefined;
  error: BusinessError | undefined;
}

/**
 * Reads the arguments of a call that may end in a callback. Trailing `undefined`s count as left
 * out, as programs pass on what they were not given themselves.
 */
export function readCall(name: string, args: ArrayLike<unknown>, most: number): Call {
  const values = Array.from(args);
  while (values.length > 0 && values.at(-1) === undefined) values.pop();
  const callback = values.findLast((value) => typeof value === "function") as Listener | undefined;
  // One that is not the last is left among the values, where it is wrong.
  if (callback !== undefined && values.at(-1) === callback) values.pop();
  const error = values.length <= most ? undefined : businessError(
    "argument",
    `${name}: takes at most ${most} arguments and a callback: ${values.length} were given`,
  );
  return { values, callback, error };
}
