/** Pages and the server: those it serves itself, and those of others, in Chromium where it is. */

import { assertEquals, assertGreater, assertMatch, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { WebSocketServerConfig } from "../../mod.ts";
import { Chromium, type Page } from "../helpers/chromium.ts";
import { within } from "../helpers/client.ts";
import { ask } from "../helpers/http.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { rawHandshake } from "../peers/raw.ts";

/** What opens pages. */
interface Browser {
  /** Opens a page and, in it, a WebSocket; gives the first text, or "" where it is refused. */
  visit(page: string, url: string): Promise<string>;
  close(): Promise<void>;
}

/** Where `null` is the origin. */
const SANDBOXED = "/sandboxed";

/** The browsers there are here, by name. The first is everywhere. */
const BROWSERS: Record<string, () => Promise<Browser>> = {
  "a browser's requests by hand": () => Promise.resolve(byHand),
  ...(Chromium.path === undefined ? {} : { "Chromium": chromium }),
};

const byHand: Browser = {
  async visit(page, url) {
    const { origin, host, port, pathname } = new URL(page);
    const line = `GET ${pathname} HTTP/1.1`;
    const { status } = await ask(Number(port), { line, headers: { host } });
    assertEquals(status, 200);
    const to = new URL(url);
    const headers = { host: to.host, origin: pathname === SANDBOXED ? "null" : origin };
    const answer = await within(rawHandshake(Number(to.port), { headers }));
    const { peer } = answer;
    const text = answer.status === 101 ? (await within(peer.next(1))).payload : new Uint8Array();
    if (answer.status === 101) peer.close(1001);
    else peer.socket.destroy();
    await within(peer.ended);
    peer.socket.destroy();
    return new TextDecoder().decode(text);
  },
  close: () => Promise.resolve(),
};

async function chromium(): Promise<Browser> {
  const browser = await Chromium.start();
  // One window for all: pages of different ports share nothing but cookies, which nobody sets here.
  let window: Page | undefined;
  return {
    async visit(page, url) {
      if (window === undefined) window = await browser.open(page);
      else await window.goto(page);
      return await window.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(url)});
        socket.onmessage = ({ data }) => resolve(data);
        socket.onclose = () => resolve("");
      })`);
    },
    close: () => browser[Symbol.asyncDispose](),
  };
}

/** A server that serves pages, and greets. */
async function serve(config: Partial<WebSocketServerConfig> = {}): Promise<WatchedServer> {
  const watched = await WatchedServer.start({ ...config, fetch: page });
  watched.server.on("connect", (connection) => void watched.server.send("welcome", connection));
  return watched;
}

function page({ url }: Request): Response {
  const headers = { "content-type": "text/html" };
  const sandbox = { "content-security-policy": "sandbox allow-scripts" };
  const isSandboxed = new URL(url).pathname === SANDBOXED;
  return new Response("<!doctype html><title>A page</title><h1 style='color: red'>Hello</h1>", {
    headers: { ...headers, ...(isSandboxed ? sandbox : {}) },
  });
}

for (const [name, start] of Object.entries(BROWSERS)) {
  describe(`createWebSocketServer() and pages, in ${name}`, () => {
    let browser: Browser;

    beforeAll(async () => {
      browser = await start();
    });
    afterAll(() => browser.close());

    /** Which of the pages get in: of the server's own host name, of another, and of none. */
    async function admitted(watched: WatchedServer): Promise<string[]> {
      const { port } = watched;
      const pages = [
        ["own", `http://127.0.0.1:${port}/`],
        ["other", `http://localhost:${port}/`],
        ["none", `http://127.0.0.1:${port}${SANDBOXED}`],
      ] as const;
      const names = [];
      for (const [name, page] of pages) {
        const text = await browser.visit(page, `ws://127.0.0.1:${port}/`);
        if (text === "welcome") names.push(name);
        else assertEquals(text, "");
      }
      await watched.until(() => watched.errors.length === pages.length - names.length);
      assertEquals(watched.connections.length, names.length);
      assertEquals(watched.errors.map(({ data }) => data), watched.errors.map(() => "403"));
      return names;
    }

    it("lets in the pages of its own host name only, the others are refused with 403", async () => {
      await using watched = await serve();
      assertEquals(await admitted(watched), ["own"]);
      assertMatch(watched.errors[0]!.message, /refused with 403: .*origin/);
    });

    it("lets in a page of its own name from another port", async () => {
      await using watched = await serve();
      await using other = await serve();
      const page = `http://127.0.0.1:${other.port}/`;
      assertEquals(await browser.visit(page, `ws://127.0.0.1:${watched.port}/`), "welcome");
    });

    it("lets in the pages of 'allowedOrigins' only", async () => {
      await using other = await serve({ allowedOrigins: ["http://localhost:1"] });
      assertEquals(await admitted(other), []);
      const { port } = other;
      await other.server.stop();
      const allowedOrigins = [`http://localhost:${port}`];
      await using watched = await serve({ serverPort: port, allowedOrigins });
      assertEquals(await admitted(watched), ["other"]);
    });

    it("lets in every page where 'allowedOrigins' is '*'", async () => {
      await using watched = await serve({ allowedOrigins: "*" });
      assertEquals(await admitted(watched), ["own", "other", "none"]);
    });
  });
}

