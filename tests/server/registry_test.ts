/** Which connection is meant: by its handle, or by an address that two may have. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

const PORT = 50_000;

const kindOf = (call: Promise<unknown>) => call.catch(({ kind }: BusinessError) => kind);

/** That no call of a server finds a connection. */
async function assertUnknown(server: WebSocketServer, connection: WebSocketConnection) {
  const calls = [
    server.send("x", connection),
    server.close(connection),
    server.terminate(connection),
    server.join(connection, "a"),
    server.leave(connection, "a"),
  ];
  assertEquals(await Promise.all(calls.map(kindOf)), Array(5).fill("noConnection"));
  assertEquals([await server.drained(connection), server.bufferedAmount(connection)], [false, 0]);
}

/** A server with a connection from each of these ports. */
async function serverOf(...ports: number[]) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime });
  await server.start({ serverPort: 80 });
  const enter = (port: number) => {
    const admission = runtime.enter(port);
    const socket = new ScriptedSocket();
    admission.open(socket);
    const connection = server.listAllConnections().at(-1)!;
    const end = () => admission.closed({ code: 1000, reason: "" });
    return { socket, connection, end };
  };
  const all = ports.map(enter);
  /** Sends, and gives which sockets got it, from 0; or the kind of the error. */
  const reached = async (to: WebSocketConnection) => {
    const error = await server.send("x", to).then(() => undefined, (it: BusinessError) => it.kind);
    const got = all.flatMap(({ socket }, n) => socket.calls.splice(0).map(() => n));
    return error ?? got.join();
  };
  return { clock, server, enter, all, reached };
}

describe("two connections at one address", () => {
  for (const looksFirst of [true, false]) {
    it(`are told apart by handle; a copy means the newest${looksFirst ? "" : ", asked late"}`, async () => {
      const { all, enter, reached, server } = await serverOf(PORT, 1);
      const [one] = all.map(({ connection }) => connection);
      const copy = { ...one! };
      if (looksFirst) assertEquals(await reached(copy), "0");
      all.push(enter(PORT));
      const two = all[2]!.connection;
      assertEquals([String(two), { ...two }], [String(one), copy]);
      assertEquals(await reached(copy), "2");
      assertEquals(await reached(one!), "0");
      assertEquals(await reached(two), "2");
      assertEquals(server.listAllConnections().length, 3);
      all[2]!.end();
      assertEquals(await reached(copy), "0");
      assertEquals(await reached(two), "noConnection");
      all.push(enter(PORT));
      assertEquals(await reached(two), "noConnection");
      assertEquals(await reached(copy), "3");
      all[0]!.end();
      assertEquals(await reached(copy), "3");
      assertEquals(await reached(one!), "noConnection");
      all[3]!.end();
      assertEquals(await reached(copy), "noConnection");
      assertEquals(server.listAllConnections().map(String), ["127.0.0.1:1"]);
    });
  }

  it("are excepted one by one, and a copy excepts the newest", async () => {
    const { all, server } = await serverOf(PORT, PORT, 1);
    const got = () => all.flatMap(({ socket }, n) => socket.calls.splice(0).map(() => n)).join();
    const [one, two, three] = all.map(({ connection }) => connection);
    for (
      const [except, left] of [
        [one!, "1,2"],
        [two!, "0,2"],
        [{ ...one! }, "0,2"],
        [[one!, three!], "1"],
        [[one!, two!, three!], ""],
        [[{ ...three!, clientPort: 2 }], "0,1,2"],
      ] as const
    ) {
      const { sent } = await server.broadcast("x", { except: except as WebSocketConnection });
      assertEquals([got(), sent], [left, left === "" ? 0 : left.split(",").length]);
    }
  });

  it("say that one is closing, and are dropped each for itself", async () => {
    const { all, reached, server, clock } = await serverOf(PORT, PORT);
    const [one, two] = all.map(({ connection }) => connection);
    const closing = server.close(one!);
    const error = await server.send("x", one!).catch((error: BusinessError) => error);
    assertEquals((error as BusinessError).kind, "notOpen");
    const says = `send: the connection 127.0.0.1:${PORT} is closing`;
    assertStringIncludes((error as BusinessError).message, says);
    await closing;
    await clock.advance(0);
    // It is told to be closed, and is not gone: terminate() alone finds it, by its handle.
    assertEquals(await server.terminate(one!), true);
    all[0]!.socket.calls.splice(0);
    assertEquals(await reached(two!), "1");
    assertEquals(await server.terminate(one!).catch(({ kind }) => kind), "noConnection");
  });
});

