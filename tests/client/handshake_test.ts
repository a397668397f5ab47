import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readConnectOptions } from "../../client/options.ts";
import { type BusinessError, createWebSocket, type WebSocketRequestOptions } from "../../mod.ts";
import { NOBODY } from "../helpers/event_log.ts";
import { refusal, Session, untyped, within } from "../helpers/client.ts";
import { HERE } from "../helpers/programs.ts";
import { acceptHead, CLOSE, header } from "../peers/raw.ts";

/** The lines of a request with a header's name, in whatever case. */
function linesOf(head: string, name: string): string[] {
  return head.split("\r\n").filter((line) => line.toLowerCase().startsWith(`${name}:`));
}

/** The request that a client sends. */
async function headOf(options: object): Promise<string> {
  await using session = await Session.start();
  const { head } = await session.open(options as WebSocketRequestOptions);
  return head;
}

describe("createWebSocket().connect() with header", () => {
  it("sends names in lower case", async () => {
    const head = await headOf({ header: { "X-Token": "Secret", "X-OTHER": "a" } });
    assertEquals(linesOf(head, "x-token"), ["x-token: Secret"]);
    assertEquals(linesOf(head, "x-other"), ["x-other: a"]);
  });

  it("sends well-known names as the runtime writes them: Bun 1.4.5 has capitals of its own", async () => {
    const head = await headOf({ header: { "COOKIE": "a=1; b=2", "authorization": "Bearer a" } });
    const lines = [...linesOf(head, "cookie"), ...linesOf(head, "authorization")];
    assertEquals(
      lines,
      HERE === "deno"
        ? ["cookie: a=1; b=2", "authorization: Bearer a"]
        : ["Cookie: a=1; b=2", "Authorization: Bearer a"],
    );
  });

  it("sends a `user-agent` after Deno's own, and in the place of Bun's", async () => {
    const lines = linesOf(await headOf({ header: { "user-agent": "mine" } }), "user-agent");
    assertEquals(
      lines.map((line) => line.replace(/Deno\/.*/, "Deno")),
      HERE === "deno" ? ["user-agent: Deno", "user-agent: mine"] : ["User-Agent: mine"],
    );
  });

  it("sends the later of two names that differ in case only", async () => {
    const head = await headOf({
      header: { "X-One": "1", "x-one": "2", "x-two": "1", "X-TWO": "2", "X-Two": "3" },
    });
    assertEquals(linesOf(head, "x-one"), ["x-one: 2"]);
    assertEquals(linesOf(head, "x-two"), ["x-two: 3"]);
  });

  it("sends names that every object has", async () => {
    const header = JSON.parse('{ "__proto__": "a", "constructor": "b", "toString": "c" }');
    const head = await headOf({ header });
    const lines = ["__proto__", "constructor", "tostring"].map((name) => linesOf(head, name));
    assertEquals(lines, [["__proto__: a"], ["constructor: b"], ["tostring: c"]]);
  });

  it("refuses values that are no text: a lost token must not pass for none", async () => {
    const values = [5, true, null, undefined, ["a"], {}, () => "a"];
    for (const value of values) {
      const error = await refusal(
        createWebSocket().connect(NOBODY, {
          header: { "X-Kept": "yes", "X-Token": value },
        }),
      );
      assertEquals(error.code, 401);
      assertMatch(error.message, /'header' x-token must be text: current value is /);
    }
  });

  it("sends the values as they are, Latin-1 as its bytes", async () => {
    const head = await headOf({
      header: {
        authorization: "Bearer a.b-c",
        origin: "http://a",
        "x-a": 'a\tb "c"',
        "x-b": "\xe9",
      },
    });
    assertEquals(header(head, "authorization"), "Bearer a.b-c");
    assertEquals(header(head, "origin"), "http://a");
    assertEquals(header(head, "x-a"), 'a\tb "c"');
    assertEquals(header(head, "x-b"), "\xe9");
  });

  it("sends an empty value", async () => {
    assertEquals(
      linesOf(await headOf({ header: { "x-empty": "" } }), "x-empty").map((line) => line.trim()),
      ["x-empty:"],
    );
  });

  it("sends what the handshake needs, once", async () => {
    const head = await headOf({ header: { "x-a": "1" } });
    assertMatch(head, /^GET \/ HTTP\/1\.1\r\n/);
    assertEquals(linesOf(head, "host").length, 1);
    assertMatch(header(head, "host"), /^127\.0\.0\.1:\d+$/);
    assertEquals(header(head, "upgrade").toLowerCase(), "websocket");
    assertEquals(header(head, "connection").toLowerCase(), "upgrade");
    assertEquals(header(head, "sec-websocket-version"), "13");
    assertMatch(header(head, "sec-websocket-key"), /^[+/0-9A-Za-z]{22}==$/);
    assertEquals(linesOf(head, "sec-websocket-protocol"), []);
    assertEquals(linesOf(head, "sec-websocket-extensions"), []);
  });

  it("lets pass what the handshake says anyway, which is there once", async () => {
    await using session = await Session.start();
    const host = new URL(session.url).host;
    for (
      const given of [
        { Upgrade: "WebSocket", Connection: "Upgrade", "Sec-WebSocket-Version": "13" },
        { upgrade: " websocket ", connection: "keep-alive, Upgrade", Host: ` ${host}` },
        { "Content-Length": "0" }, // there is no body, and nothing says so
      ]
    ) {
      const { head } = await session.open({ header: given });
      for (const name of ["connection", "upgrade", "sec-websocket-version", "host"]) {
        assertEquals(linesOf(head, name).length, 1, name);
      }
      assertEquals(header(head, "connection").toLowerCase(), "upgrade");
      assertEquals(header(head, "host"), host);
      assertEquals(linesOf(head, "content-length"), []);
      await session.ws.close();
      await within(session.ws.closed);
    }
  });

  it("lets a default port be said or not in Host, and holds against it what contradicts", () => {
    const url = "ws://Example.com/chat";
    for (const host of ["example.com", "EXAMPLE.com:80"]) {
      assertEquals(readConnectOptions({ header: { host } }, url) instanceof Error, false, host);
    }
    for (
      const host of ["example.com:81", "example.org", "example.com/", "a@example.com", "", "["]
    ) {
      assertEquals(readConnectOptions({ header: { host } }, url) instanceof Error, true, host);
    }
    for (const unknown of [undefined, "nonsense"]) {
      const read = readConnectOptions({ header: { host: "example.com" } }, unknown);
      assertEquals(read instanceof Error, true);
    }
  });

  const wrong: [string, unknown][] = [
    ["is null", null],
    ["is text", "x-a: 1"],
    ["is an array", [["x-a", "1"]]],
    ["is a Map", new Map([["x-a", "1"]])],
    ["is a Headers object", new Headers({ "x-a": "1" })],
    ...[
      "host",
      "Host",
      "connection",
      "Upgrade",
      "sec-websocket-key",
      "Sec-WebSocket-Version",
      "sec-websocket-extensions",
      "sec-websocket-accept",
      "sec-websocket-anything",
      "Transfer-Encoding",
      "content-length",
    ].map((name): [string, unknown] => [`sets ${name}`, { [name]: "a" }]),
    ["asks for another upgrade", { upgrade: "h2c, websocket" }],
    ["asks to close the connection", { connection: "close, upgrade" }],
    ["announces a body", { "Content-Length": "5" }],
    ["names another version", { "sec-websocket-version": "8" }],
    ["has a line feed in a value", { "x-a": "a\nx-b: c" }],
    ["has a carriage return in a value", { "x-a": "a\rb" }],
    ["has a line end in a value", { "x-a": "a\r\nx-b: c" }],
    ["has a NUL in a value", { "x-a": "a\0b" }],
    ["has a DEL in a value", { "x-a": "a\x7fb" }],
    ["has a value beyond Latin-1", { "x-a": "☃" }],
    ["has an empty name", { "": "a" }],
    ["has a blank in a name", { "x a": "a" }],
    ["has a colon in a name", { "x:a": "a" }],
    ["has a line end in a name", { "x\r\na": "a" }],
    ["has a letter beyond ASCII in a name", { "x-é": "a" }],
    ["has a protocol that is none", { "sec-websocket-protocol": "a b" }],
  ];
  for (const [what, given] of wrong) {
    it(`answers 401 when it ${what}`, async () => {
      await using session = await Session.start();
      const error = await refusal(untyped(session.ws).connect(session.url, { header: given }));
      assertEquals(error.code, 401);
      assertMatch(error.message, /^Parameter error: .*header/);
      assertEquals(session.ws.state, "idle");
    });
  }

  it("takes sec-websocket-protocol in it as protocol", async () => {
    await using session = await Session.start({
      server: { answer: (request) => acceptHead(request, ["Sec-WebSocket-Protocol: chat.v1"]) },
    });
    const peer = await session.open({ header: { "Sec-WebSocket-Protocol": "chat.v2, chat.v1" } });
    assertEquals(linesOf(peer.head, "sec-websocket-protocol").length, 1);
    assertEquals(offered(peer.head), ["chat.v2", "chat.v1"]);
    assertEquals(session.ws.protocol, "chat.v1");
    assertEquals(
      session.log.of("openInfo").map(([, info]) => (info as { protocol: string }).protocol),
      [
        "chat.v1",
      ],
    );
  });

  it("does not write to the object", async () => {
    const given = Object.freeze({ "X-A": "1", "sec-websocket-protocol": "" });
    assertEquals(header(await headOf({ header: given }), "x-a"), "1");
  });
});

