import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket } from "../../mod.ts";
import {
  answerOf,
  disposable,
  EventLog,
  refusal,
  Session,
  untyped,
  within,
} from "../helpers/client.ts";
import { MODULE, runSource } from "../helpers/source.ts";
import { header, RawServer } from "../peers/raw.ts";

describe("createWebSocket().connect() with a wrong URL", () => {
  const wrong: [string, string][] = [
    ["is empty", ""],
    ["is blank", " "],
    ["has an upper case scheme", "WS://127.0.0.1/"],
    ["has a mixed case scheme", "Wss://127.0.0.1/"],
    ["is http:", "http://127.0.0.1/"],
    ["is https:", "https://127.0.0.1/"],
    ["is ftp:", "ftp://127.0.0.1/"],
    ["has no scheme", "127.0.0.1:80"],
    ["is relative", "/chat"],
    ["is relative to a scheme", "//127.0.0.1/"],
    ["begins with a blank", " ws://127.0.0.1/"],
    ["has one slash", "ws:/127.0.0.1/"],
    ["has no slash", "ws:127.0.0.1"],
    ["has a longer scheme", "wsx://127.0.0.1/"],
    ["has port 0", "ws://127.0.0.1:0/"],
    ["has port 65536", "ws://127.0.0.1:65536/"],
    ["has a negative port", "ws://127.0.0.1:-1/"],
    ["has a port that is no number", "ws://127.0.0.1:http/"],
    ["has a fraction of a port", "ws://127.0.0.1:80.5/"],
    ["has an open bracket", "ws://[::1/"],
    ["has no IPv6 address in brackets", "ws://[127.0.0.1]/"],
    ["has an impossible IPv4 address", "ws://999.999.999.999/"],
    ["has a blank in its host", "ws://a b/"],
    ["has a broken escape in its host", "ws://%/"],
    ["has a fragment", "ws://127.0.0.1/#top"],
    ["has an empty fragment", "ws://127.0.0.1/#"],
  ];
  for (const [what, url] of wrong) {
    it(`answers 2302001 when the URL ${what}`, async () => {
      const ws = createWebSocket();
      const log = new EventLog(ws);
      const error = await refusal(ws.connect(url));
      assertEquals(error.code, 2302001);
      assertMatch(error.message, /^Websocket url error: /);
      const [again] = await answerOf((callback) => ws.connect(url, callback));
      assertEquals((again as { code: number }).code, 2302001);
      assertEquals([ws.state, ...log.names], ["idle"]);
    });
  }

  it("tells no event, then or later", async () => {
    await using session = await Session.start();
    for (const url of ["", "http://127.0.0.1/"]) await refusal(session.ws.connect(url));
    await session.assertEvents();
  });
});

describe("createWebSocket().connect() with a long URL", () => {
  const fill = (base: string, bytes: number, filler = "a") => {
    const room = bytes - base.length;
    const size = new TextEncoder().encode(filler).length;
    return base + filler.repeat(Math.floor(room / size)) + "a".repeat(room % size);
  };

  it("takes 8195 bytes, and sends them all", async () => {
    await using session = await Session.start();
    const url = fill(session.url, 8195);
    const accepted = session.server.accept();
    assertEquals(await within(session.ws.connect(url)), true);
    const peer = await within(accepted);
    const { pathname } = new URL(url);
    assertEquals(peer.head.split("\r\n")[0], `GET ${pathname} HTTP/1.1`);
    await session.log.next("open");
  });

  it("answers 2302001 when it has 8196 bytes", async () => {
    const error = await refusal(createWebSocket().connect(fill("ws://127.0.0.1:1/", 8196)));
    assertEquals(error.code, 2302001);
    assertMatch(error.message, /8195/);
    assertEquals(error.message.length < 300, true);
  });

  it("counts bytes, not characters", async () => {
    await using session = await Session.start();
    const url = fill(session.url, 8195, "é");
    assertEquals((await refusal(session.ws.connect(`${url}a`))).code, 2302001);
    assertEquals(await within(session.ws.connect(url)), true);
    await session.log.next("open");
  });
});

