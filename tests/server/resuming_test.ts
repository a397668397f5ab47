import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { refusal } from "../helpers/client.ts";
import { HANDSHAKE, ScriptedServer, TopicSocket } from "../helpers/scripted_runtime.ts";

/** A socket of a runtime with topics, that can stop reading. */
class FullSocket extends TopicSocket {
  readonly sent: unknown[] = [];

  override send(...[data]: unknown[]): void {
    this.sent.push(data);
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }
}

const OFFER = { "sec-websocket-protocol": "resume.netkit.1" };

/** A server with a history on a runtime that has topics. */
async function start(options: { authorize?: boolean; maxPendingAmount?: number } = {}) {
  const runtime = Object.assign(new ScriptedServer(), { tellsDrain: true });
  runtime.published = [];
  const clock = new FakeClock();
  const server = createWebSocketServer({ clock, runtime, history: true });
  const { authorize, ...more } = options;
  await clock.until(server.start({
    ...{ serverPort: 1, ...more },
    authorize: authorize ? () => Promise.resolve(true as const) : undefined,
  }));
  await clock.advance(10);
  return { runtime, clock, server, published: runtime.published };
}

/** Lets a client in; its connection is still to open. */
async function admit(runtime: ScriptedServer, headers: Record<string, string>) {
  const admission = await runtime.request({ headers: { ...HANDSHAKE, ...headers } }) as Admission;
  const socket = new FullSocket();
  const open = () => admission.open(socket);
  return { admission, socket, open };
}

async function enter(runtime: ScriptedServer, headers: Record<string, string>) {
  const admitted = await admit(runtime, headers);
  admitted.open();
  return admitted;
}

async function stop(server: WebSocketServer, clock: FakeClock): Promise<void> {
  await clock.until(server.stop());
  await clock.advance(10_000);
}

describe("a runtime's topics", () => {
  it("become two: those whose messages have a header, and the others", async () => {
    const { runtime, clock, server, published } = await start();
    server.on("connect", (connection) => void server.join(connection, "t"));
    const plain = await enter(runtime, {});
    const resuming = await enter(runtime, OFFER);
    assertEquals([plain.admission.protocol, resuming.admission.protocol], [
      "",
      "resume.netkit.1",
    ]);
    assertEquals(plain.admission.headers, undefined);
    assertEquals(resuming.admission.headers, undefined);
    resuming.admission.message('{"resume":1}\n');
    assertEquals(resuming.socket.calls, ["join topic 1 with headers"]);
    assertEquals(plain.socket.calls, ["join topic 1"]);
    await clock.until(server.publish("t", "a"));
    assertEquals(published, ["topic 1 a", "topic 1 with headers 2.0\na"]);
    const [one, other] = server.listAllConnections();
    await clock.until(server.publish("t", "b", { except: one! }));
    await clock.until(server.publish("t", "c", { except: other! }));
    assertEquals(plain.socket.calls.slice(1), [
      "publish topic 1 b",
      "publish topic 1 with headers 3.0\nb",
    ]);
    assertEquals(resuming.socket.calls.slice(1), [
      "publish topic 1 c",
      "publish topic 1 with headers 4.0\nc",
    ]);
    await server.send("to it", one!);
    await server.send("to it", other!);
    assertEquals(plain.socket.sent, ["to it"]);
    assertEquals(resuming.socket.sent.slice(1), ['{"joined":"t","at":"1.0"}\n', "\nto it"]);
    await clock.until(server.leave(one!, "t"));
    await clock.until(server.leave(other!, "t"));
    assertEquals(plain.socket.calls.at(-1), "leave topic 1");
    assertEquals(resuming.socket.calls.at(-1), "leave topic 1 with headers");
    for (const { admission } of [plain, resuming]) {
      admission.alive();
      admission.drained?.();
      admission.closed({ code: 1000, reason: "" });
    }
    await stop(server, clock);
  });

  it("are left alone by who is refused, and reading stops as ever", async () => {
    const { runtime, clock, server } = await start({ authorize: true, maxPendingAmount: 1 });
    const refused = await runtime.request({ headers: { upgrade: "websocket" } });
    assertEquals(refused instanceof Response, true);
    const { admission, socket } = await enter(runtime, OFFER);
    admission.message('{"resume":1}\n');
    const { promise, resolve } = Promise.withResolvers<void>();
    server.on("messageReceive", () => promise);
    admission.message("\nslow");
    assertEquals(socket.calls, ["pause"]);
    resolve();
    await clock.advance(1);
    assertEquals(socket.calls, ["pause", "resume"]);
    admission.message("no header");
    admission.message("no header");
    assertEquals(socket.calls.slice(2), ["close 1002"]);
    admission.closed({ code: 1002, reason: "" });
    admission.message("\ntoo late");
    await stop(server, clock);
  });
});

