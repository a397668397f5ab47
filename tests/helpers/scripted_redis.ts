/** What the log of Redis asks of a server, answered from memory: one stream, which a test may change at will. */

import type { RedisConnection } from "../../redis.ts";

/** A row: its id, and its only field. */
export type StreamRow = [id: string, fields: [name: string, value: string]];

const SMALLER = "ERR The ID specified in XADD is equal or smaller than the target stream top item";

const placeOf = (id: string) => id.split("-").map(Number) as [ms: number, offset: number];

function isBefore(one: string, other: string): boolean {
  const [[a, b], [c, d]] = [placeOf(one), placeOf(other)];
  return a < c || (a === c && b < d);
}

/** A server with one stream. A read that waits ends when something is appended, or when the test says so. */
export class ScriptedRedis {
  /** The stream, oldest first. */
  rows: StreamRow[] = [];
  /** Commands that came in: a name and the arguments behind the key. */
  readonly asked: string[] = [];
  /** How many connections are open. */
  connections = 0;
  /** While it is, nobody is told of what comes. */
  isHeld = false;
  /** What a command fails with, if it does. */
  fault: (command: string) => string | undefined = () => undefined;
  /** How what XREAD found is answered; clients differ. */
  form: (key: string, rows: StreamRow[]) => unknown = (key, rows) => [[key, rows]];
  #waiting: (() => void)[] = [];

  /** Opens a connection. */
  readonly open = (): RedisConnection => {
    this.connections++;
    let isOpen = true;
    let fail: (cause: Error) => void = () => {};
    const closed = new Promise<never>((_, reject) => fail = reject);
    closed.catch(() => {});
    return {
      send: (command, args) => Promise.race([this.#answer(command, args, closed), closed]),
      close: () => {
        if (isOpen) this.connections--;
        isOpen = false;
        fail(new Error("closed"));
      },
    };
  };

  /** The texts of entries, without the rows that begin or carry on an epoch. */
  get entries(): string[] {
    return this.rows.filter(([, [name]]) => /^e\d/.test(name)).map(([, [, text]]) => text);
  }

  /** Whether anybody waits for entries. */
  get isRead(): boolean {
    return this.#waiting.length > 0;
  }

  /** Ends all reads that wait. */
  wake(): void {
    if (this.isHeld) return;
    for (const end of this.#waiting.splice(0)) end();
  }

  /** Tells what was held. */
  release(): void {
    this.isHeld = false;
    this.wake();
  }

  async #answer(command: string, args: string[], closed: Promise<never>): Promise<unknown> {
    await undefined;
    const asked = `${command} ${args.slice(1).join(" ")}`;
    this.asked.push(asked);
    const fault = this.fault(asked);
    if (fault !== undefined) throw new Error(fault);
    switch (command) {
      case "XADD":
        return this.#add(args);
      case "XRANGE":
        return this.#range(args[1]!, args[2]!, args, (rows) => rows);
      case "XREVRANGE":
        return this.#range(args[2]!, args[1]!, args, (rows) => rows.reverse());
      case "XREAD":
        return await this.#read(args, closed);
      default:
        throw new Error(`ERR unknown command '${command}'`);
    }
  }

  #add(args: string[]): string | null {
    const at = args.findIndex((arg, n) => n > 0 && /^\d+-(?:\d+|\*)$/.test(arg));
    if (args.includes("NOMKSTREAM") && this.rows.length === 0) return null;
    const [ms, offset] = args[at]!.split("-") as [string, string];
    const newest = this.rows.at(-1)?.[0];
    const next = newest !== undefined && placeOf(newest)[0] === Number(ms)
      ? placeOf(newest)[1] + 1
      : 0;
    const id = `${ms}-${offset === "*" ? next : offset}`;
    if (newest !== undefined && !isBefore(newest, id)) throw new Error(SMALLER);
    this.rows.push([id, [args[at + 1]!, args[at + 2]!]]);
    this.wake();
    return id;
  }

  #range(
    from: string,
    to: string,
    args: string[],
    order: (rows: StreamRow[]) => StreamRow[],
  ): StreamRow[] {
    for (const end of [from, to]) {
      if (!/^(?:[-+]|\(?\d+(?:-\d+)?)$/.test(end)) throw new Error(`ERR Invalid stream ID: ${end}`);
    }
    if (args.length > 3 && args[3] !== "COUNT") throw new Error("ERR syntax error");
    const isOut = (id: string) =>
      (from !== "-" && isBefore(id, from)) ||
      (to.startsWith("(") ? !isBefore(id, to.slice(1)) : to !== "+" && isBefore(to, id));
    const rows = order(this.rows.filter(([id]) => !isOut(id)));
    const count = args.indexOf("COUNT");
    return count === -1 ? rows : rows.slice(0, Number(args[count + 1]));
  }

  async #read(args: string[], closed: Promise<never>): Promise<unknown> {
    const after = args.at(-1)!;
    const rows = () => this.rows.filter(([id]) => isBefore(after, id));
    if (rows().length === 0) {
      const ms = Number(args[args.indexOf("BLOCK") + 1]);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        const end = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#waiting.push(end);
        closed.catch(end);
      });
    }
    const found = rows();
    return found.length === 0 ? null : this.form(args.at(-2)!, found);
  }
}
