/** Modules that are loaded when they are needed, as most programs never need them. Not part of the public API. */

const underWay = new Set<Promise<unknown>>();

/** Notes that a module is being loaded: that takes real time, whatever the clock. */
export function loading<T>(module: Promise<T>): Promise<T> {
  const end = () => void underWay.delete(module);
  underWay.add(module);
  module.then(end, end);
  return module;
}

/** Waits until no module is being loaded. Returns nothing where none is. */
export function loaded(): Promise<unknown> | undefined {
  return underWay.size === 0 ? undefined : Promise.allSettled(underWay);
}
