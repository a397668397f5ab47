/** What a server says where nothing can listen, as in a page. */

import { assertEquals, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError, createWebSocketServer } from "../../mod.ts";
import { noServer } from "../../runtime/web/no_server.ts";

describe("a server where nothing can listen", () => {
  for (const call of ["start", "mount"] as const) {
    it(`refuses to ${call}, says what is missing, and may be asked again`, async () => {
      const server = createWebSocketServer({ runtime: noServer() });
      for (let n = 0; n < 2; n++) {
        const asked = call === "start" ? server.start({ serverPort: 0 }) : server.mount({});
        const { code, message } = await assertRejects(async () => await asked, BusinessError);
        const why = "servers need Deno or Bun, and this is neither";
        assertEquals([code, message.endsWith(why)], [2302999, true], message);
        assertEquals([server.address, server.listAllConnections()], [undefined, []]);
      }
    });
  }
});