describe("a connection of a server with a history", () => {
  for (const [name, headers] of [["that resumes", OFFER], ["of anybody else", {}]] as const) {
    it(`${name} is sent Pings, heard to live, drained and lost as any other`, async () => {
      const { runtime, clock, server } = await start();
      const log: string[] = [];
      server.on("close", (_, { code }) => log.push(`close ${code}`));
      server.on("error", ({ kind }) => log.push(`error ${kind}`));
      const { admission, socket } = await enter(runtime, headers);
      if (headers === OFFER) admission.message('{"resume":1}\n');
      socket.bufferedAmount = 5;
      void server.drained(server.listAllConnections()[0]!).then((it) => log.push(`drained ${it}`));
      for (let i = 0; i < 3; i++) {
        await clock.advance(30_500);
        assertEquals(socket.calls.splice(0), ["ping"]);
        admission.alive();
      }
      assertEquals(log, []);
      socket.bufferedAmount = 0;
      admission.drained!();
      await clock.advance(0);
      assertEquals(log.splice(0), ["drained true"]);
      await clock.advance(61_000);
      assertEquals(socket.calls, ["ping", "terminate"]);
      assertEquals(log, ["error heartbeatTimeout", "close 1006"]);
      await stop(server, clock);
    });
  }
});

describe("a client that can resume, and opens", () => {
  it("too late is dropped at once, as any other, and waited for no longer", async () => {
    const { runtime, clock, server } = await start();
    for (const headers of [OFFER, {}]) {
      const { admission, socket, open } = await admit(runtime, headers);
      await clock.advance(2001);
      const { pending } = clock;
      open();
      assertEquals([socket.calls, socket.sent], [["terminate"], []]);
      assertEquals(clock.pending, pending);
      admission.message('{"resume":1}\n');
      admission.closed({ code: 1006, reason: "" });
    }
    assertEquals(server.listAllConnections(), []);
    await stop(server, clock);
  });

  it("while the server stops is told so, whatever it says of where it was", async () => {
    const { runtime, clock, server } = await start();
    const { admission, socket, open } = await admit(runtime, OFFER);
    const began = clock.now();
    const stopped = server.stop();
    open();
    assertEquals([socket.sent.length, socket.calls], [1, ["close 1001"]]);
    admission.closed({ code: 1001, reason: "" });
    assertEquals(await clock.until(stopped), true);
    assertEquals(clock.now() - began < 1000, true);
    await clock.advance(10_000);
    assertEquals(clock.pending, 0);
  });
});

describe("what is sent while something is published", () => {
  it("has no place of that, and a message of its own", async () => {
    const runtime = new ScriptedServer();
    const clock = new FakeClock();
    const server = createWebSocketServer({
      ...{ clock, runtime, history: true },
      observer: {
        sent: (connection, data) => {
          if (data === "published") void server.send("direct", connection);
        },
      },
    });
    server.on("connect", (connection) => void server.join(connection, "t"));
    await clock.until(server.start({ serverPort: 1 }));
    await clock.advance(10);
    const { admission, socket } = await enter(runtime, OFFER);
    admission.message('{"resume":1}\n');
    await clock.until(server.publish("t", "published"));
    assertEquals(socket.sent.slice(2), ["2.0\npublished", "\ndirect"]);
    admission.closed({ code: 1000, reason: "" });
    await stop(server, clock);
  });
});

describe("what is sent while a client is sent what it has missed", () => {
  it("has no place of that, be it the same text", async () => {
    const runtime = new ScriptedServer();
    const clock = new FakeClock();
    const server = createWebSocketServer({
      ...{ clock, runtime, history: true },
      observer: {
        sent: (connection, data) => {
          const [first, second] = server.listAllConnections();
          if (data === "1" && connection === second) void server.send("1", first!);
        },
      },
    });
    server.on("connect", (connection) => void server.join(connection, "t"));
    await clock.until(server.start({ serverPort: 1 }));
    await clock.advance(10);
    const first = await enter(runtime, OFFER);
    first.admission.message('{"resume":1}\n');
    await clock.until(server.publish("t", "1"));
    const second = await enter(runtime, OFFER);
    const { epoch } = JSON.parse(first.socket.sent[0] as string);
    second.admission.message(`{"resume":1,"epoch":"${epoch}","at":{"t":"1.0"}}\n`);
    await clock.advance(1);
    assertEquals(second.socket.sent.at(-1), "2.0\n1");
    assertEquals(first.socket.sent.slice(2), ["2.0\n1", "\n1"]);
    for (const { admission } of [first, second]) admission.closed({ code: 1000, reason: "" });
    await stop(server, clock);
  });
});

