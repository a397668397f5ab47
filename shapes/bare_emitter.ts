/** An EventEmitter that costs little for each. Not part of the public API. */

import { EventEmitter } from "node:events";

/** The prototype of a map with nothing in it. With `null` it would be one of those large objects. */
export const NOTHING: object = Object.create(null);

/**
 * What makes nothing where an EventEmitter's constructor makes an object of 184 bytes (Deno 2.9.6), for
 * each socket: `super()` ends here. All else is the EventEmitter's, which on Bun 1.4.5 captures rejections by what its
 * constructor makes.
 */
function Unmade(this: EventEmitter): void {
  if (EventEmitter.captureRejections) EventEmitter.call(this);
}
Unmade.prototype = EventEmitter.prototype;
Object.setPrototypeOf(Unmade, EventEmitter);

/** Has a class that extends EventEmitter make nothing of what that one's constructor makes. */
export function withoutConstructor(child: new (...args: never[]) => EventEmitter): void {
  Object.setPrototypeOf(child, Unmade);
}
