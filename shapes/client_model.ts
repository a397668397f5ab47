/** What is behind a `WebSocket` that connects by itself. Not part of the public API. */

import type { RecoveredInfo } from "../client/types.ts";
import type { ClientLink } from "./client_link.ts";
import { CustomEvent, Event, EventTarget } from "./own_events.ts";
import { OPEN, SocketModel } from "./socket_model.ts";

/** The state of a client's socket. */
export class ClientModel extends SocketModel {
  readonly url: string;
  readonly origin: string;
  protocol = "";
  extensions = "";
  #link: ClientLink | undefined;

  constructor(target: EventTarget, url: string) {
    super(target);
    this.url = url;
    this.origin = new URL(url).origin;
  }

  protected override get link(): ClientLink | undefined {
    return this.isOver ? undefined : this.#link;
  }

  /** Starts to connect. */
  connect(make: () => ClientLink): void {
    this.#link = make();
    this.#link.start();
  }

  override terminate(): void {
    this.link?.terminate();
  }

  /** The connection is open. */
  opened(protocol: string, extensions: string): void {
    this.protocol = protocol;
    this.extensions = extensions;
    if (this.readyState === OPEN) this.dispatch(new Event("open")); // an observer may have closed it
  }

  /** The socket is in a topic again, or some of it is lost. */
  recovered(detail: RecoveredInfo): void {
    this.dispatch(new CustomEvent("recovered", { detail }));
  }

  override dispatch(event: Event): boolean {
    // The runtime has the model for a listener of what is dispatched, and takes it once.
    EventTarget.prototype.addEventListener.call(this.target, event.type, this);
    return EventTarget.prototype.dispatchEvent.call(this.target, event);
  }
}
