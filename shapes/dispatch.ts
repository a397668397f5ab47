/** Dispatches events on targets that are none of the runtime's. Not part of the public API. */

/**
 * Dispatches an event as `dispatchEvent` does (DOM §2.9), on a target with no parent: the event shows it
 * while the listeners are told. The runtime's own needs a target that the runtime has made, and on Bun
 * 1.4.5 such a target has 150 bytes: a server with many connections is better without.
 *
 * @returns Whether nobody has prevented the default.
 */
export function dispatchOn(
  target: EventTarget,
  event: Event,
  tell: (event: Event) => void,
): boolean {
  const during = {
    currentTarget: target,
    eventPhase: Event.AT_TARGET,
    composedPath: () => [target],
  };
  show(event, { target, srcElement: target, ...during });
  tell(event);
  for (const name of Object.keys(during)) delete (event as Partial<Event>)[name as keyof Event];
  return !event.defaultPrevented;
}

function show(event: Event, properties: Partial<Record<keyof Event, unknown>>): void {
  for (const [name, value] of Object.entries(properties)) {
    Object.defineProperty(event, name, { value, configurable: true });
  }
}
