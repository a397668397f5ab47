/** Several processes on one port, and a new version with no gap. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { pathToFileURL } from "node:url";
import { createWebSocket, createWebSocketServer } from "../../mod.ts";
import { FakeClock, MemoryNetwork } from "../../testing.ts";
import { Certificates, type Made } from "../helpers/certificates.ts";
import { freePort, HERE, Program, ROOT } from "../helpers/programs.ts";
import { assertRefused, LIMIT_MS } from "../helpers/watched_server.ts";
import { rawConnect } from "../peers/raw.ts";

const PROGRAM = "tests/programs/shared_port.ts";

const FLAGS = HERE === "deno" ? ["-A", "--unstable-net", "--no-prompt"] : [];

/**
 * Starts the server of `docs/deploying.md`, with its port changed, this module in its import, and a
 * certificate where one is given.
 */
async function serveAsWritten(
  port: number,
  version: string,
  folder: string,
  serverCert?: Made,
): Promise<Program> {
  const page = readFileSync(join(ROOT, "docs/deploying.md"), "utf8");
  const section = page.slice(page.indexOf("## A new version with no gap"));
  const [, code = ""] = /^```js\n(.*?)^```/ms.exec(section)!;
  const file = join(folder, `${version}.ts`);
  const module = pathToFileURL(join(ROOT, "mod.ts")).href;
  const secured = serverCert === undefined ? "" : `, serverCert: ${JSON.stringify(serverCert)}`;
  const text = code.replace("8080", `${port}${secured}`).replace("@netkit/websocket", module);
  writeFileSync(file, text);
  const options = { args: [version], ...(HERE === "deno" ? { flags: FLAGS } : {}) };
  const program = Program.run(HERE, file, options);
  await program.line(new RegExp(`^version ${version} listens$`, "m"));
  return program;
}

/** A server in a process of its own, and its port. */
async function serve(port: number, name: string): Promise<{ program: Program; port: number }> {
  const program = Program.run(HERE, PROGRAM, {
    args: [String(port), name],
    ...(HERE === "deno" ? { flags: FLAGS } : {}),
  });
  const [, printed] = await program.line(/^port (\d+)$|"code"/m);
  return { program, port: Number(printed) };
}

/** Who serves a client that connects now. */
async function whoServes(port: number): Promise<string> {
  const ws = createWebSocket();
  const name = new Promise((resolve) => ws.once("message", (_, data) => resolve(data)));
  await ws.connect(`ws://127.0.0.1:${port}/`);
  await deadline(ws.opened, LIMIT_MS);
  const told = await deadline(name, LIMIT_MS);
  await ws.close();
  await ws.closed;
  return told as string;
}

/** What a client was told, in order. */
class Lines {
  readonly all: unknown[] = [];
  readonly #checks = new Set<() => void>();

