/** What 'broker' and 'presence' are told with: these properties, and no others. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BrokerReader } from "../../cluster.ts";
import type { BrokerEvent, PresenceEvent } from "../../mod.ts";
import { ClusteredServers, ToldBroker } from "../helpers/clustered_servers.ts";

/** A server alone, and what 'broker' tells of it: names and values, but for the cause's. */
async function watched(world: ClusteredServers) {
  const events: unknown[] = [];
  const server = world.make();
  server.on("broker", (event: BrokerEvent) => {
    events.push(
      Object.entries(event).map(([name, value]) => name === "cause" ? name : [name, value]),
    );
  });
  await world.start(server);
  await world.settle();
  return { events, server };
}

const UP = [["up", true]];
const DOWN = [["up", false], "cause"];
const lost = (why: string, up = true) => [["up", up], ["lost", why]];

describe("'broker'", () => {
  const cases: [name: string, act: (world: ClusteredServers) => unknown, events: unknown[]][] = [
    ["is told of one that goes away and comes back", async ({ broker, clock }) => {
      broker.down();
      await clock.advance(10);
      broker.up();
    }, [DOWN, UP]],
    ["is told once of each, however often it is said", async ({ broker, clock }) => {
      for (let n = 0; n < 3; n++) broker.down();
      await clock.advance(10);
      for (let n = 0; n < 3; n++) broker.up();
      await clock.advance(10);
      broker.up();
    }, [DOWN, UP]],
    ["is told of a log that is gone", ({ broker }) => broker.empty(), [lost("gone")]],
    ["is told of one that was cut back", ({ broker }) => broker.cut(1), [lost("forked")]],
    ["is told of each", async ({ broker, clock }) => {
      broker.cut(0);
      await clock.advance(10);
      broker.empty();
      await clock.advance(10);
      broker.cut(0);
    }, [lost("forked"), lost("gone"), lost("forked")]],
    ["says that it is back before what was lost meanwhile", async ({ broker, clock }) => {
      broker.down();
      await clock.advance(10);
      broker.empty();
      broker.up();
    }, [DOWN, UP, lost("gone")]],
  ];
  for (const [name, act, expected] of cases) {
    it(name, async () => {
      await using world = new ClusteredServers();
      const { events, server } = await watched(world);
      await world.clock.until(server.publish("t", "a"));
      assertEquals(events.splice(0), [UP]);
      await act(world);
      await world.settle();
      assertEquals(events, expected);
    });
  }

  it("says whether it is up as something is lost, as the broker has said last", async () => {
    const said: [name: string, say: (reader: BrokerReader) => void, up: boolean][] = [
      ["nothing yet", () => {}, false],
      ["up", (reader) => reader.state(true), true],
      ["down", (reader) => reader.state(false, new Error("away")), false],
      ["up again", (reader) => reader.state(true), true],
    ];
    await using world = new ClusteredServers();
    const broker = new ToldBroker();
    const observed: unknown[] = [];
    const observer = {
      broker: (up: boolean, why: string | undefined) => why && observed.push([up, why]),
    };
    const server = world.make({ broker, observer });
    const events: unknown[] = [];
    server.on("broker", ({ up, lost }) => lost && events.push([up, lost]));
    await world.start(server);
    for (const [name, say, up] of said) {
      say(broker.reader);
      for (const why of ["trimmed", "forked", "gone"] as const) {
        broker.reader.lost(why);
        assertEquals([events.splice(0), observed.splice(0)], [[[up, why]], [[up, why]]], name);
      }
    }
  });

  it("is told nothing of a log that is the server's own", async () => {
    await using world = new ClusteredServers();
    const events: unknown[] = [];
    const server = world.make({ broker: undefined, history: true });
    server.on("broker", (event) => events.push(event));
    await world.start(server);
    await world.clock.until(server.publish("t", "a"));
    await world.settle();
    assertEquals(events, []);
  });

  it("is told of a gap, and what comes after it", async () => {
    await using world = new ClusteredServers();
    const link = world.broker.link();
    const events: unknown[] = [];
    const server = world.make({ broker: link });
    server.on("broker", ({ lost }) => events.push(lost));
    server.subscribe("t", ({ data }) => events.push(data));
    await world.start(server);
    await world.settle();
    const texts = (...all: string[]) =>
      Promise.all(
        all.map((text, n) => world.broker.append(`["x",${n + 1}]\n["message","t","${text}"]`)),
      );
    link.gap(2);
    await texts("1", "2", "3", "4");
    await world.settle();
    assertEquals(events, [undefined, "trimmed", "3", "4"]);
  });
});

describe("'presence'", () => {
  it("names who came and went, and 'gone' only where it is so", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, {
      presence: {
        lease: 2,
        member: ({ clientPort }) => clientPort % 2 ? { odd: true } : undefined,
      },
    });
    const events: string[] = [];
    one!.on("presence", ({ joined, left, ...event }: PresenceEvent) => {
      for (const [what, members] of Object.entries({ joined, left })) {
        for (const member of members) events.push(`${what} ${Object.keys(member).sort()}`);
      }
      events.push(JSON.stringify(event));
    });
    const clients = [await world.client(other!), await world.client(other!)];
    assertEquals(events.splice(0).sort(), [
      ...["joined clientIP,context,node", "joined clientIP,node"],
      ...['{"topic":"t"}', '{"topic":"t"}'],
    ]);
    void clients[0]!.ws.close();
    await world.settle(100);
    assertEquals(events.splice(0).length, 2);
    await world.clock.until(other!.stop());
    await world.settle(100);
    assertEquals([events.length, events.at(-1)], [2, '{"topic":"t"}']);
  });
});
