/** Chats that are one by Redis: names, and servers that are killed. */

import { assertEquals, assertMatch } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { system } from "../../scripts/setup.mjs";
import { RedisServer } from "../helpers/engines.ts";
import { HERE } from "../helpers/programs.ts";
import { TcpServer } from "../helpers/tcp.ts";
import { ExampleServer, startExample } from "./example.ts";
import { Guest } from "./guest.ts";

const installed = await system("redis-server");

describe("several of examples/chat/", () => {
  if (installed === undefined) return;

  let redis: RedisServer;
  let one: ExampleServer;
  let two: ExampleServer;

  beforeEach(async () => {
    redis = await RedisServer.run();
    const flags = HERE === "deno" ? ["-A", "--no-prompt"] : [];
    const start = () =>
      ExampleServer.start("examples/chat/server.ts", { args: ["0", redis.url], flags });
    [one, two] = [await start(), await start()];
  });
  afterEach(async () => {
    for (const it of [one, two, redis]) await it[Symbol.asyncDispose]();
  });

  it("give two who come in at the same time different names, whichever they come to", async () => {
    for (const name of ["Ada", "Grace", "Linus"]) {
      const guests = await Promise.all(
        [one, two, one, two].map(({ port }) => Guest.join(port, name)),
      );
      const names = guests.map(({ welcome }) => welcome.you).sort();
      assertEquals(names, [name, `${name} 2`, `${name} 3`, `${name} 4`]);
      for (const guest of guests) await guest[Symbol.asyncDispose]();
    }
    for (const server of [one, two]) await server.stop();
    assertEquals(await redis.say("CLIENT LIST TYPE normal").then(clients), 1);
  });

  it("say who was cut off with a server that was killed, once, and not of who is back", async () => {
    await using grace = await Guest.join(two.port, "Grace");
    await using linus = await Guest.join(one.port, "Linus");
    await using ada = await Guest.join(one.port, "Ada", "hers");
    await grace.told(({ names }) => names?.length === 3);
    await one[Symbol.asyncDispose]();
    await using again = await Guest.join(two.port, "Ada", "hers");
    assertEquals([ada.welcome.you, again.welcome.you], ["Ada", "Ada"]);
    await grace.told(({ type }) => type === "cut off");
    await grace.told(({ names }) => names?.length === 2);
    await again.told(({ type }) => type === "cut off");
    await again.told(({ names }) => names?.length === 2, 3);
    const cutOff = ({ events }: Guest) =>
      events.flatMap(({ type, name }) => type === "cut off" ? [name] : []);
    assertEquals([cutOff(grace), cutOff(again), linus.welcome.you], [
      ["Linus"],
      ["Linus"],
      "Linus",
    ]);
    assertEquals(again.events.findLast(({ type }) => type === "people")!.names, ["Grace", "Ada"]);
    await using late = await Guest.join(two.port, "Edith");
    assertEquals(cutOff(late), ["Linus"]);
  });
});

describe("an example that cannot start", () => {
  const flags = HERE === "deno" ? ["-A", "--no-prompt"] : [];
  const said = async (file: string, ...args: string[]) => {
    const { stdout, stderr, code } = await startExample(file, { args, flags }).ended;
    return [stdout, code, stderr.replaceAll(/\d{4,5}/g, "PORT")];
  };

  for (const name of ["chat", "dashboard", "editor"]) {
    it(`says in a line that its port is taken, and ends: ${name}`, async () => {
      await using taken = await TcpServer.listen(() => {});
      const line = "Websocket port already occupied: start: 127.0.0.1 port PORT\n";
      assertEquals(await said(`examples/${name}/server.ts`, `${taken.port}`), ["", 1, line]);
    });
  }

  for (const name of ["chat", "dashboard"]) {
    it(`says in a line that there is no Redis, and ends: ${name}`, async () => {
      const redis = "redis://127.0.0.1:1";
      const [stdout, code, stderr] = await said(`examples/${name}/server.ts`, "0", redis);
      assertEquals([stdout, code], ["", 1]);
      const cause = HERE === "deno" ? "connect ECONNREFUSED" : "Connection closed";
      assertMatch(
        `${stderr}`,
        new RegExp(`^.*start: the broker could not be read .*${cause}.*\\n$`),
      );
    });
  }
});

/** How many there are in what Redis says of its clients: whoever asks is one. */
const clients = (list: string) => list.match(/^id=/gm)?.length;
