/** The options `observer` and `stats` on the runtimes as they are. */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig, WebSocketStats } from "../../mod.ts";
import { Session, within } from "../helpers/client.ts";
import { ask } from "../helpers/http.ts";
import { recorder, type Told } from "../helpers/observers.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, PING, PONG, type RawClientOptions, TEXT } from "../peers/raw.ts";

/** A server that counts and is observed, and what its observer was told. */
async function observed(config: Partial<WebSocketServerConfig> = {}) {
  const told: Told[] = [];
  const watched = await WatchedServer.start(config, { stats: true, observer: recorder(told) });
  return { watched, told, stats: () => watched.server.stats()! };
}

/** That a round trip over the loopback is what it can be, in ms, on a busy machine too. */
function assertPlausible({ pings, pongs, roundTrip }: WebSocketStats): void {
  assert(pongs >= 1 && pongs <= pings, `${pongs} of ${pings}`);
  const { last, min, max, mean } = roundTrip!;
  assertGreater(min, 0);
  assertLess(max, LIMIT_MS);
  for (const value of [last, mean]) assert(value >= min && value <= max, `${min} ${value} ${max}`);
}

/** How a client is refused: what the server is configured with, and what the client sends. */
const REFUSALS: [
  status: number,
  what: string,
  config: Partial<WebSocketServerConfig>,
  request: RawClientOptions,
  why: RegExp,
][] = [
  [400, "no key", {}, { headers: { "sec-websocket-key": undefined } }, /16 bytes/],
  [400, "no subprotocol", { protocol: "chat" }, {}, /the subprotocol chat is not offered/],
  [426, "another version", {}, { headers: { "sec-websocket-version": "12" } }, /not 13/],
  [403, "a page of another's", {}, { headers: { origin: "https://example.com" } }, /origin/],
  [429, "one connection too many", { maxConnectionsForOneClient: 1 }, {}, /of this client/],
  [503, "one client too many", { maxConcurrentClientsNumber: 1 }, { from: "127.0.0.2" }, /clients/],
  [401, "'authorize'", { authorize: (r) => guard(r) }, {}, /by 'authorize'/],
  [401, "'authorize', later", { authorize: async (r) => (await 0, guard(r)) }, {}, /'authorize'/],
  [500, "an 'authorize' that throws", { authorize: (r) => fail(r) }, {}, /'authorize' failed/],
  [
    500,
    "an 'authorize' that rejects",
    { authorize: async (r) => (await 0, fail(r)) },
    {},
    /failed/,
  ],
  [
    500,
    "an 'authorize' that says no more than so",
    { authorize: (r) => maybe(r) },
    {},
    /true, a R/,
  ],
  [
    500,
    "a 'clientAddress' that throws",
    { clientAddress: (r) => address(r) },
    {},
    /'clientAddress'/,
  ],
];

/** The first client in each test says who it is. */
const MEMBER: RawClientOptions = { headers: { cookie: "member" } };
const isMember = (request: Request) => request.headers.has("cookie");
const guard = (request: Request) => isMember(request) || new Response(null, { status: 401 });
const maybe = (request: Request) => isMember(request) as true;

function fail(request: Request): true {
  if (isMember(request)) return true;
  throw new Error("no verdict");
}

const address = (request: Request) => fail(request) && "127.0.0.1";

