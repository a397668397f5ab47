import { delay } from "@std/async";
import { brokerContract, type Ground } from "../helpers/broker_contract.ts";
import { MemoryBroker, type MemoryBrokerLink } from "../../testing.ts";

brokerContract("in memory", () => {
  const broker = new MemoryBroker();
  const links: MemoryBrokerLink[] = [];
  const away = async (then: () => void) => {
    broker.down();
    await delay(5);
    then();
    broker.up();
  };
  const ground: Ground = {
    broker() {
      const link = broker.link();
      links.push(link);
      return link;
    },
    restart: () => away(() => {}),
    empty: () => away(() => broker.empty()),
    snapshot() {
      const had = broker.entries.length;
      return Promise.resolve(() => away(() => broker.cut(broker.entries.length - had)));
    },
    async trim(keep, meanwhile) {
      for (const link of links) link.hold("entries");
      await meanwhile();
      broker.trim(broker.entries.length - keep);
      for (const link of links) link.release();
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
