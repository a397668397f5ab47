/** The client in a page: bundled for browsers, and in Chromium where it is, over the page's own WebSocket. */

import { assert, assertEquals, assertFalse, assertLess, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Chromium, type Page } from "../helpers/chromium.ts";
import { within } from "../helpers/client.ts";
import { binaries, Project } from "../helpers/package.ts";
import { freePort, ROOT } from "../helpers/programs.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { CLOSE, PING, PONG, RawServer, type RawServerOptions, readClose } from "../peers/raw.ts";

/** What a bundler for browsers makes of a module. */
async function bundle(code: string, ...more: string[]): Promise<string> {
  using project = new Project();
  project.write("main.ts", code);
  const build = ["build", "--target", "browser", ...more, "--outfile", "out.js", "main.ts"];
  const { code: exit, stderr } = await project.run([binaries.bun, ...build]);
  assertEquals(exit, 0, stderr);
  return project.read("out.js");
}

/** A module that exports one function of ours. */
const only = (name: string, from: string) =>
  `export { ${name} } from ${JSON.stringify(join(ROOT, from))};`;

describe("the client in a bundle for browsers", () => {
  it("imports nothing, of Node or of anybody", async () => {
    const code = await bundle(only("createWebSocket", "client.ts"));
    assertFalse(/^\s*(import|export\b.*\bfrom)\b|\bimport\(|\brequire\(/m.test(code));
    assert(code.includes("createWebSocket"));
    // With what resumes, though it runs only where that is asked for: docs/browsers.md says how much.
    const small = await bundle(only("createWebSocket", "client.ts"), "--minify");
    assertLess(gzipSync(small).length, 32_000);
  });

  it("leaves the server out, be it imported from the main entry point", async () => {
    const server = /createWebSocketServer|ListeningServer/;
    for (const from of ["client.ts", "mod.ts"]) {
      assertFalse(server.test(await bundle(only("createWebSocket", from))), from);
    }
    assert(server.test(await bundle(only("createWebSocketServer", "mod.ts"))));
  });
});

/** What each page's program begins with: a client, and a log of its events. */
const PRELUDE = `
  const { createWebSocket } = await import("/client.js");
  const log = [];
  const show = (what) => what instanceof ArrayBuffer ? [...new Uint8Array(what)] : what;
  const watched = () => {
    const ws = createWebSocket();
    for (const name of ["open", "message", "close", "error"]) {
      ws.on(name, (error, what) => {
        if (name === "open") log.push("open");
        else log.push(name + " " + JSON.stringify(show(error?.code ?? what)) + " " + ws.state);
      });
    }
    return ws;
  };
  const heard = (ws, name) => new Promise((resolve) => ws.on(name, resolve));
  const refused = (call) => call.then(() => "true", ({ code, message }) => code + " " + message);
  const ws = watched();
`;

if (Chromium.path !== undefined) {
  describe("the client in Chromium", () => {
    let browser: Chromium;
    let page: Page;
    let server: WatchedServer;
    let url: string;

    beforeAll(async () => {
      const code = await bundle(only("createWebSocket", "client.ts"));
      const fetch = (request: Request) =>
        request.url.endsWith("/client.js")
          ? new Response(code, { headers: { "content-type": "text/javascript" } })
          : new Response("<!doctype html>", { headers: { "content-type": "text/html" } });
      server = await WatchedServer.start({ fetch });
      server.echo();
      url = `ws://127.0.0.1:${server.port}/`;
      browser = await Chromium.start();
      page = await browser.open(url.replace("ws", "http"));
    });
    afterAll(async () => {
      await browser[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    /** Runs a program in the page; gives the log, or what it returns. */
    function run<T = string[]>(program: string): Promise<T> {
      return page.evaluate(`(async () => { ${PRELUDE} ${program}; return log; })()`);
    }

    async function raw(options?: RawServerOptions): Promise<RawServer & AsyncDisposable> {
      const server = await RawServer.listen(options);
      return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
    }

    it("brings text and bytes, both ways, and a code of the application's", async () => {
      const before = server.closes.length;
      const log = await run(`
        await ws.connect("${url}");
        await ws.send("héllo");
        await ws.send(new Uint8Array([1, 2, 3]).subarray(1));
        const growing = new ArrayBuffer(2, { maxByteLength: 8 });
        await ws.send(growing);
        await ws.send(new Uint8Array(growing, 1));
        await ws.send("last");
        let count = 0;
        for await (const _ of ws) if (++count === 5) await ws.close({ code: 4001, reason: "bye" });
        await ws.closed;
      `);
      assertEquals(log, [
        "open",
        'message "héllo" open',
        "message [2,3] open",
        "message [0,0] open",
        "message [0] open",
        'message "last" open',
        'close {"code":4001,"reason":"bye"} idle',
      ]);
      assertEquals(await server.closed(before + 1), { code: 4001, reason: "bye" });
    });

    it("resumes, and has what it sends acknowledged", async () => {
      await using served = await WatchedServer.start(undefined, { history: true });
      served.server.on("connect", (connection) => void served.server.join(connection, "t"));
      served.server.on("messageReceive", () => {});
      await run(`
        globalThis.told = [];
        globalThis.back = createWebSocket({
          reconnect: { minDelay: 0.05, maxDelay: 0.05 },
          resume: true,
        });
        back.on("message", (_err, data) => told.push(data));
        back.on("recovered", (info) => told.push(info));
        await back.connect("ws://127.0.0.1:${served.port}/");
        await back.opened;
      `);
      const acknowledged = (text: string) =>
        page.evaluate(`back.send(${JSON.stringify(text)}, { acknowledge: true })`);
      assertEquals(await acknowledged("one"), true);
      await page.evaluate(
        `void (globalThis.isBack = new Promise((resolve) => back.once("recovered", resolve)))`,
      );
      await served.server.terminate(await served.connected(1));
      await served.server.publish("t", "missed");
      assertEquals(await acknowledged("two"), true);
      await page.evaluate("isBack");
      const answer = served.server.send("last", await served.connected(2), { acknowledge: true });
      assertEquals(await within(answer), true);
      assertEquals(await page.evaluate("told"), [
        { topic: "t", recovered: true, missed: 1 },
        ...["missed", "last"],
      ]);
      assertEquals(served.messages.map(({ data }) => data), ["one", "two"]);
      await page.evaluate("back.close()");
    });

    it("makes the next attempt at once when it is online again, or shown again", async () => {
      const before = server.connections.length;
      await run(`
        globalThis.back = createWebSocket({
          reconnect: { minDelay: 3600, maxDelay: 3600, random: () => 1, shouldReconnect: () => true },
        });
        const opened = new Promise((resolve) => back.once("open", resolve));
        await back.connect("${url}");
        await opened;
      `);
      const waits = async (nth: number) => {
        await page.evaluate(`void (globalThis.waits = new Promise((resolve) => {
          back.once("reconnecting", () => resolve());
        }))`);
        await server.server.close(await server.connected(nth));
        await page.evaluate("waits");
      };
      await waits(before + 1);
      await page.offline(true);
      await page.offline(false);
      await waits(before + 2);
      await page.evaluate(`void document.dispatchEvent(new Event("visibilitychange"))`);
      await waits(before + 3);
      assertEquals(await page.evaluate("back.reconnect()"), true);
      await server.connected(before + 4);
      await page.evaluate(`(async () => { await back.close(); await back.closed; })()`);
      await server.closed(server.connections.length); // the next test counts from there
    });

    it("sends 1000 for a code that pages may not send, and tells the one asked for", async () => {
      const before = server.closes.length;
      const log = await run(`
        await ws.connect("${url}");
        await ws.opened;
        await ws.close({ code: 1011 });
        await ws.closed;
      `);
      assertEquals(log, ["open", 'close {"code":1011,"reason":"CLOSE_NORMAL"} idle']);
      assertEquals(await server.closed(before + 1), { code: 1000, reason: "CLOSE_NORMAL" });
    });

    it("tells the server's code and reason", async () => {
      const connected = server.connections.length + 1;
      const closed = run(`await ws.connect("${url}"); await ws.closed;`);
      const connection = await server.connected(connected);
      await within(server.server.close(connection, { code: 4002, reason: "you go" }));
      assertEquals(await closed, ["open", 'close {"code":4002,"reason":"you go"} idle']);
    });

    it("tells of a refused connection as one 'error' 200, and connects again", async () => {
      const log = await run(`
        const answer = await refused(ws.connect("ws://127.0.0.1:${await freePort()}/"));
        log.push(answer);
        await ws.closed.catch(() => {});
        await ws.connect("${url}");
        await ws.opened;
        await ws.close();
        await ws.closed;
      `);
      assertEquals(log, [
        "true",
        "error 200 idle",
        "open",
        'close {"code":1000,"reason":"CLOSE_NORMAL"} idle',
      ]);
    });

    it("tells of a lost server as 'error' 200 and 'close' 1006", async () => {
      await using lossy = await raw();
      const accepted = lossy.accept();
      const closed = run(`
        ws.on("open", () => ws.send("here"));
        await ws.connect("${lossy.url}");
        await ws.closed.catch(() => {});
      `);
      const peer = await within(accepted);
      await within(peer.next(1));
      peer.reset();
      assertEquals(await closed, [
        "open",
        "error 200 closing",
        'close {"code":1006,"reason":"The link is down"} idle',
      ]);
    });

    it("answers 2302999 to options that it cannot honour, each by its name", async () => {
      const options = {
        header: { authorization: "Bearer 1" },
        caPath: "/ca.pem",
        clientCert: { certPath: "/cert.pem", keyPath: "/key.pem" },
        skipServerCertVerification: true,
        minSupportTlsProtocol: 2,
        proxy: "no-proxy",
        pingInterval: 5,
        pongTimeout: 5,
      };
      const before = server.connections.length;
      for (const [option, value] of Object.entries(options)) {
        const given = JSON.stringify({ [option]: value });
        const [answer = ""] = await run(`log.push(await refused(ws.connect("${url}", ${given})))`);
        assertStringIncludes(answer, "2302999 Websocket Unknown Other Error: connect: ");
        assertStringIncludes(answer, `'${option}`);
        assertStringIncludes(answer, "cannot be had");
      }
      await run(`await ws.connect("${url}"); await ws.opened; await ws.close(); await ws.closed`);
      await server.connected(before + 1);
      assertEquals(server.connections.length, before + 1);
    });

    it("answers a server's Pings by itself, and says once that it sends none", async () => {
      await using pinging = await raw({ answerClose: false });
      const accepted = pinging.accept();
      const closed = run(`await ws.connect("${pinging.url}"); await ws.closed;`);
      const peer = await within(accepted);
      peer.send(PING, "are you there?");
      const pong = await within(peer.next(PONG));
      assertEquals(new TextDecoder().decode(pong.payload), "are you there?");
      peer.close(1000, "that is all");
      await within(peer.next(CLOSE));
      peer.end();
      assertEquals(await closed, ["open", 'close {"code":1000,"reason":"that is all"} idle']);
      assertEquals(peer.frames.filter(({ opcode }) => opcode === PING), []);
      const said = page.console.filter((line) => line.includes("no client send Ping frames"));
      assertEquals(said.length, 1, page.console.join("\n"));
    });

    it("notices a dead server where it is told how long a silence may be", async () => {
      await using dead = await raw({ answerClose: false });
      const states = await run<string[]>(`
        const other = watched();
        await other.connect("${dead.url}");
        await other.opened;
        let timer;
        const alive = () => {
          clearTimeout(timer);
          timer = setTimeout(() => ws.close({ code: 4000, reason: "silence" }), 200);
        };
        ws.on("open", alive);
        ws.on("message", alive);
        await ws.connect("${dead.url}");
        const { code } = await ws.closed;
        return [String(code), ws.state, other.state];
      `);
      // Where nobody watches, nobody notices.
      assertEquals(states, ["4000", "idle", "open"]);
    });

    it("keeps its connection while another page is shown, and makes a new one when it is shown again", async () => {
      await using other = await raw();
      const accepted = other.accept();
      await run(`
        self.kept = createWebSocket({ reconnect: { minDelay: 0.05 } });
        await self.kept.connect("${other.url}");
        await self.kept.opened;
      `);
      const peer = await within(accepted);
      await page.goto(`${url.replace("ws", "http")}another`);
      peer.send(PING, "still there?");
      await within(peer.next(PONG));
      const again = other.accept();
      await page.evaluate("history.back()");
      assertEquals(readClose(await within(peer.next(CLOSE))), { code: 1001, reason: "" });
      await within(again);
      await page.evaluate("self.kept.close()");
    });
  });
}
