/** What clients that can resume are told, by a node that reads the log. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Joined, Resume } from "../../cluster/resume.ts";
import { FakeClock } from "../../testing.ts";

const at = (epoch: string, offset: number, index = 0) => ({ epoch, offset, index });

/** A client that was somewhere, and what it is told. */
function peerOf(epoch: string | undefined, since: Record<string, [number, number]> = {}) {
  const log: unknown[] = [];
  const places = Object.entries(since).map(([topic, [offset, index]]) =>
    [topic, { offset, index }] as const
  );
  return {
    log,
    room: Infinity,
    since: new Map(places),
    epoch,
    tell: (control: object) => log.push(control),
    send: (place: string, data: unknown) => log.push(`${place} ${data}`),
    hasRoomFor(bytes: number) {
      log.push(`room for ${bytes}`);
      return bytes <= this.room;
    },
  };
}

/** A node that has read a message of topic `t` at each of 1 to 3 of epoch `e`. */
function start() {
  const clock = new FakeClock();
  const resume = new Resume({ messages: 100, bytes: 1e6, age: 300_000 }, clock, false);
  for (const n of [1, 2, 3]) resume.read(at("e", n), "t", `m${n}`);
  return { clock, resume };
}

/** Has a client join, and notes what that comes to. */
function join(resume: Resume, peer: ReturnType<typeof peerOf>, topic = "t") {
  const joining = resume.join(peer, topic, () => peer.log.push("enter"));
  const result: { is?: Joined } = {};
  if (joining instanceof Promise) void joining.then((joined) => result.is = joined);
  else result.is = joining;
  return result;
}

