import { assert, assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { MODULE, runSource } from "../helpers/source.ts";

const RAW = new URL("../peers/raw.ts", import.meta.url).href;
const START = `
import { createWebSocket } from ${JSON.stringify(MODULE)};
import { RawServer } from ${JSON.stringify(RAW)};
const ws = createWebSocket();
`;
/** Something later than whatever would end the process. */
const END = `
await new Promise((resolve) => setTimeout(resolve, 50));
console.log("the end");
`;

describe("createWebSocket() with a refused call nobody handles", () => {
  const calls: [what: string, line: string, code: number][] = [
    ["connect to a wrong URL", `ws.connect("");`, 2302001],
    ["connect to an empty host", `ws.connect("ws://");`, -1],
    ["connect with a wrong argument", `ws.connect(null as unknown as string);`, 401],
    ["connect with a missing file", `ws.connect("wss://a/", { caPath: "/none" });`, 2302002],
    ["send while idle", `ws.send("hello");`, -1],
    ["send of a wrong argument", `ws.send(5 as unknown as string);`, 401],
    ["close while idle", `ws.close();`, 2302999],
    ["one in an event handler", `setTimeout(() => ws.close(), 1);`, 2302999],
    ["one with a then", `ws.send("hello").then(() => console.log("never"));`, -1],
    ["one with two thens", `ws.send("hello").then(() => 1).then(() => 2);`, -1],
    ["one with a finally", `ws.send("hello").finally(() => {});`, -1],
    [
      "one with a then and a branch",
      `const p = ws.close(); p.then(() => 1); p.finally(() => 2);`,
      2302999,
    ],
  ];
  for (const [what, line, code] of calls) {
    it(`prints it and goes on: ${what}`, async () => {
      const ended = await runSource(START + line + END);
      assertEquals([ended.code, ended.stdout.trim()], [0, "the end"], ended.stderr);
      assertStringIncludes(ended.stderr, "BusinessError");
      assert(new RegExp(`code"?: ${code}\\b`).test(ended.stderr), ended.stderr);
    });
  }

  it("prints nothing when it is handled, now or by an await", async () => {
    const ended = await runSource(
      `${START}
      ws.send("1").catch((error) => console.log("caught", error.code));
      ws.send("2").then(undefined, (error) => console.log("then", error.code));
      ws.send("3").then(() => {}).catch((error) => console.log("chained", error.code));
      try {
        await ws.close();
      } catch (error) {
        console.log("awaited", error.code);
      }
      const settled = await Promise.allSettled([ws.send("4"), ws.close()]);
      console.log(settled.map(({ status }) => status).join());
      ws.send("5", (error) => console.log("callback", error.code));
      ${END}`,
    );
    assertEquals(ended.stderr, "");
    assertEquals(
      ended.stdout.trim().split("\n").sort(),
      [
        "awaited 2302999",
        "callback -1",
        "caught -1",
        "chained -1",
        "rejected,rejected",
        "the end",
        "then -1",
      ].sort(),
    );
    assertEquals(ended.code, 0);
  });

  it("does not hide a failure of the program's own in a handler", async () => {
    const ended = await runSource(
      `${START}
      ws.send("hello").catch(() => { throw new Error("the program's own"); });
      ${END}`,
    );
    // Deno ends at once, Bun 1.4.5 at the end, both as for any rejection nobody handles.
    assertStringIncludes(ended.stderr, "the program's own");
    assertEquals(ended.code, 1);
  });

  it("leaves 'opened' and 'closed' of a failed attempt harmless", async () => {
    const ended = await runSource(
      `${START}
      ws.opened;
      ws.closed;
      ws.on("error", (error) => console.log(error.code));
      await ws.connect("ws://127.0.0.1:1/");
      await ws.closed.catch(() => {});
      ${END}`,
    );
    assertEquals([ended.code, ended.stdout.trim(), ended.stderr], [0, "200\nthe end", ""]);
  });
});

describe("createWebSocket().connect() with a function alone", () => {
  it("says once that it is the callback, as there is no 'reconnect'", async () => {
    const ended = await runSource(
      `${START}
      for (const client of [ws, createWebSocket()]) {
        const error = await new Promise<{ code: number }>((resolve) =>
          void client.connect(resolve as never)
        );
        console.log(error.code);
      }
      const reconnecting = createWebSocket({ reconnect: true });
      await reconnecting.connect(() => "ws://127.0.0.1:1/");
      await reconnecting.close();
      ${END}`,
    );
    assertEquals(ended.stdout.trim().split("\n"), ["401", "401", "the end"]);
    assertEquals(ended.stderr.trim().split("\n").length, 1, ended.stderr);
    assertStringIncludes(ended.stderr, "a function that gives the URL needs 'reconnect'");
  });
});

describe("a process with a client", () => {
  const programs: [what: string, source: string][] = [
    ["a close", `await ws.opened; await ws.close(); await ws.closed; await server.close();`],
    [
      "the peer's close",
      `await ws.opened; (await server.accept()).close(1000); await ws.closed;
      await server.close();`,
    ],
    [
      "a loss",
      `await ws.opened; (await server.accept()).reset(); await ws.closed;
      await server.close();`,
    ],
    ["an aborted attempt", `await ws.close(); await ws.closed; await server.close();`],
    [
      "a failed attempt",
      `await server.close(); await ws.closed.catch(() => {});
      await ws.connect("ws://127.0.0.1:1/"); await ws.closed.catch(() => {});`,
    ],
  ];
  for (const [what, source] of programs) {
    it(`ends by itself after ${what}`, async () => {
      const ended = await runSource(
        `${START}
        const server = await RawServer.listen();
        await ws.connect(server.url);
        ${source}
        console.log("the end");`,
      );
      assertEquals([ended.code, ended.signal, ended.stdout.trim()], [0, null, "the end"]);
      assertLess(ended.ms, 10_000);
    });
  }
});
