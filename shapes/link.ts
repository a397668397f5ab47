/** What is below a socket of the WHATWG's shape. Not part of the public API. */

import type { WebSocketData } from "../client/types.ts";
import type { BusinessError } from "../errors.ts";

/** What is below a socket. */
export interface Link {
  /** One of the states; CLOSED once it has told of its end. */
  readonly state: number;
  /** Bytes that were sent and are not gone yet. */
  readonly queued: number;
  /** Whether it takes messages while it connects. */
  readonly queues: boolean;
  /** Whether a program may close with this code. */
  allows(code: number): boolean;
  /**
   * Throws where a message of so many bytes is too big, or has no room beside what is queued and so many bytes that
   * wait. Only where it takes messages.
   */
  admit(bytes: number, waiting: number): void;
  /** Sends a message, or throws where there is no room for it. Only where it takes messages. */
  transmit(data: WebSocketData, isAdmitted?: boolean): void;
  /** Sends a message that the peer is to acknowledge. Never throws. Only where it takes messages. */
  ask(data: WebSocketData): Promise<boolean>;
  /** Starts to close; `ended` follows. With no code the Close frame has none. Once at the most. */
  shut(code: number | undefined, reason: string): void;
  /** Sends a Ping, whose answer the heartbeat waits for. Only while open. */
  probe(): void;
}

/** How a connection, or an attempt, came to its end. */
export interface LinkEnd {
  /** As the peer's Close frame has it; 1005 for one with none, 1006 where none came. */
  readonly code: number;
  readonly reason: string;
  /** Whether both sides have closed as they should. */
  readonly wasClean: boolean;
  /** What went wrong: 'error' tells it. */
  readonly error?: BusinessError | undefined;
}
