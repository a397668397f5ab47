/** The log of an engine, as a server of this module opens it. */

import process from "node:process";
import { Log } from "../../cluster/log.ts";
import { systemClock } from "../../heartbeat.ts";
import type { Broker } from "../../mod.ts";

/** Opens a log, which is there from then on; `heard` is called with the data of each message that it tells. */
export async function openLog(
  broker: Broker,
  heard: (data: string) => void = () => {},
): Promise<Log<undefined, undefined>> {
  const ready = Promise.withResolvers<void>();
  const log = new Log<undefined, undefined>(broker, `bench ${process.pid}`, systemClock, {
    message(message) {
      if (message.kind === "message") heard(message.data as string);
    },
    entry() {},
    ready: () => ready.resolve(),
    lost: (why) => console.error(`lost: ${why}`),
    unread() {},
    state() {},
    fault: (error) => console.error(error.message),
  });
  log.open();
  await ready.promise;
  return log;
}
