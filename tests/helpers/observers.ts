/** Observers that write down what they are told. */

import type { WebSocketObserver } from "../../mod.ts";

/** The names of all functions an observer can have. */
export const FUNCTIONS = [
  "opened",
  "closed",
  "received",
  "sent",
  "pinged",
  "ponged",
  "dropped",
  "refused",
] as const;

/** What an observer was told, without whom of: `["closed", { code, reason }]`, `["refused", 429, why]`. */
export type Told = [name: string, ...args: unknown[]];

/** An observer with all functions; who is told of goes to `whos`. */
export function recorder(
  log: unknown[],
  whos: Set<unknown> = new Set(),
): Required<WebSocketObserver> {
  const note = (name: string) => (who: unknown, ...args: unknown[]) => {
    whos.add(who);
    // One that knows of nothing more is told with an `undefined`, which is left out.
    log.push([name, ...args.filter((arg) => arg !== undefined)]);
  };
  const functions = Object.fromEntries(FUNCTIONS.map((name) => [name, note(name)]));
  const refused = (status: number, why: string) => log.push(["refused", status, why]);
  return { ...functions, refused } as unknown as Required<WebSocketObserver>;
}
