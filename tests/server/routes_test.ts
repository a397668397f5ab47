import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServerConfig,
} from "../../mod.ts";
import { targetOf } from "../../server/routes.ts";
import { ask } from "../helpers/http.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertRefused, WatchedServer } from "../helpers/watched_server.ts";
import { type RawClientOptions, rawHandshake } from "../peers/raw.ts";

type Path = WebSocketServerConfig["path"];

/** What a handshake with a request line is answered. */
async function statusOf(
  port: number,
  asked: string,
  options: RawClientOptions = {},
): Promise<number> {
  const { status, peer } = await rawHandshake(port, { ...options, line: `GET ${asked} HTTP/1.1` });
  peer.reset();
  return status;
}

describe("createWebSocketServer().start({ path })", () => {
  const cases: [what: string, path: Path, here: string[], elsewhere: string[]][] = [
    ["is everywhere when left out", undefined, ["/", "/a/b?c", "//x"], []],
    [
      "is one path, to the letter",
      "/chat",
      ["/chat", "/chat?token=1", "/chat?", "/x/../chat", "/./chat", "http://example.com/chat"],
      ["/", "/Chat", "/chat/", "/chat/1", "//chat", "/%63hat", "/cha", "/chat%3Fx", "/chat;x"],
    ],
    ["is a path as the URL parser leaves it", "/café/../ü b", ["/%C3%BC%20b"], ["/caf%C3%A9"]],
    [
      "is a path with a colon that begins no name",
      ["/a:b", "/10:30", "/:", "/:1"],
      ["/a:b", "/10:30", "/:", "/:1"],
      ["/a", "/ab"],
    ],
    ["is the root alone", "/", ["/", "/?a", "/.."], ["/a", "//"]],
    ["is one of a list of one", ["/a"], ["/a"], ["/", "/a/"]],
    ["is one of several", ["/a", "/b"], ["/a", "/b"], ["/", "/c", "/a,b"]],
    [
      "is a pattern",
      new URLPattern({ pathname: "/rooms/:id(\\d+)" }),
      ["/rooms/7", "/rooms/42?x=1"],
      ["/rooms/", "/rooms/x", "/rooms/7/8", "/"],
    ],
    [
      "is a pattern or a path",
      ["/a", new URLPattern({ pathname: "/b/*" })],
      ["/a", "/b/", "/b/c/d"],
      ["/b", "/a/"],
    ],
    [
      "is a pattern with a host and a scheme, too",
      [
        new URLPattern("http://one.example/x"),
        new URLPattern({ protocol: "ws", pathname: "/y" }),
      ],
      ["/y"],
      ["/x"],
    ],
  ];
  for (const [what, path, here, elsewhere] of cases) {
    it(what, async () => {
      await using watched = await WatchedServer.start({ path });
      for (const asked of here) assertEquals(await statusOf(watched.port, asked), 101, asked);
      for (const asked of elsewhere) assertEquals(await statusOf(watched.port, asked), 404, asked);
    });
  }

  it("counts the host of a pattern that has one", async () => {
    await using watched = await WatchedServer.start({
      path: new URLPattern("http://one.example/x"),
    });
    const { port } = watched;
    assertEquals(await statusOf(port, "/x", { headers: { host: "one.example" } }), 101);
    assertEquals(await statusOf(port, "/x", { headers: { host: "two.example" } }), 404);
    assertEquals(await statusOf(port, "/x", { headers: { host: "a b" } }), 400);
  });

  it("answers 400 to a Host that is none, wherever it was sent", async () => {
    await using watched = await WatchedServer.start({ path: "/x" });
    const bad = { headers: { host: "a b" } };
    for (const path of ["/x?y", "/z"]) assertEquals(await statusOf(watched.port, path, bad), 400);
  });

  it("tells the observer of a handshake elsewhere, and not 'error'", async () => {
    const refused: unknown[] = [];
    const observer = { refused: (status: number, why: string) => refused.push([status, why]) };
    await using watched = await WatchedServer.start({ path: "/chat" }, { observer });
    assertEquals(await statusOf(watched.port, "/other"), 404);
    assertEquals(refused, [[404, "There is no WebSocket at this path"]]);
    const { status } = await ask(watched.port, { line: "GET /other HTTP/1.1" });
    assertEquals(status, 426);
    assertEquals([refused.length, watched.log], [1, []]);
  });

  it("leaves a handshake elsewhere to 'fetch', and asks nobody else", async () => {
    const asked: string[] = [];
    const note = (what: string) => () => (asked.push(what), undefined as never);
    await using watched = await WatchedServer.start({
      path: "/chat",
      authorize: note("authorize"),
      clientAddress: note("clientAddress"),
      protocol: note("protocol"),
      fetch: ({ headers }) => new Response(headers.get("upgrade"), { status: 418 }),
    });
    assertEquals(await statusOf(watched.port, "/other"), 418);
    assertEquals([asked, watched.log], [[], []]);
  });

  for (
    const path of [
      ...["", "chat", "chat/", "?x", "/chat?x", "/chat#x", "http://x/chat"],
      ...[5, null, true, {}, [], ["/a", "b"], ["/a", 5], [["/a"]], /x/, () => "/a"],
      ...[{ pathname: "/a" }, { test: () => true }],
    ]
  ) {
    it(`is refused with 401: ${Array.isArray(path) ? JSON.stringify(path) : String(path)}`, async () => {
      const server = createWebSocketServer();
      const error = await assertRefused(
        () => server.start({ serverPort: 0, path: path as never }),
        401,
        "start: 'path' must be a path that begins with '/'",
      );
      assertStringIncludes(error.message, "current value is");
    });
  }
});

