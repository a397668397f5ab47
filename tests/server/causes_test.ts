/** What a server's errors name as their cause: the very thing that was thrown, and where it came from. */

import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BrokerEvent,
  type BusinessError,
  createWebSocketServer,
  type WebSocketServerConfig,
  type WebSocketServerOptions,
} from "../../mod.ts";
import type { Broker, BrokerReader } from "../../cluster.ts";
import { FakeClock } from "../../testing.ts";
import { HANDSHAKE, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

const thrown = new Error("the very one");

/** A log that the test tells, and that refuses to take anything. */
class ToldBroker implements Broker {
  reader: BrokerReader | undefined;
  isReady = true;

  append(): Promise<void> {
    return Promise.reject(thrown);
  }

  read(reader: BrokerReader, signal: AbortSignal): Promise<void> {
    this.reader = reader;
    reader.state(this.isReady, this.isReady ? undefined : thrown);
    if (this.isReady) reader.ready();
    return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function start(
  config: Partial<WebSocketServerConfig> = {},
  options: WebSocketServerOptions = {},
) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server = createWebSocketServer({ clock, runtime, ...options });
  const errors: BusinessError[] = [];
  server.on("error", (error) => void errors.push(error));
  await clock.until(server.start({ serverPort: 80, ...config }));
  const end = async () => {
    await clock.until(server.stop());
    await clock.advance(10_000);
    assertEquals(clock.pending, 0);
  };
  return { clock, runtime, server, errors, end };
}

const fail = (): never => {
  throw thrown;
};

describe("a function of the config that fails is the cause, at once or later:", () => {
  const ways = { "at once": fail, later: () => Promise.reject(thrown) };
  for (const name of ["authorize", "clientAddress", "protocol", "fetch"] as const) {
    for (const [when, call] of Object.entries(ways)) {
      if (name === "protocol" && when === "later") continue; // it may not be asynchronous
      it(`${name}, ${when}`, async () => {
        const { runtime, errors, end } = await start({ [name]: call });
        const answer = name === "fetch"
          ? await runtime.ask(new Request("http://localhost/"))
          : await runtime.request();
        assertEquals(answer instanceof Response && answer.status, 500);
        const [{ kind, cause, clientIP, clientPort }] = errors as [BusinessError];
        assertEquals([errors.length, kind], [1, "hookFailed"]);
        assertStrictEquals(cause, thrown);
        const who = name === "fetch" ? [undefined, undefined] : ["127.0.0.1", 50_000];
        assertEquals([clientIP, clientPort], who);
        await end();
      });
    }
  }

  it("an answer of authorize that is none is the cause of the cause", async () => {
    const verdict = [thrown];
    const { runtime, errors, end } = await start({ authorize: (() => verdict) as never });
    await runtime.request();
    const cause = errors[0]!.cause as Error;
    assertInstanceOf(cause, TypeError);
    assertStrictEquals(cause.cause, verdict);
    await end();
  });
});

describe("who is refused is told with why, and with where it came from", () => {
  it("by a limit, by authorize, and by what is wrong with the request", async () => {
    const { runtime, errors, end } = await start({
      maxConnections: 1,
      authorize: (request) =>
        request.url.endsWith("/no") ? new Response(null, { status: 418 }) : true,
    });
    await runtime.request({ method: "POST" }, 1);
    await runtime.ask(new Request("http://localhost/no", { headers: HANDSHAKE }), 2);
    runtime.enter(3);
    await runtime.request({}, 4);
    assertEquals(
      errors.map(({ data, cause, reason, clientIP, clientPort }) => [
        ...[data, (cause as Error).message, reason, clientIP, clientPort],
      ]),
      [
        ["405", "the method is POST", "invalid_handshake", "127.0.0.1", 1],
        ["418", "by 'authorize'", "authorize_rejected", "127.0.0.1", 2],
        ["503", "too many connections", "max_connections", "127.0.0.1", 4],
      ],
    );
    await end();
  });
});

describe("what a broker says is the cause", () => {
  it("of 'broker', and of what is published in vain", async () => {
    const broker = new ToldBroker();
    const { clock, server, end } = await start({}, { broker });
    const events: BrokerEvent[] = [];
    server.on("broker", (event) => void events.push(event));
    const refusals: BusinessError[] = [];
    const publish = () => void server.publish("t", "x").catch((error) => refusals.push(error));
    publish();
    await clock.advance(100);
    publish();
    broker.reader!.state(false, thrown);
    await clock.advance(6000);
    publish();
    await clock.advance(0);
    assertEquals(refusals.map(({ kind }) => kind), ["unconfirmed", "brokerDown", "brokerDown"]);
    for (const { cause } of [...refusals, ...events]) assertStrictEquals(cause, thrown);
    assertEquals(events.length, 1);
    await end();
  });

  it("of a start that it keeps from reading", async () => {
    const broker = new ToldBroker();
    broker.isReady = false;
    const clock = new FakeClock();
    const server = createWebSocketServer({ clock, runtime: new ScriptedServer(), broker });
    const starts = [() => server.start({ serverPort: 80 }), () => server.mount()];
    for (const begin of starts) {
      const refused = begin().then(fail, (error: BusinessError) => error);
      const { kind, cause } = await clock.until(refused);
      assertEquals(kind, "brokerDown");
      assertStrictEquals(cause, thrown);
    }
    assertEquals(clock.pending, 0);
  });

  it("and what 'member' throws is that of its error", async () => {
    const world = await start({}, { presence: { member: fail } });
    const { runtime, server, errors, end } = world;
    runtime.enter().open(new ScriptedSocket());
    await server.join(server.listAllConnections()[0]!, "t");
    assertEquals(errors.map(({ kind }) => kind), ["hookFailed"]);
    assertStrictEquals(errors[0]!.cause, thrown);
    await server.terminate(server.listAllConnections()[0]!);
    await end();
  });
});

describe("a listener that fails is the cause", () => {
  it("of a topic's, of 'connect' and of 'close'", async () => {
    const { clock, runtime, server, errors, end } = await start();
    server.subscribe("t", fail);
    server.on("connect", fail);
    server.on("close", fail);
    const admission = runtime.enter();
    admission.open(new ScriptedSocket());
    await server.publish("t", "x");
    admission.closed({ code: 1000, reason: "" });
    await clock.advance(0);
    assertEquals(errors.map(({ kind }) => kind), Array(3).fill("listenerFailed"));
    for (const { cause } of errors) assertStrictEquals(cause, thrown);
    await end();
  });
});
