/** What has been said on the console once and need not be said again. */
const said = new Set<string>();

/** Says something on the console, once in a process. */
export function sayOnce(what: string): void {
  if (said.has(what)) return;
  said.add(what);
  console.warn(what);
}
