/** Whatever becomes of a handshake, it holds one place of the limits until then, and none after. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { assertNothingLeft } from "../helpers/leftovers.ts";
import { HANDSHAKE, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

type Config = Partial<WebSocketServerConfig<object>>;

/** What the functions of the user do with the first client, the status it gets, and its reason. */
const OUTCOMES: Record<string, [Config, status: number, reason: string]> = {
  "a Response of authorize": [
    { authorize: () => new Response(null, { status: 401 }) },
    401,
    "authorize_rejected",
  ],
  "a Response of authorize, later": [
    { authorize: () => Promise.resolve(new Response(null, { status: 402 })) },
    402,
    "authorize_rejected",
  ],
  "authorize that throws": [
    {
      authorize: () => {
        throw new Error("the user's");
      },
    },
    500,
    "authorize_failed",
  ],
  "authorize that rejects": [
    { authorize: () => Promise.reject(new Error("the user's")) },
    500,
    "authorize_failed",
  ],
  "authorize that answers false": [{ authorize: () => false as never }, 500, "authorize_failed"],
  "authorize that answers nothing": [
    { authorize: () => undefined as never },
    500,
    "authorize_failed",
  ],
  "a header of the handshake's": [
    {
      authorize: (_, { headers }) => {
        headers.set("Sec-WebSocket-Protocol", "mine");
        return {};
      },
    },
    500,
    "authorize_failed",
  ],
  "protocol() that throws": [
    {
      protocol: () => {
        throw new Error("the user's");
      },
    },
    500,
    "subprotocol_failed",
  ],
  "a subprotocol that is not offered": [
    { protocol: ["chat"] },
    400,
    "subprotocol_not_offered",
  ],
  "clientAddress() that answers with no address": [
    { clientAddress: () => "nowhere" },
    500,
    "client_address_failed",
  ],
  "a page of another origin": [
    { allowedOrigins: ["https://a.example"] },
    403,
    "origin_not_allowed",
  ],
};

/** A server for one connection, on a script. */
async function serverOf(
  config: Config,
  { stats = false, ...more }: { opensAtOnce?: boolean; stats?: boolean } = {},
) {
  const clock = new FakeClock();
  const runtime = Object.assign(new ScriptedServer(), more);
  const server = createWebSocketServer<object>({ clock, runtime, stats });
  const log: string[] = [];
  server.on("connect", () => log.push("connect"));
  server.on("error", ({ data, reason }) => log.push(`${data ?? 500} ${reason}`));
  await server.start({ serverPort: 80, maxConnections: 1, ...config } as never);
  const end = async () => {
    await clock.until(server.stop());
    assertEquals(clock.pending, 0);
    assertNothingLeft();
  };
  return { clock, runtime, server, log, end };
}

describe("a handshake that is refused gives its place back", () => {
  for (const [name, [config, status, reason]] of Object.entries(OUTCOMES)) {
    it(`after ${name}: ${status}, ${reason}`, async () => {
      const { clock, end, log, runtime, server } = await serverOf(config);
      for (let n = 0; n < 3; n++) {
        const origin = name.startsWith("a page") ? "https://b.example" : "http://localhost";
        const headers = { ...HANDSHAKE, origin };
        const answer = await runtime.request({ headers }, n + 1) as Response;
        assertEquals([answer.status, log.splice(0)], [status, [`${status} ${reason}`]]);
      }
      await clock.advance(60_000);
      assertEquals([server.listAllConnections().length, log], [0, []]);
      await end();
    });
  }

  for (const stats of [false, true]) {
    it(`that is of the address which 'clientAddress' says, with stats: ${stats}`, async () => {
      let port = 0;
      const { end, log, runtime } = await serverOf({
        clientAddress: () => `192.0.2.${++port}`,
        authorize: () => new Response(null, { status: 401 }),
        maxConcurrentClientsNumber: 1,
        maxConnectionsForOneClient: 1,
      }, { stats });
      for (const _ of [1, 2, 3]) assertEquals((await runtime.request() as Response).status, 401);
      assertEquals(log, Array(3).fill("401 authorize_rejected"));
      await end();
    });
  }
});

