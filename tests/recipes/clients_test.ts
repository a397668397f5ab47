/** Clients over our class: rxjs, partysocket, reconnecting-websocket, nats-core, Puppeteer. */

import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as reconnecting from "reconnecting-websocket";
import { filter, firstValueFrom, take, toArray } from "rxjs";
import { natsConnection } from "../../docs/recipes/nats.ts";
import { partySocket } from "../../docs/recipes/partysocket.ts";
import { options } from "../../docs/recipes/reconnecting_websocket.ts";
import { subject } from "../../docs/recipes/rxjs.ts";
import { createWebSocketServer, type WebSocketServer } from "../../mod.ts";
import { Chromium } from "../helpers/chromium.ts";
import { within } from "../helpers/client.ts";
import { HERE, Program } from "../helpers/programs.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { RawServer, TEXT } from "../peers/raw.ts";

/** A server that sends everything back. */
async function echo(): Promise<{ server: WebSocketServer; url: string }> {
  const server = createWebSocketServer();
  server.on("messageReceive", ({ clientConnection, data }) => {
    server.send(data, clientConnection);
  });
  await server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  return { server, url: `ws://127.0.0.1:${server.address!.port}/` };
}

describe("rxjs", () => {
  it("sends and receives JSON", async () => {
    const { server, url } = await echo();
    const numbers = subject<number>(url);
    const heard = within(firstValueFrom(numbers.pipe(filter((n) => n > 1), take(2), toArray())));
    for (const n of [1, 2, 3]) numbers.next(n);
    assertEquals(await heard, [2, 3]);
    numbers.complete();
    await server.stop();
  });
});

// How it is exported depends on who reads the package.
type ReconnectingWebSocket = ReturnType<typeof partySocket>;
const { default: found } = reconnecting as { default: unknown };
const ReconnectingSocket = ((found as { default?: unknown }).default ?? found) as new (
  url: string,
  protocols: string[],
  given: typeof options,
) => ReconnectingWebSocket;

for (
  const [name, make] of [
    ["partysocket", partySocket],
    ["reconnecting-websocket", (url: string) => new ReconnectingSocket(url, [], options)],
  ] as const
) {
  describe(name, () => {
    it("notices a dead server by our heartbeat, and connects again", async () => {
      const server = await RawServer.listen({ pong: false });
      const ws = make(server.url);
      const watch = new Stopwatch();
      const opened = new Promise((resolve) => ws.addEventListener("open", resolve));
      const closed = new Promise((resolve) => ws.addEventListener("close", resolve));
      ws.send("kept until it is open");
      const peer = await within(server.accept());
      await within(Promise.all([opened, peer.next(TEXT)]));
      assertEquals(peer.texts(), ["kept until it is open"]);
      await within(closed);
      watch.assertLess(3500);
      await within(new Promise((resolve) => ws.addEventListener("open", resolve)));
      const over = new Promise((resolve) => ws.addEventListener("close", resolve));
      ws.close();
      await within(over);
      await server.close();
    });
  });
}

describe("nats-core", () => {
  it("publishes, subscribes and asks by our class", async () => {
    const folder = mkdtempSync(join(tmpdir(), "nats-"));
    const config = join(folder, "nats.conf");
    const ports = join(folder, "ports");
    writeFileSync(
      config,
      `listen: "127.0.0.1:-1"\nports_file_dir: "${folder}"\n` +
        'websocket { listen: "127.0.0.1:-1", no_tls: true }\n',
    );
    const nats = spawn("nats-server", ["-c", config], { stdio: ["ignore", "ignore", "pipe"] });
    const ended = new Promise((resolve) => nats.once("close", resolve));
    let said = "";
    const port = await within(
      new Promise<string>((resolve) =>
        nats.stderr.setEncoding("utf8").on("data", (text: string) => {
          said += text;
          const port = /websocket clients on ws:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1];
          if (port !== undefined && said.includes("Server is ready")) resolve(port);
        })
      ),
    );
    const connection = await within(natsConnection(`ws://127.0.0.1:${port}`));
    const subscription = connection.subscribe("hello", { max: 1 });
    connection.publish("hello", "you");
    for await (const message of subscription) assertEquals(message.string(), "you");
    connection.subscribe("ask", { callback: (_, message) => void message.respond("answer") });
    assertEquals((await within(connection.request("ask"))).string(), "answer");
    await connection.close();
    nats.kill();
    await ended;
    rmSync(folder, { recursive: true });
    assert(ports.length > 0);
  });
});

describe("Puppeteer", () => {
  it("drives Chromium by our client", async () => {
    await using chromium = await Chromium.start();
    const file = "tests/recipes/puppeteer_program.ts";
    const { stdout, stderr } = await Program.run(HERE, file, { args: [chromium.url] }).ended;
    assertEquals([stdout, stderr], ["hello PNG\n", ""]);
  });
});
