/** More connections than the process may open files for. */

import { assertEquals, assertMatch } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { connect, createServer, type Server, type Socket } from "node:net";
import { ask } from "../helpers/http.ts";
import { binaries, HERE, onDeno, Program } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { LIMIT_MS } from "../helpers/watched_server.ts";
import { type RawPeer, TEXT } from "../peers/raw.ts";

/** How many files the program may open: it needs some 40 for itself. */
const FILES = 80;

/** Connects as soon as that is possible. */
async function connected(peers: RawPeers): Promise<RawPeer> {
  for (;;) {
    try {
      return await peers.connect();
    } catch {
      await delay(20);
    }
  }
}

/** A server that may open few files. */
function startFew(): Program {
  const run = HERE === "deno" ? ["run", "--quiet", "-A", "--no-prompt"] : [];
  const few = ["sh", "-c", `ulimit -n ${FILES}; exec "$@"`, "sh"];
  return Program.start([...few, binaries[HERE], ...run, "tests/programs/few_files.ts"]);
}

/** More connections than it may open. */
function connectMany(port: number): Socket[] {
  const sockets = Array.from({ length: FILES }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => {});
  return sockets;
}

/** Listens on a port as soon as nobody else does. */
async function taken(port: number): Promise<Server> {
  for (;;) {
    const server = createServer();
    const isTaken = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (isTaken) return server;
    await delay(1);
  }
}

describe("a server that may open no more files", () => {
  it("goes on with those that are connected or wait for an answer, and takes others once some have left", async () => {
    await using program = startFew();
    const [, port] = await deadline(program.line(/port (\d+)/), LIMIT_MS);
    await using peers = new RawPeers({ port: Number(port) });
    const first = await peers.connect();
    const asked = ask(Number(port));
    await deadline(program.line(/asked/), LIMIT_MS);
    const sockets = connectMany(Number(port));
    // A known limit: Deno 2.9.6 stops to listen then, and tells nobody but who looks.
    if (onDeno) await deadline(program.line(/error listenFailed/), LIMIT_MS);
    else await delay(200);
    for (const socket of sockets) socket.destroy();
    first.send(TEXT, "still here");
    assertEquals((await deadline(first.next(TEXT), LIMIT_MS)).payload.length, 10);
    const second = await deadline(connected(peers), LIMIT_MS);
    second.send(TEXT, "stop");
    const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
    assertEquals(code, 0, stdout + stderr);
    assertEquals((await asked).status, 200);
    assertMatch(stdout, /answers\nstopped\n$/); // stop waits for it
    const told = stdout.split("\n").filter((line) => line.startsWith("error listenFailed"));
    if (!onDeno) assertEquals(told, []);
    for (const line of told) {
      assertMatch(line, /no connection can be taken until the port is listened on again: Http: /);
    }
  });

  if (!onDeno) return;

  it("says that another has its port, and takes it again once that one has left", async () => {
    await using program = startFew();
    const [, found] = await deadline(program.line(/port (\d+)/), LIMIT_MS);
    const port = Number(found);
    await using peers = new RawPeers({ port });
    await peers.connect();
    const sockets = connectMany(port);
    const other = await deadline(taken(port), LIMIT_MS);
    for (const socket of sockets) socket.destroy();
    await deadline(
      program.line(/error listenFailed .*: AddrInUse: Address already in use/),
      LIMIT_MS,
    );
    await new Promise((resolve) => other.close(resolve));
    const second = await deadline(connected(peers), LIMIT_MS);
    second.send(TEXT, "stop");
    const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
    assertEquals(code, 0, stdout + stderr);
    assertEquals(stdout.match(/AddrInUse/g), ["AddrInUse"]);
  });
});
