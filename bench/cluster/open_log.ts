/** The log of an engine, as a server of this module opens it. */

import { Log } from "../../cluster/log.ts";
import { systemClock } from "../../heartbeat.ts";
import type { Broker } from "../../mod.ts";

/** Opens a log, which is there from then on; `heard` is called for each message that is read. */
export async function openLog(
  broker: Broker,
  heard: () => void = () => {},
): Promise<Log<undefined, undefined>> {
  const ready = Promise.withResolvers<void>();
  const log = new Log<undefined, undefined>(broker, "bench", systemClock, {
    message(message) {
      if (message.kind === "message") heard();
    },
    entry() {},
    ready: () => ready.resolve(),
    lost: (why) => console.error(`lost: ${why}`),
    state() {},
    fault: (error) => console.error(error.message),
  });
  log.open();
  await ready.promise;
  return log;
}
