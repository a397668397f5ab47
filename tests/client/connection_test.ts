/** One attempt of a client, step by step: what its socket is told, and what the user is. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { EventLog } from "../helpers/client.ts";
import { closed, DialledClient } from "../helpers/dialled_client.ts";
import { ScriptedClient } from "../helpers/scripted_runtime.ts";

describe("an attempt of a client", () => {
  it("fails once, with what the runtime says, in 'opened' and 'closed' as well", async () => {
    await using world = await DialledClient.dial();
    const told: unknown[] = [];
    world.ws.on("error", (error) => told.push(error));
    for (const promise of [world.ws.opened, world.ws.closed]) {
      promise.catch((error) => told.push(error));
    }
    world.runtime.events.closed({
      ...closed(0),
      failure: { what: "refused", status: "503" },
    });
    assertEquals(world.told, [["error connectFailed 503"], []]);
    await world.clock.advance(0);
    const [error, ...others] = told;
    assertEquals(others.map((other) => other === error), [true, true]);
  });

  it("fails where the runtime says nothing", async () => {
    await using world = await DialledClient.dial();
    world.runtime.events.closed(closed(1000));
    assertEquals(world.told, [["error connectFailed 0"], []]);
  });

  it("fails where the runtime says that what comes is too big, as nothing was open", async () => {
    await using world = await DialledClient.dial();
    world.runtime.events.closed({ ...closed(1009), tooBig: true });
    assertEquals(world.told, [["error connectFailed 0"], []]);
    assertEquals(world.ws.stats()!.dropped, {});
  });

  it("fails after connectTimeout, and the socket is dropped", async () => {
    await using world = await DialledClient.dial({ connectTimeout: 2 });
    await world.clock.advance(1999);
    assertEquals([world.ws.state, world.told], ["connecting", [[], []]]);
    await world.clock.advance(1);
    assertEquals([world.ws.state, world.told], ["idle", [["error connectFailed 0"], [
      "terminate",
    ]]]);
  });

  for (const how of ["close()", "the signal"]) {
    it(`is given up by ${how}: one 'close', and nothing that was queued goes out`, async () => {
      await using world = await DialledClient.dial();
      world.ws.on("headerReceive", () => world.log.push("headerReceive"));
      assertEquals(await world.ws.send("12345"), true);
      assertEquals(world.ws.bufferedAmount, 5);
      if (how === "close()") void world.ws.close({ code: 4001, reason: "no" });
      else world.aborter.abort();
      assertEquals([world.ws.state, world.told], ["closing", [[], ["terminate"]]]);
      assertEquals(world.ws.bufferedAmount, 0);
      world.runtime.request.answer!.headers({});
      world.runtime.events.open();
      await world.clock.advance(0);
      const close = how === "close()" ? "close 4001 no" : "close 1000 CLOSE_NORMAL";
      assertEquals([world.ws.state, world.told], ["idle", [[close], []]]);
      assertEquals(world.ws.stats()!.unsent, 5);
    });
  }

  it("counts what was queued as lost where the attempt fails, before an observer hears of that", async () => {
    const log: string[] = [];
    const observer = {
      unsent: (_: unknown, bytes: number) => void log.push(`unsent ${bytes}`),
      failed: () => void log.push("failed"),
    };
    await using world = await DialledClient.dial({}, { observer });
    await world.ws.send("12345");
    world.runtime.events.closed({ ...closed(1006), failure: { what: "no", status: "0" } });
    assertEquals(log, ["unsent 5", "failed"]);
    assertEquals([world.told[0], world.ws.stats()!.unsent], [["error connectFailed 0"], 5]);
  });

  it("is dialled as it was asked for, with how bytes are to come", async () => {
    for (const binaryType of [undefined, "arraybuffer", "uint8array"] as const) {
      const given = { header: { a: "b" }, protocol: "c", compression: true };
      await using world = await DialledClient.dial(given, { binaryType } as object);
      const { answer: _, ...request } = world.runtime.request;
      assertEquals(request, {
        url: "ws://localhost/",
        headers: { a: "b" },
        protocols: ["c"],
        tls: { insecure: false, minVersion: 0 },
        proxy: "system",
        compression: true,
        binaryType,
      });
    }
  });

  it("takes compression where it was offered, with parameters and without", async () => {
    for (const compression of [true, false]) {
      for (const extensions of ["permessage-deflate", "permessage-deflate; a=1; b"]) {
        await using world = await DialledClient.dial({ compression });
        world.socket.extensions = extensions;
        world.runtime.events.open();
        assertEquals(world.told[0], compression ? ["open"] : ["error connectFailed 0"]);
      }
    }
  });

  it("is no trouble to an observer that wants to hear of little", async () => {
    const silent = { stats: false, observer: { opened() {} } };
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const log: string[] = [];
    const ws = createWebSocket({ ...silent, clock, runtime, maxPayload: 10 });
    ws.on("message", (_, data) => log.push(`message ${data}`));
    ws.on("close", (_, { code }) => log.push(`close ${code}`));
    ws.on("error", ({ kind }) => log.push(`error ${kind}`));
    const open = async () => {
      await ws.connect("ws://localhost/", { pingInterval: 2, pongTimeout: 1 });
      await ws.send("queued");
      runtime.events.open();
    };
    await ws.connect("ws://localhost/");
    runtime.events.closed(closed(0));
    await open();
    await ws.send("sent");
    runtime.events.message("received");
    await clock.advance(2000);
    runtime.events.alive();
    await ws.close();
    runtime.events.closed({ ...closed(1000), unsent: 3 });
    await open();
    runtime.events.message("x".repeat(11));
    runtime.events.closed(closed(1009));
    await open();
    await clock.advance(3000);
    assertEquals(log, [
      ...["error connectFailed", "message received", "error unsent", "close 1000"],
      ...["error tooBig", "close 1009", "error heartbeatTimeout", "close 1006"],
    ]);
    assertEquals([ws.state, clock.pending], ["idle", 0]);
  });

  for (
    const [offer, protocol, extensions, request] of [
      ["a,b", "b", "", {}],
      ["a,b", "", "", undefined],
      ["a,b", "c", "", undefined],
      ["", "a", "", undefined],
      ["", "", "permessage-deflate", undefined],
      ["", "", "permessage-deflate; server_no_context_takeover", { compression: true }],
      ["", "", "permessage-deflate, x", undefined],
      ["", "", "permessage-deflate; server_no_context_takeover, x", undefined],
      ["", "", "x", undefined],
    ] as const
  ) {
    const name = `${offer || "no subprotocol"}: "${protocol}" and "${extensions}"`;
    it(`is checked: to the offer of ${name} comes`, async () => {
      const compression = extensions.startsWith("permessage-deflate;") ||
        extensions.endsWith(", x");
      const offered = offer === "" ? {} : { protocol: offer };
      await using world = await DialledClient.dial({ ...offered, compression });
      Object.assign(world.socket, { protocol, extensions });
      world.runtime.events.open();
      assertEquals(
        world.told,
        request === undefined ? [["error connectFailed 0"], ["terminate"]] : [["open"], []],
      );
      assertEquals(world.ws.protocol, request === undefined ? "" : protocol);
    });
  }

  it("sends what was queued when it is open, in order, and before 'open' is told", async () => {
    const observer = {
      opened: () => void world?.log.push("opened"),
      sent: (_: unknown, data: unknown, bytes: number) => void world?.log.push(`${data} ${bytes}`),
    };
    let world: DialledClient | undefined;
    await using it = world = await DialledClient.dial({}, { observer });
    await it.ws.send("ä");
    await it.ws.send("2");
    it.runtime.events.open();
    it.runtime.events.open();
    assertEquals(it.told, [["opened", "ä 2", "2 1", "open"], ["send", "send"]]);
    await it.ws.send("3");
    assertEquals(it.told, [["3 1"], ["send"]]);
    assertEquals(it.ws.stats()!.sent, { messages: 3, bytes: 4 });
  });

  it("has 'opened' settle before what a listener of 'open' does next", async () => {
    await using world = await DialledClient.dial();
    const told: string[] = [];
    void world.ws.opened.then(() => told.push("opened"));
    world.ws.on("open", () => queueMicrotask(() => told.push("next")));
    world.runtime.events.open();
    await world.clock.advance(0);
    assertEquals(told, ["opened", "next"]);
  });

  it("tells one 'close' when the end of an attempt that was closed is told right after", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const ws = createWebSocket({ clock, runtime, stats: true });
    const log = new EventLog(ws);
    await ws.connect("ws://localhost/");
    await ws.send("12345");
    void ws.close();
    queueMicrotask(() => runtime.events.closed({ code: 1006, reason: "" }));
    await clock.advance(1);
    assertEquals([log.names, ws.state, ws.stats()!.unsent], [["close"], "idle", 5]);
  });

  it("sends what waited before what an observer sends, and opens nothing that it has closed", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedClient();
    const sent: unknown[] = [];
    let close = false;
    const ws: WebSocketClient = createWebSocket({
      clock,
      runtime,
      observer: {
        opened: () => void (close ? ws.close() : ws.send("observer's")),
        sent: (_, data) => sent.push(data),
      },
    });
    const log = new EventLog(ws);
    await ws.connect("ws://localhost/");
    void ws.send("first");
    const order: unknown[] = [];
    runtime.socket.send = ((data: unknown) => order.push(data)) as unknown as () => void;
    runtime.events.open();
    assertEquals(order, ["first", "observer's"]);
    assertEquals(sent.toSorted(), ["first", "observer's"]);
    void ws.close();
    runtime.events.closed({ code: 1000, reason: "" });
    close = true;
    await ws.connect("ws://localhost/");
    runtime.events.open();
    runtime.events.closed({ code: 1000, reason: "" });
    assertEquals(log.names, ["open", "openInfo", "close", "close"]);
  });

  it("has those who wait for its queue live by its clock", async () => {
    await using world = await DialledClient.open();
    const { clock, socket, ws } = world;
    const before = clock.pending;
    socket.bufferedAmount = 10;
    const told: unknown[] = [];
    for (const bytes of [9, 0]) void ws.drained(bytes).then((drained) => told.push(drained));
    assertEquals(clock.pending, before + 1);
    socket.bufferedAmount = 9;
    await clock.advance(100);
    assertEquals(told, [true]);
    socket.bufferedAmount = 0;
    await clock.advance(100);
    assertEquals([told, clock.pending], [[true, true], before]);
  });
});
