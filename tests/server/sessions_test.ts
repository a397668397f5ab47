import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { readIntroduction, Session, Sessions } from "../../server/sessions.ts";
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

  it("says of none that it was accepted where it does not remember, in whichever order they were refused", () => {
    const session = new Session();
    const peer = new Peer();
    session.enter(peer, said("a", 1));
    const receipts = Array.from({ length: 1002 }, (_, n) => session.take(n + 1)!);
    const [first, second, ...rest] = receipts;
    for (const receipt of [second!, first!, ...rest]) receipt.refuse("failed");
    peer.answers.length = 0;
    for (const n of [1, 2, 3]) assertEquals(take(session, n), "again");
    assertEquals(peer.answers, ["1 forgotten", "2 forgotten", "3 failed"]);
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

describe("what a client says of itself", () => {
  it("is a name of 16 to 64 characters and three whole numbers", () => {
    const of = (more: object) =>
      readIntroduction({ session: "x".repeat(16), nth: 1, first: 2, sent: 3, ...more });
    assertEquals(of({}), { id: "x".repeat(16), nth: 1, first: 2, sent: 3 });
    for (const session of ["A-_9".repeat(16), "a".repeat(17)]) {
      assertEquals(of({ session })?.id, session);
    }
    const names = ["x".repeat(15), "x".repeat(65), `${"x".repeat(16)}\n`, "x".repeat(15) + "é", 5];
    for (const session of names) assertEquals(of({ session }), undefined);
    for (const name of ["nth", "first", "sent"]) {
      for (const wrong of [undefined, "1", 1.5, 2 ** 53]) {
        assertEquals(of({ [name]: wrong }), undefined);
      }
    }
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

  it("are forgotten each in its time, however many have left, and whoever comes back first", async () => {
    const clock = new FakeClock();
    const sessions = new Sessions(1000, clock);
    const peer = new Peer();
    const ids = ["a", "b", "c", "d"];
    const all = ids.map((id) => sessions.enter(peer, said(id, 1)));
    for (const n of [0, 1, 2, 3]) {
      sessions.leave(peer, all[n]!, ids[n]!);
      await clock.advance(n === 2 ? 500 : 0);
    }
    await clock.advance(501);
    const known = [3, 2, 1, 0].map((n) => sessions.enter(peer, said(ids[n]!, 2)) === all[n]);
    assertEquals(known, [true, false, false, false]);
  });

  it("are not forgotten while their clients are here, however long ago they were away", async () => {
    const clock = new FakeClock();
    const sessions = new Sessions(1000, clock);
    const peer = new Peer();
    const session = sessions.enter(peer, said("a", 1));
    sessions.leave(peer, session, "a");
    assertEquals(sessions.enter(peer, said("a", 2)), session);
    await clock.advance(5000);
    sessions.enter(new Peer(), said("b", 1)); // it is looked at then who is away for too long
    sessions.leave(peer, session, "a");
    assertEquals(sessions.enter(peer, said("a", 3)), session);
  });

  it("take who says that he is who is here already for somebody who may have been anywhere", () => {
    const sessions = new Sessions(1000, new FakeClock());
    const session = sessions.enter(new Peer(), said("a", 1));
    assertEquals(take(session, 1), "new");
    const other = sessions.enter(new Peer(), said("a", 1, 1, 2));
    assertEquals([1, 2, 3].map((n) => take(other, n)), ["perhaps", "perhaps", "new"]);
    assertEquals(take(session, 2), "new");
  });

  it("take a connection that was there before another for one whose messages may all be repetitions", () => {
    const sessions = new Sessions(1000, new FakeClock());
    const session = sessions.enter(new Peer(), said("a", 2, 1, 1));
    const late = sessions.enter(new Peer(), said("a", 1));
    assertEquals([1, 2].map((n) => take(late, n)), ["perhaps", "perhaps"]);
    assertEquals([1, 2].map((n) => take(session, n)), ["perhaps", "new"]);
  });

  it("are no other's where such a one leaves", () => {
    const sessions = new Sessions(1000, new FakeClock());
    const session = sessions.enter(new Peer(), said("a", 1));
    assertEquals(take(session, 1), "new");
    const peer = new Peer();
    sessions.leave(peer, sessions.enter(peer, said("a", 1)), "a");
    const again = sessions.enter(new Peer(), said("a", 2, 1, 1));
    assertEquals([1, 2].map((n) => take(again, n)), ["again", "new"]);
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

describe("what is remembered of all who are away", () => {
  /** One that comes back under a name, and what it is answered about its first message; `more` are refused then. */
  function comes(sessions: Sessions, id: string, nth: number, more: number): string | undefined {
    const peer = new Peer();
    const session = sessions.enter(peer, said(id, nth));
    if (nth > 1) take(session, 1);
    const answer = peer.answers.at(-1);
    for (let n = 1; n <= more; n++) take(session, n, "failed");
    sessions.leave(peer, session, id);
    return answer;
  }

  it("are 200,000 refused messages, and of the others it is said that they are not known", async () => {
    const clock = new FakeClock();
    const sessions = new Sessions(1000, clock);
    for (let n = 1; n <= 201; n++) comes(sessions, `s${n}`, 1, 1000);
    assertEquals(comes(sessions, "s201", 2, 0), "1 forgotten");
    assertEquals(comes(sessions, "s1", 2, 0), "1 failed");
    assertEquals(comes(sessions, "one", 1, 1), undefined);
    assertEquals(comes(sessions, "one", 2, 0), "1 forgotten");
    const peer = new Peer();
    const back = sessions.enter(peer, said("s2", 2)); // so there is room
    comes(sessions, "two", 1, 1000);
    assertEquals(comes(sessions, "two", 2, 0), "1 failed");
    sessions.leave(peer, back, "s2");
    assertEquals(comes(sessions, "s2", 3, 0), "1 forgotten");
    await clock.advance(1001); // all are forgotten
    for (let n = 1; n <= 200; n++) comes(sessions, `t${n}`, 1, 1000);
    assertEquals(comes(sessions, "t200", 2, 0), "1 failed");
  });
});
