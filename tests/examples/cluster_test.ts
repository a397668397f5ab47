/** The demo of several servers as one: its counters, and its page in Chromium where that is. */

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "../../scripts/setup.mjs";
import { createWebSocket } from "../../mod.ts";
import { Chromium } from "../helpers/chromium.ts";
import { within } from "../helpers/client.ts";
import { endAll, processesWith } from "../helpers/processes.ts";
import { freePort, HERE, Program } from "../helpers/programs.ts";
import { until as untilSo } from "../helpers/until.ts";
import { assertAccessible, takePicture, textsOf, until } from "./pages.ts";

const redis = await system("redis-server");

interface State {
  engine: { name: string; isUp: boolean };
  nodes: { isUp: boolean; clients?: number; present?: number[] }[];
  open: number;
  messages: number;
  lost: number;
  twice: number;
  moved: number;
}

/** The demo in a process of its own, and what it tells its page. */
class Demo implements AsyncDisposable {
  readonly port: number;
  readonly #program: Program;
  readonly #ws = createWebSocket();
  state: State | undefined;

  private constructor(port: number, program: Program) {
    this.port = port;
    this.#program = program;
  }

  static async start(engine: string, path: string): Promise<Demo> {
    const port = await freePort();
    const args = [engine, path, String(port)];
    const program = Program.run(HERE, "examples/cluster/demo.ts", { args });
    const demo = new Demo(port, program);
    await program.line(/The demo is at/);
    demo.#ws.on("message", (_, data) => demo.state = JSON.parse(String(data)));
    await demo.#ws.connect(`ws://127.0.0.1:${port}/`);
    await demo.until(
      "all are there",
      ({ nodes, open }) =>
        open === 60 &&
        nodes.every(({ present }) => present?.reduce((sum, count) => sum + count, 0) === 120),
    );
    return demo;
  }

  async kill(what: string): Promise<void> {
    await this.#ws.send(what);
  }

  async until(what: string, isSo: (state: State) => boolean): Promise<State> {
    const look = () => this.state !== undefined && isSo(this.state);
    await untilSo(what, look, 30_000, () => this.state);
    return this.state!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ws.state === "open") await this.#ws.close();
    this.#program.kill("SIGTERM");
    assertEquals((await this.#program.ended).code, 0);
  }
}

describe("examples/cluster/", () => {
  it("loses nothing in one process, over the log in memory, when a server stops", async () => {
    await using demo = await Demo.start("memory", "");
    await demo.kill("1");
    await demo.until("its clients went elsewhere", ({ moved, open }) => moved > 10 && open === 60);
    const { messages } = demo.state!;
    const state = await demo.until("they get messages", (now) => now.messages > messages + 500);
    assertEquals([state.lost, state.twice], [0, 0]);
  });

  if (redis !== undefined) {
    const early = [
      [
        "says which server cannot be started",
        "exit 1",
        1,
        /^Node (one|two), Deno has ended 3 times/m,
      ],
      ["is told to by Ctrl-C", "exec sleep 60", 0, /^$/],
    ] as const;
    for (const [how, script, code, words] of early) {
      it(`leaves nothing where it ends before all servers are there, as it ${how}`, async () => {
        const folder = mkdtempSync(join(tmpdir(), "cluster-"));
        const DENO = join(folder, "deno");
        writeFileSync(DENO, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        const args = ["redis", redis, String(await freePort())];
        const env = { TMPDIR: folder, DENO };
        const program = Program.run(HERE, "examples/cluster/demo.ts", { args, env });
        try {
          // The demo, Redis, and the three servers.
          if (code === 0) {
            await untilSo("all have begun", () => processesWith(folder).length === 5, 60_000);
            program.kill("SIGINT");
          }
          const ended = await within(program.ended, 60_000);
          assertEquals(ended.code, code, ended.stderr);
          assertMatch(ended.stderr, words);
          await untilSo("no process is left", () => processesWith(folder).length === 0, 5000);
          assertEquals(readdirSync(folder), ["deno"]);
        } finally {
          await endAll(program, folder);
        }
      });
    }

    it("loses nothing when a server is killed, and then Redis, from its page", async () => {
      await using demo = await Demo.start("redis", redis);
      if (Chromium.path === undefined) {
        await demo.kill("2");
        await demo.kill("engine");
      } else {
        await using browser = await Chromium.start();
        const page = await browser.open(`http://127.0.0.1:${demo.port}/`);
        await until(page, "document.querySelectorAll('#nodes tr').length === 3");
        await until(
          page,
          "[...document.querySelectorAll('#presence td')].some((td) => td.innerText === '20')",
        );
        await assertAccessible(browser, page);
        await takePicture(browser, page, "cluster.png");
        // By the keyboard: the engine's button comes first, then the servers'. What is drawn anew keeps the focus.
        for (let i = 0; i < 4; i++) await page.press("Tab");
        await until(page, "document.activeElement.name === 'kill 2'");
        const shown = await page.evaluate("document.querySelector('#counters').innerText");
        await until(
          page,
          `document.querySelector('#counters').innerText !== ${JSON.stringify(shown)}`,
        );
        await page.press("Enter");
        await until(page, "document.querySelectorAll('#nodes tr.down').length === 1");
        await page.evaluate("document.querySelector(`[name='kill engine']`).click()");
        await until(page, "document.querySelector('#engine').innerText.includes('is away')");
        await until(page, "!document.querySelector('#engine').innerText.includes('is away')");
        const counters = await textsOf(page, "#counters div");
        assert(counters.includes("lost 0") && counters.includes("twice 0"), counters.join());
        assertEquals(await textsOf(page, "#counters .good"), ["lost 0", "twice 0"]);
      }
      await demo.until("Redis is back", ({ engine, moved }) => engine.isUp && moved > 10);
      const { messages } = demo.state!;
      const state = await demo.until("messages come", (now) => now.messages > messages + 500);
      assertEquals([state.lost, state.twice], [0, 0]);
      assertGreater(state.moved, 10);
    });
  }
});
