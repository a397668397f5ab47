/** Rows of `docs/limits.md` that nothing is worked round for. Seen on Deno 2.9.6 and Bun 1.4.5. */

import { assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWebSocket } from "../../mod.ts";
import { Certificates } from "../helpers/certificates.ts";
import { within } from "../helpers/client.ts";
import { binaries, type Ended, HERE, onDeno, Program } from "../helpers/programs.ts";
import { Target } from "../helpers/proxy_target.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { until } from "../helpers/until.ts";
import { WatchedServer } from "../helpers/watched_server.ts";
import { BINARY, CLOSE, frame, requestHead, TEXT, textOf } from "../peers/raw.ts";
import { RecordingProxy } from "../peers/recording_proxy.ts";

const module = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href);

/** What a client does that connects, and is told or not that it is open. */
const CLIENT = `
import { createWebSocket, createWebSocketServer } from ${module("mod.ts")};
import process from "node:process";
const attempt = async (url, options) => {
  const ws = createWebSocket();
  ws.on("error", ({ message }) => console.log(message));
  await ws.connect(url, options);
  if (await ws.opened.then(() => true, () => false)) {
    console.log("open");
    await ws.close();
    await ws.closed;
  }
};
`;

/** Runs a program of so many lines to its end. */
async function run(
  source: string,
  { args, env, files }: { args?: string[]; env?: Record<string, string>; files?: number } = {},
): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), "netkit-limits-"));
  try {
    const file = join(folder, "program.ts");
    await writeFile(file, source);
    const flags = onDeno ? ["run", "--quiet", "-A", "--no-check"] : [];
    const command = [binaries[HERE], ...flags, file, ...args ?? []];
    const few = ["sh", "-c", `ulimit -n ${files}; exec "$@"`, "sh"];
    const program = Program.start([...files === undefined ? [] : few, ...command], {
      env: env ?? {},
    });
    return await within(program.ended, 60_000);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("an 'authorize' that takes its time", () => {
  it("has Deno print once what its signal does, and Bun nothing", async () => {
    const { code, stderr } = await run(`${CLIENT}
      const server = createWebSocketServer();
      const authorize = () => new Promise((resolve) => setTimeout(resolve, 20, true));
      await server.start({ serverPort: 0, serverIP: "127.0.0.1", authorize });
      for (let n = 0; n < 2; n++) await attempt(\`ws://127.0.0.1:\${server.address.port}/\`);
      await server.stop();
    `);
    const said = /^Deno\.serve: request\.signal aborts on successful responses .*\n$/;
    assertMatch(stderr, onDeno ? said : /^$/);
    assertEquals(code, 0);
  });
});

describe("localhost", () => {
  it("is 127.0.0.1 first on Deno, and ::1 first on Bun", async () => {
    await using four = await WatchedServer.start();
    await using six = await WatchedServer.start({ serverIP: "::1", serverPort: four.port });
    const ws = createWebSocket();
    await ws.connect(`ws://localhost:${four.port}/`);
    await within(ws.opened);
    await ws.close();
    await within(ws.closed);
    assertEquals([four.connections.length, six.connections.length], onDeno ? [1, 0] : [0, 1]);
  });
});

describe("a '^' in the path that a client asks for", () => {
  it("is told as it came on Deno, and encoded on Bun", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    await peers.connect({ line: "GET /a^b HTTP/1.1" });
    const { url } = await watched.connected();
    assertEquals(url, onDeno ? "/a^b" : "/a%5Eb");
  });
});

describe("a process that may open no more files in its first moments", () => {
  const source = (before: string, after: string) => `
    import { openSync } from "node:fs";
    import process from "node:process";
    const listen = () => void process.on("SIGTERM", () => {});
    ${before};
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    ${after};
    setTimeout(() => { console.log("alive"); process.exit(0); }, 50);
  `;

  it("ends with a panic of Deno's as it first listens for a signal, and goes on on Bun", async () => {
    const { code, stdout, stderr } = await run(source("", "listen()"), { files: 80 });
    assertEquals(stdout, onDeno ? "" : "alive\n");
    if (onDeno) assertMatch(stderr, /Deno has panicked/);
    assertEquals(code === 0, !onDeno);
  });

  it("goes on where it has listened for one first thing", async () => {
    const { code, stdout } = await run(source("listen()", ""), { files: 80 });
    assertEquals([code, stdout], [0, "alive\n"]);
  });
});

describe("a host that answers an upgrade with something else than the mounted server's Response", () => {
  it("is ended by Deno, and 'error' tells of it; Bun takes no notice", async () => {
    const { code, stdout, stderr } = await run(`${CLIENT}
      const server = createWebSocketServer();
      const told = Promise.withResolvers();
      server.on("error", ({ kind }) => told.resolve(kind));
      server.on("connect", () => told.resolve("connect"));
      const mount = await server.mount({});
      const answer = (request, its) => {
        void mount.fetch(request, its);
        return new Response("another");
      };
      const at = { port: 0, hostname: "127.0.0.1" };
      const host = globalThis.Bun?.serve({ ...at, fetch: answer, websocket: mount.websocket }) ??
        Deno.serve({ ...at, onListen() {} }, answer);
      const port = host.port ?? host.addr.port;
      await attempt(\`ws://127.0.0.1:\${port}/\`, { connectTimeout: 5 });
      console.log(await told.promise);
      console.log(await fetch(\`http://127.0.0.1:\${port}/\`).then((it) => it.text(), () => "nobody"));
      process.exit(0);
    `);
    const lines = stdout.trimEnd().split("\n");
    assertEquals(
      lines.slice(-2),
      onDeno ? ["hostFault", "nobody"] : ["connect", "another"],
      stderr,
    );
    assertEquals(lines.includes("open"), !onDeno);
    assertEquals(code, 0);
  });
});

