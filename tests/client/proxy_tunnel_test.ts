/** What goes through a proxy once it is open: both ways, to the end, however it ends. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { connect as tcp } from "node:net";
import { type DenoNet, Relay } from "../../runtime/deno/relay.ts";
import { Certificates } from "../helpers/certificates.ts";
import { Session, within } from "../helpers/client.ts";
import { Program, ROOT } from "../helpers/programs.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { until } from "../helpers/until.ts";
import { BINARY, CLOSE, PING, PONG, type RawPeer, readClose, TEXT, textOf } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";

const through = ({ port }: RecordingProxy) => ({ proxy: { host: "127.0.0.1", port } });
const LINK_DOWN = { code: 1006, reason: "The link is down" };

describe("a connection through a proxy, ws", () => {
  it("shows the server the request it would have had without the proxy", async () => {
    await using session = await Session.start();
    const header = { "x-own": "1" };
    const direct = await session.open({ header });
    await within(session.ws.close());
    await session.log.next("close");
    await using proxy = await RecordingProxy.listen();
    const peer = await session.open({ header, ...through(proxy) });
    assertEquals(linesOf(peer), linesOf(direct));
    assertEquals(proxy.lines, [`CONNECT 127.0.0.1:${session.server.port} HTTP/1.1`]);
  });

  it("asks for the very path it was given", async () => {
    await using session = await Session.start();
    await using proxy = await RecordingProxy.listen();
    const accepted = session.server.accept();
    await within(session.ws.connect(`${session.url}a%20b/$&?price=$1&x=$$`, through(proxy)));
    const { head } = await within(accepted);
    assertEquals(head.split("\r\n")[0], "GET /a%20b/$&?price=$1&x=$$ HTTP/1.1");
  });

  it("carries messages of all sizes both ways, in order and unchanged", async () => {
    await using session = await Session.start();
    await using proxy = await RecordingProxy.listen();
    const peer = await session.open(through(proxy));
    const big = new Uint8Array(5_242_864).map((_, i) => i);
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 65_537, big.length];
    for (const size of sizes) void session.ws.send(big.subarray(0, size));
    void session.ws.send("grüß 你");
    assertEquals(textOf((await within(peer.next(TEXT))).payload), "grüß 你");
    const sent = peer.frames.filter(({ opcode }) => opcode === BINARY);
    assertEquals(sent.map(({ payload }) => payload.length), sizes);
    assertEquals(Buffer.compare(sent.at(-1)!.payload, big), 0);
    for (const size of sizes) peer.send(BINARY, big.subarray(0, size));
    await session.log.next("message", sizes.length);
    const got = session.log.messages as ArrayBuffer[];
    assertEquals(got.map(({ byteLength }) => byteLength), sizes);
    assertEquals(Buffer.compare(new Uint8Array(got.at(-1)!), big), 0);
  });

  it("delivers what was sent before close(), and the Close frame", async () => {
    await using session = await Session.start();
    await using proxy = await RecordingProxy.listen();
    const peer = await session.open(through(proxy));
    const texts = Array.from({ length: 100 }, (_, i) => `${i}`);
    for (const text of texts) void session.ws.send(text);
    void session.ws.close({ code: 4000, reason: "done" });
    assertEquals(readClose(await within(peer.next(CLOSE))), { code: 4000, reason: "done" });
    assertEquals(peer.texts(), texts);
  });

  it("answers the server's Close frame before it is gone", async () => {
    for (let round = 0; round < 10; round++) {
      await using session = await Session.start();
      await using proxy = await RecordingProxy.listen();
      const peer = await session.open(through(proxy));
      peer.close(4001, "bye");
      assertEquals(readClose(await within(peer.next(CLOSE))).code, 4001);
      await session.log.next("close");
      assertEquals(session.log.closes, [{ code: 4001, reason: "bye" }]);
    }
  });

  it("is lost with the proxy: 'error' 200, 'close' 1006", async () => {
    await using session = await Session.start();
    const proxy = await RecordingProxy.listen();
    await session.open(through(proxy));
    await proxy[Symbol.asyncDispose]();
    await session.log.next("close");
    assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
    assertEquals(session.log.closes, [LINK_DOWN]);
  });

  it("has its own Pings and Pongs, and a dead server is noticed", async () => {
    await using session = await Session.start({ server: { pong: false } });
    await using proxy = await RecordingProxy.listen();
    const peer = await session.open({ ...through(proxy), pingInterval: 0.3, pongTimeout: 0.2 });
    const watch = new Stopwatch();
    peer.send(PING, "?");
    assertEquals(textOf((await within(peer.next(PONG))).payload), "?");
    await within(peer.next(PING));
    await session.log.next("close");
    watch.assertLess(1500);
    assertEquals(session.log.names, ["open", "openInfo", "error", "close"]);
  });

  it("lives on while nothing but Pongs comes", async () => {
    await using session = await Session.start();
    await using proxy = await RecordingProxy.listen();
    const peer = await session.open({ ...through(proxy), pingInterval: 0.3, pongTimeout: 0.3 });
    for (let n = 0; n < 3; n++) await within(peer.next(PING, peer.frames.length));
    assertEquals([session.ws.state, session.log.names], ["open", ["open", "openInfo"]]);
  });

  it("is dropped within 5 s of close() when the server reads nothing", async () => {
    await using session = await Session.start();
    await using proxy = await RecordingProxy.listen();
    const peer = await session.open(through(proxy));
    peer.socket.pause();
    const bytes = new Uint8Array(1 << 20);
    for (let i = 0; i < 32; i++) void session.ws.send(bytes);
    void session.ws.close();
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
  });

  it("keeps no process once a dead server was dropped, though the proxy holds the tunnel", async () => {
    await using session = await Session.start({ server: { pong: false } });
    const { server } = session;
    await using proxy = await RecordingProxy.listen({ holds: true });
    await using program = Program.here("dead_peer_client.ts", [`${server.port}`, "nothing"], {
      env: { http_proxy: `http://127.0.0.1:${proxy.port}`, no_proxy: "" },
    });
    await within(server.accept());
    const { text } = await within(program.lineFrom("close"));
    assertEquals(text.split(" @")[0], `close undefined ${JSON.stringify(LINK_DOWN)}`);
    assertEquals((await within(program.ended)).code, 0);
    assertEquals(proxy.lines, [`CONNECT 127.0.0.1:${server.port} HTTP/1.1`]);
  });
});

/** The lines of a request, sorted, without what differs each time. */
function linesOf({ head }: RawPeer): string[] {
  return head.split("\r\n").filter((line) => !/^sec-websocket-key/i.test(line)).sort();
}

