/**
 * Appends to a log of an engine and reads it, and closes it: prints "closed", and should then end by itself.
 *
 *     broker_left.ts redis redis://127.0.0.1:6379
 *     broker_left.ts nats 127.0.0.1:4222
 */

import { connect } from "@nats-io/transport-node";
import process from "node:process";
import { natsBroker } from "../../nats.ts";
import { redisBroker } from "../../redis.ts";
import { CLIENT } from "../helpers/redis_clients.ts";

const [engine, address = ""] = process.argv.slice(2);
const connection = engine === "nats" ? await connect({ servers: address }) : undefined;
const broker = connection === undefined
  ? redisBroker({ open: () => CLIENT(address) })
  : natsBroker({ connection });
const ending = new AbortController();
let told = () => {};
const isTold = new Promise<void>((resolve) => told = resolve);
const reader = {
  entry: (_: unknown, entry: string) => entry === "4" && told(),
  ready() {},
  lost() {},
  state() {},
};
const reading = broker.read(reader, ending.signal);
for (let n = 0; n < 5; n++) await broker.append(`${n}`);
await isTold;
ending.abort();
await reading;
await broker.append("5"); // nobody reads
await broker.close();
await connection?.close();
console.log("closed");
