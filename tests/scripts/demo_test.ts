/** The demo's last words, and the pages that they lead to: each opens by its command, and ends by Ctrl-C. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { system } from "../../scripts/setup.mjs";
import { within } from "../helpers/client.ts";
import { until } from "../helpers/until.ts";
import { endAll, processesWith } from "../helpers/processes.ts";
import { freePort, HERE, Program, ROOT } from "../helpers/programs.ts";

const redis = await system("redis-server");
const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const { tasks } = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));
const demos = Object.keys(scripts).filter((name) => name.startsWith("demo:"));

/** Whether somebody listens on a port. */
function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

describe("the demo", () => {
  it("compares the logs, and says what to look at next: commands that there are", async () => {
    const { stdout, code } = await Program.run(HERE, "scripts/demo.mjs").ended;
    assertEquals(code, 0, stdout);
    assertStringIncludes(stdout, "The two logs are identical, line by line: 12 lines.");
    const said = Array.from(
      stdout.matchAll(/^ {2}(?:deno task|bun run|npm run) (demo:\w+) +(\S.*)$/gm),
      ([, name]) => name!,
    );
    assertEquals(said.toSorted(), demos.toSorted());
    assert(said.includes("demo:chat") && said.includes("demo:dashboard"));
    for (const name of said) assert(name in tasks, `deno task ${name}`);
    const tool = HERE === "deno" ? "deno task" : "bun run";
    assertStringIncludes(stdout, `  ${tool} demo:chat `);
  });

  const pages = [
    ["chat", "Chat"],
    ["dashboard", "WebSocket dashboard"],
    ["cluster", "Several servers as one", "memory"],
    ...(redis === undefined ? [] : [["cluster", "Several servers as one", "redis"]]),
  ];
  for (const [name, title, ...more] of pages) {
    it(`has a page, ${[name, ...more].join(" on ")}, and leaves nothing on Ctrl-C, told twice`, async () => {
      const [, script, ...args] = scripts[`demo:${name}`].split(" ");
      const { command } = tasks[`demo:${name}`];
      assertEquals(command, ["deno run -A", script, ...args].join(" "));
      const port = await freePort();
      const folder = mkdtempSync(join(tmpdir(), "netkit-demo-"));
      const program = Program.run(HERE, script, {
        args: [...args, ...more, String(port)],
        env: { TMPDIR: folder },
      });
      try {
        // Three servers and Redis take a while to start where a machine has much to do.
        const [, url] = await deadline(program.line(/(http:\S+)/), 90_000);
        if (process.platform === "linux") assert(processesWith(folder).length > 0);
        assertEquals(url, `http://127.0.0.1:${port}/`);
        const answer = await fetch(url!);
        assertStringIncludes(await answer.text(), `<title>${title}</title>`);
        // The terminal tells the whole group, and npm passes it on besides; a terminal that is closed tells SIGHUP.
        const first = name === "dashboard" ? "SIGHUP" : "SIGINT";
        for (const signal of [first, "SIGINT"]) process.kill(program.child.pid!, signal);
        const { code, signal, stderr } = await within(program.ended);
        if (process.platform !== "win32") assertEquals([code, signal], [0, null], stderr);
        assertEquals(await isTaken(port), false);
        assertEquals(readdirSync(folder).filter((name) => name.includes("demo")), []);
        await until("no process is left", () => processesWith(folder).length === 0, 5000);
      } finally {
        await endAll(program, folder);
      }
    });
  }

  it("have a port that is free where 8080 is taken", async () => {
    const holder = createServer().listen(8080, "127.0.0.1");
    // Somebody else may have it, such as the other runtime's run of this test, and may give it back.
    const isOurs = await new Promise((resolve) =>
      holder.once("listening", () => resolve(true)).once("error", () => resolve(false))
    );
    for (const [name, _, ...more] of pages.filter(([, , engine]) => engine !== "redis")) {
      const [, script, ...args] = scripts[`demo:${name}`].split(" ");
      const program = Program.run(HERE, script, { args: [...args, ...more] });
      let port: string | undefined;
      try {
        [, port] = await deadline(program.line(/http:\S+:(\d+)/), 90_000);
        assert(await isTaken(Number(port)), name);
      } finally {
        process.kill(program.child.pid!, "SIGINT");
      }
      const { stderr } = await within(program.ended);
      assert(!(isOurs && port === "8080"), name);
      assertEquals(stderr, "", name);
    }
    await new Promise((resolve) => holder.close(resolve));
  });

  for (const engine of redis === undefined ? ["memory"] : ["memory", "redis"]) {
    it(`leaves nothing of three servers on ${engine} where the page's port is taken`, async () => {
      const holder = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => holder.once("listening", resolve));
      const { port } = holder.address() as { port: number };
      const folder = mkdtempSync(join(tmpdir(), "netkit-demo-"));
      const program = Program.run(HERE, "scripts/demo_cluster.mjs", {
        args: [engine, String(port)],
        env: { TMPDIR: folder },
      });
      try {
        const { code, stderr } = await deadline(program.ended, 90_000);
        // On a busy machine a server that could not read its log in time has said so before, and was started again.
        assertEquals([code, stderr.trim().split("\n").at(-1)], [
          1,
          `Websocket port already occupied: start: 127.0.0.1 port ${port}`,
        ]);
        assertEquals(readdirSync(folder).filter((name) => name.includes("demo")), []);
        await until("no process is left", () => processesWith(folder).length === 0, 5000);
      } finally {
        await endAll(program, folder);
        await new Promise((resolve) => holder.close(resolve));
      }
    });
  }

  it("says which pages there are", async () => {
    const { stderr, code } = await Program.run(HERE, "scripts/demo_page.mjs", {
      args: ["nothing"],
    }).ended;
    assertMatch(stderr, /^Say which: demo_page chat, or demo_page dashboard\n$/);
    assertEquals(code, 1);
  });
});
