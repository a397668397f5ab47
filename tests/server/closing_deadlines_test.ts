import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ClosingDeadlines } from "../../server/closing_deadlines.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedConnection } from "../helpers/scripted_connection.ts";

const KIB = 1024;

/** A connection that closes, and when it is dropped. */
class Peer {
  bufferedAmount: number;
  droppedAt: number | undefined;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock, bufferedAmount: number) {
    this.#clock = clock;
    this.bufferedAmount = bufferedAmount;
  }

  cut(): void {
    this.droppedAt = this.#clock.now();
  }
}

/** Lets time pass for a peer whose queue gets shorter by so much every second. */
async function dropped(queue: number, perSecond: number, isPatient = true): Promise<unknown> {
  const clock = new FakeClock();
  const began = clock.now();
  const deadlines = new ClosingDeadlines<Peer>(clock);
  const peer = new Peer(clock, queue);
  deadlines.add(peer, isPatient);
  for (let second = 0; second < 200 && peer.droppedAt === undefined; second++) {
    await clock.advance(1000);
    peer.bufferedAmount = Math.max(0, peer.bufferedAmount - perSecond);
  }
  deadlines.close();
  return peer.droppedAt === undefined ? undefined : (peer.droppedAt - began) / 1000;
}

describe("ClosingDeadlines", () => {
  it("drops after 5 s who has nothing to read and does not answer", async () => {
    assertEquals(await dropped(0, 0), 5);
  });

  it("drops after 5 s who reads nothing, or next to nothing", async () => {
    assertEquals(await dropped(1024 * KIB, 0), 5);
    assertEquals(await dropped(1, 0), 5);
    assertEquals(await dropped(1024 * KIB, 10 * KIB), 5);
  });

  it("gives 5 s anew whenever the queue is 64 KiB shorter, and when it is empty", async () => {
    // Empty after 10 s, seen a look later, and 5 s to answer.
    assertEquals(await dropped(640 * KIB, 64 * KIB), 15.25);
    // 64 KiB in 4 s each.
    assertEquals(await dropped(160 * KIB, 16 * KIB), 15.25);
    // Less than 64 KiB in all.
    assertEquals(await dropped(4 * KIB, 1 * KIB), 9.25);
  });

  it("drops after 2 minutes whoever reads ever so steadily", async () => {
    assertEquals(await dropped(1024 * 1024 * KIB, 64 * KIB), 120);
  });

  it("gives who is dropped for a fault 5 s, however it reads", async () => {
    assertEquals(await dropped(1024 * KIB, 100 * KIB, false), 5);
  });

  it("lets go of whom it is told to, and of all", async () => {
    const clock = new FakeClock();
    const deadlines = new ClosingDeadlines<Peer>(clock);
    const peers = [0, 100, 0, 100].map((bytes) => new Peer(clock, bytes));
    for (const peer of peers) deadlines.add(peer);
    deadlines.delete(peers[0]!);
    deadlines.delete(peers[1]!);
    await clock.advance(4000);
    deadlines.close();
    await clock.advance(10_000);
    assertEquals(peers.map(({ droppedAt }) => droppedAt), Array(4).fill(undefined));
    assertEquals(clock.pending, 0);
  });

  for (const bytes of [0, 100]) {
    it(`drops the others in their time where one has gone, with ${bytes} bytes queued`, async () => {
      const clock = new FakeClock();
      const began = clock.now();
      const deadlines = new ClosingDeadlines<Peer>(clock);
      const peers = [0, 1, 2].map(() => new Peer(clock, bytes));
      for (const peer of peers) {
        deadlines.add(peer);
        await clock.advance(1000);
      }
      deadlines.delete(peers[1]!);
      await clock.advance(10_000);
      const at = peers.map(({ droppedAt }) => droppedAt === undefined ? 0 : droppedAt - began);
      assertEquals(at, [5000, 0, 7000]);
      deadlines.close();
      assertEquals(clock.pending, 0);
    });
  }

  it("lets go of the only one whose queue it looks at", async () => {
    const clock = new FakeClock();
    const deadlines = new ClosingDeadlines<Peer>(clock);
    const peer = new Peer(clock, 100);
    deadlines.add(peer);
    deadlines.delete(peer);
    await clock.advance(10_000);
    assertEquals([peer.droppedAt, clock.pending], [undefined, 0]);
  });
});

describe("server.stop()", () => {
  for (const [after, left] of [[0, 4400], [1000, 3400], [4000, 400]] as const) {
    it(`gives answers that are under way ${left} ms where its peers took ${after}`, async () => {
      await using world = await ScriptedConnection.open();
      const { admission, clock, runtime, server, socket } = world;
      const stopped = server.stop();
      if (after < 4000) {
        await clock.advance(after);
        admission.closed({ code: 1001, reason: "" });
      } else {
        await clock.advance(after - 1);
        assertEquals([runtime.closesWithin, socket.calls], [undefined, ["close 1001"]]);
        await clock.advance(1);
        assertEquals(socket.calls, ["close 1001", "terminate"]);
      }
      await clock.until(stopped);
      assertEquals([runtime.closesWithin, clock.pending], [left, 0]);
    });
  }
});