describe("connection.url", () => {
  for (
    const [asked, url] of [
      ["/", "/"],
      ["/chat?token=a%20b&x", "/chat?token=a%20b&x"],
      ["/a/../b/./c", "/b/c"],
      ["//two", "//two"],
      ["http://example.com/abs?q", "/abs?q"],
      ["/x?", "/x"],
      ["/%7Efoo", "/%7Efoo"],
      ['/"<>', "/%22%3C%3E"],
    ] as const
  ) {
    it(`is ${url} for ${asked}`, async () => {
      await using watched = await WatchedServer.start();
      await using peers = new RawPeers(watched);
      await peers.connect({ line: `GET ${asked} HTTP/1.1` });
      assertEquals((await watched.connected()).url, url);
    });
  }

  it("is a getter: the object's own keys stay the address", async () => {
    await using pair = await MemoryPair.start({ config: { protocol: ["chat", "log"] } });
    let told: WebSocketConnection | undefined;
    pair.server.on("connect", (connection) => void (told = connection));
    await pair.ws.connect("ws://localhost:80/a/b?c=d", { protocol: "log" });
    await pair.clock.advance(20);
    assertEquals([told!.url, told!.protocol], ["/a/b?c=d", "log"]);
    assertEquals(Object.keys(told!), ["clientIP", "clientPort"]);
    await pair.close();
    assertEquals([told!.url, told!.protocol], ["/a/b?c=d", "log"]); // also when it is over
  });
});

describe("targetOf()", () => {
  it("reads what each runtime says of a request, be its Host none", () => {
    const cases = {
      "http://example.com/a/../b?c#d": ["http://example.com/b?c#d", "/b?c"],
      "http+unix://x.y/p?q": ["http://x.y/p?q", "/p?q"],
      "http://a b/p?q": ["http://localhost/p?q", "/p?q"],
      "/p?q": ["http://localhost/p?q", "/p?q"],
      "/p?u=http://a.b/c": ["http://localhost/p?u=http://a.b/c", "/p?u=http://a.b/c"],
    };
    for (const [asked, [href, url]] of Object.entries(cases)) {
      const target = targetOf({ url: asked } as Request);
      assertEquals([target.href, target.url, target.pathname], [href, url, url!.split("?")[0]]);
    }
  });

  it("says of each URL what the URL parser says, parsed or not", () => {
    const paths = [
      "",
      "/",
      "/a",
      "/a/",
      "/a.b/c-d/~e_f",
      "/.a",
      "/a/./b",
      "/a/../b",
      "/a/..",
      "//a",
      "/a//",
    ];
    paths.push("/%41", "/a%2e", "/ä", "/a b", "/a\\b", "/a\tb", "/a;b", "/a:b@c", "/..a/b..");
    const queries = ["", "?", "?a", "?a=b&c=%20+d", "?a?b", "?'", '?"', "?ä", "?a#b", "#a", "?#"];
    for (const origin of ["http://example.com", "https://EXAMPLE.com:443", "http://[::1]:8080"]) {
      for (const asked of paths.flatMap((path) => queries.map((query) => origin + path + query))) {
        const { href, pathname, search } = new URL(asked);
        for (const _ of ["read", "remembered"]) {
          const target = targetOf({ url: asked } as Request);
          assertEquals([asked, target.pathname, target.url], [asked, pathname, pathname + search]);
          assertEquals(target.href, href);
        }
      }
    }
  });
});
