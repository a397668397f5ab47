/** Asks as HarmonyOS' own conformance suites do: by callback and by promise. */

import { BusinessError } from "../../harmony.ts";
import { within } from "./client.ts";

/** How a call ended: `true`, or the code of its error. */
export type Answer = boolean | number;

export type Call = (...args: unknown[]) => Promise<boolean> | void;

/** The two ways to be answered. */
export const WAYS = ["callback", "promise"] as const;
export type Way = (typeof WAYS)[number];

/** Calls a method, and answers how the call ended. */
export function ask(way: Way, target: object, name: string, args: unknown[]): Promise<Answer> {
  const call = (target as Record<string, Call>)[name]!;
  return within(
    new Promise<Answer>((resolve, reject) => {
      if (way === "callback") {
        call.call(target, ...args, (err: BusinessError | undefined, value: Answer) => {
          resolve(err === undefined ? value : err.code);
        });
      } else {
        (call.apply(target, args) as Promise<boolean>).then(
          resolve,
          (err) => err instanceof BusinessError ? resolve(err.code) : reject(err),
        );
      }
    }),
  );
}