describe("a client that joins", () => {
  it("is told from where on it is in a topic that it was not in", () => {
    const { resume } = start();
    const peer = peerOf("e", { other: [1, 0] });
    assertEquals(join(resume, peer).is, { missed: 0 });
    assertEquals(peer.log, ["enter", { joined: "t", at: "3.0" }]);
  });

  it("is sent what it missed before it is in, once", () => {
    const { resume } = start();
    const peer = peerOf("e", { t: [1, 0] });
    assertEquals(join(resume, peer).is, { recovered: true, missed: 2 });
    assertEquals(peer.log.splice(0), [
      "room for 76", // 2 × (32 + 3 × 2)
      { joined: "t", at: "1.0", recovered: true, missed: 2 },
      "2.0 m2",
      "3.0 m3",
      "enter",
    ]);
    assertEquals(join(resume, peer).is, { missed: 0 });
  });

  it("is sent nothing where there is no room for it, and told so", () => {
    const { resume } = start();
    resume.read(at("e", 4), "t", new Uint8Array(10));
    const peer = peerOf("e", { t: [3, 0] });
    peer.room = 41;
    assertEquals(join(resume, peer).is, { recovered: false, missed: 0 });
    assertEquals(peer.log, [
      "room for 42",
      { joined: "t", at: "4.0", recovered: false, missed: 0 },
      "enter",
    ]);
  });

  it("waits for a node that is behind, until it has read that far, and for 5 s", async () => {
    const { clock, resume } = start();
    const peer = peerOf("e", { t: [5, 0], u: [9, 0] });
    const [t, u] = [join(resume, peer), join(resume, peer, "u")];
    resume.read(at("e", 4), "t", "m4");
    resume.caughtUp();
    await clock.advance(4000);
    assertEquals([t.is, u.is, peer.log], [undefined, undefined, []]);
    resume.read(at("e", 5), "t", "m5");
    resume.caughtUp();
    await clock.advance(999);
    assertEquals([t.is, u.is], [{ recovered: true, missed: 0 }, undefined]);
    await clock.advance(1);
    assertEquals(u.is, { recovered: false, missed: 0 });
    assertEquals(clock.pending, 0);
  });

  it("waits for a log that its node may have to hear of, for 1 s, and for no entry of the one before", async () => {
    const { clock, resume } = start();
    const [peer, other] = [peerOf("f", { t: [1, 0] }), peerOf("g", { t: [1, 0] })];
    const [soon, never] = [join(resume, peer), join(resume, other)];
    resume.read(at("e", 4), "t", "m4");
    resume.caughtUp();
    await clock.advance(500);
    assertEquals([soon.is, never.is], [undefined, undefined]);
    resume.lost("gone");
    resume.read(at("f", 1), "t", "f1");
    resume.caughtUp();
    await clock.advance(0);
    assertEquals([soon.is, never.is], [{ recovered: true, missed: 0 }, undefined]);
    await clock.advance(500);
    assertEquals(never.is, { recovered: false, missed: 0 });
    assertEquals(other.log.at(-2), { joined: "t", at: "1.0", recovered: false, missed: 0 });
  });

  for (const epoch of [undefined, ""]) {
    it(`waits like that where it does not say of which log it speaks, of a node that has read none: ${epoch}`, async () => {
      const { clock, resume } = start();
      resume.lost("gone");
      const peer = peerOf(epoch, { t: [1, 0] });
      const joined = join(resume, peer);
      await clock.advance(999);
      assertEquals(joined.is, undefined);
      await clock.advance(1);
      assertEquals(joined.is, { recovered: false, missed: 0 });
      assertEquals(peer.log, [
        { joined: "t", at: undefined, recovered: false, missed: 0 },
        "enter",
      ]);
    });
  }

  it("has not recovered where it was before what its node had read in a part that was lost, and waits no longer", async () => {
    const { resume } = start();
    resume.lost("forked");
    resume.again(at("e", 4, 7)); // before anything is known of the log as it is now
    assertEquals(resume.hello, { resume: 1, epoch: undefined });
    resume.read(at("f", 1), "t", "f1");
    resume.again(at("e", 5));
    const [before, there, ahead] = [[1, 0], [2, 1], [2, 1]].map((place) =>
      peerOf("f", { t: place as [number, number] })
    );
    const waits = join(resume, ahead!);
    resume.again(at("f", 2, 1));
    assertEquals(join(resume, before!).is, { recovered: false, missed: 0 });
    assertEquals(join(resume, there!).is, { recovered: true, missed: 0 });
    await undefined;
    assertEquals(waits.is, { recovered: true, missed: 0 });
  });

  it("has not recovered where that is in the rest of a log that has forked", () => {
    const { resume } = start();
    resume.lost("forked");
    resume.read(at("e", 1), "t", "m1");
    const { epoch } = resume.hello as { epoch: string };
    resume.again(at("e", 2));
    assertEquals(join(resume, peerOf(epoch, { t: [1, 0] })).is, { recovered: false, missed: 0 });
    assertEquals(join(resume, peerOf(epoch, { t: [2, 0] })).is, { recovered: true, missed: 0 });
  });

  it("may leave, or go, while it waits", async () => {
    const { clock, resume } = start();
    const peer = peerOf("e", { t: [5, 0], u: [5, 0] });
    resume.add(peer);
    const [t, u] = [join(resume, peer), join(resume, peer, "u")];
    resume.leave(peer, "elsewhere");
    resume.leave(peer, "t");
    await clock.advance(0);
    assertEquals([t.is, u.is], [{ recovered: false, missed: 0 }, undefined]);
    assertEquals(peer.log, [{ left: "elsewhere" }, { left: "t" }]);
    resume.remove(peer);
    await clock.advance(0);
    assertEquals(u.is, { recovered: false, missed: 0 });
    resume.read(at("e", 5), "t", "m5");
    resume.caughtUp();
    assertEquals([peer.log.length, clock.pending], [2, 0]);
  });

  for (const call of ["leave", "remove"] as const) {
    it(`is told nothing of a topic that it waits for and leaves as it is told of another: ${call}`, async () => {
      const { clock, resume } = start();
      const [peer, other] = [1, 2].map(() => peerOf("e", { t: [4, 0], u: [4, 0] })) as [
        ReturnType<typeof peerOf>,
        ReturnType<typeof peerOf>,
      ];
      const joined = [peer, other].flatMap((one) => [join(resume, one), join(resume, one, "u")]);
      peer.send = (place, data) => {
        for (const one of [peer, other]) resume[call](one, "u");
        return peer.log.push(`${place} ${data}`);
      };
      for (const [index, topic] of ["t", "t", "u"].entries()) {
        resume.read(at("e", 4, index), topic, `${topic}${index}`);
      }
      resume.caughtUp();
      await clock.advance(0);
      const told = [peer, other].map(({ log }) => JSON.stringify(log).includes('"joined":"u"'));
      assertEquals([told, clock.pending], [[false, false], 0]);
      assertEquals([joined[1]!.is, joined[3]!.is], Array(2).fill({ recovered: false, missed: 0 }));
    });
  }
});

