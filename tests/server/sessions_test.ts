import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Session, Sessions } from "../../server/sessions.ts";
import { FakeClock } from "../../testing.ts";

/** Who keeps what he is answered. */
class Peer {
  readonly answers: string[] = [];

  answer(number: number, refused: string | undefined): void {
    this.answers.push(`${number} ${refused ?? "accepted"}`);
  }
}

const said = (id: string, nth: number, first = 1, sent = 0) => ({ id, nth, first, sent });

/** Takes a message. Whether it was new, and whether it may have been seen elsewhere. */
function take(session: Session, number: number, refused?: "failed"): string {
  const receipt = session.take(number);
  if (receipt === undefined) return "again";
  const what = receipt.mayRepeat ? "perhaps" : "new";
  if (refused === undefined) receipt.hold()(true);
  if (refused === undefined) receipt.end(undefined);
  else receipt.refuse(refused);
  return what;
}

describe("a session", () => {
  it("remembers a thousand messages that were refused, and says where it does not", () => {
    const session = new Session();
    const peer = new Peer();
    assertEquals(session.enter(peer, said("a", 1)), true);
    for (let n = 1; n <= 1002; n++) take(session, n, "failed");
    assertEquals(take(session, 1003), "new");
    peer.answers.length = 0;
    for (const n of [1, 2, 3, 1002, 1003]) assertEquals(take(session, n), "again");
    assertEquals(peer.answers, [
      ...["1 forgotten", "2 forgotten", "3 failed", "1002 failed", "1003 accepted"],
    ]);
    session.enter(peer, said("a", 2, 1002, 1003)); // it has all answers before this one
    for (let n = 1004; n <= 2002; n++) take(session, n, "failed");
    peer.answers.length = 0;
    take(session, 1002); // there was room for it
    assertEquals(peer.answers, ["1002 failed"]);
  });

  it("knows that its client was elsewhere, from then on", () => {
    const session = new Session();
    session.enter(new Peer(), said("a", 1));
    assertEquals(take(session, 1), "new");
    session.enter(new Peer(), said("a", 2, 2, 2));
    assertEquals(take(session, 2), "new"); // it was nowhere else
    session.enter(new Peer(), said("a", 4, 3, 5));
    assertEquals([take(session, 3), take(session, 6)], ["perhaps", "new"]);
    assertEquals(session.enter(new Peer(), said("a", 4)), false);
  });
});

describe("the sessions of a server", () => {
  it("are kept for a while when their clients have left", async () => {
    const clock = new FakeClock();
    const sessions = new Sessions(1000, clock);
    const peer = new Peer();
    const session = sessions.enter(peer, said("a", 1));
    assertEquals(sessions.enter(new Peer(), said("a", 1)) === session, false);
    sessions.leave(new Peer(), session, "a"); // it is not that one
    sessions.leave(peer, session, "a");
    await clock.advance(1000);
    assertEquals(sessions.enter(peer, said("a", 2)), session);
    sessions.leave(peer, session, "a");
    await clock.advance(1001);
    assertEquals(sessions.enter(peer, said("a", 3)) === session, false);
    assertEquals(clock.pending, 0);
  });

  it("are a hundred thousand of those at the most", () => {
    const clock = new FakeClock();
    const sessions = new Sessions(1000, clock);
    const all = Array.from({ length: 100_002 }, (_, n) => {
      const peer = new Peer();
      const session = sessions.enter(peer, said(`${n}`, 1));
      sessions.leave(peer, session, `${n}`);
      return session;
    });
    assertEquals(sessions.enter(new Peer(), said("2", 2)), all[2]!);
    assertEquals(sessions.enter(new Peer(), said("1", 2)) === all[1], false);
  });
});
