/** What the documentation counts on beside this module: which engines a system brings, and how a client is found. */

import { connect } from "@nats-io/transport-node";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { NatsServer, RedisServer } from "../helpers/engines.ts";
import { Program, ROOT } from "../helpers/programs.ts";

/** The version of Debian that this is, if it is one. */
function debian(): string | undefined {
  if (!existsSync("/etc/os-release")) return undefined;
  const text = readFileSync("/etc/os-release", "utf8");
  return /^ID=debian$/m.test(text) ? /^VERSION_ID="(\d+)"$/m.exec(text)?.[1] : undefined;
}

/** Whether a version is that one, or a later one. */
function isFrom(version: string, least: string): boolean {
  const [[major = 0, minor = 0], [first = 0, second = 0]] = [version, least].map((text) =>
    text.split(".").map(Number)
  ) as [number[], number[]];
  return major > first || (major === first && minor >= second);
}

describe("the engines that the system brings", () => {
  it("are as new as the documentation says they must be, and on Debian 12 those it names", async () => {
    await using redis = await RedisServer.run();
    await using nats = await NatsServer.run();
    const [, redisVersion = ""] = /redis_version:(\S+)/.exec(await redis.say("INFO server"))!;
    const connection = await connect({ servers: nats.url });
    const natsVersion = connection.info!.version;
    await connection.close();
    assert(isFrom(redisVersion, "7.0"), redisVersion);
    assert(isFrom(natsVersion, "2.9"), natsVersion);
    const page = readFileSync(join(ROOT, "docs/cluster.md"), "utf8");
    assertMatch(page, /Redis from 7\.0 .*\n.*nats-server from 2\.9/);
    if (debian() !== "12" || process.env["REDIS_SERVER"]) return;
    assertEquals([redisVersion, natsVersion].map((text) => /^\d+\.\d+/.exec(text)![0]), [
      "7.0",
      "2.9",
    ]);
  });
});

describe("a client of npm on Deno", () => {
  it("is found by the folder of the program, not by the working directory", async () => {
    const folder = mkdtempSync(join(tmpdir(), "elsewhere-"));
    const program = 'import { Redis } from "ioredis"; console.log(typeof Redis);';
    const here = join(ROOT, "tests/programs/.found_by_folder.ts");
    try {
      writeFileSync(join(folder, "main.ts"), program);
      const elsewhere = await Program.run("deno", join(folder, "main.ts"), { cwd: ROOT }).ended;
      assertEquals(elsewhere.code, 1);
      assertMatch(elsewhere.stderr, /Import "ioredis" not a dependency/);
      writeFileSync(here, program);
      const found = await Program.run("deno", here, { cwd: folder }).ended;
      assertEquals([found.stdout, found.code], ["function\n", 0], found.stderr);
    } finally {
      rmSync(folder, { recursive: true });
      rmSync(here, { force: true });
    }
  });
});