describe("a client that was in an epoch which has forked", () => {
  it("has not recovered in the rest of that, in which its place is another's", () => {
    const { resume } = start();
    const stays = peerOf(undefined);
    resume.add(stays);
    resume.lost("forked"); // of 2 and 3, in whose places others were appended before it was noticed
    for (const n of [2, 3, 4]) resume.read(at("e", n), "t", `other m${n}`);
    const { epoch } = resume.hello as { epoch: string };
    const peer = peerOf("e", { t: [3, 0] });
    const joining = join(resume, peer);
    assertEquals(joining.is, undefined, "that epoch may be heard of");
    const here = peerOf(epoch, { t: [3, 0] });
    assertEquals(join(resume, here).is, { recovered: true, missed: 1 });
    resume.lost("forked"); // once more
    resume.read(at("e", 3), "t", "yet another m3");
    assertEquals(join(resume, peerOf(epoch, { t: [3, 0] })).is, undefined);
    resume.read(at("f", 1), "t", "f1");
    assertEquals(resume.hello, { resume: 1, epoch: "f" });
    const told = stays.log as { epoch?: string; at?: string; lost?: string }[];
    assertEquals(told.map(({ at, lost }) => at ?? lost), [
      ...["forked", "1.2147483648", "forked", "2.2147483648", "0.0"],
    ]);
    const epochs = told.flatMap(({ epoch }) => epoch ?? []);
    assertEquals(new Set(["e", ...epochs]).size, 4, `${epochs}`);
    resume.remove(stays);
    resume.remove(peer);
  });
});

describe("an epoch that has forked", () => {
  it("is called by another name on each node, which need not have seen the same forks of it", () => {
    const names = [start(), start()].map(({ resume }) => {
      resume.lost("forked");
      resume.read(at("e", 2), "t", "other m2");
      return (resume.hello as { epoch: string }).epoch;
    });
    assertEquals(new Set(["e", ...names]).size, 3, `${names}`);
  });
});

describe("a client that stays", () => {
  it("is told each 25 s where the log stands, if it has moved", async () => {
    const { clock, resume } = start();
    const [one, other] = [peerOf(undefined), peerOf(undefined)];
    resume.add(one);
    resume.add(other);
    await clock.advance(24_999);
    assertEquals(one.log, []);
    await clock.advance(1);
    assertEquals([one.log, other.log], [[{ at: "3.0" }], [{ at: "3.0" }]]);
    await clock.advance(25_000);
    resume.read(at("e", 4, 1));
    resume.remove(other);
    await clock.advance(25_000);
    assertEquals([one.log, other.log], [[{ at: "3.0" }, { at: "4.1" }], [{ at: "3.0" }]]);
    resume.remove(one);
    assertEquals(clock.pending, 0);
    resume.add(one);
    assertEquals(clock.pending, 1);
    resume.close();
    assertEquals(clock.pending, 0);
  });

  it("is told so of another log as well, which stands where the one before has stood", async () => {
    const { clock, resume } = start();
    const peer = peerOf(undefined);
    resume.add(peer);
    await clock.advance(25_000);
    resume.lost("gone");
    for (const n of [1, 2, 3]) resume.read(at("f", n), "u", `f${n}`);
    await clock.advance(25_000);
    const gone = [{ lost: "gone" }, { epoch: "f", at: "0.0" }];
    assertEquals(peer.log, [{ at: "3.0" }, ...gone, { at: "3.0" }]);
    resume.remove(peer);
  });

  it("is told that something is lost, and in which log it is then", async () => {
    const { clock, resume } = start();
    const peer = peerOf(undefined);
    resume.add(peer);
    assertEquals([resume.hello, resume.isNowhere], [{ resume: 1, epoch: "e" }, false]);
    await clock.advance(25_000);
    assertEquals(peer.log.splice(0), [{ at: "3.0" }]);
    resume.lost("forked");
    assertEquals([resume.hello, resume.isNowhere], [{ resume: 1, epoch: undefined }, true]);
    await clock.advance(25_000);
    assertEquals(peer.log.splice(0), [{ lost: "forked" }], "it is not known where it stands");
    resume.read(at("f", 1));
    resume.read(at("f", 2), "t", "m");
    assertEquals(peer.log.splice(0), [{ epoch: "f", at: "0.0" }]);
    resume.read(at("g", 7), "t", "m");
    assertEquals(peer.log.splice(0), [{ epoch: "g", at: "6.2147483648" }]);
    resume.close();
  });
});