/** The subprotocols that a request offers. */
function offered(head: string): string[] {
  const value = header(head, "sec-websocket-protocol");
  return value === "" ? [] : value.split(",").map((protocol) => protocol.trim());
}

describe("createWebSocket().connect() with protocol", () => {
  const offers: [string, string[]][] = [
    ["", []],
    ["chat", ["chat"]],
    ["chat,superchat", ["chat", "superchat"]],
    ["chat, superchat , v2.json", ["chat", "superchat", "v2.json"]],
  ];
  for (const [protocol, expected] of offers) {
    it(`offers ${JSON.stringify(expected)} when it is ${JSON.stringify(protocol)}`, async () => {
      await using session = await Session.start({
        server: {
          answer: (request) =>
            acceptHead(request, expected.slice(-1).map((p) => `Sec-WebSocket-Protocol: ${p}`)),
        },
      });
      const peer = await session.open({ protocol });
      assertEquals(offered(peer.head), expected);
      assertEquals(
        linesOf(peer.head, "sec-websocket-protocol").length,
        expected.length > 0 ? 1 : 0,
      );
      assertEquals(session.ws.protocol, expected.at(-1) ?? "");
      const [[, info] = []] = session.log.of("openInfo");
      assertEquals("protocol" in (info as object), expected.length > 0);
    });
  }

  for (
    const protocol of [null, 5, ["chat"], "a b", "a,,b", "a,", ",", "a,a", "é", "a/b", "a\r\nb"]
  ) {
    it(`answers 401 when it is ${JSON.stringify(protocol)}`, async () => {
      await using session = await Session.start();
      const error = await refusal(untyped(session.ws).connect(session.url, { protocol }));
      assertEquals(error.code, 401);
      assertMatch(error.message, /^Parameter error: .*protocol/);
    });
  }

  const failures: [string, string, string[], RegExp][] = [
    ["answers none of those offered", "chat", [], /subprotocol/],
    ["answers one not offered", "chat", ["Sec-WebSocket-Protocol: other"], /subprotocol/],
    ["answers one in another case", "chat", ["Sec-WebSocket-Protocol: Chat"], /subprotocol/],
    ["answers two", "chat,other", ["Sec-WebSocket-Protocol: chat, other"], /subprotocol/],
    ["answers one though none was offered", "", ["Sec-WebSocket-Protocol: chat"], /subprotocol/],
    ["answers an extension not offered", "", ["Sec-WebSocket-Extensions: x-foo"], /extension/],
    [
      "answers compression, which was not offered",
      "",
      ["Sec-WebSocket-Extensions: permessage-deflate"],
      /extension/,
    ],
  ];
  for (const [what, protocol, extra, cause] of failures) {
    it(`fails with one 'error' 200 when the server ${what}`, async () => {
      await using session = await Session.start({
        server: { answer: (request) => acceptHead(request, extra) },
      });
      const accepted = session.server.accept();
      const answers = [session.ws.connect(session.url, { protocol }), session.ws.send("secret")];
      assertEquals(await within(Promise.all(answers)), [true, true]);
      const peer = await within(accepted);
      const [error] = await session.log.next("error") as [BusinessError];
      assertEquals([error.code, error.data], [200, "0"]);
      assertMatch((error.cause as Error).message, cause);
      assertEquals([session.ws.state, session.ws.protocol], ["idle", ""]);
      await within(peer.ended);
      assertEquals(peer.frames.filter(({ opcode }) => opcode !== CLOSE), []);
      await session.assertEvents("error");
    });
  }
});