describe("what is to be acknowledged while something is published", () => {
  it("has a number, and nobody else's message has it", async () => {
    const runtime = new ScriptedServer();
    const clock = new FakeClock();
    const server = createWebSocketServer({
      ...{ clock, runtime, history: true },
      observer: {
        sent: (connection, data) => {
          const [one, other] = server.listAllConnections();
          if (data === "published" && connection === one) {
            void server.send("direct", one, { acknowledge: true }).catch(() => {});
          }
          if (data === "direct" && connection === one) void server.send("direct", other!);
        },
      },
    });
    server.on("connect", (connection) => void server.join(connection, "t"));
    await clock.until(server.start({ serverPort: 1 }));
    await clock.advance(10);
    const clients = [await enter(runtime, OFFER), await enter(runtime, OFFER)];
    for (const { admission } of clients) admission.message('{"resume":1}\n');
    await clock.until(server.publish("t", "published"));
    assertEquals(clients.map(({ socket }) => socket.sent.slice(2)), [
      ["2.0\npublished", "#1\ndirect"],
      ["2.0\npublished", "\ndirect"],
    ]);
    for (const { admission } of clients) admission.closed({ code: 1000, reason: "" });
    await stop(server, clock);
  });
});

describe("a message that a client wants to have acknowledged", () => {
  it("is answered once, and not when the connection is over", async () => {
    const { runtime, clock, server } = await start();
    const done: (() => void)[] = [];
    server.on("messageReceive", () => new Promise<void>((resolve) => done.push(resolve)));
    const { admission, socket } = await enter(runtime, OFFER);
    admission.message('{"resume":1}\n');
    for (const number of [1, 2]) admission.message(`#${number}\nhello`);
    done[0]!();
    await clock.advance(1);
    assertEquals(socket.sent.splice(1), ['{"ack":1}\n']);
    admission.closed({ code: 1000, reason: "" });
    done[1]!();
    await clock.advance(1);
    assertEquals(socket.sent.length, 1);
    await stop(server, clock);
  });
});

describe("a mounted server with a history", () => {
  it("gives the host what it needs, and speaks of headers", async () => {
    const runtime = new ScriptedServer();
    const clock = new FakeClock();
    const server = createWebSocketServer({ clock, runtime, history: true });
    const mount = await clock.until(server.mount({}));
    assertEquals(typeof mount.websocket.message, "function");
    assertEquals(typeof mount.websocketWith({}).message, "function");
    assertEquals(await mount.fetch(new Request("http://localhost/"), {}), undefined);
    const upgrade = new Request("http://localhost/", { headers: { upgrade: "websocket" } });
    assertEquals((await mount.fetch(upgrade, {}))!.status, 200);
    const { admission, socket } = await enter(runtime, OFFER);
    assertEquals(admission.protocol, "resume.netkit.1");
    assertEquals(socket.sent.length, 1);
    assertMatch(socket.sent[0] as string, /^{"resume":1,"epoch":"\d+"}\n$/);
    admission.closed({ code: 1006, reason: "" });
    await stop(server, clock);
  });
});

describe("what a runtime cannot do", () => {
  it("is refused by name with a history, as without one", async () => {
    for (const history of [false, true]) {
      const clock = new FakeClock();
      const runtime = Object.assign(new ScriptedServer(), {
        unsupported: ({ reusePort }: { reusePort?: boolean }) =>
          reusePort ? { option: "reusePort", why: "it has none" } : undefined,
      });
      const server = createWebSocketServer({ clock, runtime, history });
      const start = server.start({ serverPort: 1, reusePort: true });
      const { kind, message } = await refusal(clock.until(start));
      assertEquals(kind, "unsupported");
      assertEquals(message.split(": ").slice(-2), [
        "'reusePort' cannot be had on the script",
        "it has none",
      ]);
      assertEquals(await clock.until(server.start({ serverPort: 1 })), true);
      await stop(server, clock);
    }
  });
});
