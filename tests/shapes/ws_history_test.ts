/** A socket of `wsServer` of a server that keeps a history: it is as on any other, whether its client resumes or not. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { wsServer, type WsSocket } from "../../node.ts";
import { FakeClock } from "../../testing.ts";
import { within } from "../helpers/client.ts";
import { onDeno } from "../helpers/programs.ts";
import { ControlSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

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

  it("has those of a runtime that follows a script, too", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    const server = createWebSocketServer({ clock, runtime, history: true });
    const heard: string[] = [];
    const sockets: WsSocket[] = [];
    wsServer(server).on("connection", (socket) => {
      sockets.push(socket);
      for (const type of ["ping", "pong"]) {
        socket.on(type, (data: Buffer) => heard.push(`${type} ${data}`));
      }
    });
    await server.start({ serverPort: 80 });
    const admission = runtime.enter();
    const inner = new ControlSocket();
    admission.open(inner);
    sockets[0]!.ping("a");
    sockets[0]!.pong("b");
    inner.told!.control("ping", new TextEncoder().encode("c"));
    inner.told!.control("pong", new TextEncoder().encode("d"));
    assertEquals([inner.calls, heard], [["ping a", "pong b"], ["ping c", "pong d"]]);
    admission.closed({ code: 1006, reason: "" });
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  });
});
