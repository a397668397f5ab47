/** Features of the module, and what each does while a client is open. */

import { assertEquals } from "@std/assert";
import { type BusinessError, createWebSocket } from "../../mod.ts";
import { countListeners } from "../helpers/leftovers.ts";
import type { Feature } from "./feature_world.ts";

/** The schema of a message that is text. */
const TEXT = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (value: unknown) =>
      typeof value === "string" ? { value } : { issues: [{ message: "no text" }] },
  },
};

export const FEATURES: Record<string, Feature> = {
  plain: {},
  "listeners that work for long": {
    config: { maxPendingAmount: 1500 },
    during: async (world) => {
      world.work = Promise.withResolvers<void>();
      await world.sendAll("work 1", "work 2", "work 3");
    },
  },
  "listeners that are done": {
    config: { maxPendingAmount: 1500 },
    during: async (world) => {
      const work = world.work = Promise.withResolvers<void>();
      await world.sendAll("work 1", "work 2", "work 3");
      work.resolve();
      await world.clock.advance(10);
    },
  },
  "close() of the client": {
    during: (world) => world.end(() => world.ws.close({ code: 4001, reason: "bye" })),
  },
  "close() of the server": {
    during: (world) => world.end((one) => world.server.close(one, { code: 4002, reason: "go" })),
  },
  "terminate()": { during: (world) => world.end((one) => world.server.terminate(one)) },
  "the signal": { during: (world) => world.end(() => world.aborter.abort()) },
  "a cut": { during: (world) => world.end(() => world.link?.cut()) },
  silence: {
    config: { pingInterval: 2, pongTimeout: 1 },
    during: async (world) => {
      world.link?.hold();
      await world.clock.advance(20_000);
    },
  },
  Pings: {
    config: { pingInterval: 1, pongTimeout: 1 },
    request: { pingInterval: 1, pongTimeout: 1 },
    during: async (world) => {
      const { open, state } = world.states();
      await world.clock.advance(5500);
      if (open && world.work === undefined) assertEquals(world.states().state, state);
    },
  },
  "a Ping, a message and close()": {
    request: { pingInterval: 1 },
    during: async (world) => {
      await world.clock.advance(1000);
      await world.end(async () => {
        await world.ws.send("the last");
        await world.ws.close();
      });
    },
  },
  reconnect: {
    client: { reconnect: { minDelay: 0.5, maxDelay: 0.5, attempts: 3, random: () => 1 } },
  },
  "a URL that is asked for": {
    client: { reconnect: { minDelay: 0.5, maxDelay: 0.5, attempts: 3, random: () => 1 } },
    asks: true,
  },
  topics: {
    during: async (world) => {
      const { server, other } = world;
      if (world.stopped) return;
      await server.join(other.connection, "all");
      const one = world.connection;
      if (one !== undefined && world.isOpen) await server.join(one, "all");
      if (one !== undefined && world.isOpen) await server.join(one, "alone");
      const { sent } = await server.publish("all", "to all");
      assertEquals(sent, world.isOpen && one !== undefined ? 2 : 1);
      await server.publish("nobody is here", "to nobody");
      await world.clock.advance(10);
      assertEquals(other.heard.filter((text) => text === "to all").length, ++other.published);
    },
  },
  "limits of all kinds": {
    config: { maxConnections: 2, maxConcurrentClientsNumber: 2, maxConnectionsForOneClient: 1 },
    during: async (world) => {
      if (!world.isOpen) return;
      const third = createWebSocket({ clock: world.clock, runtime: world.network.client });
      const errors: string[] = [];
      third.on("error", ({ data }) => errors.push(data!));
      await third.connect(world.url, world.offer);
      await world.clock.advance(10);
      assertEquals([third.state, errors], ["idle", ["503"]]);
    },
  },
  "two at one address": { config: { clientAddress: () => "192.0.2.1" } },
  "a slow peer that stays": {
    config: { slowPeer: "refuse", maxBufferedAmount: 2000 },
    during: async (world) => {
      const one = world.connection;
      if (one === undefined || !world.isOpen) return;
      world.link!.release("toClient"); // another feature may have held it
      await world.clock.advance(10);
      world.link!.hold("toClient");
      const answers = [];
      for (let n = 0; n < 3; n++) {
        const send = world.server.send("x".repeat(1000), one);
        answers.push(await send.catch((error: BusinessError) => error.kind));
      }
      assertEquals(answers, [true, true, "queueFull"]);
      world.link!.release("toClient");
      await world.clock.advance(10);
      assertEquals(world.server.bufferedAmount(one), 0);
    },
  },
  "a slow peer that goes": {
    config: { maxBufferedAmount: 2000 },
    during: async (world) => {
      const one = world.connection;
      if (one === undefined || !world.isOpen) return;
      world.link!.hold("toClient");
      for (let n = 0; n < 3; n++) await world.server.send("x".repeat(1000), one).catch(() => {});
      await world.clock.advance(6000);
    },
  },
  drained: {
    during: async (world) => {
      const one = world.connection;
      const waits = [world.ws.drained()];
      if (one !== undefined) waits.push(world.server.drained(one));
      for (const wait of waits) assertEquals(typeof await world.clock.until(wait), "boolean");
    },
  },
  mount: { mounted: true },
  path: { config: { path: "/room" }, path: "room" },
  subprotocols: { config: { protocol: ["a", "b"] }, request: { protocol: "b,a" } },
  schema: {
    client: { schema: TEXT as never },
    during: async (world) => {
      await world.sendAll("as it should be");
    },
  },
  "an observer that fails": {
    client: {
      observer: {
        sent: () => {
          throw new Error("the observer's");
        },
      },
    },
  },
  "authorize() that takes its time": {
    config: { authorize: () => Promise.resolve({ user: "someone" }) },
  },
  "a message that is too big": {
    config: { maxPayload: 2000 },
    during: (world) => world.end(() => world.ws.send("x".repeat(2001))),
  },
  compression: { config: { compression: true }, request: { compression: true } },
  "an option that cannot be had": {
    during: async (world) => {
      const { clock, network } = world;
      const third = createWebSocket({ ...world.client, clock, runtime: network.client });
      const log: unknown[] = [];
      third.on("error", ({ kind }) => log.push(kind));
      third.on("close", () => log.push("close"));
      const { signal } = new AbortController();
      const listeners = countListeners(signal);
      const options = { ...world.offer, signal, proxy: { host: "proxy", port: 8080 } };
      const answer = await third.connect(world.address as string, options)
        .catch(({ kind }: BusinessError) => kind);
      await clock.advance(10);
      // Where the URL is asked for, `connect` has answered before it is known what is dialled.
      const asked = typeof world.address === "function";
      assertEquals([answer, ...log], asked ? [true, "unsupported"] : ["unsupported"]);
      assertEquals([third.state, listeners()], ["idle", 0]);
      await third.connect(world.address as string, world.offer); // it is as good as new
      await clock.until(third[Symbol.asyncDispose]());
    },
  },
  "stop()": {
    during: async (world) => {
      assertEquals(await world.clock.until(world.server.stop()), true);
      world.stopped = true;
    },
  },
};
