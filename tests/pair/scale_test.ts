import { assertEquals, assertGreater } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { execFileSync } from "node:child_process";
import { HERE, Program } from "../helpers/programs.ts";
import { Stopwatch } from "../helpers/stopwatch.ts";
import { WatchedServer } from "../helpers/watched_server.ts";

const CLIENTS = 2000;
const MESSAGES = 10;

describe(`a server with ${CLIENTS} clients of another process`, () => {
  it("loses nothing, counts right, and stops in less than 5 s", async () => {
    const files = Number(execFileSync("sh", ["-c", "ulimit -n | sed s/unlimited/1000000/"]));
    assertGreater(files, CLIENTS + 200, "too few files may be open at once: raise `ulimit -n`");

    await using watched = await WatchedServer.start({
      pingInterval: 3000, // a Ping that meets a Close frame may take it along: see docs/limits.md
      maxConcurrentClientsNumber: 1,
      maxConnectionsForOneClient: CLIENTS,
    });
    const { server, port } = watched;
    watched.echo();
    const args = [port, CLIENTS, MESSAGES].map(String);
    const program = await Program.run(HERE, "tests/programs/many_clients.ts", {
      args,
    });
    try {
      await deadline(program.line(/connected \d+/), 30_000);
      await watched.connected(CLIENTS);
      assertEquals(server.listAllConnections().length, CLIENTS);
      assertEquals(new Set(server.listAllConnections().map(String)).size, CLIENTS);

      await deadline(program.line(/exchanged \d+/), 30_000);
      assertEquals(watched.messages.length, CLIENTS * MESSAGES);
      const perClient = new Map<unknown, string[]>();
      for (const { clientConnection, data } of watched.messages) {
        const heard = perClient.get(clientConnection) ?? [];
        heard.push(data as string);
        perClient.set(clientConnection, heard);
      }
      assertEquals(perClient.size, CLIENTS);
      for (const heard of perClient.values()) {
        const [name] = heard[0]!.split(":");
        assertEquals(heard, Array.from({ length: MESSAGES }, (_, i) => `${name}:${i}`));
      }
      assertEquals(watched.connections.length, CLIENTS);
      assertEquals(watched.errors.map(({ code, data }) => `${code} ${data}`), ["200 429"]);

      const watch = new Stopwatch();
      assertEquals(await deadline(server.stop(), 30_000), true);
      watch.assertLess(5000);
      const wasCut = watch.ms >= 5000; // under load: who has not answered by then is dropped
      assertEquals(server.listAllConnections(), []);
      assertEquals(watched.closes.length, CLIENTS);
      assertEquals(new Set(watched.closes.map(({ connection }) => connection)).size, CLIENTS);

      const { code, stdout, stderr } = await deadline(program.ended, 30_000);
      const [, dropped = "0"] = /"1006 The link is down":(\d+)/.exec(stdout) ?? [];
      const cut = wasCut ? Number(dropped) : 0;
      assertEquals(stdout.trim().split("\n"), [
        `connected ${CLIENTS}`,
        // The refusal is the only one that failed.
        "refused 200 429",
        `exchanged ${CLIENTS}`,
        cut === 0
          ? `closed {"1001 server is going away":${CLIENTS}} errors 1`
          : `closed {"1001 server is going away":${
            CLIENTS - cut
          },"1006 The link is down":${cut}} errors ${cut + 1}`,
      ]);
      assertEquals(stderr, "");
      assertEquals(code, 0);
    } finally {
      program.kill("SIGKILL");
      await program.ended;
    }
  });
});
