/**
 * What the runtimes' own WebSocket makes of the environment's proxies, without our module, on
 * Deno 2.9.6 and Bun 1.4.5. `withProxyEnvironment` of `runtime/proxy.ts` is for it: where one of these
 * turns red after an upgrade, it can go or must change.
 */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import process from "node:process";
import { onDeno } from "../helpers/programs.ts";
import { RawServer } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";
import { dial } from "./bare.ts";

const deno = (globalThis as unknown as {
  Deno: { createHttpClient(options: object): { close(): void } };
}).Deno;

const NAMES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]
  .flatMap((name) => [name, name.toUpperCase()]);

/** Whether a connection goes through a proxy; `PROXY` stands for its URL. */
async function goesThrough(
  env: Record<string, string>,
  explicit: boolean,
  clientBefore = false,
): Promise<boolean> {
  await using proxy = await RecordingProxy.listen();
  const url = `http://127.0.0.1:${proxy.port}`;
  const server = await RawServer.listen();
  const kept = NAMES.map((name) => [name, process.env[name]] as const);
  for (const name of NAMES) delete process.env[name];
  const early = clientBefore ? deno.createHttpClient({}) : undefined;
  try {
    for (const [name, value] of Object.entries(env)) {
      process.env[name] = value.replace("PROXY", url);
    }
    // Deno's default HttpClient, made once, would keep what the first test has told it.
    const client = early ??
      (onDeno ? deno.createHttpClient(explicit ? { proxy: { url } } : {}) : undefined);
    const init = client !== undefined ? { client } : explicit ? { proxy: url } : {};
    const { ws, log, over } = dial(server.url, init);
    client?.close();
    ws.addEventListener("open", () => ws.close());
    await deadline(over, 30_000);
    assertEquals(log[0], "open");
    return proxy.lines.length > 0;
  } finally {
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await server.close();
  }
}

describe("the runtime's WebSocket and the environment's proxies", () => {
  it("goes through the environment's on Deno, and not on Bun", async () => {
    for (const name of ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]) {
      assertEquals([name, await goesThrough({ [name]: "PROXY" }, false)], [name, onDeno]);
    }
  });

  it("goes through none without, and through the one it is told", async () => {
    assertEquals(await goesThrough({}, false), false);
    assertEquals(await goesThrough({}, true), true);
  });

  it("obeys the environment's exceptions even for the one it is told", async () => {
    for (const name of ["no_proxy", "NO_PROXY"]) {
      assertEquals([name, await goesThrough({ [name]: "127.0.0.1" }, true)], [name, false]);
    }
    // Deno does not know the star beside a proxy it is told.
    assertEquals(await goesThrough({ NO_PROXY: "*" }, true), onDeno);
  });

  it("reads the environment on Deno as its HttpClient is made, and not as it connects", async () => {
    if (!onDeno) return assertEquals(await goesThrough({ HTTP_PROXY: "PROXY" }, false), false);
    assertEquals(await goesThrough({ HTTP_PROXY: "PROXY" }, false, true), false);
  });
});
