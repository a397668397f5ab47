/** Brokers on a Redis of a test's own, and logs on them. */

import { Log } from "../../cluster/log.ts";
import { systemClock } from "../../heartbeat.ts";
import type { BusinessError } from "../../mod.ts";
import { redisBroker, type RedisBrokerOptions } from "../../redis.ts";
import { CLIENT, type Opener } from "../helpers/redis_clients.ts";

export function brokerOf(
  url: string,
  options: Partial<RedisBrokerOptions> = {},
  open: Opener = CLIENT,
) {
  return redisBroker({ open: () => open(url), ...options });
}

/** A log that notes the texts it is told. */
export function logOf(broker: ReturnType<typeof redisBroker>, name: string) {
  const texts: string[] = [];
  const faults: BusinessError[] = [];
  const lost: string[] = [];
  const log = new Log<undefined, undefined>(broker, name, systemClock, {
    message(message) {
      if (message.kind === "message") texts.push(message.data as string);
    },
    ready() {},
    lost: (why) => lost.push(why),
    unread() {},
    state() {},
    entry() {},
    fault: (error) => faults.push(error),
  });
  log.open();
  return { log, texts, faults, lost };
}
