/** An `https` proxy that resets who connects to it. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type AddressInfo, createServer } from "node:net";
import { within } from "../helpers/client.ts";
import { Program } from "../helpers/programs.ts";

describe("an https proxy that resets each connection as it takes it", () => {
  it("fails attempts, and ends no process", async () => {
    const proxy = createServer((socket) => {
      socket.on("error", () => {});
      socket.resetAndDestroy();
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = proxy.address() as AddressInfo;
      const url = `https://127.0.0.1:${port}`;
      const env = { http_proxy: url, HTTP_PROXY: url, no_proxy: "", NO_PROXY: "" };
      await using program = Program.here("proxy_resets.ts", [], { env });
      const { code, stdout, stderr } = await within(program.ended);
      assertEquals([code, stdout], [0, "done\n"], stderr);
    } finally {
      await new Promise((resolve) => proxy.close(resolve));
    }
  });
});
