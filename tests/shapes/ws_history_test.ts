/** A socket of `wsServer` of a server that keeps a history: it is as on any other, whether its client resumes or not. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { wsServer } from "../../node.ts";
import { within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";

describe("a socket of wsServer of a server with a history", () => {
  for (const resumes of [false, true]) {
    it(`has Pings and Pongs as any, where its client ${resumes ? "resumes" : "does not"}`, async () => {
      const server = createWebSocketServer({ history: true });
      const connected = once(wsServer(server), "connection");
      await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
      const ws = createWebSocket(resumes ? { reconnect: true, resume: true } : {});
      const url = `ws://127.0.0.1:${server.address!.port}/`;
      await within(ws.connect(url, { pingInterval: 0.05 }));
      const [socket] = await within(connected);
      if (onDeno) {
        for (const what of ["ping", "pong"] as const) {
          assertEquals(
            assertThrows(() => socket[what]("data"), BusinessError).kind,
            "unsupported",
          );
        }
      } else {
        assertEquals(await within(once(socket, "ping")), [Buffer.alloc(0)]); // the heartbeat's
        socket.pong("unasked");
      }
      const told = once(socket, "pong");
      socket.ping(onDeno ? "" : "who");
      assertEquals(await within(told), [Buffer.from(onDeno ? "" : "who")]);
      await within(ws.close());
      await within(server.stop());
    });
  }
});
