/**
 * The demo's clients: each is in two topics, counts what it gets, and goes to another node when its own
 * is gone.
 *
 * @module
 */

import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { TOPICS } from "./node.ts";

/** Many clients. */
export class Clients {
  /** Messages that came, that are missing between two that came over one connection, and that came twice. */
  messages = 0;
  lost = 0;
  twice = 0;
  /** How often a client had to go elsewhere. */
  moved = 0;
  readonly #all: WebSocketClient[] = [];

  /** How many are connected. */
  get open(): number {
    return this.#all.filter(({ state }) => state === "open").length;
  }

  /** Connects one; `port` knows a node that is there, other than the last one where it can be. */
  async add(number: number, port: (last: number | undefined) => number): Promise<void> {
    const topics = [0, 1].map((n) => TOPICS[(number + n) % TOPICS.length]!);
    const ws = createWebSocket({ reconnect: { minDelay: 0.1, maxDelay: 1 } });
    const numbers = new Map<string, number>();
    ws.on("message", (_, data) => this.#count(numbers, String(data)));
    ws.on("reconnecting", () => {
      numbers.clear(); // what it misses now, it knows that it missed
      this.moved++;
    });
    this.#all.push(ws);
    let last: number | undefined;
    await ws.connect(() => `ws://127.0.0.1:${last = port(last)}/?topics=${topics}`);
    await ws.opened;
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((ws) => ws.close().catch(() => {})));
  }

  #count(numbers: Map<string, number>, text: string): void {
    const [start, topic, number] = text.split(" ");
    const last = numbers.get(`${start} ${topic}`);
    const now = Number(number);
    this.messages++;
    if (last !== undefined && now <= last) this.twice++;
    else numbers.set(`${start} ${topic}`, now);
    if (last !== undefined && now > last + 1) this.lost += now - last - 1;
  }
}