describe("what is no connection of the server", () => {
  it("is refused by each call, which says what it must be, and what it is", async () => {
    const { server } = await serverOf(PORT);
    const calls: Record<string, (given: never) => Promise<unknown>> = {
      send: (given) => server.send("x", given),
      close: (given) => server.close(given),
      terminate: (given) => server.terminate(given),
      join: (given) => server.join(given, "a"),
      leave: (given) => server.leave(given, "a"),
      drained: (given) => server.drained(given),
    };
    const wrong = [
      [undefined, "undefined"],
      [null, "null"],
      [5, "5"],
      ["127.0.0.1", '"127.0.0.1"'],
      [{}, ""],
      [{ clientIP: "127.0.0.1" }, ""],
      [{ clientIP: 127, clientPort: PORT }, ""],
      [{ clientIP: "127.0.0.1", clientPort: `${PORT}` }, ""],
      [{
        get clientIP() {
          throw new Error("the user's");
        },
      }, ""],
    ] as const;
    for (const [call, ask] of Object.entries(calls)) {
      for (const [given, shown] of wrong) {
        const error = await ask(given as never).catch((error: BusinessError) => error);
        const { code, kind, message } = error as BusinessError;
        assertEquals([code, kind], [401, "argument"], call);
        const must = "the connection must be an object with 'clientIP' and 'clientPort'";
        assertStringIncludes(message, `${call}: ${must}: current value is ${shown}`);
      }
      const nobody = { clientIP: "::1", clientPort: 1 };
      if (call === "drained") continue; // there is nothing to wait for
      const error = await ask(nobody as never).catch((error: BusinessError) => error);
      assertEquals((error as BusinessError).kind, "noConnection");
      assertStringIncludes((error as BusinessError).message, `${call}: "[::1]:1"`);
    }
  });

  it("is refused as 'except', also among others, but for one that is gone", async () => {
    const { all, server } = await serverOf(PORT, 1);
    const [one] = all.map(({ connection }) => connection);
    for (const call of ["broadcast", "publish"] as const) {
      const ask = (except: unknown) =>
        (call === "broadcast"
          ? server.broadcast("x", { except } as never)
          : server.publish("a", "x", { except } as never)).then(
            () => "",
            ({ code, message }) => `${code} ${message}`,
          );
      for (const given of [null, 5, "127.0.0.1:1", true]) {
        const must = `'except' must be a connection or an array of connections: current value is ${
          JSON.stringify(given)
        }`;
        assertStringIncludes(await ask(given), `401 Parameter error: ${call}: ${must}`);
      }
      for (const given of [{}, [{}], [[one]], [one, null], [5]]) {
        assertStringIncludes(await ask(given), `${call}: the connection must be an object`);
      }
      for (const given of [undefined, [], one, { clientIP: "::1", clientPort: 1 }]) {
        assertEquals(await ask(given), "");
      }
    }
  });

  it("is any for a server that does not run: before its start, and after its stop", async () => {
    const { all, server, clock } = await serverOf(PORT);
    const { connection } = all[0]!;
    all[0]!.end();
    await clock.until(server.stop());
    for (const one of [server, createWebSocketServer()]) {
      for (const given of [connection, { ...connection }]) {
        await assertUnknown(one, given);
      }
      assertEquals(await kindOf(one.send("x", {} as never)), "argument");
      assertEquals(await kindOf(one.terminate(5 as never)), "argument");
    }
  });

  it("is that of another server: no call reaches it, nor one's own at the same address", async () => {
    const theirs = await serverOf(PORT);
    const { all, server } = await serverOf(PORT);
    const { connection } = theirs.all[0]!;
    await assertUnknown(server, connection);
    assertEquals(await server.broadcast("x", { except: connection }), { sent: 1, tooSlow: 0 });
    assertEquals([theirs.all[0]!.socket.calls, all[0]!.socket.calls], [[], ["send"]]);
    assertEquals(theirs.server.listAllConnections(), [connection]);
    await server.close(all[0]!.connection);
    assertEquals(await kindOf(theirs.server.terminate(all[0]!.connection)), "noConnection");
    assertEquals(all[0]!.socket.calls, ["send", "close 1000"]);
  });

  it("is not there for a server that stops, until its 'close' is told", async () => {
    const { all, server, clock } = await serverOf(PORT, 1);
    const log: string[] = [];
    server.on("close", ({ clientPort }, { code }) => log.push(`close ${clientPort} ${code}`));
    const terminated = server.terminate(all[0]!.connection);
    all[1]!.end();
    const stopped = server.stop().then(() => log.push("stopped"));
    await terminated;
    await clock.until(stopped);
    assertEquals(log, ["close 1 1000", `close ${PORT} 1006`, "stopped"]);
  });
});
