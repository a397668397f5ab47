/** Messages of one connection of a server, step by step, either way. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerOptions } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";
import { schemaOf } from "../helpers/schemas.ts";
import { ScriptedConnection } from "../helpers/scripted_connection.ts";

describe("a message to a server's connection", () => {
  it("reaches every listener, though one of them throws", async () => {
    await using world = await ScriptedConnection.open();
    const heard: unknown[] = [];
    world.server.on("messageReceive", () => {
      throw new Error("the listener's");
    });
    world.server.on("messageReceive", ({ data, clientConnection }) => {
      heard.push(data, clientConnection === world.one);
    });
    world.admission.message("hi");
    await world.clock.advance(0);
    assertEquals(heard, ["hi", true]);
    assertEquals(world.log, ["message hi", "error listenerFailed undefined"]);
  });

  it("takes the short way where nobody looks at it: each listener, what fails, who works", async () => {
    const clock = new FakeClock();
    const runtime = new ScriptedServer();
    runtime.checksPayload = true;
    const server = createWebSocketServer({ clock, runtime });
    const log: string[] = [];
    const cause = new Error("the listener's");
    const work = Promise.withResolvers<void>();
    server.on("error", (error) => log.push(`error ${error.kind} ${error.cause === cause}`));
    server.on("close", (_, { code }) => log.push(`close ${code}`));
    server.on("messageReceive", () => {
      throw cause;
    });
    server.on("messageReceive", () => work.promise);
    server.on("messageReceive", () => Promise.reject(cause));
    server.on("messageReceive", ({ data }) => void log.push(String(data)));
    await server.start({ serverPort: 80, maxPendingAmount: 1024, pingInterval: 2, pongTimeout: 1 });
    const admission = runtime.enter();
    const socket = new PausableSocket();
    admission.open(socket);
    admission.message("");
    await clock.advance(0);
    assertEquals(log.splice(0), ["error listenerFailed true", "", "error listenerFailed true"]);
    assertEquals(socket.calls.splice(0), []);
    await clock.advance(2999);
    assertEquals(socket.calls.splice(0), ["ping"]);
    admission.message("x"); // a sign of life
    assertEquals(socket.calls.splice(0), ["pause"]);
    await clock.advance(0);
    work.resolve();
    await clock.advance(1);
    assertEquals(socket.calls.splice(0), ["resume"]);
    await server.close(server.listAllConnections()[0]!);
    log.length = 0;
    admission.message("not heard any more");
    await clock.advance(0);
    assertEquals([log, socket.calls], [["close 1000"], ["close 1000"]]);
    admission.closed({ code: 1000, reason: "" });
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
  });

  it("takes the shortest way to one listener: what it returns, what fails, what comes late", async () => {
    const runtime = { checksPayload: true };
    await using world = await ScriptedConnection.open({ options: { stats: false }, runtime });
    const { admission, server } = world;
    server.off("messageReceive");
    server.on("messageReceive", ({ data }) => {
      if (data === "throws") throw new Error("the listener's");
      return data === "rejects"
        ? Promise.reject(new Error("the listener's"))
        : world.log.push(`${data}`);
    });
    for (const data of ["throws", "rejects", "is a number"]) admission.message(data);
    await world.clock.advance(0);
    const failed = "error listenerFailed undefined";
    assertEquals(world.told, [[failed, "is a number", failed], []]);
    await server.close(world.one);
    admission.alive(); // a Pong that was on its way
    admission.message("late");
    await world.clock.advance(0);
    assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
  });

  it("that ends the connection gives its peer 5 s, and no more where it reads what is queued", async () => {
    await using world = await ScriptedConnection.open({ config: { maxPayload: 4 } });
    world.socket.bufferedAmount = 200_000;
    world.admission.message("too big");
    await world.clock.advance(4000);
    world.socket.bufferedAmount = 100_000;
    await world.clock.advance(999);
    const close = "close 1009 Received too big message";
    assertEquals(world.told, [["error tooBig 0", close], ["close 1009"]]);
    await world.clock.advance(1);
    assertEquals(world.told, [["error unsent 100000"], ["terminate"]]);
    assertEquals(world.server.stats()!.unsent, 100_000);
  });

  it("is measured where the runtime does not: maxPayload and one more", async () => {
    await using world = await ScriptedConnection.open({ config: { maxPayload: 4 } });
    world.admission.message("äö");
    world.admission.message(new ArrayBuffer(4));
    assertEquals(world.server.stats()!.received, { messages: 2, bytes: 8 });
    world.log.length = 0;
    world.admission.message("äöü");
    world.admission.message("late");
    assertEquals(world.told, [["error tooBig 0"], ["close 1009"]]);
    await world.clock.advance(5000);
    assertEquals(world.told, [["close 1009 Received too big message"], ["terminate"]]);
    assertEquals(world.dropped, { "too big": 1 });
    assertEquals(world.server.stats()!.received.messages, 2);
  });

  it("is what `schema` makes of it; one that it does not accept ends the connection", async () => {
    const schema = schemaOf((value) =>
      value === 1 ? { value: "one" } : { issues: [{ message: "no" }] }
    );
    await using world = await ScriptedConnection.open({
      options: { schema } as WebSocketServerOptions,
    });
    world.admission.message("1");
    assertEquals(world.told, [["message one"], []]);
    world.socket.bufferedAmount = 1_000_000; // who breaks the rules gets no time to read
    world.admission.message("2");
    world.admission.message("1");
    assertEquals(world.told, [["error unacceptable 0"], ["close 1008"]]);
    await world.clock.advance(5000);
    const [log, calls] = world.told;
    assertEquals([log[0], calls], ["close 1008 Not what is expected", ["terminate"]]);
  });

  it("is not told where the observer or the validator closes", async () => {
    for (const who of ["the observer", "the validator"]) {
      let close = () => {};
      const observer = { received: () => who === "the observer" && close() };
      const schema = schemaOf((value) => {
        if (who === "the validator") close();
        return { value };
      });
      const options = { observer, schema } as WebSocketServerOptions;
      await using world = await ScriptedConnection.open({ options });
      close = () => void world.server.close(world.one);
      world.admission.message("1");
      await world.clock.advance(0);
      assertEquals(world.told, [["close 1000 CLOSE_NORMAL"], ["close 1000"]]);
    }
  });
});

describe("a server's connection whose listeners cannot follow", () => {
  const config = { maxPendingAmount: 1, pingInterval: 4, pongTimeout: 3 };

  it("is dropped on a runtime that cannot stop reading", async () => {
    await using world = await ScriptedConnection.open({ config });
    world.server.on("messageReceive", () => new Promise<void>(() => {}));
    world.admission.message("x");
    assertEquals(world.told, [["message x"], []]);
    world.admission.message("y");
    assertEquals(world.told, [["message y", "error tooFast 0"], ["close 1008"]]);
    await world.clock.advance(5000);
    assertEquals(world.told, [["close 1008 Sending too fast"], ["terminate"]]);
    assertEquals(world.dropped, { "too fast": 1 });
  });

  it("is sent no Ping while it is not read from, and Pings again later", async () => {
    await using world = await ScriptedConnection.open({ config, socket: new PausableSocket() });
    const work = Promise.withResolvers<void>();
    world.server.on("messageReceive", () => work.promise);
    world.admission.message("x");
    await world.clock.advance(6999);
    assertEquals(world.told, [["message x"], ["pause"]]);
    work.resolve();
    await world.clock.advance(0);
    assertEquals(world.told, [[], ["resume"]]);
    await world.clock.advance(3999);
    assertEquals(world.told, [[], []]);
    await world.clock.advance(1);
    assertEquals(world.told, [[], ["ping"]]);
  });

  for (const pongTimeout of [3, 4, 5, undefined]) {
    it(`is dropped when a silent peer would be dead, with a 'pongTimeout' of ${pongTimeout}`, async () => {
      const socket = new PausableSocket();
      await using world = await ScriptedConnection.open({
        config: { ...config, pongTimeout },
        socket,
      });
      world.server.on("messageReceive", () => new Promise<void>(() => {}));
      world.admission.message("x");
      await world.clock.advance(pongTimeout === 3 ? 6999 : 7999);
      assertEquals(world.told, [["message x"], ["pause"]]);
      await world.clock.advance(1);
      assertEquals(world.told, [
        ["error tooFast 0", "close 1008 Sending too fast"],
        ["close 1008", "resume"],
      ]);
    });
  }

  it("is sent no Ping where what comes as it is to be read from is too much again", async () => {
    const socket = new PausableSocket();
    await using world = await ScriptedConnection.open({ config, socket });
    const works = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let told = 0;
    world.server.on("messageReceive", () => works[told++]!.promise);
    const { resume } = socket;
    socket.resume = () => {
      resume.call(socket);
      socket.resume = resume;
      world.admission.message("y");
    };
    world.admission.message("x");
    works[0]!.resolve();
    await world.clock.advance(6999);
    assertEquals(world.told, [["message x", "message y"], ["pause", "resume", "pause"]]);
    works[1]!.resolve();
    await world.clock.advance(0);
    assertEquals(world.told, [[], ["resume"]]);
  });

  it("is read again once it closes, and is not stopped then", async () => {
    for (const closes of ["before", "after"]) {
      await using world = await ScriptedConnection.open({ config, socket: new PausableSocket() });
      const work = Promise.withResolvers<void>();
      world.server.on("messageReceive", () => {
        if (closes === "before") void world.server.close(world.one);
        return work.promise;
      });
      world.admission.message("x");
      if (closes === "after") void world.server.close(world.one);
      await world.clock.advance(1);
      work.resolve();
      await world.clock.advance(1);
      const [log, calls] = world.told;
      assertEquals(log, ["message x", "close 1000 CLOSE_NORMAL"]);
      assertEquals(calls, closes === "before" ? ["close 1000"] : ["pause", "close 1000", "resume"]);
    }
  });

  it("is resumed without Pings on a runtime that has none", async () => {
    const socket = new PausableSocket();
    await using world = await ScriptedConnection.open({
      config,
      socket,
      runtime: { canPing: false },
    });
    const work = Promise.withResolvers<void>();
    world.server.on("messageReceive", () => work.promise);
    world.admission.message("x");
    work.resolve();
    await world.clock.advance(20_000);
    assertEquals(world.told, [["message x"], ["pause", "resume"]]);
  });
});

describe("what is queued to a server's connection", () => {
  it("is measured when it may be over the limit, and who does not read is dropped once", async () => {
    await using world = await ScriptedConnection.open({ config: { maxBufferedAmount: 10 } });
    const { one, server, socket } = world;
    assertEquals(await server.send("1234567890", one), true);
    socket.bufferedAmount = 10;
    assertEquals(await server.send("1234567890", one), true);
    assertEquals(world.told, [[], ["send", "send"]]);
    socket.bufferedAmount = 11;
    assertEquals(await server.send("1", one), true);
    await world.clock.advance(0);
    assertEquals(world.told, [["error tooSlow 0", "close 1013 Reading too slowly"], [
      "send",
      "close 1013",
    ]]);
    await world.clock.advance(4999);
    assertEquals(world.told, [[], []]);
    await world.clock.advance(1);
    assertEquals(world.told, [["error unsent 11"], ["terminate"]]);
    assertEquals(world.dropped, { "too slow": 1 });
    assertEquals(server.stats()!.sent, { messages: 3, bytes: 21 });
  });

  it("may be 16 MiB where nothing else is said", async () => {
    for (const more of [0, 1]) {
      await using world = await ScriptedConnection.open();
      const { clock, one, server, socket } = world;
      for (let i = 0; i < 4; i++) {
        socket.bufferedAmount = i < 3 ? 0 : 16_777_216 + more;
        await server.send(new Uint8Array(5_000_000), one);
      }
      await clock.advance(0);
      assertEquals(
        world.told[0],
        more === 0 ? [] : ["error tooSlow 0", "close 1013 Reading too slowly"],
      );
      socket.bufferedAmount = 0;
    }
  });

  it("is no reason to drop who is closed while it is sent", async () => {
    const observer = { sent: () => void world.server.close(world.one, { code: 4001 }) };
    await using world = await ScriptedConnection.open({
      config: { maxBufferedAmount: 10 },
      options: { observer },
    });
    world.socket.bufferedAmount = 11;
    assertEquals(await world.server.send("12345678901", world.one), true);
    await world.clock.advance(0);
    assertEquals(world.told, [["close 4001 CLOSE_NORMAL"], ["send", "close 4001"]]);
    assertEquals(world.dropped, {});
    world.socket.bufferedAmount = 0;
  });

  it("is told by drained() when it is little enough, and when it is over", async () => {
    await using world = await ScriptedConnection.open();
    const { clock, one, server, socket } = world;
    socket.bufferedAmount = 100;
    const log: unknown[] = [];
    void server.drained(one, 10).then((it) => log.push(10, it));
    void server.drained(one).then((it) => log.push(0, it));
    await clock.advance(1000);
    assertEquals(log, []);
    socket.bufferedAmount = 11;
    await clock.advance(1000);
    assertEquals(log, []);
    socket.bufferedAmount = 10;
    await clock.advance(1000);
    assertEquals(log, [10, true]);
    socket.bufferedAmount = 1;
    void server.drained(one).then((it) => log.push("0", it));
    await clock.advance(1000);
    assertEquals(log.splice(0), [10, true]);
    socket.bufferedAmount = 0;
    await clock.advance(1000);
    assertEquals(log.splice(0), [0, true, "0", true]);
    socket.bufferedAmount = 1;
    void server.drained(one).then((it) => log.push(it));
    await server.close(one);
    await clock.advance(1000);
    assertEquals(log, [false]);
  });
});