describe("'proxy' on Deno without --allow-net for it", () => {
  it("is refused with 2302999, which names the option, the runtime and what is missing", async () => {
    for (
      const [scheme, allowed, missing] of [
        ["ws", "example.test:80", "127.0.0.1 to"],
        ["ws", "example.test:80,127.0.0.1:0,proxy.test:3128", "127.0.0.1 to"], // it may get any port
        ["ws", "example.test:80,127.0.0.1", "proxy.test:3128"],
        ["wss", "example.test:443", "proxy.test:3128"],
      ]
    ) {
      const made = new Certificates();
      const program = made.file(
        "no_net.ts",
        `import { createWebSocket } from ${JSON.stringify(`${ROOT}/mod.ts`)};
        const proxy = { host: "proxy.test", port: 3128 };
        await createWebSocket().connect("${scheme}://example.test/", { proxy })
          .catch(({ code, message }) => console.log(code, message));`,
      );
      const ran = await Program.run("deno", program, {
        flags: [`--allow-net=${allowed}`, "--allow-env", "--no-prompt"],
      }).ended;
      assertMatch(ran.stdout, /^2302999 .*'proxy' cannot be had on Deno \d/);
      assertStringIncludes(ran.stdout, `--allow-net=${missing}`);
    }
  });
});

const { Deno: net } = globalThis as unknown as { Deno?: DenoNet };

