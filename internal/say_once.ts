/** What was said on the console already. */
const said = new Set<string>();

/** Prints a warning on the console, once in a process. */
export function sayOnce(what: string): void {
  if (said.has(what)) return;
  said.add(what);
  console.warn(what);
}
