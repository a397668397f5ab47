import { assert, assertEquals, assertMatch } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig } from "../../mod.ts";
import { ask, exchange } from "../helpers/http.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { header } from "../peers/raw.ts";

type Fetch = NonNullable<WebSocketServerConfig["fetch"]>;

const GET = { line: "GET /page?a=1 HTTP/1.1" };

describe("createWebSocketServer().start({ fetch })", () => {
  it("is 426 with Upgrade when left out", async () => {
    await using watched = await WatchedServer.start();
    for (const line of ["GET / HTTP/1.1", "POST /x HTTP/1.1"]) {
      const { status, head } = await ask(watched.port, { line, body: "" });
      assertEquals([status, header(head, "upgrade")], [426, "websocket"]);
      assertEquals(header(head, "connection"), "upgrade"); // RFC 9110 §7.8
    }
    await using peers = new RawPeers(watched);
    await peers.connect();
    await watched.connected();
    assertEquals(watched.log, ["connect"]); // a stray page is no error
  });

  const ways: Record<string, (answer: Fetch) => Fetch> = {
    "at once": (answer) => answer,
    "later": (answer) => async (request, info) => (await delay(50), await answer(request, info)),
  };
  for (const [when, way] of Object.entries(ways)) {
    it(`answers what is no upgrade, ${when}`, async () => {
      const fetch = way(async (request) => {
        const { pathname, search } = new URL(request.url);
        const body = `${request.method} ${pathname}${search} ${await request.text()}`;
        return new Response(body, { status: 201, headers: { "x-own": "1" } });
      });
      await using watched = await WatchedServer.start({ fetch });
      const get = await ask(watched.port, GET);
      assertEquals([get.status, header(get.head, "x-own")], [201, "1"]);
      assertEquals(get.body, "GET /page?a=1 ");
      const post = await ask(watched.port, { line: "POST /form HTTP/1.1", body: "hello" });
      assertEquals([post.status, post.body], [201, "POST /form hello"]);
      assertEquals(watched.log, []);
    });

    const failures: Record<string, () => unknown> = {
      "fails": () => {
        throw new RangeError("no page");
      },
      "answers nothing": () => undefined,
      "answers text": () => "page",
      "answers an object that looks like one": () => ({ status: 200, headers: {}, body: null }),
      "answers with a control character in a header": () =>
        new Response("page", { headers: { "x-user": "Ada\x01" } }),
    };
    for (const [what, fail] of Object.entries(failures)) {
      it(`answers 500 and tells 'error' when it ${what}, ${when}`, async () => {
        await using watched = await WatchedServer.start({ fetch: way(fail as Fetch) });
        for (let n = 1; n <= 2; n++) {
          const { status, body } = await ask(watched.port, GET);
          assertEquals([status, body], [500, ""]);
        }
        await using peers = new RawPeers(watched);
        await peers.connect();
        await watched.connected();
        assertEquals(watched.log, [...Array(2).fill("error 2302999 undefined"), "connect"]);
        const [error] = watched.errors;
        assertMatch(error!.message, /^Websocket Unknown Other Error: 'fetch' failed: /);
        assert(error!.cause instanceof (what === "fails" ? RangeError : TypeError));
      });
    }
  }

  it("never sees an upgrade, good or bad", async () => {
    const seen: string[] = [];
    const fetch: Fetch = ({ url }) => {
      seen.push(new URL(url).pathname);
      return new Response("page");
    };
    await using watched = await WatchedServer.start({ fetch, maxConnectionsForOneClient: 1 });
    await using peers = new RawPeers(watched);
    const line = "GET /upgrade HTTP/1.1";
    await peers.connect({ line });
    const bad = [
      [{}, 429],
      [{ "sec-websocket-version": "8" }, 426],
      [{ "sec-websocket-key": "x" }, 400],
      [{ origin: "http://example.com" }, 403],
    ] as const;
    for (const [headers, expected] of bad) {
      assertEquals((await exchange(watched.port, { line, headers })).status, expected);
    }
    const { status, body } = await ask(watched.port, GET);
    assertEquals([status, body], [200, "page"]);
    assertEquals(seen, ["/page"]);
  });

  it("is not in the way of connections while it takes its time", async () => {
    const page = Promise.withResolvers<Response>();
    await using watched = await WatchedServer.start({ fetch: () => page.promise });
    await using peers = new RawPeers(watched);
    const asked = ask(watched.port, GET);
    await peers.connect();
    await watched.connected();
    page.resolve(new Response("late"));
    assertEquals((await asked).body, "late");
  });
});
