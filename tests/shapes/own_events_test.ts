/** A program puts other classes of events in the place of the runtime's, as a DOM for tests of pages does. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer } from "../../mod.ts";
import { socketOf, WebSocket } from "../../standard.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";

/** An event of another's, which the runtime's own dispatch does not take. */
class Other {
  readonly type: string;
  constructor(type: string) {
    this.type = type;
  }
}

const NAMES = ["CloseEvent", "CustomEvent", "Event", "EventTarget", "MessageEvent"] as const;

describe("a socket of ./standard beside other classes of events", () => {
  it("tells the runtime's own", async () => {
    const own = NAMES.map((name) => [name, globalThis[name]] as const);
    const { CloseEvent, Event, EventTarget } = globalThis;
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const server = createWebSocketServer({ clock, runtime: network.server });
    const log: unknown[] = [];
    server.on("connect", (connection) => {
      const socket = socketOf(server, connection);
      socket.onmessage = ({ eventPhase, data }) => socket.send(`${eventPhase} ${data}`);
      socket.onclose = (event) => log.push(`server ${event instanceof CloseEvent}`);
    });
    await server.start({ serverPort: 80 });
    for (const name of NAMES) Object.assign(globalThis, { [name]: Other });
    try {
      const socket = new WebSocket("ws://localhost/", [], { clock, runtime: network.client });
      socket.onopen = () => socket.send("x");
      socket.onmessage = ({ data, eventPhase }) => log.push(`${data} ${eventPhase}`);
      socket.onclose = (event) => log.push(`client ${event instanceof CloseEvent}`);
      await clock.advance(10);
      assertEquals([socket instanceof EventTarget, socket.dispatchEvent(new Event("x"))], [
        true,
        true,
      ]);
      socket.onmessage = null;
      await clock.until(server.broadcast("to nobody"));
      await clock.advance(10);
      socket.close();
      await clock.advance(10);
      assertEquals(log, ["2 x 2", "server true", "client true"]);
    } finally {
      Object.assign(globalThis, Object.fromEntries(own));
    }
    await clock.until(server.stop());
  });
});
