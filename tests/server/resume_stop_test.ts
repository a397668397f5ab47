/** A server that stops while clients that offer to resume have not said yet where they were. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** The ways to run. Each listens on port 80, and gives what ends its host. */
const WAYS: Record<
  string,
  (server: WebSocketServer, network: MemoryNetwork, clock: FakeClock) => Promise<() => void>
> = {
  async start(server, _, clock) {
    await clock.until(server.start({ serverPort: 80 }));
    return () => {};
  },
  async mount(server, network, clock) {
    const mount = await clock.until(server.mount());
    const host = network.serve(80, (request, info) => mount.fetch(request, info) as Response);
    return () => host.stop();
  },
};

describe("stop() with clients that have not said yet where they were", () => {
  for (const [name, run] of Object.entries(WAYS)) {
    for (const [what, isSilent, ms] of [["at once", false, 10], ["in 4 s", true, 4000]] as const) {
      it(`tells them, and is over ${what} where they ${isSilent ? "are silent" : "answer"}: ${name}`, async () => {
        const clock = new FakeClock();
        const network = new MemoryNetwork({ clock, latency: 5 });
        const server = createWebSocketServer({ history: true, clock, runtime: network.server });
        const end = await run(server, network, clock);
        const clients = [1, 2, 3].map(() => {
          const told: unknown[] = [];
          network.client.dial({
            ...{ url: "ws://localhost/", headers: {}, protocols: ["resume.netkit.1"] },
            ...{ tls: { insecure: false, minVersion: 0 }, proxy: "system" },
          }, {
            open: () => told.push("open"),
            message: () => told.push("greeted"),
            alive() {},
            closed: ({ code, reason }) => told.push(code, reason),
          });
          return told;
        });
        await clock.advance(10);
        if (isSilent) { for (const link of network.links) link.hold("toServer"); }
        const began = clock.now();
        await clock.until(server.stop({ retryAfter: 1 }));
        assertEquals(clock.now() - began, ms);
        await clock.advance(10);
        for (const told of clients) {
          assertEquals(told, ["open", "greeted", 1012, "retry after 1"]);
        }
        assertEquals([network.links, clock.pending], [[], 0]);
        end();
      });
    }
  }
});

describe("stop() on a runtime that can leave new clients to others", () => {
  for (const history of [false, true]) {
    it(`has it do that first${history ? ", with a history, too" : ""}`, async () => {
      const clock = new FakeClock();
      const { server: runtime, client } = new MemoryNetwork({ clock });
      const log: string[] = [];
      const listen: typeof runtime.listen = (options, events) => {
        const listener = runtime.listen(options, events);
        const close = (ms: number) => {
          log.push("close");
          return listener.close(ms);
        };
        return { ...listener, address: listener.address, retire: () => log.push("retire"), close };
      };
      const server = createWebSocketServer({ clock, history, runtime: { ...runtime, listen } });
      server.on("close", () => log.push("a client has left"));
      await clock.until(server.start({ serverPort: 80 }));
      const ws = createWebSocket({ clock, runtime: client });
      void ws.connect("ws://localhost/");
      await clock.until(ws.opened);
      await clock.until(server.stop());
      assertEquals(log, ["retire", "a client has left", "close"]);
    });
  }
});
