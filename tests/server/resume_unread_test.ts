/** What the module itself tells a client that resumes, and which that does not read. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { only, rawClient } from "../helpers/acknowledging.ts";
import { NodesInMemory } from "../helpers/nodes_in_memory.ts";

const TOPIC = "x".repeat(10_000);

describe("a client that resumes, has itself join and leave, and reads nothing of it", () => {
  for (const slowPeer of ["drop", "refuse"] as const) {
    const limit = slowPeer === "drop" ? 100_000 : 100_000 + 1024 * 1024;

    it(`is let go as too slow, with '${slowPeer}'`, async () => {
      await using nodes = new NodesInMemory();
      let most = 0;
      const server = await nodes.node({}, { maxBufferedAmount: 100_000, slowPeer }, async () => {
        const connection = only(server);
        most = Math.max(most, server.bufferedAmount(connection));
        await server.join(connection, TOPIC);
        await server.leave(connection, TOPIC).catch(() => {}); // it may be let go by then
      });
      const { ws } = await rawClient(nodes);
      const { closed } = ws;
      const [link] = nodes.network.links.slice(-1);
      link!.hold("toClient");
      for (let n = 0; n < 200 && server.listAllConnections().length > 0; n++) {
        await ws.send("\nagain");
        await nodes.settle();
      }
      assertEquals(nodes.errors, ["tooSlow"]);
      assertLess(most, limit + 1);
      assert(most > limit - 3 * TOPIC.length, `${most}`);
      link!.release();
      await nodes.settle();
      await closed;
    });
  }
});
