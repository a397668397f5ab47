/** What a client that is refused reads, what the server's 'error' says, and what `fetch` learns of who asks. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { HANDSHAKE, ScriptedServer } from "../helpers/scripted_runtime.ts";

type Config = Partial<WebSocketServerConfig<object>>;

/** A running server on a script, what its 'error' says behind the words of the code, and what an observer is told. */
async function serverOf(config: Config) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  const seen: unknown[] = [];
  const observer = { refused: (...told: unknown[]) => void seen.push(told.slice(0, 3)) };
  const server = createWebSocketServer<object>({ clock, observer, runtime });
  const said: string[] = [];
  const kinds: unknown[] = [];
  server.on("error", ({ kind, message }) => {
    kinds.push(kind);
    said.push(message.slice(message.indexOf(": ") + 2));
  });
  await server.start({ serverPort: 80, ...config } as never);
  const plain = (port?: number) => runtime.ask(new Request("http://localhost/"), port);
  /** What an answer says: its status and its body. */
  const read = async (answer: unknown) => {
    const { status, body } = await answer as Response;
    return [status, body === null ? "" : await new Response(body).text()];
  };
  const offer = (protocols: string) =>
    new Request("http://localhost/", {
      headers: { ...HANDSHAKE, "sec-websocket-protocol": protocols },
    });
  return { clock, kinds, offer, plain, read, runtime, said, seen, server };
}

describe("the words of a handshake that is refused", () => {
  const failing = () => {
    throw new RangeError("the user's");
  };
  const cases: [string, Config, body: string, said: string][] = [
    [
      "subprotocols of which none is offered",
      { protocol: ["chat", "news"] },
      "the subprotocol chat or news is not offered\n",
      "127.0.0.1:7 was refused with 400: the subprotocol chat or news is not offered",
    ],
    [
      "authorize that fails",
      { authorize: failing },
      "",
      "'authorize' failed: RangeError: the user's",
    ],
    [
      "clientAddress that fails",
      { clientAddress: failing },
      "",
      "'clientAddress' failed: RangeError: the user's",
    ],
  ];
  for (const [name, config, body, words] of cases) {
    it(`name what is wrong: ${name}`, async () => {
      const { clock, read, runtime, said, server } = await serverOf(config);
      assertEquals((await read(runtime.request({}, 7)))[1], body);
      assertEquals(said, [words]);
      await clock.until(server.stop());
    });
  }

  it("name the client as clientAddress does, in the one spelling of its address", async () => {
    const config = { clientAddress: () => "::ffff:c000:201", protocol: ["chat"] };
    const { clock, runtime, said, server } = await serverOf(config);
    runtime.request({}, 7);
    assertEquals(said, [
      "192.0.2.1:7 was refused with 400: the subprotocol chat is not offered",
    ]);
    await clock.until(server.stop());
  });

  for (const name of ["authorize", "clientAddress"]) {
    it(`name the function that gave no answer in time: ${name}`, async () => {
      const config = { authorizeTimeout: 3, [name]: () => new Promise(() => {}) };
      const { clock, read, runtime, said, server } = await serverOf(config);
      const answer = runtime.request({}, 7);
      await clock.advance(3000);
      const why = `'${name}' gave no answer within 3 s`;
      assertEquals(await read(answer), [503, `${why}\n`]);
      assertEquals(said, [`127.0.0.1:7 was refused with 503: ${why}`]);
      await clock.until(server.stop());
    });
  }

  it("say that the server is going away, to whoever asks", async () => {
    const { clock, plain, read, runtime, server } = await serverOf({ fetch: () => new Response() });
    const admission = runtime.enter();
    const stopped = server.stop();
    for (const answer of [runtime.request(), plain()]) {
      assertEquals(await read(answer), [503, "the server is going away\n"]);
    }
    admission.closed({ code: 1001, reason: "" });
    await clock.until(stopped);
  });
});

