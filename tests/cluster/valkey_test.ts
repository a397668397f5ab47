/** Valkey itself. `REDIS_SERVER=valkey-server` has all that runs on Redis run on it. */

import { assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { system } from "../../scripts/setup.mjs";
import { brokerContract } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { HERE } from "../helpers/programs.ts";
import { REDIS_CLIENTS } from "../helpers/redis_clients.ts";
import { redisGround } from "../helpers/redis_ground.ts";

const program = await system("valkey-server") ?? "";
const start = () => RedisServer.of(program);

describe("valkey-server", () => {
  it("is no Redis by another name", async () => {
    await using valkey = await start();
    assertMatch(await valkey.say("INFO server"), /^server_name:valkey/m);
  });
});

const [name, options] = HERE === "bun"
  ? ["Bun's own", {}]
  : ["iovalkey", { lingers: 2100, hangs: 2200 }];
brokerContract(`on Valkey with ${name}`, () => redisGround(REDIS_CLIENTS[name]!, start), options);