  add(line: unknown): void {
    this.all.push(line);
    for (const check of this.#checks) check();
  }

  /** Waits until it was told this. */
  async has(line: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const check = () => void (this.all.includes(line) && resolve());
    this.#checks.add(check);
    check();
    await deadline(promise, LIMIT_MS);
  }
}

/** Who has signed the certificate that a port shows. */
function issuer(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.once("secureConnect", () => {
    resolve(String(socket.getPeerCertificate().issuer.CN));
    socket.destroy();
  });
  socket.once("error", reject);
  return deadline(promise, LIMIT_MS);
}

describe("createWebSocketServer().start({ reusePort: true })", () => {
  it("spreads connections among three processes, and among two when one is killed", async () => {
    const first = await serve(0, "one");
    const { port } = first;
    const rest = await Promise.all(["two", "three"].map((name) => serve(port, name)));
    const all = [first, ...rest];
    try {
      assertEquals(all.map((one) => one.port), [port, port, port]);
      const served = new Set<string>();
      for (let i = 0; i < 200 && served.size < 3; i++) served.add(await whoServes(port));
      assertEquals(served, new Set(["one", "two", "three"]));
      first.program.kill("SIGKILL");
      await first.program.ended;
      for (let i = 0; i < 20; i++) assert(await whoServes(port) !== "one");
    } finally {
      for (const { program } of all) program.kill("SIGKILL");
      await Promise.all(all.map(({ program }) => program.ended));
    }
  });

  it("lets a new version take over with no gap, as the documentation has it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gap-"));
    const port = await freePort();
    const old = await serveAsWritten(port, "1", folder);
    let young: Program | undefined;
    const ws = createWebSocket({ reconnect: { random: () => 0 } });
    const log = new Lines();
    ws.on("message", (_, data) => log.add(data));
    ws.on("error", (error) => log.add(error.message));
    ws.on("close", (_, { code, reason }) => log.add(`${code} ${reason}`));
    try {
      await ws.connect(`ws://127.0.0.1:${port}/`);
      await log.has("version 1");
      young = await serveAsWritten(port, "2", folder);
      old.kill("SIGTERM");
      const { stderr } = await old.ended;
      assertEquals(stderr, "");
      for (let i = 0; i < 5; i++) assertEquals(await whoServes(port), "version 2");
      await log.has("version 2");
      assertEquals(log.all, ["version 1", "1012 retry after 1", "version 2"]);
      await ws.close();
      await ws.closed;
    } finally {
      for (const program of [old, young]) program?.kill("SIGKILL");
      await Promise.all([old.ended, young?.ended]);
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("leaves new clients to the others while it waits for a peer that reads slowly", async () => {
    const { program: old, port } = await serve(0, "old");
    let young: Program | undefined;
    const slow = await rawConnect(port, { line: "GET /much HTTP/1.1" });
    const quick = createWebSocket();
    try {
      slow.socket.pause(); // its messages wait at the server
      await quick.connect(`ws://127.0.0.1:${port}/`);
      await deadline(quick.opened, LIMIT_MS);
      ({ program: young } = await serve(port, "young"));
      old.kill("SIGTERM");
      assertEquals((await deadline(quick.closed, LIMIT_MS)).code, 1012);
      let isGone = false;
      void old.ended.then(() => isGone = true);
      const served = new Set<string>();
      while (!isGone) served.add(await whoServes(port).catch(({ data }) => data));
      // Deno cannot stop listening and keep what is connected; whom it has not seen is cut off at its end.
      if (HERE === "deno") served.delete("0");
      assertEquals(served, new Set(HERE === "bun" ? ["young"] : ["young", "503"]));
    } finally {
      slow.socket.destroy();
      for (const program of [old, young]) program?.kill("SIGKILL");
      await Promise.all([old.ended, young?.ended]);
    }
  });

  it("renews a certificate with no gap: who comes back, and who is new, meets the new one", async () => {
    const certificates = new Certificates();
    const [authority, other] = ["old", "new"].map((name) => certificates.authority(name));
    const port = await freePort();
    const { folder } = certificates;
    const old = await serveAsWritten(port, "1", folder, certificates.leaf(authority!));
    const caPath = certificates.file(
      "both.pem",
      [authority!, other!].map(({ certPath }) => readFileSync(certPath, "utf8")).join(""),
    );
    let young: Program | undefined;
    await using ws = createWebSocket({ reconnect: { random: () => 0 } });
    const log = new Lines();
    ws.on("message", (_, data) => log.add(data));
    ws.on("close", (_, { code, reason }) => log.add(`${code} ${reason}`));
    try {
      await ws.connect(`wss://localhost:${port}/`, { caPath });
      await log.has("version 1");
      assertEquals(await issuer(port), "old");
      young = await serveAsWritten(port, "2", folder, certificates.leaf(other!));
      old.kill("SIGTERM");
      // At no moment is there nobody: each of these is served, by whichever of the two.
      const gone = old.ended.then(() => true);
      for (let isGone = false; !isGone;) {
        // Who waits in the queue of one that ends is reset by the system, and not refused.
        const reset = ({ code }: { code?: string }) => assertEquals(code, "ECONNRESET");
        const shown = await issuer(port).catch(reset);
        assert(shown === undefined || ["old", "new"].includes(shown));
        isGone = await Promise.race([
          gone,
          new Promise<false>((next) => setTimeout(next, 5, false)),
        ]);
      }
      assertEquals((await gone, (await old.ended).code), 0);
      for (let i = 0; i < 5; i++) assertEquals(await issuer(port), "new");
      await log.has("version 2");
      assertEquals(log.all, ["version 1", "1012 retry after 1", "version 2"]);
    } finally {
      for (const program of [old, young]) program?.kill("SIGKILL");
      await Promise.all([old.ended, young?.ended]);
    }
  });

  it("takes no port of somebody who does not share it", async () => {
    const alone = createWebSocketServer();
    await alone.start({ serverPort: 0, serverIP: "127.0.0.1" });
    const { program } = await serve(alone.address!.port, "sharer");
    assertStringIncludes((await program.ended).stdout, '"code":2302007');
    await alone.stop();
  });

  if (HERE === "deno") {
    it("is refused with 2302999 without --unstable-net, and the process lives on", async () => {
      const { code, stdout } = await Program.run(HERE, PROGRAM, { args: ["0", "x"] }).ended;
      assertEquals(code, 0);
      const error = JSON.parse(stdout);
      assertEquals(error.code, 2302999);
      assertStringIncludes(error.message, "start: 'reusePort' cannot be had on Deno 2.");
      assertStringIncludes(error.message, "it needs --unstable-net");
    });
  }

  it("must be true or false", async () => {
    for (const wrong of [1, "yes", null, {}]) {
      const config = { serverPort: 0, reusePort: wrong as never };
      const start = () => createWebSocketServer().start(config);
      await assertRefused(start, 401, "start: 'reusePort' must be true or false: current value");
    }
  });

  it("has servers take turns on the memory network", async () => {
    const clock = new FakeClock();
    const network = new MemoryNetwork({ clock });
    const make = () => createWebSocketServer({ clock, runtime: network.server });
    const servers = [make(), make()];
    for (const server of servers) await server.start({ serverPort: 80, reusePort: true });
    await assertRefused(() => make().start({ serverPort: 80 }), 2302007);
    const clients = [1, 2, 3, 4].map(() => createWebSocket({ clock, runtime: network.client }));
    for (const ws of clients) await ws.connect("ws://localhost/");
    await clock.advance(10);
    assertEquals(servers.map((server) => server.listAllConnections().length), [2, 2]);
    await clock.until(servers[0]!.stop());
    const late = createWebSocket({ clock, runtime: network.client });
    await late.connect("ws://localhost/");
    await clock.advance(10);
    assertEquals(servers[1]!.listAllConnections().length, 3);
    await clock.until(servers[1]!.stop());
    await clock.advance(100);
    assertEquals(clock.pending, 0);
    const alone = make();
    assertEquals(await alone.start({ serverPort: 80 }), true); // it is free again
    await clock.until(alone.stop());
  });
});