if (Chromium.path !== undefined) {
  describe("createWebSocketServer() and a page in Chromium", () => {
    let browser: Chromium;

    beforeAll(async () => {
      browser = await Chromium.start();
    });
    afterAll(() => browser[Symbol.asyncDispose]());

    async function connected(watched: WatchedServer): Promise<Page> {
      const page = await browser.open(`http://127.0.0.1:${watched.port}/`);
      await page.evaluate(`new Promise((resolve) => {
        globalThis.socket = new WebSocket(location.href.replace("http", "ws"));
        socket.onmessage = resolve;
        globalThis.over = new Promise((resolve) => {
          socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean]);
        });
      })`);
      return page;
    }

    it("keep a cookie of the 101, also one that they cannot read, and send it the next time", async () => {
      const cookies: (string | null)[] = [];
      await using watched = await serve({
        authorize: ({ headers }, info) => {
          cookies.push(headers.get("cookie"));
          info.headers.append("set-cookie", "session=7; HttpOnly; SameSite=Strict");
          info.headers.append("set-cookie", "theme=dark");
          return true;
        },
      });
      await using page = await connected(watched);
      assertEquals(await page.evaluate("document.cookie"), "theme=dark");
      await page.evaluate(`new Promise((resolve) => {
        new WebSocket(location.href.replace("http", "ws")).onmessage = resolve;
      })`);
      assertEquals(cookies, [null, "session=7; theme=dark"]);
    });

    it("tell of a page that is closed as 'close' 1001", async () => {
      await using watched = await serve();
      const page = await connected(watched);
      await page[Symbol.asyncDispose]();
      assertEquals(await watched.closed(), { code: 1001, reason: "" });
      assertEquals(watched.log, ["connect", "close 1001 "]);
    });

    it("go on as the server stops: the page hears 1001, and its next attempt fails", async () => {
      await using watched = await serve();
      await using page = await connected(watched);
      const url = `ws://127.0.0.1:${watched.port}/`;
      await within(watched.server.stop());
      assertEquals(await page.evaluate("over"), [1001, "server is going away", true]);
      const again = await page.evaluate(`new Promise((resolve) => {
        new WebSocket("${url}").onclose = ({ code }) => resolve(code);
      })`);
      assertEquals(again, 1006);
    });

    it("are in a browser that evaluates, tells what fails, keeps the console, and takes a picture", async () => {
      await using watched = await serve();
      await using page = await browser.open(`http://127.0.0.1:${watched.port}/`);
      assertEquals(await page.evaluate("document.title"), "A page");
      assertEquals(await page.evaluate("Promise.resolve([1, { a: null }])"), [1, { a: null }]);
      await assertRejects(() => page.evaluate("nowhere.at"), Error, "nowhere is not defined");
      await page.evaluate("console.log('one', 2)");
      assertEquals(page.console.at(-1), "one 2");
      const file = join(tmpdir(), `netkit-page-${process.pid}.png`);
      try {
        await page.screenshot(file);
        const png = readFileSync(file);
        assertEquals(png.subarray(1, 4).toString(), "PNG");
        assertGreater(png.length, 1000);
      } finally {
        rmSync(file, { force: true });
      }
    });
  });
}
