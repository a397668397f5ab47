/** What the options of `createWebSocketServer` and of a config do, whichever way a server comes to run. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocketServer,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { HANDSHAKE, ScriptedServer, ScriptedSocket } from "../helpers/scripted_runtime.ts";

type Config = Partial<WebSocketServerConfig>;
type Begin = (server: WebSocketServer, config: Config) => Promise<unknown>;

const WAYS: [name: string, begin: Begin, options: object][] = [
  ["start", (server, config) => server.start({ serverPort: 80, ...config }), {}],
  ["mount", (server, config) => server.mount(config), {}],
  ["start, with a history", (server, config) => server.start({ serverPort: 80, ...config }), {
    history: true,
  }],
  ["mount, with presence", (server, config) => server.mount(config), { presence: true }],
];

/** Brings up a server in one of the ways, twice, and asks something of it each time. */
async function each(
  way: (typeof WAYS)[number],
  options: object,
  config: Config,
  ask: (runtime: ScriptedServer, clock: FakeClock, server: WebSocketServer) => unknown,
): Promise<unknown> {
  const [name, begin, more] = way;
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const given = { clock, runtime, ...more, ...options };
  const server = createWebSocketServer(given) as WebSocketServer;
  server.on("error", () => {});
  const answers = [];
  for (let run = 0; run < 2; run++) {
    await clock.until(begin(server, { ...config }));
    answers.push(await ask(runtime, clock, server));
    await clock.until(server.stop());
    assertEquals([server.address, clock.pending], [undefined, 0]);
  }
  assertEquals(answers[1], answers[0], `${name}, the second time`);
  return answers[0];
}

/** What a row of the table below does with a server that runs. */
interface Asked {
  clock: FakeClock;
  server: WebSocketServer;
  /** Shakes hands, and gives the status of the answer. */
  shake(headers?: Record<string, string>, path?: string): Promise<number>;
  /** The connection of a client that is let in, which can stop no reading, and its socket. */
  open(): { admission: Admission; socket: ScriptedSocket };
}

/** What no runtime is told of, and what comes of it. */
const OPTIONS: [Config, ask: (it: Asked) => unknown, expected: unknown][] = [
  [{ allowedHosts: ["a.example"] }, ({ shake }) => shake({ host: "b.example" }), 403],
  [{ allowedOrigins: ["https://a.example"] }, async ({ shake }) => {
    const from = (name: string) => shake({ origin: `https://${name}` });
    return [await from("a.example"), await from("localhost")];
  }, [101, 403]],
  [{ authorizeTimeout: 3, authorize: () => new Promise(() => {}) }, async ({ clock, shake }) => {
    const status = shake();
    await clock.advance(3000);
    return status;
  }, 503],
  [
    { clientAddress: ({ headers }) => headers.get("x-ip") ?? "", maxConcurrentClientsNumber: 1 },
    async ({ shake }) => {
      const statuses = [];
      for (const n of [1, 1, 2]) statuses.push(await shake({ "x-ip": `192.0.2.${n}` }));
      return statuses;
    },
    [101, 101, 503],
  ],
  [{ maxConnections: 1 }, async ({ shake }) => [await shake(), await shake()], [101, 503]],
  [{ maxConnectionsForOneClient: 1 }, async ({ shake }) => {
    return [await shake(), await shake()];
  }, [101, 429]],
  [{ path: ["/a", "/b"] }, async ({ shake }) => {
    return [await shake({}, "/a"), await shake({}, "/b"), await shake({}, "/")];
  }, [101, 101, 404]],
  [{ protocol: "chat" }, ({ shake }) => shake(), 400],
  [{ maxBufferedAmount: 100 }, ({ open, server }) => {
    const { socket } = open();
    socket.bufferedAmount = 101;
    void server.send("x".repeat(99), server.listAllConnections()[0]!);
    return socket.calls;
  }, ["send", "close 1013"]],
  [{ maxBufferedAmount: 100, slowPeer: "refuse" }, async ({ open, server }) => {
    const { socket } = open();
    const send = (data: string) => server.send(data, server.listAllConnections()[0]!);
    const first = await send("x".repeat(60));
    socket.bufferedAmount = 100;
    return [first, await send("x").catch(({ kind }) => kind), socket.calls];
  }, [true, "queueFull", ["send"]]],
  [{ maxPendingAmount: 3000 }, ({ open, server }) => {
    const { admission, socket } = open();
    server.on("messageReceive", () => new Promise(() => {}));
    for (let n = 0; n < 3; n++) admission.message("x".repeat(100));
    server.off("messageReceive");
    return socket.calls;
  }, ["close 1008"]],
];

