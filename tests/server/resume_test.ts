/** Clients that resume, on servers that share a log. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketConnection } from "../../mod.ts";
import { numbers, ResumingServers } from "../helpers/resuming_servers.ts";

describe("a break", () => {
  for (const kind of ["the embedded log", "a broker"]) {
    it(`is filled in the turn of the join, in order and once, with ${kind}`, async () => {
      await using world = new ResumingServers();
      const server = await world.start(kind === "a broker" ? {} : { broker: undefined });
      const { ws, log } = await world.client();
      await world.publish("t", "a", "b");
      await world.clock.until(server.publish("t", new Uint8Array([1, 10, 3])));
      await world.cut(() => world.publish("t", "c", "", "d\ne"));
      await world.publish("t", "f");
      await world.settle();
      const recovered = { topic: "t", recovered: true, missed: 3 };
      assertEquals(log, ["a", "b", "bytes 1,10,3", recovered, "c", "", "d\ne", "f"]);
      assertEquals(world.joined, [{ missed: 0 }, { recovered: true, missed: 3 }]);
      await world.clock.until(ws.close());
    });
  }

  it("is filled on another server, and bytes come back as bytes", async () => {
    await using world = new ResumingServers();
    await world.start();
    const other = await world.start();
    const { ws, log } = await world.client();
    world.at = 1;
    await world.cut(() => world.clock.until(other.publish("t", new Uint8Array([10, 0, 255]))));
    assertEquals(log, [{ topic: "t", recovered: true, missed: 1 }, "bytes 10,0,255"]);
    await world.clock.until(ws.close());
  });

  it("of 10,000 messages is filled, and one message over the bounds is told", async () => {
    await using world = new ResumingServers();
    await world.start({ history: { maxMessages: 10_000, maxAge: 60 } });
    const { ws, log } = await world.client();
    await world.publish("t", "first");
    await world.cut(() => world.publish("t", ...numbers(10_000)));
    const recovered = { topic: "t", recovered: true, missed: 10_000 };
    assertEquals(log, ["first", recovered, ...numbers(10_000)]);
    log.length = 0;
    await world.cut(() => world.publish("t", ...numbers(10_001)));
    await world.publish("t", "after");
    await world.settle();
    assertEquals(log, [{ topic: "t", recovered: false, missed: 0 }, "after"]);
    await world.clock.until(ws.close());
  });

  it("longer than 'maxAge' is told, and one in which nothing was said is none", async () => {
    await using world = new ResumingServers();
    await world.start({ history: { maxAge: 2 } });
    const { ws, log } = await world.client({
      reconnect: { minDelay: 5, factor: 1, random: () => 1 },
    });
    await world.publish("t", "a");
    await world.cut(() => world.settle(4000));
    await world.cut(async () => {
      await world.publish("t", "b");
      await world.settle(4000);
    });
    assertEquals(log, [
      "a",
      { topic: "t", recovered: true, missed: 0 },
      { topic: "t", recovered: false, missed: 0 },
    ]);
    await world.clock.until(ws.close());
  });

  it("in which more was missed than may be queued to a client is told", async () => {
    await using world = new ResumingServers();
    const server = createWebSocketServer({
      ...{ clock: world.clock, runtime: world.network.server, history: true },
    });
    server.on("connect", (connection) => void server.join(connection, "t"));
    world.servers.push(server);
    await world.clock.until(server.start({ serverPort: 1, maxBufferedAmount: 1000 }));
    await world.settle();
    const { ws, log } = await world.client();
    await world.cut(() => world.publish("t", "x".repeat(400)));
    assertEquals(log, [{ topic: "t", recovered: false, missed: 0 }]);
    await world.clock.until(ws.close());
  });

  it("gives nothing of a topic that the server does not have the client join again", async () => {
    await using world = new ResumingServers();
    await world.start();
    world.topics = ["t", "secret"];
    const { ws, log } = await world.client();
    world.topics = ["t"];
    await world.cut(() => world.publish("secret", "not for it"));
    await world.publish("secret", "nor this");
    assertEquals(log, [{ topic: "t", recovered: true, missed: 0 }]);
    world.topics = ["secret"]; // and when it may again, it is what it has missed
    await world.cut();
    assertEquals(log.slice(1), [
      { topic: "secret", recovered: true, missed: 2 },
      ...["not for it", "nor this"],
    ]);
    await world.clock.until(ws.close());
  });

  it("follows each topic by itself: later joins, and topics that were left", async () => {
    await using world = new ResumingServers();
    const server = await world.start();
    const connections: WebSocketConnection[] = [];
    server.on("connect", (connection) => void connections.push(connection));
    world.topics = ["t"];
    const { ws, log } = await world.client();
    await world.publish("t", "t1");
    await world.publish("u", "before it was there");
    await world.clock.until(server.join(connections[0]!, "u"));
    assertEquals(await world.clock.until(server.join(connections[0]!, "u")), { missed: 0 });
    await world.publish("u", "u1");
    await world.clock.until(server.leave(connections[0]!, "t"));
    await world.settle();
    world.topics = ["u", "t"];
    await world.cut(async () => {
      await world.publish("t", "t2");
      await world.publish("u", "u2");
    });
    assertEquals(log, ["t1", "u1", { topic: "u", recovered: true, missed: 1 }, "u2"]);
    await world.clock.until(ws.close());
  });

  it("while missed messages are being told is filled from there", async () => {
    await using world = new ResumingServers();
    await world.start();
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    await world.cut(() => world.publish("t", ...numbers(5)));
    await world.cut(() => world.publish("t", "b"));
    await world.cut();
    const lines = log.filter((one) => typeof one === "string");
    assertEquals(lines, ["a", ...numbers(5), "b"]);
    await world.clock.until(ws.close());
  });

  it("over which the topics were quiet and others were not is none", async () => {
    await using world = new ResumingServers();
    await world.start({ history: { maxBytes: 2000 } });
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    await world.publish("loud", ...numbers(100));
    await world.settle(60_000); // it is told meanwhile where the log stands
    await world.cut();
    assertEquals(log, ["a", { topic: "t", recovered: true, missed: 0 }]);
    await world.clock.until(ws.close());
  });
});

describe("a log", () => {
  it("that was lost is told of once, and what comes then is recovered again", async () => {
    await using world = new ResumingServers();
    await world.start();
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    world.broker.empty();
    await world.settle();
    await world.publish("t", "b");
    await world.cut(() => world.publish("t", "c"));
    assertEquals(log, [
      "a",
      { topic: "t", recovered: false, missed: 0 },
      "b",
      { topic: "t", recovered: true, missed: 1 },
      "c",
    ]);
    await world.clock.until(ws.close());
  });

  it("that was lost is known anew before anything is published", async () => {
    await using world = new ResumingServers();
    await world.start();
    const { ws, log } = await world.client();
    world.broker.empty();
    await world.cut(() => world.publish("t", "a"));
    assertEquals(log, [
      { topic: "t", recovered: false, missed: 0 },
      { topic: "t", recovered: true, missed: 1 },
      "a",
    ]);
    await world.clock.until(ws.close());
  });

  it("of which a server could not read a part is told, during the break or not", async () => {
    for (const isAway of [false, true]) {
      await using world = new ResumingServers();
      await world.start();
      const { broker } = world;
      const link = broker.link();
      await world.start({ broker: link });
      world.at = 1;
      const { ws, log } = await world.client();
      await world.publish("t", "a");
      const trim = async () => {
        link.hold("entries");
        await world.publish("t", "not read");
        broker.trim(1000);
        link.release();
        await world.settle();
      };
      if (isAway) await world.cut(trim);
      else await trim();
      await world.settle(1000);
      await world.publish("t", "b");
      assertEquals(log, ["a", { topic: "t", recovered: false, missed: 0 }, "b"], `${isAway}`);
      await world.clock.until(ws.close());
    }
  });

  it("that was lost, or cut back, during the break is told", async () => {
    for (const harm of ["empty", "cut"] as const) {
      await using world = new ResumingServers();
      await world.start();
      const { ws, log } = await world.client();
      await world.publish("t", "a", "b");
      await world.cut(async () => {
        if (harm === "empty") world.broker.empty();
        else world.broker.cut(1);
        await world.settle();
        await world.publish("t", "c");
      });
      await world.settle(1000); // the server waits in case it is behind
      await world.publish("t", "d");
      await world.settle();
      assertEquals(log, ["a", "b", { topic: "t", recovered: false, missed: 0 }, "d"], harm);
      await world.clock.until(ws.close());
    }
  });

  for (const isLost of [true, false]) {
    it(`in which something came again that this server had read before is told where that was lost: ${isLost}`, async () => {
      await using world = new ResumingServers();
      const { broker } = world;
      const link = broker.link();
      await world.start();
      const publisher = await world.start({ broker: link });
      link.hold("entries");
      broker.fail("lost answer");
      const published = publisher.publish("t", "again");
      await world.settle();
      link.hold("appends");
      if (isLost) broker.empty();
      await world.start();
      world.at = 2;
      const { ws, log } = await world.client();
      await world.publish("t", "a");
      world.at = 0;
      await world.cut(async () => {
        link.release();
        await world.clock.until(published);
      });
      await world.publish("t", "b");
      assertEquals(log, ["a", { topic: "t", recovered: !isLost, missed: 0 }, "b"]);
      await world.clock.until(ws.close());
    });
  }

  for (const who of ["in another process", "which was stopped"]) {
    for (const published of [1, 3]) {
      const far = published > 2 ? "further" : "less far";
      it(`over which the embedded log began anew is told, be that ${far} than it was: a server ${who}`, async () => {
        await using world = new ResumingServers();
        const options = { broker: undefined };
        const first = await world.start(options);
        const { ws, log } = await world.client();
        await world.publish("t", "a", "b");
        let server = first;
        await world.cut(async () => {
          await world.clock.until(first.stop({ retryAfter: 1 }));
          if (who === "which was stopped") await world.clock.until(first.start({ serverPort: 1 }));
          else server = await world.start(options);
          world.at = world.servers.length - 1;
          const texts = numbers(published);
          await world.clock.until(Promise.all(texts.map((text) => server.publish("t", text))));
        });
        // Nobody else has the log, so the server waits for none.
        await world.clock.until(server.publish("t", "c"));
        await world.settle();
        assertEquals(log, ["a", "b", { topic: "t", recovered: false, missed: 0 }, "c"]);
        await world.clock.until(ws.close());
      });
    }
  }

  it("is read by a server that starts before it listens: the past is there", async () => {
    await using world = new ResumingServers();
    await world.start();
    const { ws, log } = await world.client();
    await world.publish("t", "a");
    await world.cut(async () => {
      await world.publish("t", "b");
      await world.start();
      world.at = 1;
    });
    assertEquals(log, ["a", { topic: "t", recovered: true, missed: 1 }, "b"]);
    await world.clock.until(ws.close());
  });
});
