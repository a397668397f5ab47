/**
 * Events as the runtime has them, whose dispatch takes no others. They are taken when this is loaded: a program may
 * put others in their place, as a DOM for tests of pages does. Not part of the public API.
 */

const OwnCloseEvent: typeof CloseEvent = CloseEvent;
const OwnCustomEvent: typeof CustomEvent = CustomEvent;
const OwnEvent: typeof Event = Event;
const OwnEventTarget: typeof EventTarget = EventTarget;
const OwnMessageEvent: typeof MessageEvent = MessageEvent;

export {
  OwnCloseEvent as CloseEvent,
  OwnCustomEvent as CustomEvent,
  OwnEvent as Event,
  OwnEventTarget as EventTarget,
  OwnMessageEvent as MessageEvent,
};
