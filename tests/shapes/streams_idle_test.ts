/** The streams of a client that has never connected, and that nobody wants any more. */

import { assertEquals } from "@std/assert";
import { it } from "@std/testing/bdd";
import { once } from "node:events";
import { createWebSocket } from "../../mod.ts";
import { duplexOf } from "../../node.ts";
import { streamsOf } from "../../standard.ts";
import { within } from "../helpers/client.ts";

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