// Bun says CONNECT by itself: see tests/runtime/proxy_quirks_test.ts.
if (net !== undefined) {
  describe("the relay that says CONNECT for Deno", () => {
    it("lets nobody through who does not bring its header, and waits on for who does", async () => {
      await using proxy = await RecordingProxy.listen();
      const url = `http://127.0.0.1:${proxy.port}`;
      const target = new URL("ws://127.0.0.1:1/");
      const relay = new Relay(net, target, { url, username: "", password: "" });
      const silent = tcp(relay.port, "127.0.0.1");
      const stranger = tcp(relay.port, "127.0.0.1");
      stranger.write("GET http://127.0.0.1:1/ HTTP/1.1\r\nhost: x\r\n\r\n");
      await within(new Promise((resolve) => stranger.on("close", resolve).resume()));
      assertEquals(proxy.lines, []);
      const ours = tcp(relay.port, "127.0.0.1");
      ours.write(`GET http://127.0.0.1:1/ HTTP/1.1\r\n${relay.pass}: 1\r\n\r\n`);
      await within(new Promise((resolve) => ours.on("close", resolve).resume()));
      assertEquals(proxy.lines, ["CONNECT 127.0.0.1:1 HTTP/1.1"]);
      await assertRejects(
        () =>
          within(
            new Promise((_, reject) => {
              const late = tcp(relay.port, "127.0.0.1");
              late.on("error", reject);
            }),
          ),
        Error,
        "ECONNREFUSED",
      );
      silent.destroy();
      relay.close();
    });

    it("reads a head once, in however small pieces it comes", async () => {
      const { promise, resolve } = Promise.withResolvers<string>();
      const head = (first: string, rest: string) =>
        `${first}\r\nx: ${"\r\n\r".repeat(3)}${"y".repeat(65_000)}\r\n${rest}\r\n\r\n`;
      /** One that gives a byte at each read, and then nothing more. */
      const piecewise = (text: string, written: (text: string) => void) => {
        let at = 0;
        return {
          read: (buffer: Uint8Array) => {
            if (at === text.length) return new Promise(() => {});
            buffer[0] = text.charCodeAt(at++);
            return Promise.resolve(1);
          },
          write: (bytes: Uint8Array) => {
            written(textOf(bytes));
            return Promise.resolve(bytes.length);
          },
          close: () => {},
          closeWrite: () => Promise.resolve(),
        };
      };
      let pass = "";
      let toClient = "";
      const listener = {
        addr: { port: 1 },
        close: () => {},
        accept: async () => {
          if (pass !== "") return new Promise(() => {}); // one is enough
          await Promise.resolve(); // until the relay has its pass
          pass = `${relay.pass}: 1`;
          return piecewise(head("GET / HTTP/1.1", pass), (text) => toClient += text);
        },
      };
      let toProxy = "";
      const scripted = {
        listen: () => listener,
        connect: () => {
          const proxy = piecewise(`${head("HTTP/1.1 200 OK", "z: 1")}first`, (text) => {
            toProxy += text;
          });
          return Promise.resolve(proxy);
        },
      } as unknown as DenoNet;
      const watch = new Stopwatch();
      const proxy = { url: "http://127.0.0.1:1", username: "", password: "" };
      const relay: Relay = new Relay(scripted, new URL("ws://127.0.0.1:1/"), proxy);
      const look = setInterval(() => toClient.length === 5 && resolve(toProxy), 5);
      const sent = await within(promise);
      clearInterval(look);
      relay.close();
      watch.assertLess(2000); // decoded at each byte: minutes
      assertEquals(toClient, "first");
      assertEquals(sent.endsWith(head("GET / HTTP/1.1", "").slice(0, -2)), true);
      assertStringIncludes(sent, "CONNECT 127.0.0.1:1 HTTP/1.1");
    });

    it("closes what it is connected to after it was closed itself", async () => {
      const log: string[] = [];
      let connected!: (conn: unknown) => void;
      const late = {
        ...net,
        listen: net.listen.bind(net),
        connect: ({ signal }: { signal: AbortSignal }) => {
          signal.addEventListener("abort", () => log.push("aborted"));
          return new Promise((resolve) => connected = resolve);
        },
      } as unknown as DenoNet;
      const proxy = { url: "http://127.0.0.1:1", username: "", password: "" };
      const relay = new Relay(late, new URL("ws://127.0.0.1:1/"), proxy);
      const ours = tcp(relay.port, "127.0.0.1");
      ours.on("error", () => {});
      ours.write(`GET / HTTP/1.1\r\n${relay.pass}: 1\r\n\r\n`);
      const gone = new Promise((resolve) => ours.on("close", resolve).resume());
      await until("it is connected", () => connected !== undefined);
      relay.close();
      connected({
        close: () => log.push("closed"),
        write: () => Promise.reject(new Error("closed")),
        read: () => Promise.resolve(null),
      });
      await within(gone);
      assertEquals(log, ["aborted", "closed"]);
    });
  });
}
