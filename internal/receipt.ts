/** What becomes of a message whose sender wants to hear of it. Not part of the public API. */

import { isThenable, type Listener, type ListenerList, passOn } from "./listeners.ts";

/** Why a message was not accepted, as it goes over the wire. */
export type Refused =
  | "failed"
  | "unheard"
  | "unacceptable"
  | "too big"
  | "closed"
  | "forgotten";

/** Counts who has a message in hand. When all have done with it, its sender is told. */
export class Receipt {
  /** Whether it may have been seen before: nobody here can know. */
  readonly mayRepeat: boolean;
  readonly #answer: (refused: Refused | undefined) => void;
  /** How many have it in hand; one of them hands it out. */
  #held = 1;
  #isSeen = false;
  #refused: Refused | undefined;

  constructor(answer: (refused: Refused | undefined) => void, mayRepeat = false) {
    this.#answer = answer;
    this.mayRepeat = mayRepeat;
  }

  /**
   * Somebody has it in hand. Returns what is to be called once: with whether he has seen it, and why he
   * does not accept it, if so.
   */
  hold(): (isSeen: boolean, refused?: Refused) => void {
    this.#held++;
    return (isSeen, refused) => {
      this.#isSeen ||= isSeen;
      this.#refused ??= refused;
      this.#release();
    };
  }

  /** The listeners, as they are to be called with it: their failures count. */
  watch({ what, items }: ListenerList): ListenerList {
    this.#isSeen ||= items.some((listener) => !passOn.has(listener));
    return { what, items: items.map((listener) => this.#watched(listener)) };
  }

  /** All were called; some of them may be at work still. */
  end(atWork: Promise<unknown> | undefined): void {
    if (atWork === undefined) this.#release();
    else void atWork.then(() => this.#release());
  }

  /** It is given to nobody. In the place of `end`. */
  refuse(why: Refused): void {
    this.#refused = why;
    this.#release();
  }

  #watched(listener: Listener): Listener {
    const failed = (cause: unknown) => {
      this.#refused = "failed";
      throw cause;
    };
    return (...args) => {
      try {
        const result = listener(...args);
        if (!isThenable(result)) return undefined;
        return Promise.resolve(result).then(undefined, failed);
      } catch (cause) {
        return failed(cause);
      }
    };
  }

  #release(): void {
    if (--this.#held > 0) return;
    this.#answer(this.#refused ?? (this.#isSeen ? undefined : "unheard"));
  }
}
