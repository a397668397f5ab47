/** Modules that are loaded when they are needed, as most programs never need them. Not part of the public API. */

const all = new Set<Promise<unknown>>();

/** The modules that are being loaded. */
export const underWay: ReadonlySet<Promise<unknown>> = all;

/** Notes that a module is being loaded: that takes real time, whatever the clock. */
export function loading<T>(module: Promise<T>): Promise<T> {
  const end = () => void all.delete(module);
  all.add(module);
  module.then(end, end);
  return module;
}
