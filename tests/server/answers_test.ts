/** What a request is answered that becomes no connection: the status, the words, the headers that say what to do. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type BusinessError,
  createWebSocketServer,
  type WebSocketServer,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { HANDSHAKE, ScriptedServer } from "../helpers/scripted_runtime.ts";

/** A server on a script, and its errors. */
async function start(config: Partial<WebSocketServerConfig> = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const server: WebSocketServer = createWebSocketServer({ clock, runtime });
  const errors: BusinessError[] = [];
  server.on("error", (error) => errors.push(error));
  await server.start({ serverPort: 80, ...config });
  return { clock, errors, runtime, server };
}

describe("a request that becomes no connection", () => {
  type Headers = Record<string, string | undefined>;
  const HOSTS = { allowedHosts: ["example.com"] };
  const UPGRADE = { connection: "upgrade", upgrade: "websocket" };
  const fetch = () => new Response("the user's");
  const ROWS: [
    what: string,
    config: Partial<WebSocketServerConfig>,
    request: Headers | "plain" | "POST",
    status: number,
    text: string,
    headers?: Headers,
  ][] = [
    ["no upgrade", {}, "plain", 426, "This port speaks WebSocket\n", UPGRADE],
    ["no upgrade, which the user answers", { fetch }, "plain", 200, "the user's"],
    [
      "no upgrade, by another name",
      HOSTS,
      "plain",
      403,
      "this server may not be called by this name\n",
    ],
    ["by another name", HOSTS, {}, 403, "this server may not be called by this name\n"],
    [
      "by another name, with fetch",
      { ...HOSTS, fetch },
      {},
      403,
      "this server may not be called by this name\n",
    ],
    ["at another path", { path: "/chat" }, {}, 404, "There is no WebSocket at this path\n"],
    ["at another path, which the user answers", { path: "/chat", fetch }, {}, 200, "the user's"],
    ["by another method", {}, "POST", 405, "the method is POST\n", { allow: "GET" }],
    ["without Host", {}, { host: undefined }, 400, "Host is missing\n"],
    ["with a user in Host", {}, { host: "a@b" }, 400, "Host and target make no URL\n"],
    [
      "with another Connection",
      {},
      { connection: "close" },
      400,
      "Connection does not say Upgrade\n",
    ],
    [
      "of another version",
      {},
      { "sec-websocket-version": "8" },
      426,
      "Sec-WebSocket-Version is not 13\n",
      { "sec-websocket-version": "13", upgrade: "websocket" },
    ],
    [
      "with a key of 15 bytes",
      {},
      { "sec-websocket-key": "AAAAAAAAAAAAAAAAAAAA" },
      400,
      "Sec-WebSocket-Key is not 16 bytes in Base64\n",
    ],
    [
      "of a page of another origin",
      {},
      { origin: "https://elsewhere.example" },
      403,
      "pages of this origin may not connect\n",
    ],
    [
      "that offers none of two subprotocols",
      { protocol: ["chat", "mqtt"] },
      { "sec-websocket-protocol": "other" },
      400,
      "the subprotocol chat or mqtt is not offered\n",
    ],
  ];
  for (const [what, config, asked, status, text, headers = {}] of ROWS) {
    it(`${what}: ${status}`, async () => {
      const { clock, errors, runtime, server } = await start(config);
      const given: Headers = asked === "plain" ? {} : { ...HANDSHAKE, ...Object(asked) };
      const entries = Object.entries(asked === "POST" ? HANDSHAKE : given)
        .filter((entry): entry is [string, string] => entry[1] !== undefined);
      const method = asked === "POST" ? "POST" : "GET";
      const request = new Request("http://localhost/", { headers: entries, method });
      const answer = await runtime.ask(request) as Response;
      assertEquals([answer.status, await answer.text()], [status, text]);
      for (const [name, value] of Object.entries(headers)) {
        assertEquals(answer.headers.get(name), value, name);
      }
      const isTold = asked !== "plain" && status !== 404 && status !== 200;
      assertEquals(errors.map(({ data }) => data), isTold ? [String(status)] : []);
      await clock.until(server.stop());
    });
  }

  it("is answered 503 while the server stops, with an upgrade or without, and with fetch", async () => {
    const { clock, runtime, server } = await start({ fetch });
    const admission = runtime.enter();
    const stopped = server.stop();
    for (const headers of [HANDSHAKE, {}]) {
      const answer = await runtime.ask(new Request("http://localhost/", { headers })) as Response;
      assertEquals([answer.status, await answer.text()], [503, "the server is going away\n"]);
    }
    admission.closed({ code: 1006, reason: "" });
    await clock.until(stopped);
  });
});

describe("a `fetch` that answers with no Response", () => {
  it("is answered with 500, and 'error' says what it was", async () => {
    const { clock, errors, runtime, server } = await start({ fetch: () => 5 as never });
    assertEquals((await runtime.ask(new Request("http://localhost/")) as Response).status, 500);
    const [{ kind, message }] = errors as [BusinessError];
    const why = "TypeError: it must answer with a Response: current value is 5";
    assertEquals([kind, message], [
      "hookFailed",
      `Websocket Unknown Other Error: 'fetch' failed: ${why}`,
    ]);
    await clock.until(server.stop());
  });
});

describe("what a runtime tells of an answer that it could not send", () => {
  it("is told by 'error'", async () => {
    const { clock, errors, runtime, server } = await start();
    const cause = new RangeError("the stream's");
    runtime.fail(cause);
    const [{ code, kind, message, cause: why }] = errors as [BusinessError];
    assertEquals([errors.length, code, kind, why], [1, 2302999, "hookFailed", cause]);
    assertEquals(
      message,
      "Websocket Unknown Other Error: an answer could not be sent: RangeError: the stream's",
    );
    await clock.until(server.stop());
  });
});
