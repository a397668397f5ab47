/** Who is where, on several servers that share a log. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  BusinessError,
  type ClusterMember,
  createWebSocketServer,
  type PresenceEvent,
  type WebSocketConnection,
} from "../../mod.ts";
import { ClusteredServers, ips } from "../helpers/clustered_servers.ts";

describe("presence on several servers", () => {
  it("is known at once on all of them, and who came and went", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: true });
    const events: PresenceEvent[] = [];
    other!.on("presence", (event) => void events.push(event));
    const { ws } = await world.client(one!);
    await world.client(other!);
    for (const server of [one!, other!]) assertEquals(ips(server.presence("t")), ["n0", "n1"]);
    await world.clock.until(ws.close());
    await world.settle();
    for (const server of [one!, other!]) assertEquals(ips(server.presence("t")), ["n1"]);
    assertEquals(events.map(({ topic, joined, left }) => [topic, ips(joined), ips(left)]), [
      ["t", ["n0"], []],
      ["t", ["n1"], []],
      ["t", [], ["n0"]],
    ]);
    assertMatch(other!.presence("t")[0]!.node, /^n1~[0-9a-f]{8}$/);
    assertEquals(other!.presence("nobody's"), []);
  });

  it("says of those who left whether their server is gone, or has left as it should", async () => {
    await using world = new ClusteredServers();
    const presence = { lease: 3 };
    const [one, other] = await world.begin(2, { presence });
    const link = world.broker.link();
    const [, , third] = await world.begin(1, { broker: link, presence });
    const events: PresenceEvent[] = [];
    for (const server of [other!, third!]) await world.client(server);
    one!.on("presence", (event) => void events.push(event));
    link.down(); // as all of a server that was killed
    await world.settle(4500);
    await world.clock.until(other!.stop());
    await world.settle();
    assertEquals(events.map(({ joined, left, gone }) => [joined, ips(left), gone]), [
      [[], ["n2"], true],
      [[], ["n1"], undefined],
    ]);
    assertEquals(events.map((event) => "gone" in event), [true, false]);
    link.up();
  });

  it("has nothing more to tell for who comes and goes while the broker takes nothing", async () => {
    await using world = new ClusteredServers();
    const link = world.broker.link();
    const [server] = await world.begin(1, { broker: link, presence: true, stats: true });
    await world.client(server!);
    const [connection] = server!.listAllConnections();
    link.down();
    await world.settle(11_000);
    const { queued } = server!.stats()!.broker!;
    void server!.join(connection!, "u");
    assertEquals(server!.stats()!.broker!.queued > queued, true);
    void server!.leave(connection!, "u");
    assertEquals(server!.stats()!.broker!.queued, queued);
    link.up();
  });

  it("counts a connection once in each topic it is in, until it leaves", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: true });
    await world.client(one!);
    const [connection] = one!.listAllConnections();
    for (const topic of ["t", "t", "u"]) assertEquals(await one!.join(connection!, topic), true);
    await world.settle();
    assertEquals([other!.presence("t").length, other!.presence("u").length], [1, 1]);
    await one!.leave(connection!, "t");
    await one!.leave(connection!, "t");
    await world.settle();
    assertEquals([other!.presence("t").length, other!.presence("u").length], [0, 1]);
    assertEquals(await world.clock.until(other!.publish("t", "a")), { sent: 0, tooSlow: 0 });
  });

  it("shows what nobody can change, here or on another server", async () => {
    await using world = new ClusteredServers();
    const member = () => ({ name: "Li", more: { tags: ["a"] } });
    const [one, other] = await world.begin(2, { presence: { member } });
    const held: ClusterMember[] = [];
    for (const server of [one!, other!]) {
      server.on("presence", ({ joined }) => void held.push(...joined));
    }
    await world.client(one!);
    await world.settle();
    held.push(...one!.presence("t"), ...other!.presence("t"));
    assertEquals(held.length, 4);
    for (const { context } of held as { context: ReturnType<typeof member> }[]) {
      assertThrows(() => context.name = "Mo", TypeError);
      assertThrows(() => context.more.tags.push("b"), TypeError);
    }
    const [, , third] = await world.begin(1, { presence: true }); // told of all by a snapshot
    for (const server of [one!, other!, third!]) {
      assertEquals(server.presence("t").map(({ context }) => context), [member()]);
    }
  });

  it("shows of a connection what it is told to", async () => {
    await using world = new ClusteredServers();
    const shown: object = { name: "Li", at: new Date(0) };
    const member = (connection: WebSocketConnection) => ({ ...shown, url: connection.url });
    const [one, other] = await world.begin(2, { presence: { member } });
    await world.client(one!);
    const context = { name: "Li", at: "1970-01-01T00:00:00.000Z", url: "/" };
    for (const server of [one!, other!]) {
      const [{ node, ...rest }] = server.presence("t") as [ClusterMember];
      assertEquals([node.slice(0, 3), rest], ["n0~", { clientIP: "127.0.0.1", context }]);
    }
  });

  it("asks once what a connection is shown with, for each topic", async () => {
    await using world = new ClusteredServers();
    let asked = 0;
    const [one] = await world.begin(1, { presence: { member: () => ({ asked: ++asked }) } });
    await world.client(one!);
    const [connection] = one!.listAllConnections();
    for (const topic of ["t", "u", "u"]) await one!.join(connection!, topic);
    await world.settle();
    assertEquals([asked, one!.presence("u")[0]!.context], [2, { asked: 2 }]);
  });

  it("shows nothing of a connection of which there is nothing to show", async () => {
    await using world = new ClusteredServers();
    const [one] = await world.begin(1, { presence: { member: () => undefined } });
    await world.client(one!);
    assertEquals(Object.keys(one!.presence("t")[0]!), ["node", "clientIP"]);
  });

  it("says so where what is to be shown cannot be", async () => {
    await using world = new ClusteredServers();
    const wrong = [
      () => "text" as never,
      () => [] as object,
      () => () => {},
      () => ({ text: "x".repeat(17_000) }),
      () => ({ count: 5n }),
      () => Promise.resolve({ name: "Li" }),
      () => Promise.reject(new Error("nobody waits for it")),
      () => {
        throw new Error("no");
      },
    ];
    let at = 0;
    const [one, other] = await world.begin(2, { presence: { member: () => wrong[at++]!() } });
    for (let n = 0; n < wrong.length; n++) await world.client(one!);
    assertEquals(other!.presence("t").map(({ context }) => context), wrong.map(() => undefined));
    assertEquals(world.errors.map(({ kind }) => kind), Array(wrong.length).fill("hookFailed"));
    const object = "must be an object that can be JSON: current value is ";
    const said = world.errors.map(({ message }) => message.split(": 'member' of 'presence' ")[1]!);
    assertMatch(said.splice(4, 1)[0]!, /^failed: TypeError: /); // the rest is the runtime's
    assertEquals(said, [
      `${object}"text"`,
      `${object}an array of 0`,
      `${object}a function`,
      "has 17011 characters of JSON, and may have 16384",
      `${object}an object (Promise)`,
      `${object}an object (Promise)`,
      "failed: Error: no",
    ]);
    const { cause } = world.errors.at(-1)!;
    assertEquals((cause as Error).message, "no");
  });

  it("is over in each topic that a connection was in, those that it has not left by itself", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: true });
    const { ws } = await world.client(one!);
    const [connection] = one!.listAllConnections();
    for (const topic of ["u", "v"]) await one!.join(connection!, topic);
    await one!.leave(connection!, "u");
    await world.settle();
    const counts = () => ["t", "u", "v"].map((topic) => other!.presence(topic).length);
    assertEquals(counts(), [1, 0, 1]);
    await world.clock.until(ws.close());
    await world.settle();
    assertEquals(counts(), [0, 0, 0]);
  });

  it("is over for all of a server's when it begins to stop", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: true });
    const { ws, log } = await world.client(one!);
    const stopping = one!.stop({ retryAfter: 5 });
    await world.settle();
    assertEquals(other!.presence("t"), []);
    assertEquals(await world.clock.until(stopping), true);
    assertEquals([log, ws.state], [[{ code: 1012, reason: "retry after 1" }], "idle"]);
    assertThrows(() => other!.presence(5 as never), BusinessError, "presence: topic must be text");
    assertEquals(one!.presence("t"), []);
  });

  it("is over for a server's that vanishes within its lease and a second", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: { lease: 2 } });
    await world.client(one!);
    const { append } = world.broker;
    world.broker.append = (entry) =>
      entry.startsWith('["n0~') ? new Promise(() => {}) : append.call(world.broker, entry);
    await world.settle(3000);
    assertEquals(other!.presence("t"), []);
    world.broker.append = append;
  });

  it("is that of this server where there is no broker", async () => {
    await using world = new ClusteredServers();
    const [one, other] = await world.begin(2, { presence: true, broker: undefined });
    await world.client(one!);
    assertEquals([ips(one!.presence("t")), ips(other!.presence("t"))], [["n0"], []]);
    assertEquals(await world.clock.until(one!.publish("t", "a")), { sent: 1, tooSlow: 0 });
  });

  it("is refused where it was not asked for, though there is more that servers share", async () => {
    await using world = new ClusteredServers();
    const [shared] = await world.begin(1, { presence: false });
    const servers = [{}, { presence: false }, { history: true }].map(createWebSocketServer);
    for (const server of [shared!, ...servers]) {
      const error = assertThrows(() => server.presence("t"), BusinessError) as BusinessError;
      assertEquals([error.code, error.kind], [2302999, "unsupported"]);
    }
    assertEquals(createWebSocketServer({ presence: true }).presence("t"), []);
  });
});