describe("a server that is observed", () => {
  for (const [status, what, config, request, why] of REFUSALS) {
    it(`tells of ${status} for ${what}, and counts it, beside those it lets in`, async () => {
      const { watched, told, stats } = await observed(config);
      await using _ = watched;
      await using peers = new RawPeers(watched);
      const offer = config.protocol && { "sec-websocket-protocol": String(config.protocol) };
      await peers.connect({ headers: { ...MEMBER.headers, ...offer } });
      await watched.connected();
      assertEquals((await peers.handshake(request)).status, status);
      await watched.until(() => watched.errors.length === 1);
      assertEquals(stats().refused, { [status]: 1 });
      assertEquals(told.map(([name, status]) => [name, status]), [["opened", undefined], [
        "refused",
        status,
      ]]);
      assert(why.test(String(told[1]![2])), String(told[1]![2]));
      assertEquals([stats().opened, stats().connections], [1, 1]);
    });
  }

  it("tells of no refusal where no handshake was, whatever becomes of the request", async () => {
    const fetches = [undefined, () => new Response(null, { status: 404 }), () => {
      throw new Error("no answer");
    }];
    for (const [i, fetch] of fetches.entries()) {
      const { watched, told, stats } = await observed(fetch && { fetch });
      await using _ = watched;
      const { status } = await ask(watched.port);
      assertEquals(status, [426, 404, 500][i]);
      assertEquals([told, stats().refused], [[], {}]);
    }
  });

  it("tells of Pings, and of the Pong or message that answers each", async () => {
    const { watched, told, stats } = await observed({ pingInterval: 0.2, pongTimeout: 0.2 });
    await using _ = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ pong: false });
    const answers = [
      (payload: Uint8Array) => peer.send(PONG, payload),
      () => peer.send(TEXT, "Hi"),
    ];
    for (const [i, answer] of answers.entries()) {
      const ping = await deadline(peer.next(PING, peer.frames.length), LIMIT_MS);
      assertEquals(told.filter(([name]) => name === "ponged").length, i);
      answer(ping.payload);
    }
    await watched.until(() => watched.messages.length === 1);
    const order = told.map(([name]) => name).slice(0, 6);
    assertEquals(order, ["opened", "pinged", "ponged", "pinged", "ponged", "received"]);
    assertPlausible(stats());
    await watched.closed(); // it gave up answering
    assertEquals([stats().pings, stats().pongs, stats().dropped], [3, 2, { dead: 1 }]);
  });

  it("counts no message that is over maxPayload, and why the peer was dropped", async () => {
    const { watched, told, stats } = await observed({ maxPayload: 10 });
    await using _ = watched;
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    peer.send(TEXT, "1234567890");
    peer.send(TEXT, "12345678901");
    await watched.closed();
    const { received, dropped } = stats();
    assertEquals([received, dropped], [{ messages: 1, bytes: 10 }, { "too big": 1 }]);
    assertEquals(told.map(([name]) => name), ["opened", "received", "dropped", "closed"]);
  });

  it("counts what goes to many over the wire", async () => {
    const { watched, stats } = await observed();
    await using _ = watched;
    await using peers = new RawPeers(watched);
    const all = await peers.connectMany(5);
    const [first] = [await watched.connected(1), await watched.connected(5)];
    const { server } = watched;
    await server.join(first!, "room");
    await server.broadcast("Grüße");
    await server.broadcast("é", { except: first! });
    await server.publish("room", "1");
    await server.send("bye", first!);
    await deadline(Promise.all(all.map((peer) => peer.next(TEXT))), LIMIT_MS);
    await server.stop();
    const got = all.flatMap((peer) => peer.frames.filter(({ opcode }) => opcode === TEXT));
    const bytes = got.reduce((sum, { payload }) => sum + payload.length, 0);
    assertEquals([got.length, bytes], [11, 5 * 7 + 4 * 2 + 1 + 3]);
    assertEquals(stats().sent, { messages: 11, bytes });
    assertEquals([stats().connections, stats().closed], [0, 5]);
  });
});

describe("a client that is observed", () => {
  it("tells and counts what came over the wire", async () => {
    const told: Told[] = [];
    await using session = await Session.start({
      client: { stats: true, observer: recorder(told) },
    });
    const peer = await session.open({ pingInterval: 0.2, pongTimeout: 0.2 });
    peer.send(TEXT, "Grüße");
    await session.log.next("message");
    await session.ws.send("世界");
    await within(peer.next(TEXT));
    await within(peer.next(PING));
    await within(peer.next(PING, peer.frames.length)); // so the first was answered
    peer.close(4000, "bye");
    await session.log.next("close");
    const stats = session.ws.stats()!;
    assertEquals([stats.received, stats.sent], [{ messages: 1, bytes: 7 }, {
      messages: 1,
      bytes: 6,
    }]);
    assertPlausible(stats);
    assertEquals([stats.opened, stats.closed, stats.dropped], [1, 1, {}]);
    assertEquals(told.filter(([name]) => !name.startsWith("p")), [
      ["opened"],
      ["received", "Grüße"],
      ["sent", "世界"],
      ["closed", { code: 4000, reason: "bye" }],
    ]);
  });

  it("tells why it dropped a connection, also one that was cut", async () => {
    const told: Told[] = [];
    await using session = await Session.start({
      client: { stats: true, observer: recorder(told), maxPayload: 3 },
    });
    const big = await session.open();
    big.send(TEXT, "1234");
    await within(big.next(CLOSE));
    await session.log.next("close");
    (await session.open()).reset();
    await session.log.next("close", 2);
    assertEquals(session.ws.stats()!.dropped, { "too big": 1, lost: 1 });
    assertEquals(session.ws.stats()!.received, { messages: 0, bytes: 0 });
    const close = { code: 1009, reason: "Received too big message" };
    assertEquals(told, [
      ...[["opened"], ["dropped", "too big"], ["closed", close]] as Told[],
      ...[["opened"], ["dropped", "lost"]] as Told[],
      ["closed", { code: 1006, reason: "The link is down" }],
    ]);
  });
});
