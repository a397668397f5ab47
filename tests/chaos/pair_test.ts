/**
 * A client of ours and a server of ours with a proxy between them that does what networks do. What
 * each side tells, when, and that nothing is left: the client connects again afterwards, and a
 * program that has been through all of it ends by itself.
 */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { within } from "../helpers/client.ts";
import { HERE, Program } from "../helpers/programs.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { type Fault, FAULTS } from "./faults.ts";
import { assertTold, DEAD_MS, NO_HEARTBEAT, Pair, PATIENT, told } from "./pair.ts";
import { bytewise, delayed, edited, swallow } from "./proxy.ts";

/** Lets something happen to a pair, and asserts what each side tells. Gives how long it took, in ms. */
async function suffer(fault: Fault, heartbeat: typeof PATIENT): Promise<number> {
  const { name, strike, client, server } = fault;
  await using pair = await Pair.start({ heartbeat });
  const { link, connection } = await pair.open();
  const began = performance.now();
  strike(link, pair, connection);
  await Promise.all([pair.log.next("close"), pair.watched.closed()]);
  const took = performance.now() - began;
  assertEquals(pair.clientEvents, ["open", "openInfo", ...told(client)], name);
  assertEquals(pair.serverEvents, ["connect", ...told(server)], name);
  assertEquals(pair.watched.closes[0]!.connection, connection);
  for (const error of [...pair.log.errors, ...pair.watched.errors]) assertTold(error);
  await pair.assertWell();
  return took;
}

describe("a client and a server, both of ours, whose network", () => {
  for (const fault of FAULTS.filter(({ silent }) => !silent)) {
    it(`${fault.name}: each tells its end once, and the client can connect again`, async () => {
      await suffer(fault, NO_HEARTBEAT);
    });
  }

  // All at once, as each takes as long as a heartbeat.
  it("leaves one side in the dark: it tells in time, and the client can connect again", async () => {
    const silent = FAULTS.filter(({ silent }) => silent);
    assertEquals(silent.length, 11);
    const watch = new Stopwatch();
    const took = await Promise.all(silent.map((fault) => suffer(fault, PATIENT)));
    assertInTime(Math.max(...took), DEAD_MS, watch.short);
  });

  it("splits everything into single bytes: all arrives, in order", async () => {
    const plans = [{ up: bytewise, down: bytewise }];
    await using pair = await Pair.start({ plans, heartbeat: NO_HEARTBEAT });
    const { link } = await pair.open(2000);
    assertEquals(await within(pair.ws.close({ code: 4000, reason: "in pieces" })), true);
    await Promise.all([pair.log.next("close"), pair.watched.closed()]);
    assertEquals(pair.clientEvents, ["open", "openInfo", "close 4000 in pieces"]);
    assertEquals(pair.serverEvents, ["connect", "close 4000 in pieces"]);
    assertEquals([link.up.way, link.down.way], [bytewise, bytewise]);
    await pair.assertWell();
  });

  it("is slow: all arrives, in order, and neither takes the other for dead", async () => {
    const [up, down] = [delayed(20), delayed(40)];
    await using pair = await Pair.start({ plans: [{ up, down }] });
    await pair.open();
    const end = performance.now() + 2200; // longer than both times of its heartbeat
    while (performance.now() < end) await pair.exchange(2000);
    assertEquals(await within(pair.ws.close({ code: 4000, reason: "slow" })), true);
    await Promise.all([pair.log.next("close"), pair.watched.closed()]);
    assertEquals(pair.clientEvents, ["open", "openInfo", "close 4000 slow"]);
    assertEquals(pair.serverEvents, ["connect", "close 4000 slow"]);
    await pair.assertWell();
  });
});

