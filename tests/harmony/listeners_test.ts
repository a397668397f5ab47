/** One listener for an event, the last: on the device that is so, whatever its documentation says. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import webSocket, { BusinessError } from "../../harmony.ts";
import { createWebSocketServer } from "../../mod.ts";
import { within } from "../helpers/client.ts";

/** A call with arguments that its types forbid. */
type Untyped = Record<"on" | "off" | "once", (...args: unknown[]) => void>;

/** Tells 'error' once, with nobody on the other side. */
async function tell(ws: webSocket.WebSocket): Promise<void> {
  const failed = ws.opened.catch(() => {});
  await ws.connect("ws://").catch(() => {});
  await within(failed);
  await undefined;
}

describe("what ./harmony makes", () => {
  it("has methods that a program may put others in the place of, and that are not listed", () => {
    const all = {
      client: [webSocket.createWebSocket(), ["on", "once", "connect", "close"]],
      server: [webSocket.createWebSocketServer(), ["on", "once", "start", "close"]],
    } as const;
    for (const [object, names] of Object.values(all)) {
      const one = object as unknown as Record<string, unknown>;
      assertEquals(
        Object.keys(one).filter((name) => (names as readonly string[]).includes(name)),
        [],
      );
      for (const name of names) {
        const mine = () => {};
        one[name] = mine;
        assertEquals([name, one[name] === mine], [name, true]);
        delete one[name]; // what is left is the main entry's
        assertEquals([name, typeof one[name]], [name, "function"]);
      }
    }
  });
});

describe("./harmony's client", () => {
  it("calls the last listener of an event, and none before it", async () => {
    const ws = webSocket.createWebSocket();
    const told: string[] = [];
    ws.on("error", () => void told.push("first"));
    ws.on("error", () => void told.push("second"));
    ws.on("error", () => void told.push("third"));
    await tell(ws);
    assertEquals(told, ["third"]);
  });

  it("has a listener of each event beside those of others", async () => {
    await using server = createWebSocketServer();
    server.on("connect", (connection) => void server.send("hello", connection));
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const told: string[] = [];
    const ws = webSocket.createWebSocket();
    const closed = new Promise<void>((resolve) => {
      ws.on("open", () => void told.push("never"));
      ws.on("open", () => void told.push("open"));
      ws.on("message", () => void told.push("never"));
      ws.on("message", () => {
        told.push("message");
        ws.close();
      });
      ws.on("dataEnd", () => void told.push("never"));
      ws.on("dataEnd", () => void told.push("dataEnd"));
      ws.on("close", () => void told.push("never"));
      ws.on("close", () => {
        told.push("close");
        resolve();
      });
    });
    ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
    await within(closed);
    assertEquals(told, ["open", "message", "dataEnd", "close"]);
  });

  it("removes a listener by off(type), and by off(type, fn) if it is the one", async () => {
    const ws = webSocket.createWebSocket();
    const told: string[] = [];
    const first = () => void told.push("first");
    const second = () => void told.push("second");
    ws.on("error", first);
    ws.on("error", second);
    ws.off("error", first); // replaced long ago
    await tell(ws);
    assertEquals(told, ["second"]);
    ws.off("error", second);
    await tell(ws);
    ws.on("error", first);
    ws.off("error");
    ws.off("error");
    await tell(ws);
    assertEquals(told, ["second"]);
  });

  it("replaces a listener by one that is called once, and that by another", async () => {
    const ws = webSocket.createWebSocket();
    const told: string[] = [];
    ws.on("error", () => void told.push("first"));
    ws.once("error", () => void told.push("once"));
    await tell(ws);
    await tell(ws);
    ws.once("error", () => void told.push("never"));
    ws.on("error", () => void told.push("last"));
    await tell(ws);
    assertEquals(told, ["once", "last"]);
  });

  it("keeps a listener when it is given one that is none", async () => {
    const ws = webSocket.createWebSocket();
    const told: string[] = [];
    ws.on("error", () => void told.push("kept"));
    const { on, once } = ws as unknown as Untyped;
    for (
      const [add, ...args] of [[on, "error"], [on, "error", null], [once, "error", 5]] as const
    ) {
      const error = assertThrows(() => add(...args), BusinessError);
      assertEquals(error.code, 401);
    }
    for (const call of ["on", "off", "once"] as const) {
      const error = assertThrows(
        () => (ws as unknown as Untyped)[call](null, () => {}),
        BusinessError,
      );
      assertEquals(error.code, 401);
    }
    (ws as unknown as Untyped).on("nonsense", () => {});
    await tell(ws);
    assertEquals(told, ["kept"]);
  });

  it("calls a listener that is added in its place from the next time on", async () => {
    const ws = webSocket.createWebSocket();
    const told: string[] = [];
    ws.on("error", () => {
      told.push("first");
      ws.on("error", () => void told.push("second"));
    });
    await tell(ws);
    assertEquals(told, ["first"]);
    await tell(ws);
    assertEquals(told, ["first", "second"]);
  });
});

describe("./harmony's server", () => {
  it("calls the last listener of each event", async () => {
    await using server = webSocket.createWebSocketServer();
    const told: string[] = [];
    for (const time of ["first", "last"]) {
      server.on("connect", () => void told.push(`${time} connect`));
      server.on("messageReceive", ({ clientConnection, data }) => {
        told.push(`${time} ${data}`);
        server.close(clientConnection, { code: "1001", reason: null } as never);
      });
      server.on("error", (error) => void told.push(`${time} ${error.code}`));
    }
    const closed = new Promise<webSocket.CloseResult>((resolve) => {
      server.on("close", () => void told.push("never"));
      server.on("close", (_, closeReason) => resolve(closeReason));
    });
    await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const ws = webSocket.createWebSocket();
    ws.connect(`ws://127.0.0.1:${server.address!.port}/`);
    ws.send("hello");
    assertEquals(await within(closed), { code: 1000, reason: "CLOSE_NORMAL" });
    assertEquals(told, ["last connect", "last hello"]);
    await within(ws.closed);
  });
});