const answering = (status: number) => () => new Response(null, { status });

describe("a server that begins by", () => {
  for (const way of WAYS) {
    it(`${way[0]}: asks the config's 'authorize' first, else that of the server itself`, async () => {
      const status = async (runtime: ScriptedServer) => {
        const answer = await runtime.request();
        if (answer instanceof Response) return answer.status;
        answer.closed({ code: 1006, reason: "" });
        return 101;
      };
      const [own, config] = [{ authorize: answering(401) }, { authorize: answering(402) }];
      assertEquals(await each(way, own, config, status), 402);
      assertEquals(await each(way, own, {}, status), 401);
      assertEquals(await each(way, {}, config, status), 402);
      assertEquals(await each(way, {}, {}, status), 101);
    });

    it(`${way[0]}: asks the runtime for what was asked for`, async () => {
      const config = {
        ...{ maxPayload: 1_000_000, maxBufferedAmount: 9000, compression: true },
        ...{ pingInterval: 7, pongTimeout: 5 },
      };
      const get = ({ asked }: ScriptedServer) => {
        const { binaryType, compression, deadAfter, maxPayload } = asked;
        const { maxBufferedAmount = 9000, pingInterval = 7 } = asked; // what a mount alone is told
        const bytes = [maxPayload! - maxPayload! % 1000, maxBufferedAmount];
        return [binaryType, compression, deadAfter, pingInterval, ...bytes];
      };
      const options = { binaryType: "uint8array" };
      const expected = ["uint8array", true, 12, 7, 1_000_000, 9000];
      assertEquals(await each(way, options, config, get), expected);
      assertEquals((await each(way, {}, {}, get) as unknown[]).slice(0, 3), [undefined, false, 60]);
    });

    for (const [config, ask, expected] of OPTIONS) {
      const names = Object.keys(config).join(", ");
      it(`${way[0]}: minds ${names}`, async () => {
        const answer = await each(way, {}, config, async (runtime, clock, server) => {
          const entered: Admission[] = [];
          const enter = (admission: Admission) => (entered.push(admission), admission);
          const answer = await ask({
            clock,
            server,
            async shake(headers = {}, path = "/") {
              const init = { headers: { ...HANDSHAKE, ...headers } };
              const answer = await runtime.ask(new Request(`http://localhost${path}`, init));
              return answer instanceof Response ? answer.status : (enter(answer), 101);
            },
            open() {
              const [admission, socket] = [enter(runtime.enter()), new ScriptedSocket()];
              admission.open(socket);
              return { admission, socket };
            },
          });
          for (const admission of entered) admission.closed({ code: 1006, reason: "" });
          return answer;
        });
        assertEquals(answer, expected);
      });
    }

    it(`${way[0]}: names its own call where it is refused`, async () => {
      const [call = ""] = way[0].split(",");
      const wrong = { ...{ maxPayload: 0 }, ...(call === "start" && { serverPort: 80 }) };
      const limit = { ...{ maxConnections: 0 }, ...(call === "start" && { serverPort: 80 }) };
      const origin = { ...{ allowedOrigins: ["x"] }, ...(call === "start" && { serverPort: 80 }) };
      const signal = AbortSignal.abort("enough");
      const unsupported = ({ compression }: { compression?: boolean | undefined }) =>
        compression ? { option: "compression", why: "there is none" } : undefined;
      for (const config of [wrong, limit, origin, { signal }, { compression: true }]) {
        const runtime = Object.assign(new ScriptedServer(), { unsupported });
        const server = createWebSocketServer({ ...way[2], runtime });
        const error = await way[1](server as WebSocketServer, config as Config).then(
          () => assertEquals("refused", "accepted") as never,
          (error: BusinessError) => error,
        );
        assertStringIncludes(error.message, `: ${call}: '`);
        assertEquals(error.cause, "signal" in config ? "enough" : undefined);
      }
    });
  }
});