describe("createWebSocket().connect() with a user in its URL", () => {
  const users: [string, string][] = [
    ["me:secret", "me:secret"],
    ["me", "me:"],
    [":secret", ":secret"],
    ["m%65:se%3Acret", "me:se:cret"],
    ["me:100%", "me:100%"],
    ["me:%zz%4", "me:%zz%4"],
    ["me:%ff%00", "me:\xff\0"],
    ["j\xf6rg:\xdf", "j\xc3\xb6rg:\xc3\x9f"],
    ['a b:"c"', 'a b:"c"'],
  ];
  for (const [user, bytes] of users) {
    it(`says who it is: ${user}`, async () => {
      await using session = await Session.start();
      const accepted = session.server.accept();
      const url = session.url.replace("//", `//${user}@`);
      assertEquals(await within(session.ws.connect(url)), true);
      const { head } = await within(accepted);
      assertEquals(header(head, "authorization"), `Basic ${btoa(bytes)}`);
      assertEquals(header(head, "host"), new URL(session.url).host);
      await session.log.next("open");
    });
  }

  it("lets a header of one's own count", async () => {
    await using session = await Session.start();
    const accepted = session.server.accept();
    const url = session.url.replace("//", "//me:secret@");
    await within(session.ws.connect(url, { header: { Authorization: "Bearer token" } }));
    assertEquals(header((await within(accepted)).head, "authorization"), "Bearer token");
    await session.log.next("open");
  });
});

describe("createWebSocket().connect() with an empty host", () => {
  for (
    const url of [
      "ws://",
      "wss://",
      "ws:///",
      "ws://:8080",
      "ws://:8080/chat",
      "ws://?a",
      "ws://me@",
    ]
  ) {
    it(`answers -1 and tells one 'error' when the URL is ${url}`, async () => {
      await using session = await Session.start();
      const { ws, log } = session;
      const error = await refusal(ws.connect(url));
      assertEquals(error.code, -1);
      assertMatch(error.message, /^Websocket connect failed: /);
      const [told] = await log.next("error");
      assertEquals((told as { code: number; data: string }).code, 200);
      assertEquals((told as { code: number; data: string }).data, "0");
      assertEquals(ws.state, "idle");
      await session.assertEvents("error");
    });
  }

  it("answers to a callback, as in the guide's program", async () => {
    const ws = createWebSocket();
    const log = new EventLog(ws);
    const [error, value] = await answerOf((callback) => ws.connect("ws://", callback));
    assertEquals((error as { code: number }).code, -1);
    assertEquals(value, undefined);
    await log.next("error");
    assertEquals(log.names, ["error"]);
  });

  it("lets connect work inside the 'error' listener", async () => {
    await using session = await Session.start();
    const answers: Promise<boolean>[] = [];
    session.ws.on("error", () => {
      if (answers.length === 0) answers.push(session.ws.connect(session.url));
    });
    await refusal(session.ws.connect("ws://"));
    await session.log.next("open");
    assertEquals(await within(Promise.all(answers)), [true]);
    assertEquals(session.log.names, ["error", "open", "openInfo"]);
  });
});

describe("createWebSocket().connect() with more than one fault", () => {
  it("looks at the arguments before the state", async () => {
    await using session = await Session.start();
    await session.open();
    const { ws } = session;
    assertEquals((await refusal(untyped(ws).connect(null))).code, 401);
    assertEquals((await refusal(untyped(ws).connect(session.url, { nonsense: 1 }))).code, 401);
    assertEquals((await refusal(ws.connect(session.url, { proxy: "no-proxy" }))).code, 2302003);
  });

  it("looks at the arguments before the URL", async () => {
    const ws = untyped(createWebSocket());
    assertEquals((await refusal(ws.connect("", null))).code, 401);
    assertEquals((await refusal(ws.connect("http://127.0.0.1/", { nonsense: 1 }))).code, 401);
    assertEquals((await refusal(ws.connect("ws://", { header: { host: "a" } }))).code, 401);
  });

  it("looks at the state before the URL", async () => {
    await using session = await Session.start({ server: { answerClose: false } });
    const { ws } = session;
    const connected = ws.connect(session.url);
    for (const url of ["", "http://127.0.0.1/", "ws://"]) {
      assertEquals((await refusal(ws.connect(url))).code, 2302003);
    }
    await within(connected);
    await session.log.next("openInfo");
    assertEquals((await refusal(ws.connect(""))).code, 2302003);
    await within(ws.close());
    assertEquals((await refusal(ws.connect("ws://"))).code, 2302003);
    assertEquals(session.log.names, ["open", "openInfo"]);
  });
});