describe("caPath", () => {
  it("adds to the system's authorities on Deno, and takes their place on Bun", async () => {
    const made = new Certificates();
    const [one, another] = [made.authority("one"), made.authority("another")];
    await using target = await Target.start("wss", one, made.leaf(one));
    const system = { DENO_CERT: one.certPath, NODE_EXTRA_CA_CERTS: one.certPath };
    const source = `${CLIENT} await attempt(process.argv[2], { caPath: process.argv[3] });`;
    const opens = async (caPath: string, env = {}) =>
      (await run(source, { args: [target.url, caPath], env })).stdout === "open\n";
    const all = [opens(one.certPath), opens(another.certPath), opens("", system)];
    assertEquals(await Promise.all(all), [true, false, true]);
    assertEquals(await opens(another.certPath, system), onDeno);
  });
});

describe("an https proxy that never finishes its TLS handshake", () => {
  it("has its connection until it ends it on Deno, and is left on Bun", async () => {
    const sockets = new Set<Socket>();
    const proxy = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket)).resume();
    });
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    const url = `https://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    const source = `${CLIENT}
      await attempt("ws://127.0.0.1:9/", { connectTimeout: 0.3 });
      console.log("over");
      setTimeout(() => process.exit(0), 60_000);
    `;
    const folder = await mkdtemp(join(tmpdir(), "netkit-limits-"));
    const file = join(folder, "program.ts");
    await writeFile(file, source);
    await using program = Program.run(HERE, file, { env: { HTTP_PROXY: url, NO_PROXY: "" } });
    await within(program.line(/^over$/m));
    if (onDeno) assertEquals(sockets.size, 1);
    else await until("the proxy is left", () => sockets.size === 0);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
    await rm(folder, { recursive: true });
  });
});

const NONE = { certPath: "", keyPath: "" };

describe("a proxy of the environment's that is removed while the program runs", () => {
  it("is gone through still on Deno where its default client has begun with it", async () => {
    await using target = await Target.start("ws", NONE, NONE);
    await using proxy = await RecordingProxy.listen();
    const { stdout } = await run(
      `${CLIENT}
      await fetch(process.argv[2].replace("ws", "http")).then((it) => it.text());
      delete process.env.HTTP_PROXY;
      await attempt(process.argv[2]);
      `,
      { args: [target.url], env: { HTTP_PROXY: `http://127.0.0.1:${proxy.port}`, NO_PROXY: "" } },
    );
    assertEquals(stdout, "open\n");
    const line = `GET ${target.url.replace("ws", "http")} HTTP/1.1`;
    assertEquals(proxy.lines, onDeno ? [line, line] : [line]);
  });
});

describe("a Ping behind megabytes", () => {
  it("has who reads them steadily, and too slowly, taken for dead", async () => {
    await using watched = await WatchedServer.start({ pingInterval: 0.3, pongTimeout: 0.3 });
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    peer.socket.pause();
    await watched.server.send(new Uint8Array(5_000_000), connection);
    await watched.server.send(new Uint8Array(5_000_000), connection);
    const reading = setInterval(() => void peer.socket.read(10_000), 10);
    try {
      assertEquals(await watched.closed(), { code: 1006, reason: "The link is down" });
    } finally {
      clearInterval(reading);
    }
  });
});

describe("a peer that reads nothing, as its connection is dropped", () => {
  it("is sent all that was queued when it reads again on Deno, and the rest is gone on Bun", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    peer.socket.pause();
    const bytes = new Uint8Array(5_000_000);
    for (let n = 0; n < 3; n++) await watched.server.send(bytes, connection);
    await watched.server.terminate(connection);
    await watched.closed();
    const ended = new Promise((resolve) => peer.socket.once("close", resolve));
    peer.socket.resume();
    await within(ended);
    const whole = peer.frames.filter(({ opcode }) => opcode === BINARY).length;
    assertEquals(whole, onDeno ? 3 : 0);
  });
});

describe("terminate() of a connection whose 'close' has been told, and whose peer has not answered", () => {
  it("drops it on Deno, and finds nothing to drop on Bun, which has ended it by then", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect({ answerClose: false });
    const connection = await watched.connected();
    await watched.server.close(connection);
    await watched.closed();
    await within(peer.next(CLOSE));
    const told = watched.server.terminate(connection).catch(({ kind }) => kind);
    assertEquals(await told, onDeno ? true : "noConnection");
  });
});

describe("drained() of what was sent in the same turn", () => {
  it("is a matter of what the runtime counts as queued at once", async () => {
    await using watched = await WatchedServer.start();
    await using peers = new RawPeers(watched);
    const peer = await peers.connect();
    const connection = await watched.connected();
    void watched.server.send("hello", connection);
    const drained = watched.server.drained(connection);
    void watched.server.close(connection);
    assertEquals(await drained, !onDeno);
    assertEquals(textOf((await within(peer.next(TEXT))).payload), "hello");
  });
});

describe("a frame that comes while 'authorize' takes its time", () => {
  it("is taken on Deno, and ends the connection on Bun", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<true>();
    const authorize = () => (asked.resolve(), answer.promise);
    await using watched = await WatchedServer.start({ authorize });
    await using peers = new RawPeers(watched);
    const socket = await peers.tcp();
    const over = once(socket.resume(), "close");
    socket.write(requestHead(watched.port));
    await within(asked.promise);
    socket.write(frame(TEXT, "early", { mask: true }));
    if (!onDeno) await within(over);
    answer.resolve(true);
    if (onDeno) await watched.until(() => watched.messages.length === 1);
    assertEquals(watched.log, onDeno ? ["connect", "message early"] : []);
  });
});
