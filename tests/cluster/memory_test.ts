import { delay } from "@std/async";
import { MemoryBroker } from "../../cluster/brokers/memory.ts";
import type { Broker, BrokerReader } from "../../cluster.ts";
import { brokerContract, type Ground } from "../helpers/broker_contract.ts";

/** An end of a log in memory, that is closed by itself, and whose readers may be held. */
class End implements Broker {
  readonly #broker: MemoryBroker;
  readonly readers = new Set<BrokerReader>();
  readonly #ending = new AbortController();
  #readings: Promise<void>[] = [];

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  append(entry: string): Promise<void> {
    if (this.#ending.signal.aborted) return Promise.reject(new Error("it is closed"));
    return this.#broker.append(entry);
  }

  read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    this.readers.add(reader);
    const reading = this.#broker.read(reader, AbortSignal.any([signal, this.#ending.signal]));
    this.#readings.push(reading);
    return reading;
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#readings);
  }
}

brokerContract("in memory", () => {
  const broker = new MemoryBroker();
  const ends: End[] = [];
  const away = async (then: () => void) => {
    broker.down();
    await delay(5);
    then();
    broker.up();
  };
  const ground: Ground = {
    broker() {
      const end = new End(broker);
      ends.push(end);
      return end;
    },
    restart: () => away(() => {}),
    empty: () => away(() => broker.empty()),
    snapshot() {
      const had = broker.entries.length;
      return Promise.resolve(() => away(() => broker.cut(broker.entries.length - had)));
    },
    async trim(keep, meanwhile) {
      const hold = (isHeld: boolean) => {
        for (const { readers } of ends) for (const one of readers) broker.hold(one, isHeld);
      };
      hold(true);
      await meanwhile();
      broker.trim(broker.entries.length - keep);
      hold(false);
    },
    async hang() {
      broker.fail("held");
      await delay(20);
      broker.release();
    },
    [Symbol.asyncDispose]: () => broker.close(),
  };
  return Promise.resolve(ground);
});