describe("a handshake of a client and a server, both of ours, whose network", () => {
  it("swallows the request: one 'error' after 'connectTimeout', and the server never knew", async () => {
    await using pair = await Pair.start({ plans: [{ up: swallow }] });
    const watch = new Stopwatch();
    const link = await pair.dial({ connectTimeout: 0.3 });
    await pair.log.next("error");
    watch.assertLess(1300);
    await within(link.up.over);
    assertEquals(pair.clientEvents, ["error 200 0"]);
    assertEquals(pair.serverEvents, []);
    await pair.assertWell();
  });

  it("swallows the answer: one 'error' after 'connectTimeout', and the server loses it", async () => {
    await using pair = await Pair.start({ plans: [{ down: swallow }] });
    const watch = new Stopwatch();
    await pair.dial({ connectTimeout: 0.3 });
    await pair.log.next("error");
    watch.assertLess(1300);
    await pair.watched.closed();
    assertEquals(pair.clientEvents, ["error 200 0"]);
    assertEquals(pair.serverEvents, ["connect", ...told("lost")]);
    await pair.assertWell();
  });

  it("takes longer than 'connectTimeout': the same, and what comes late is not heard", async () => {
    const late = 1000;
    await using pair = await Pair.start({ plans: [{ down: delayed(late) }] });
    const link = await pair.dial({ connectTimeout: 0.3 });
    await pair.log.next("error");
    await pair.watched.closed();
    await within(link.down.over);
    assertEquals(pair.clientEvents, ["error 200 0"]);
    assertEquals(pair.serverEvents, ["connect", ...told("lost")]);
    await pair.assertWell();
  });

  it("changes Sec-WebSocket-Accept: Bun fails the attempt; Deno 2.9.6 does not look", async () => {
    const wrong = (head: string) =>
      head.replace(/^(sec-websocket-accept: ).*$/im, `$1${"A".repeat(27)}=`);
    await using pair = await Pair.start({ plans: [{ down: edited(wrong) }] });
    await pair.dial();
    if (HERE === "bun") {
      await pair.log.next("error");
      await pair.watched.closed();
      assertEquals(pair.clientEvents, ["error 200 0"]);
      assertEquals(pair.serverEvents, ["connect", ...told("lost")]);
    } else {
      await pair.log.next("open");
      await within(pair.ws.close());
      await Promise.all([pair.log.next("close"), pair.watched.closed()]);
      assertEquals(pair.clientEvents, ["open", "openInfo", "close 1000 CLOSE_NORMAL"]);
      assertEquals(pair.serverEvents, ["connect", "close 1000 CLOSE_NORMAL"]);
    }
    await pair.assertWell();
  });
});

describe("deadlines of a client and a server, both of ours, whose network swallows all", () => {
  it("are kept by close() on both sides and by stop()", async () => {
    /** Does something once the network is a hole; gives how long what it gives took, in ms. */
    async function inHole(act: (pair: Pair) => Promise<unknown>, pair: Pair): Promise<number> {
      const { link } = await pair.open();
      link.swallow();
      const began = performance.now();
      await within(act(pair));
      return performance.now() - began;
    }
    await using closing = await Pair.start({ heartbeat: NO_HEARTBEAT });
    await using closed = await Pair.start({ heartbeat: NO_HEARTBEAT });
    await using stopped = await Pair.start({ heartbeat: NO_HEARTBEAT });
    const watch = new Stopwatch();
    const took = await Promise.all([
      inHole(
        ({ ws, log }) => ws.close({ code: 4001, reason: "bye" }).then(() => log.next("close")),
        closing,
      ),
      // The wire outlives 'close' by as long as the peer may take to answer, and no longer.
      inHole(async ({ watched, proxy }) => {
        const { server } = watched;
        assertEquals(await server.close(server.listAllConnections()[0]!), true);
        await watched.closed();
        assertEquals(server.listAllConnections(), []);
        await proxy.links[0]!.down.over;
      }, closed),
      inHole(({ watched }) => watched.server.stop(), stopped),
    ]);
    for (const ms of took) assertInTime(ms, 6000, watch.short);
    assertEquals(closing.clientEvents, ["open", "openInfo", "close 4001 bye"]);
    assertEquals(closed.serverEvents, ["connect", "close 1000 CLOSE_NORMAL"]);
    assertEquals(stopped.serverEvents, ["connect", "close 1001 server is going away"]);
    assertEquals(stopped.watched.server.listAllConnections(), []);
    await stopped.watched.server.start({ serverPort: 0, serverIP: "127.0.0.1" });
  });
});

describe("a program whose network has done all of this to it", () => {
  it("ends by itself", async () => {
    const flags = HERE === "deno" ? ["-A", "--import-map", "tests/std/import_map.json"] : [];
    const program = Program.run(HERE, "tests/programs/chaos.ts", { flags });
    try {
      await deadline(program.line(/^done$/m), 30_000);
      const watch = new Stopwatch();
      const { code, stdout, stderr } = await deadline(program.ended, 30_000);
      watch.assertLess(3000); // what keeps a process keeps it longer
      assertEquals(stderr, "");
      assertEquals(code, 0);
      const expected = FAULTS.map(({ name, client, server }) =>
        [`${name}:`, "open, openInfo", ...told(client), "connect", ...told(server)].join(", ")
      );
      assertEquals(stdout.trim().split("\n").sort(), ["done", ...expected].sort());
    } finally {
      program.kill("SIGKILL");
      await program.ended;
    }
  });
});