describe("a handshake that waits for authorize()", () => {
  it("holds its place until authorizeTimeout, and not a moment longer", async () => {
    const { clock, end, log, runtime } = await serverOf({
      authorizeTimeout: 3,
      authorize: () => new Promise<object>(() => {}),
    });
    const answers: number[] = [];
    const ask = (port: number) =>
      void Promise.resolve(runtime.request({}, port)).then((answer) =>
        answers.push((answer as Response).status)
      );
    ask(1);
    await clock.advance(2999);
    ask(2);
    await clock.advance(0);
    assertEquals([answers.splice(0), log.splice(0)], [[503], ["503 max_connections"]]);
    await clock.advance(1);
    assertEquals([answers.splice(0), log.splice(0)], [[503], ["503 authorize_timeout"]]);
    ask(3);
    await clock.advance(2999);
    assertEquals([answers, log], [[], []]);
    await end();
    assertEquals([answers, log], [[503], ["503 server_stopping"]]);
  });

  it("gives it back at once when the client leaves, and forgets the answer", async () => {
    const verdicts: PromiseWithResolvers<object>[] = [];
    const { clock, end, log, runtime, server } = await serverOf({
      authorize: () => {
        const verdict = Promise.withResolvers<object>();
        verdicts.push(verdict);
        return verdict.promise;
      },
    });
    const aborter = new AbortController();
    const init = { headers: HANDSHAKE, signal: aborter.signal };
    const first = runtime.ask(new Request("http://localhost/", init), 1);
    await clock.advance(0);
    aborter.abort();
    assertEquals((await first as Response).status, 400);
    const second = runtime.request({}, 2);
    verdicts[0]!.resolve({ user: 1 });
    await clock.advance(0);
    verdicts[1]!.resolve({ user: 2 });
    const admission = await second as Admission;
    admission.open(new ScriptedSocket());
    assertEquals(log, ["connect"]);
    const [one] = server.listAllConnections();
    assertEquals([one!.clientPort, one!.context], [2, { user: 2 }]);
    assertEquals((runtime.request({}, 3) as Response).status, 503);
    const stopped = end();
    await clock.advance(0);
    admission.closed({ code: 1001, reason: "" });
    await stopped;
  });
});

describe("a client that is let in and not open yet when the server stops", () => {
  const ASKED: Record<string, Config> = {
    authorize: { authorize: () => Promise.resolve({}) },
    clientAddress: { clientAddress: () => "192.0.2.1" },
    protocol: { protocol: () => undefined },
  };
  for (const [name, config] of Object.entries(ASKED)) {
    it(`is waited for after ${name}, and told 1001, on a runtime that opens at once`, async () => {
      const { clock, log, runtime, server } = await serverOf(config, { opensAtOnce: true });
      const admission = await runtime.request() as Admission;
      let isOver = false;
      const stopped = server.stop().then(() => isOver = true);
      await clock.advance(1000);
      assertEquals(isOver, false);
      const socket = new ScriptedSocket();
      admission.open(socket);
      assertEquals(socket.calls, ["close 1001"]);
      admission.closed({ code: 1001, reason: "" });
      await stopped;
      assertEquals([log, clock.pending], [[], 0]);
      assertNothingLeft();
    });
  }
});

describe("a server that is stopped as it decides on a handshake", () => {
  const WAYS = ["'protocol'", "who hears that none is spoken", "'authorize'"];
  for (const who of WAYS) {
    it(`by ${who}, lets nobody in any more`, async () => {
      let stopped: Promise<boolean> | undefined;
      const stop = () => void (stopped ??= server.stop());
      const protocol = () => void stop();
      const authorize = () => {
        stop();
        return { user: 1 };
      };
      const { clock, log, runtime, server } = await serverOf({
        ...(who === "'protocol'" && { protocol }),
        ...(who === "'authorize'" && { authorize }),
      });
      const hears = who.startsWith("who");
      server.on("error", ({ kind }) => hears && kind === "noSubprotocol" && stop());
      const offer = { headers: { ...HANDSHAKE, "sec-websocket-protocol": "a" } };
      const answer = await runtime.request(offer) as Response;
      assertEquals([answer.status, log.at(-1)], [503, "503 server_stopping"]);
      await clock.until(stopped!);
      assertEquals(clock.pending, 0);
      assertNothingLeft();
    });
  }
});
