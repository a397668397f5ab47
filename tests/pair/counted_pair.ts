/** A server and a client that count. */

import { MemoryPair, type MemoryPairOptions } from "../helpers/memory_pair.ts";

/** A pair whose both sides count. */
export function counted({ server, client, config }: MemoryPairOptions = {}): Promise<MemoryPair> {
  return MemoryPair.start({
    server: { ...server, stats: true },
    client: { ...client, stats: true },
    ...(config && { config }),
  });
}
