/**
 * A program with clients and servers of ours, each pair with a network between them that does one
 * thing to it, all at once. Prints what each pair told, a line a pair, then "done", and must end by
 * itself.
 */

import { FAULTS } from "../chaos/faults.ts";
import { NO_HEARTBEAT, Pair, PATIENT } from "../chaos/pair.ts";

await Promise.all(FAULTS.map(async ({ name, strike, silent = false }) => {
  const heartbeat = silent ? PATIENT : NO_HEARTBEAT;
  await using pair = await Pair.start({ heartbeat });
  const { link, connection } = await pair.open();
  strike(link, pair, connection);
  await Promise.all([pair.log.next("close"), pair.watched.closed()]);
  console.log([`${name}:`, ...pair.clientEvents, ...pair.serverEvents].join(", "));
}));
console.log("done");
