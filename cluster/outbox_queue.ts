/** What a node has to tell, and is in no entry of the log yet. Not part of the public API. */

/** A message that waits for its entry. */
export interface Queued {
  /** Counts up, in the order of the queue. */
  readonly number: number;
  /** As it is in the log; empty where it was taken back. */
  line: string;
}

/** What waits, in order. */
export class OutboxQueue<Item extends Queued> {
  #items: Item[] = [];
  /** How many of them were taken back. */
  #takenBack = 0;

  /** How many wait, and were taken back not long ago. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds one behind all others. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes one back. Returns how many characters it had; 0 where it does not wait here. */
  takeBack(number: number): number {
    let [from, to] = [0, this.#items.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#items[middle]!.number < number) from = middle + 1;
      else to = middle;
    }
    const item = this.#items[from];
    if (item?.number !== number) return 0;
    const { length } = item.line;
    item.line = "";
    if (++this.#takenBack > this.#items.length / 2) this.#sweep();
    return length;
  }

  /** Takes what goes into one entry of so many bytes: the first, however long it is, and as many more as have room. */
  take(bytes: number): Item[] {
    if (this.#takenBack > 0) this.#sweep();
    let room = bytes;
    let count = 0;
    for (const { line } of this.#items) {
      room -= 3 * line.length + 1;
      if (room < 0 && count > 0) break;
      count++;
    }
    return this.#items.splice(0, count);
  }

  /** Keeps those of which this is so, and none that was taken back: an entry of nothing else would be empty. */
  keep(isKept: (item: Item) => boolean): void {
    this.#items = this.#items.filter((item) => item.line !== "" && isKept(item));
    this.#takenBack = 0;
  }

  /** Forgets what was taken back. */
  #sweep(): void {
    this.keep(() => true);
  }
}
