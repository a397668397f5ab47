/** Clients that reconnect, a server that is killed and started again, and real time. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { createWebSocket } from "../../mod.ts";
import { within } from "../helpers/client.ts";
import { freePort, HERE, Program } from "../helpers/programs.ts";

const CLIENTS = 500;
const QUEUED = 5;

async function serve(port: number): Promise<Program> {
  const args = [String(port)];
  const program = Program.run(HERE, "tests/programs/reconnect_server.ts", { args });
  await within(program.line(/^listening/m));
  return program;
}

async function kill(program: Program): Promise<void> {
  program.kill("SIGKILL");
  await program.ended;
}

describe(`${CLIENTS} clients that reconnect, and a server that is killed`, () => {
  it("come back, spread over time, and lose nothing that was queued", async () => {
    const port = await freePort();
    let server = await serve(port);
    const clients = [];
    /** When the attempt was due by which each client was open again, in ms: no matter how busy the machine is. */
    const due: number[] = [];
    const back: number[] = [];
    let all!: () => void;
    const everybody = new Promise<void>((resolve) => all = resolve);
    for (let n = 0; n < CLIENTS; n++) {
      const ws = createWebSocket({ reconnect: { minDelay: 1, maxDelay: 4 } });
      clients.push(ws);
      void ws.connect(`ws://127.0.0.1:${port}/`);
      await within(ws.opened);
    }
    for (const [n, ws] of clients.entries()) {
      ws.on("reconnecting", ({ delay }) => void (due[n] = performance.now() + delay * 1000));
      ws.on("open", () => {
        if (back.push(due[n] ?? 0) === CLIENTS) all();
      });
    }

    const lost = Promise.all(
      clients.map((ws) =>
        new Promise<void>((resolve) =>
          ws.on("reconnecting", ({ attempt }) => attempt === 1 && resolve())
        )
      ),
    );
    await kill(server);
    await within(lost);
    for (const [n, ws] of clients.entries()) {
      for (let i = 0; i < QUEUED; i++) assertEquals(await ws.send(`${n}:${i}`), false);
    }
    server = await serve(port);
    await within(everybody);

    await within(server.line(new RegExp(`(got .*\n){${CLIENTS * QUEUED}}`)));
    const got = Array.from(server.stdout.matchAll(/^got (\d+):(\d+)$/gm), ([, n, i]) => [n, i]);
    assertEquals(got.length, CLIENTS * QUEUED);
    for (let n = 0; n < CLIENTS; n++) {
      const mine = got.filter(([name]) => name === `${n}`).map(([, i]) => Number(i));
      assertEquals(mine, Array.from({ length: QUEUED }, (_, i) => i));
    }
    const first = Math.min(...back);
    const histogram: number[] = [];
    for (const ms of back) {
      const bin = Math.floor((ms - first) / 250);
      histogram[bin] = (histogram[bin] ?? 0) + 1;
    }
    const filled = Array.from(histogram, (count) => count ?? 0);
    assertLess(Math.max(...filled), CLIENTS * 0.6, `due per 250 ms: ${filled}`);
    assert(filled.filter((count) => count > 0).length >= 4, `due per 250 ms: ${filled}`);
    if (process.env.SHOW_HISTOGRAM) console.log(`due per 250 ms: ${filled}`);

    for (const ws of clients) await within(ws.close());
    for (const ws of clients) await within(ws.closed);
    await kill(server);
  });
});
