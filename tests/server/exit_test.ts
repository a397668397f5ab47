import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { once } from "node:events";
import { type Ended, HERE, Program } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { LIMIT_MS } from "../helpers/watched_server.ts";
import { CLOSE, readClose, requestHead, TEXT } from "../peers/raw.ts";

/** Starts a program that prints the port it serves, deals with it, and waits for its end. */
async function run(
  name: string,
  args: string[],
  deal: (peers: RawPeers, program: Program) => Promise<void>,
): Promise<Ended & { short: number }> {
  const watch = new Stopwatch();
  const program = await Program.run(HERE, `tests/programs/${name}.ts`, { args });
  try {
    const [, port] = await deadline(program.line(/port (\d+)/), LIMIT_MS);
    await using peers = new RawPeers({ port: Number(port) });
    await deal(peers, program);
    // The peers are there still: it must end without them.
    return { ...await deadline(program.ended, LIMIT_MS), short: watch.short };
  } finally {
    program.kill("SIGKILL");
    await program.ended;
  }
}

/** Asserts that a stop was done in less than 5 s, and that the process ended by itself. */
function assertStopped(
  { code, stdout, stderr, short }: Ended & { short: number },
  closes: number,
): void {
  assertEquals(code, 0, stderr);
  const lines = stdout.trim().split("\n");
  const closed = lines.filter((line) => line === "close 1001 server is going away");
  assertEquals(closed.length, closes, stdout);
  assert(lines.indexOf("stopped true 0") > lines.lastIndexOf(closed[0]!), stdout);
  assertInTime(Number(/^in (\d+)$/m.exec(stdout)?.[1]), 5000, short);
  assertStringIncludes(stderr, "2302999"); // of the stop() after it, which nobody caught
}

describe("a process whose server has stopped", () => {
  it("ends by itself", async () => {
    const ended = await run("server_stop", ["on-message"], async (peers) => {
      const all = await peers.connectMany(3);
      all[0]!.send(TEXT, "stop");
    });
    assertStopped(ended, 3);
  });

  it("ends by itself when peers never answer", async () => {
    const ended = await run("server_stop", ["on-message"], async (peers) => {
      const all = await peers.connectMany(3, { answerClose: false });
      all[0]!.send(TEXT, "stop");
    });
    assertStopped(ended, 3);
  });

  it("ends by itself when peers do not read what is sent to them", async () => {
    const ended = await run("server_stop", ["on-message", "40"], async (peers) => {
      for (const peer of await peers.connectMany(2)) peer.socket.pause();
      (await peers.connect()).send(TEXT, "stop");
    });
    assertStopped(ended, 3);
  });

  it("ends by itself when there was never a peer", async () => {
    const ended = await run("server_stop", ["on-message"], async (peers) => {
      (await peers.connect()).send(TEXT, "stop");
    });
    assertStopped(ended, 1);
  });
});

describe("a peer that resets right after its request, 50 times", () => {
  it("leaks no place, stop() takes less than 5 s, and the process ends by itself", async () => {
    const args = ["on-message", "0", "2", "3"];
    const watch = new Stopwatch();
    const program = await Program.run(HERE, "tests/programs/server_stop.ts", { args });
    try {
      const [, port] = await deadline(program.line(/port (\d+)/), LIMIT_MS);
      await using peers = new RawPeers({ port: Number(port) });
      for (let i = 0; i < 50; i++) {
        const socket = await peers.tcp({ from: `127.0.0.${i % 2 + 1}` });
        const request = requestHead(Number(port));
        await new Promise<void>((resolve) => socket.write(request, () => resolve()));
        socket.resetAndDestroy();
      }
      const [first] = await peers.fillUp(2, 3);
      first!.send(TEXT, "stop");
      const [, ms] = await deadline(program.line(/in (\d+)/), LIMIT_MS);
      assertInTime(Number(ms), 5000, watch.short);
      assertEquals((await deadline(program.ended, LIMIT_MS)).code, 0);
      const lines = program.stdout.trim().split("\n");
      const count = (start: string) => lines.filter((line) => line.startsWith(start)).length;
      assertEquals(count("connect"), count("close "));
      assertEquals(count("close 1001 server is going away"), 6, program.stdout);
    } finally {
      program.kill("SIGKILL");
      await program.ended;
    }
  });
});

describe("a client of a mounted server that resets in the instant of its upgrade", () => {
  it("does not keep the process once both it and its host are stopped", async () => {
    await using program = Program.here("mounted_left.ts", []);
    const { code, stdout, stderr } = await deadline(program.ended, LIMIT_MS);
    assertEquals([code, stdout], [0, "stopped\n"], stderr);
  });
});

describe("a client that never sends the rest of what it asks with", () => {
  it("does not keep stop() waiting, but keeps the process on Deno until it goes", async () => {
    await run("server_stop", ["on-message"], async (peers, program) => {
      const socket = await peers.tcp();
      const answered = once(socket, "data");
      socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf");
      assertStringIncludes(String(await deadline(answered, LIMIT_MS)), "HTTP/1.1 426");
      const watch = new Stopwatch();
      (await peers.connect()).send(TEXT, "stop");
      const [, ms] = await deadline(program.line(/in (\d+)/), LIMIT_MS);
      assertInTime(Number(ms), 5000, watch.short);
      if (HERE === "deno") {
        // A known limit: Deno 2.9.6 waits for it in its shutdown, which nothing ends.
        const error = await assertRejects(() => deadline(program.ended, 1000));
        assertEquals((error as Error).name, "TimeoutError");
        socket.destroy();
      }
      assertEquals((await deadline(program.ended, LIMIT_MS)).code, 0);
    });
  });
});

describe("stop() inside 'close' with no catch", () => {
  it("does not crash, tells the others, and the process ends by itself", async () => {
    const { code, stdout, stderr } = await run(
      "server_stop",
      ["in-close"],
      async (peers, program) => {
        const [one, two] = await peers.connectMany(2);
        await deadline(program.line(/connect\nconnect/), LIMIT_MS);
        one!.close(1000, "bye");
        assertEquals(readClose(await deadline(two!.next(CLOSE), LIMIT_MS)), {
          code: 1001,
          reason: "server is going away",
        });
      },
    );
    assertEquals(code, 0, stderr);
    assertEquals(stdout.trim().split("\n").slice(1), [
      "connect",
      "connect",
      "close 1000 bye",
      "close 1001 server is going away",
    ]);
    assertEquals(stderr, "");
  });
});

describe("a listener that fails where 'error' has none", () => {
  it("is printed with its stack, and ends neither the process nor the connection", async () => {
    const { code, stdout, stderr } = await run("failing_listeners", [], async (peers) => {
      const peer = await peers.connect();
      peer.send(TEXT, "still served");
      await deadline(peer.next(TEXT), LIMIT_MS);
      assertEquals(peer.texts(), ["still served"]);
      peer.close(1000);
    });
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "stopped");
    for (
      const text of [
        "2302999",
        "thrown in connect",
        "throwsHere",
        "rejected in messageReceive",
        "rejectsHere",
        "failing_listeners.ts",
        "no Error at all",
      ]
    ) assertStringIncludes(stderr, text);
  });
});