describe("what is wrong with a handshake", () => {
  it("is looked for in the order that docs/server.md has: what comes first is told, whatever else is wrong", async () => {
    let address = "none";
    let isWelcome = false;
    const { clock, runtime, seen, server } = await serverOf({
      allowedHosts: ["a.example"],
      path: "/chat",
      clientAddress: () => address,
      allowedOrigins: ["https://a.example"],
      protocol: "chat",
      maxConcurrentClientsNumber: 1,
      maxConnectionsForOneClient: 1,
      authorize: () => isWelcome ? {} : new Response(null, { status: 401 }),
    });
    const right = { ...HANDSHAKE, host: "a.example", "sec-websocket-protocol": "chat" };
    const wrong = {
      ...HANDSHAKE,
      host: "b/c",
      origin: "https://b.example",
      "sec-websocket-version": "8",
    };
    let url = "http://a.example/";
    let headers: Record<string, string> = wrong;
    const ask = () => runtime.ask(new Request(url, { headers }));
    const mend = (more: object) => void (headers = { ...headers, ...more });
    // Each is asked for once, and then mends what it was told.
    const order: [reason: string, mends: () => unknown][] = [
      ["invalid_handshake", () => mend({ host: "b.example" })],
      ["host_not_allowed", () => mend({ host: "a.example" })],
      ["path_not_found", () => url = "http://a.example/chat"],
      ["client_address_failed", () => address = "192.0.2.1"],
      ["invalid_handshake", () => mend({ "sec-websocket-version": "13" })],
      ["origin_not_allowed", () => mend({ origin: "https://a.example" })],
      ["subprotocol_not_offered", () => mend(right)],
      ["authorize_rejected", () => isWelcome = true],
    ];
    for (const [, mends] of order) {
      assertEquals(await ask() instanceof Response, true);
      mends();
    }
    assertEquals(seen.map((told) => (told as unknown[])[2]), order.map(([reason]) => reason));
    // The limits: what concerns all comes first, and each of them before `authorize`.
    seen.splice(0);
    const first = await ask() as Admission;
    isWelcome = false;
    await ask();
    address = "192.0.2.2";
    await ask();
    assertEquals(seen.map((told) => (told as unknown[])[2]), [
      "max_connections_per_client",
      "max_clients",
    ]);
    first.closed({ code: 1006, reason: "" });
    await clock.until(server.stop());
  });
});

describe("the hint at subprotocols that nobody speaks", () => {
  const cases = [
    ["a", '"a"'],
    ["a, b, c", '"a", "b", "c"'],
    ["a, b, c, d", '"a", "b", "c", …'],
  ] as const;
  for (const [offered, named] of cases) {
    it(`names three at the most: ${offered}`, async () => {
      const { clock, offer, runtime, said, server } = await serverOf({});
      for (const port of [7, 8]) runtime.ask(offer(offered), port); // the second is told nothing
      assertEquals(said, [
        `127.0.0.1:7 offers the subprotocols ${named}; this server speaks none: set 'protocol'`,
      ]);
      await clock.advance(60_000);
      await clock.until(server.stop());
    });
  }
});

describe("a server of one subprotocol", () => {
  it("gives no hint at what else a client offers", async () => {
    const { clock, offer, runtime, said, server } = await serverOf({ protocol: ["a"] });
    runtime.ask(offer("a, b"));
    await clock.advance(60_000);
    await clock.until(server.stop());
    assertEquals(said, []);
  });
});

describe("a request that is no handshake", () => {
  it("is told what this port speaks where there is no fetch", async () => {
    const { clock, plain, read, server } = await serverOf({});
    assertEquals(await read(plain()), [426, "This port speaks WebSocket\n"]);
    await clock.until(server.stop());
  });

  it("is told of another path that there is none, and so is an observer", async () => {
    const { clock, plain, read, runtime, said, seen, server } = await serverOf({ path: "/chat" });
    const why = "There is no WebSocket at this path";
    assertEquals(await read(runtime.request()), [404, `${why}\n`]);
    assertEquals((await read(plain()))[0], 426);
    assertEquals([seen, said], [[[404, why, "path_not_found"]], []]);
    await clock.until(server.stop());
  });

  it("is given to fetch with the address of who asks, as other libraries name it", async () => {
    const seen: unknown[] = [];
    const { clock, plain, read, server } = await serverOf({
      fetch: (request, info) => {
        seen.push((request as { ip?: string }).ip, info.remoteAddr, info.requestIP());
        // A server of another library, which this is passed on to, puts its own there.
        Object.defineProperty(request, "ip", { value: "10.0.0.1" });
        return new Response();
      },
    });
    assertEquals((await read(plain(7)))[0], 200);
    assertEquals(seen, [
      "127.0.0.1",
      { transport: "tcp", hostname: "127.0.0.1", port: 7 },
      { address: "127.0.0.1", family: "IPv4", port: 7 },
    ]);
    await clock.until(server.stop());
  });

  it("gets 500 where its answer was used already, and 'error' says what to do", async () => {
    const once = new Response("once");
    const { clock, kinds, plain, read, runtime, said, server } = await serverOf({
      fetch: () => once,
    });
    assertEquals(await read(plain()), [200, "once"]);
    assertEquals(await read(plain()), [500, ""]);
    runtime.fail(new RangeError("no more"));
    assertEquals(said, [
      "'fetch' failed: TypeError: its Response was used already: make one for each request",
      "an answer could not be sent: RangeError: no more",
    ]);
    assertEquals(kinds, ["hookFailed", "hookFailed"]);
    await clock.until(server.stop());
  });
});
