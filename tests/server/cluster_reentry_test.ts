/** Calls in the middle of what the log tells: each event of a server that is one of several, with each call. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketConnection, WebSocketServer } from "../../mod.ts";
import { ClusteredServers } from "../helpers/clustered_servers.ts";

interface Scene {
  world: ClusteredServers;
  server: WebSocketServer;
  other: WebSocketServer;
  connection: WebSocketConnection;
}

/** Has something called the first time that an event is told, and what brings that about. */
const EVENTS: Record<string, [listen: (scene: Scene, act: () => void) => void, Act]> = {
  "'broker' is down": [
    ({ server }, act) => server.on("broker", ({ up, lost }) => up || lost || act()),
    ({ world }) => world.broker.down(),
  ],
  "'broker' is up": [
    ({ server }, act) => server.on("broker", ({ up, lost }) => up && !lost && act()),
    async ({ world }) => {
      world.broker.down();
      await world.settle(6000);
      world.broker.up();
    },
  ],
  "'broker' has lost entries": [
    ({ server }, act) => server.on("broker", ({ lost }) => lost && act()),
    ({ world }) => world.broker.empty(),
  ],
  "'presence' of who comes": [
    ({ server }, act) => server.on("presence", ({ joined }) => joined.length > 0 && act()),
    ({ server, connection }) => void server.join(connection, "comes"),
  ],
  "'presence' of who goes": [
    ({ server }, act) => server.on("presence", ({ left }) => left.length > 0 && act()),
    ({ server, connection }) => void server.leave(connection, "t"),
  ],
  "a topic's listener": [
    ({ server }, act) => server.subscribe("t", act),
    ({ other }) => void other.publish("t", "heard"),
  ],
};

type Act = (scene: Scene) => unknown;

const CALLS: Record<string, Act> = {
  publish: ({ server }) => server.publish("t", "published"),
  broadcast: ({ server }) => server.broadcast("published"),
  join: ({ server, connection }) => server.join(connection, "another"),
  leave: ({ server, connection }) => server.leave(connection, "t"),
  close: ({ server, connection }) => server.close(connection, { code: 4000, reason: "enough" }),
  stop: ({ server }) => server.stop(),
  "stop of the other": ({ other }) => other.stop(),
};

/** What each call comes to. Where the broker stays away, nobody knows of what is published after 5 s. */
function expected(event: string, call: string): unknown {
  if (!["publish", "broadcast"].includes(call)) return true;
  return event === "'broker' is down" ? "unconfirmed" : "published";
}

for (const [event, [listen, cause]] of Object.entries(EVENTS)) {
  describe(`in the middle of what is told: ${event}`, () => {
    for (const [call, act] of Object.entries(CALLS)) {
      it(`${call} does what it does at any time`, async () => {
        await using world = new ClusteredServers();
        const [server, other] = await world.begin(2, { presence: { lease: 3600 } });
        await world.client(server!);
        const { log } = await world.client(other!);
        const [connection] = server!.listAllConnections();
        const scene: Scene = { world, server: server!, other: other!, connection: connection! };
        let result: Promise<unknown> | undefined;
        listen(scene, () => {
          result ??= Promise.resolve(act(scene)).catch(({ kind }) => kind);
        });
        await cause(scene);
        await world.settle(6000);
        assertEquals(result !== undefined, true, "it was told");
        const settled = await world.clock.until(result!);
        assertEquals(typeof settled === "object" ? "published" : settled, expected(event, call));
        // All goes on as ever: what is published reaches who is left.
        world.broker.up();
        await world.settle(100);
        for (const one of [server!, other!]) if (one.address === undefined) await world.start(one);
        await world.settle(100);
        log.length = 0;
        assertEquals(await world.clock.until(server!.publish("u", "a")), { sent: 0, tooSlow: 0 });
        await world.clock.until(server!.broadcast("after"));
        await world.settle();
        assertEquals(log, call === "stop of the other" ? [] : ["after"]);
        assertEquals(world.errors, []);
      });
    }
  });
}

describe("in an observer's 'started' a server is one of several", () => {
  for (const call of ["start", "mount"] as const) {
    it(`after ${call}: what it publishes there is for all of them, and for who comes back later`, async () => {
      await using world = new ClusteredServers();
      const [other] = await world.begin(1, { presence: true });
      const { log } = await world.client(other!);
      const heard: unknown[] = [];
      const answers: unknown[] = [];
      const server: WebSocketServer = world.make({
        presence: true,
        observer: {
          started() {
            for (const [name, one] of [["own", server], ["other", other!]] as const) {
              one.subscribe("t", ({ data, local }) => void heard.push([name, data, local]));
            }
            answers.push(server.presence("t").map(({ clientIP }) => clientIP));
            void server.publish("t", "I am here").then((answer) => answers.push(answer));
          },
        },
      });
      if (call === "start") await world.start(server);
      else await world.clock.until(server.mount());
      await world.settle();
      assertEquals(heard.sort(), [["other", "I am here", false], ["own", "I am here", true]]);
      assertEquals(answers, [[], { sent: 0, tooSlow: 0 }]);
      assertEquals(log, ["I am here"]);
      assertEquals(world.broker.entries.filter((entry) => entry.includes("I am here")).length, 1);
      await world.clock.until(server.stop());
    });
  }
});
