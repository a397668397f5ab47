/** Dispatches events on targets that are none of the runtime's. Not part of the public API. */

import { Event, EventTarget } from "./own_events.ts";

const { get: ownTarget } = Object.getOwnPropertyDescriptor(Event.prototype, "target")!;

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
  for (const [name, value] of Object.entries({ target, srcElement: target, ...during })) {
    Object.defineProperty(event, name, { value, configurable: true });
  }
  tell(event);
  for (const name of Object.keys(during)) delete (event as Partial<Event>)[name as keyof Event];
  if (event.cancelBubble) endStop(event);
  keepTarget(event, target);
  return !event.defaultPrevented;
}

/** An event is stopped until its dispatch ends, and only the runtime's own dispatch can end that. */
function endStop(event: Event): void {
  const nobody = new EventTarget();
  nobody.addEventListener(event.type, () => {}); // Deno 2.9.6 does nothing where there is no listener
  nobody.dispatchEvent(event);
}

/** Has an event show its target, until the runtime dispatches it on another. */
function keepTarget(event: Event, target: EventTarget): void {
  const before = ownTarget!.call(event);
  const get = (): EventTarget => {
    const now = ownTarget!.call(event);
    return now === before ? target : now;
  };
  for (const name of ["target", "srcElement"]) {
    Object.defineProperty(event, name, { get, configurable: true });
  }
}
