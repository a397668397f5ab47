/** What the options of `createWebSocketServer` and of a config do, whichever way a server comes to run. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocketServer,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";

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
  ask: (runtime: ScriptedServer, clock: FakeClock) => unknown,
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
    answers.push(await ask(runtime, clock));
    await clock.until(server.stop());
    assertEquals([server.address, clock.pending], [undefined, 0]);
  }
  assertEquals(answers[1], answers[0], `${name}, the second time`);
  return answers[0];
}

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

    it(`${way[0]}: names its own call where it is refused`, async () => {
      const [call = ""] = way[0].split(",");
      const wrong = { ...{ maxPayload: 0 }, ...(call === "start" && { serverPort: 80 }) };
      const limit = { ...{ maxConnections: 0 }, ...(call === "start" && { serverPort: 80 }) };
      const origin = { ...{ allowedOrigins: ["x"] }, ...(call === "start" && { serverPort: 80 }) };
      const signal = AbortSignal.abort("enough");
      for (const config of [wrong, limit, origin, { signal }]) {
        const server = createWebSocketServer({ ...way[2], runtime: new ScriptedServer() });
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