describe("createWebSocket().connect() without permission", () => {
  it("answers 201 after 401, and before 2302003 and 2302001", async () => {
    // Only Deno has permissions, so the program runs there whatever runs the test.
    await using server = await RawServer.listen().then(disposable);
    const { code, stdout, stderr } = await runSource(
      `import { createWebSocket } from ${JSON.stringify(MODULE)};
      const ws = createWebSocket();
      const events = [];
      ws.on("error", () => events.push("error"));
      const code = (...args) => ws.connect(...args).then(String, (error) => {
        if (error.code === 201) console.log(error.message.split(":")[0], error.cause.name);
        return error.code;
      });
      console.log(await code(null));
      console.log(await code("ws://127.0.0.2:1/"));
      console.log(await code("ws://127.0.0.2:1/#fragment"));
      console.log(await code(${JSON.stringify(server.url)}));
      console.log(await code("ws://127.0.0.2:1/"));
      await ws.opened;
      await ws.close();
      await ws.closed;
      console.log(events.length);`,
      {
        runtime: "deno",
        flags: [
          "--no-prompt",
          "--no-check",
          "--allow-read",
          `--allow-net=127.0.0.1:${server.port}`,
        ],
      },
    );
    assertEquals(stderr, "");
    const denied = ["Permission denied NotCapable", "201"];
    assertEquals(stdout.trim().split("\n"), ["401", ...denied, ...denied, "true", ...denied, "0"]);
    assertEquals(code, 0);
  });

  it("asks for the port of the scheme where the URL has none", async () => {
    const { code, stdout, stderr } = await runSource(
      `import { createWebSocket } from ${JSON.stringify(MODULE)};
      const URLS = ["wss://127.0.0.2/", "wss://127.0.0.2:443/", "ws://127.0.0.2:443/",
        "ws://127.0.0.2/", "wss://127.0.0.2:80/"];
      for (const url of URLS) {
        const ws = createWebSocket();
        ws.on("error", () => {});
        console.log(await ws.connect(url, { connectTimeout: 0.1 }).then(String, ({ code }) => code));
        if (ws.state !== "idle") await ws.closed.catch(() => {});
      }`,
      {
        runtime: "deno",
        flags: ["--no-prompt", "--no-check", "--allow-read", "--allow-net=127.0.0.2:443"],
      },
    );
    assertEquals([stderr, code], ["", 0]);
    assertEquals(stdout.trim().split("\n"), ["true", "true", "true", "201", "201"]);
  });

  it("answers 201, and does not throw, for a name that cannot stand in Deno's list", async () => {
    const { code, stdout, stderr } = await runSource(
      `import { createWebSocket } from ${JSON.stringify(MODULE)};
      const proxy = { host: "a..b", port: 1 };
      for (const [url, options] of [["ws://a..b/"], ["wss://*/"], ["ws://127.0.0.1/", { proxy }]]) {
        for (const made of [{}, { reconnect: true }]) {
          const answer = createWebSocket(made).connect(url, options);
          console.log(await answer.then(String, ({ code, message }) => code + " " + message));
        }
      }`,
      {
        runtime: "deno",
        flags: [
          "--no-prompt",
          "--no-check",
          "--allow-env",
          "--allow-read",
          "--allow-net=127.0.0.1",
        ],
      },
    );
    assertEquals([stderr, code], ["", 0]);
    const denied = "201 Permission denied: connect: the runtime refused the URL's host";
    const lines = stdout.trim().split("\n");
    assertEquals(lines.slice(0, 4), [denied, denied, denied, denied]);
    for (const line of lines.slice(4)) {
      assertMatch(
        line,
        /^2302999 .*'proxy' cannot be had on Deno .* --allow-net=a\.\.b:1 to CONNECT/,
      );
    }
    assertEquals(lines.length, 6);
  });
});
