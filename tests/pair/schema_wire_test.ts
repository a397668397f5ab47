/** The option `schema` on the wire, on the runtimes as they are. */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { StandardSchema } from "../../mod.ts";
import { Session, within } from "../helpers/client.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { schemaOf, validators } from "../helpers/schemas.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { BINARY, CLOSE, type RawPeer, readClose, TEXT } from "../peers/raw.ts";

const { double, late, throwing } = validators;

/** What is sent that is not accepted, and the Close frame that comes back. */
const REFUSED: [
  what: string,
  schema: StandardSchema,
  send: (peer: RawPeer) => void,
  code: number,
  reason: string,
][] = [
  ["bytes", double, (peer) => peer.send(BINARY, "1"), 1003, "Only text is accepted"],
  ["no bytes at all", double, (peer) => peer.send(BINARY), 1003, "Only text is accepted"],
  ["no JSON", double, (peer) => peer.send(TEXT, "{"), 1007, "Not JSON"],
  [
    "half a JSON in two frames",
    double,
    (peer) => {
      peer.send(TEXT, `{"a":`, { fin: false });
      peer.send(0, "");
    },
    1007,
    "Not JSON",
  ],
  [
    "JSON that is not accepted",
    double,
    (peer) => peer.send(TEXT, "null"),
    1008,
    "Not what is expected",
  ],
  ["to one that throws", throwing, (peer) => peer.send(TEXT, "1"), 1011, "Cannot be validated"],
  ...Object.entries(late).map(([how, schema]): typeof REFUSED[number] => [
    `to one that answers with ${how}`,
    schema,
    (peer) => peer.send(TEXT, "1"),
    1011,
    "Cannot be validated",
  ]),
];

describe("createWebSocketServer({ schema }) on the wire", () => {
  for (const [what, schema, send, code, reason] of REFUSED) {
    it(`sends ${code} to a peer that sends ${what}, and goes on`, async () => {
      await using watched = await WatchedServer.start({}, { schema: schema as never });
      await using peers = new RawPeers(watched);
      const peer = await peers.connect();
      send(peer);
      peer.send(TEXT, "2"); // too late
      assertEquals(readClose(await deadline(peer.next(CLOSE), LIMIT_MS)), { code, reason });
      await deadline(peer.ended, LIMIT_MS);
      assertEquals(await watched.closed(), { code, reason });
      await peers.connect();
      await watched.connected(2);
      assertEquals(watched.log, ["connect", "error 200 0", `close ${code} ${reason}`, "connect"]);
    });
  }

  it("tells what is made of one JSON in three frames", async () => {
    await using watched = await WatchedServer.start({}, { schema: double as never });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const told = Promise.withResolvers<unknown>();
    watched.server.off("messageReceive");
    watched.server.on("messageReceive", ({ data }) => told.resolve(data));
    peer.send(TEXT, "-1", { fin: false });
    peer.send(0, "2.", { fin: false });
    peer.send(0, "5");
    assertEquals(await deadline(told.promise, LIMIT_MS), -25);
  });

  it("delivers what was sent to the peer before", async () => {
    const schema = schemaOf(() => ({ issues: [{ message: "whatever" }] }));
    await using watched = await WatchedServer.start({}, { schema: schema as never });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    await watched.server.send("before", connection);
    peer.send(TEXT, "1");
    await deadline(peer.next(CLOSE), LIMIT_MS);
    assertEquals(peer.texts(), ["before"]);
    assertEquals(watched.errors.map(({ message }) => message), [
      `Websocket connect failed: ${connection} sent a message that 'schema' does not accept: whatever`,
    ]);
  });
});

describe("createWebSocket({ schema }) on the wire", () => {
  for (const [what, schema, send, code, reason] of REFUSED) {
    it(`sends ${code} to a server that sends ${what}`, async () => {
      await using session = await Session.start({ client: { schema: schema as never } });
      const peer = await session.open();
      const states: string[] = [];
      session.ws.on("error", () => states.push(session.ws.state));
      send(peer);
      peer.send(TEXT, "2"); // too late
      assertEquals(readClose(await within(peer.next(CLOSE))), { code, reason });
      await session.log.next("close");
      assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
      assertEquals([states, session.log.closes], [["closing"], [{ code, reason }]]);
      assertEquals(session.log.errors.map(({ code, data }) => [code, data]), [[200, "0"]]);
    });
  }

  it("tells what is made of each message, in order", async () => {
    await using session = await Session.start({ client: { schema: double as never } });
    const peer = await session.open();
    for (const text of ["1", " 2\n", "3e0"]) peer.send(TEXT, text);
    await session.log.next("dataEnd", 3);
    assertEquals(session.log.messages, [2, 4, 6]);
    assertEquals(session.log.names.slice(2, 6), ["message", "dataEnd", "message", "dataEnd"]);
  });
});
