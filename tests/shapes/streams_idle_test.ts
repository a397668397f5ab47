/** Streams of which nobody wants or reads anything yet: of a client that has never connected, and of messages to acknowledge. */

import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { once } from "node:events";
import { createWebSocket } from "../../mod.ts";
import { duplexOf } from "../../node.ts";
import { streamsOf } from "../../standard.ts";
import { within } from "../helpers/client.ts";
import { kindOf, NodesInMemory } from "../helpers/nodes_in_memory.ts";

it("a readable stream can be cancelled, and a writable one aborted", async () => {
  const { readable, writable } = streamsOf(createWebSocket());
  assertEquals(await within(readable.cancel()), undefined);
  assertEquals(await within(writable.abort()), undefined);
});

it("a Duplex can be destroyed, and says that it is closed", async () => {
  const stream = duplexOf(createWebSocket());
  const closed = once(stream, "close");
  stream.destroy();
  assertEquals(await within(closed), []);
});

for (const [name, of] of Object.entries({ streamsOf, duplexOf })) {
  it(`each message counts as heard by ${name}(), also where nobody reads it yet`, async () => {
    await using nodes = new NodesInMemory();
    const server = await nodes.node();
    const ws = await nodes.client();
    const shown = of(server, server.listAllConnections()[0]!);
    const calls = Array.from(
      { length: 40 },
      (_, n) => kindOf(ws.send(new Uint8Array(n), { acknowledge: true })),
    );
    await nodes.settle();
    const readable = "readable" in shown && shown.readable instanceof ReadableStream
      ? shown.readable
      : shown as AsyncIterable<unknown>;
    const read = (async () => {
      for await (const _ of readable); // to its end
    })().catch(() => {});
    await nodes.settle();
    assertEquals(new Set(await Promise.all(calls)), new Set(["true"]));
    await ws.close();
    await nodes.settle();
    await read;
  });
}
