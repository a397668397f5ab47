/** Where a client that resumes is in the log, by what it is told, and what it takes for no greeting. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Outbox } from "../../client/acknowledged.ts";
import type { Wire } from "../../client/resuming_runtime.ts";
import { MAX_LIST } from "../../internal/resume_frame.ts";
import { kindOf } from "../helpers/nodes_in_memory.ts";
import { Script } from "../helpers/resuming_session.ts";

/** What the next server is told. */
function next(script: Script): unknown {
  script.end();
  return script.greet("e");
}

describe("a session's place", () => {
  it("of a topic that was filled is its own, also where the connection has not come so far", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "b", at: "3.0" }, { joined: "a", at: "9.0", recovered: true, missed: 1 });
    script.runtime.events.message("9.0\nmissed");
    assertEquals(next(script), { resume: 1, epoch: "e", at: { a: "9.0", b: "3.0" } });
    script.end();
  });

  it("of a topic of which nothing was missed says nothing of the others", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "b", at: "3.0" }, { joined: "a", at: "9.0", recovered: true, missed: 0 });
    assertEquals(next(script), { resume: 1, epoch: "e", at: { a: "9.0", b: "3.0" } });
    script.end();
  });

  it("is the connection's where a topic is joined at none", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "3.0" }, { joined: "b" }, { joined: "c", recovered: false });
    assertEquals(next(script), { resume: 1, epoch: "e", at: { c: "3.0", b: "3.0", a: "3.0" } });
    script.end();
  });

  it("is none after the log was lost, and is in the new log where there is one", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "5.0" }, { lost: true });
    assertEquals(script.recovered, [{ topic: "a", recovered: false, missed: 0 }]);
    assertEquals(next(script), { resume: 1, at: {} });
    script.hear({ joined: "a", at: "5.0" }, { epoch: "f", at: "0.3" });
    assertEquals(next(script), { resume: 1, epoch: "f", at: { a: "0.3" } });
    script.hear(...["a", "b", "c"].map((joined) => ({ joined, at: "1.0" })));
    script.hear({ lost: true }, { epoch: "g", at: "0.1" });
    const at = { c: "0.1", b: "0.1", a: "0.1" };
    assertEquals(next(script), { resume: 1, epoch: "g", at });
    script.end();
  });

  it("is kept where a handshake comes to nothing, or is closed as it is told that it is open", () => {
    for (const end of ["close", "terminate"] as const) {
      const script = new Script();
      script.greet("e");
      script.hear({ joined: "a", at: "1.0" });
      script.end();
      const socket = script.dial();
      script.opened = () => socket[end](1000, "");
      script.runtime.events.open();
      script.opened = () => {};
      assertEquals(script.recovered, []);
      assertEquals(script.greet("e"), { resume: 1, epoch: "e", at: { a: "1.0" } });
      script.end();
    }
  });

  it("is told to no server in a log whose name none would read", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "5.0" }, { epoch: "x".repeat(MAX_LIST.characters), at: "6.0" });
    assertEquals(next(script), { resume: 1, at: {} });
    script.hear({ joined: "a", at: "7.0" });
    assertEquals(next(script), { resume: 1, epoch: "e", at: { a: "7.0" } });
    script.end();
  });

  it("is kept of topics whose names have 16 Mi characters together, and no more", () => {
    const script = new Script();
    script.greet("e");
    const [a, b, c] = ["a", "b", "c"].map((one) => one.repeat(8 * 1024 * 1024)) as [
      string,
      string,
      string,
    ];
    const lost = () => {
      script.recovered.length = 0;
      script.hear({ lost: true });
      return script.recovered.map(({ topic }) => topic[0]);
    };
    script.hear({ joined: a }, { joined: b }, { joined: a }, { joined: c });
    assertEquals(lost(), ["b", "a"]);
    script.hear({ left: c }, { left: a }, { joined: c });
    assertEquals(lost(), ["b", "c"]);
    script.session.foreign();
    script.hear({ joined: a }, { joined: c });
    assertEquals(lost(), ["a", "c"]);
    script.end();
  });

  it("is told with none missed where the server names no number of messages", () => {
    const script = new Script();
    script.greet("e");
    for (const missed of ["2", 1.5, -1, 2 ** 53, null, undefined]) {
      script.hear({ joined: "a", at: "1.0", recovered: true, missed });
      assertEquals(script.recovered.pop(), { topic: "a", recovered: true, missed: 0 }, `${missed}`);
    }
    assertEquals(next(script), { resume: 1, epoch: "e", at: { a: "1.0" } });
    script.end();
  });

  it("is told with what was recovered, also of a topic that was not asked for", () => {
    const script = new Script();
    script.greet("e");
    script.hear(
      { joined: "a", at: "1.0", recovered: true, missed: 0 },
      { joined: "b", at: "1.0", recovered: false },
      { joined: "c", at: "1.0" },
    );
    assertEquals(script.recovered, [
      { topic: "a", recovered: true, missed: 0 },
      { topic: "b", recovered: false, missed: 0 },
    ]);
    script.end();
  });

  it("of a topic that was not joined again stays, however far later connections come", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "3.0" }, { joined: "filling", at: "1.0" });
    assertEquals(next(script), { resume: 1, epoch: "e", at: { filling: "3.0", a: "3.0" } });
    script.hear({ joined: "b", at: "9.0" });
    script.hear({ joined: "filling", at: "3.0", recovered: true, missed: 2 });
    script.runtime.events.message("4.0\nmissed");
    const at = { filling: "4.0", b: "9.0", a: "3.0" };
    assertEquals(next(script), { resume: 1, epoch: "e", at });
    assertEquals(next(script), { resume: 1, epoch: "e", at });
    script.end();
  });

  it("stays where a message has none", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "3.0" });
    script.runtime.events.message("\nno place");
    script.runtime.events.message(new TextEncoder().encode("4.0\nbytes").buffer);
    script.runtime.events.message(new TextEncoder().encode("\nbytes").buffer);
    const [open, text, ...bytes] = script.told.filter((told) => told !== "alive");
    assertEquals([open, text], ["open", "no place"]);
    assertEquals(bytes.map((one) => new TextDecoder().decode(one as ArrayBuffer)), [
      ...["bytes", "bytes"],
    ]);
    assertEquals(next(script), { resume: 1, epoch: "e", at: { a: "4.0" } });
    script.end();
  });

  it("is listed with as many others as a server takes, to a few characters", () => {
    const script = new Script();
    script.greet("e");
    for (let i = 0; i < 1000; i++) {
      script.hear({ joined: `${"x".repeat(70)}${i}`, at: "1234567890.12345" });
    }
    script.end();
    script.greet("e");
    const { length } = script.runtime.last.sent[0] as string;
    assert(length <= MAX_LIST.characters && length > MAX_LIST.characters - 400, `${length}`);
    script.end();
  });

  it("is listed where it has room, to the last character, whatever the log is called", () => {
    for (const epoch of ["e", "1795000000000", `"${"log ".repeat(100)}"`]) {
      const bare = `${JSON.stringify({ resume: 1, epoch, at: { b: "1.0", "": "1.0" } })}\n`.length;
      for (const more of [0, 1]) {
        const script = new Script();
        script.greet(epoch);
        const longest = "a".repeat(MAX_LIST.characters - bare + more);
        for (const name of [longest, "b"]) script.hear({ joined: name, at: "1.0" });
        script.end();
        const { at } = script.greet(epoch) as { at: object };
        const { length } = script.runtime.last.sent[0] as string;
        assertEquals(Object.keys(at).length, 2 - more);
        if (more === 0) assertEquals(length, MAX_LIST.characters);
        script.end();
      }
    }
  });
});

describe("a connection that may resume", () => {
  const GREETING = '{"resume":1,"epoch":"e"}\n';

  function open(protocol: string): Script {
    const script = new Script();
    script.dial();
    script.runtime.last.protocol = protocol;
    script.runtime.events.open();
    return script;
  }

  it("takes for an ordinary message what another server begins with", () => {
    const script = open("");
    script.runtime.events.message(GREETING);
    assertEquals(script.told, ["open", GREETING]);
    script.end();
  });

  it("takes it for one where it is not the first", () => {
    const script = open("resume.netkit.1");
    for (const text of ["first", GREETING]) script.runtime.events.message(text);
    assertEquals(script.told, ["open", "first", GREETING]);
    script.end();
  });

  it("is left where a message has a header that is none", () => {
    const script = open("resume.netkit.1");
    for (const text of [GREETING, "1.2.3\ntext"]) script.runtime.events.message(text);
    assertEquals(script.told, ["open", "a message with an unknown header came in"]);
    assertEquals(script.runtime.last.calls, ["terminate"]);
  });

  it("is not dialled again where it is lost after it was open", () => {
    for (const heard of [[], [GREETING], ["plain"]]) {
      const script = open("resume.netkit.1");
      for (const text of heard) script.runtime.events.message(text);
      script.end({ failure: { what: "the connection failed", status: "0" } });
      assertEquals(script.runtime.dialled.length, 1);
      assertEquals(script.told.at(-1), "the connection failed");
    }
  });

  it("tells no end of its own after its end", () => {
    const script = new Script();
    const socket = script.dial();
    script.runtime.last.protocol = "resume.netkit.1";
    socket.terminate();
    script.runtime.events.message(GREETING);
    assertEquals([script.told, script.runtime.last.calls], [[GREETING], ["terminate"]]);
  });
});

describe("who a client is", () => {
  it("is 32 digits that nobody else has, and how often it has come", () => {
    const [one, other] = [new Outbox(1), new Outbox(1)].map((outbox) =>
      [1, 2].map(() => outbox.introduction() as { session: string; nth: number })
    );
    assertMatch(one![0]!.session, /^[0-9a-f]{32}$/);
    assertEquals(one!.map(({ nth }) => nth), [1, 2]);
    assertEquals(one![0]!.session, one![1]!.session);
    assert(one![0]!.session !== other![0]!.session);
  });

  it("says which messages may come: from the first without an answer, and how far they were sent", () => {
    const outbox = new Outbox(100);
    const says = () => {
      const { first, sent } = outbox.introduction() as { first: number; sent: number };
      return [first, sent];
    };
    assertEquals(says(), [1, 0]);
    for (const data of ["one", "two", "three"]) void outbox.add(data, (one) => outbox.header(one));
    assertEquals(says(), [1, 3]);
    outbox.answered(1, undefined);
    outbox.answered(2, undefined);
    assertEquals(says(), [3, 3]);
    void outbox.add("four", () => {});
    outbox.answered(3, undefined);
    assertEquals(says(), [4, 3]);
    outbox.answered(4, undefined);
    assertEquals(says(), [5, 3]);
  });

  it("says so before the first message on each connection, which it does not count, and sends it as it was", () => {
    const script = new Script();
    const { outbox } = script.session;
    const data = new Uint8Array([1]);
    const shown: unknown[] = [];
    for (const sent of [0, 1]) {
      const wire = script.dial() as Wire;
      script.runtime.last.protocol = "resume.netkit.1";
      script.runtime.events.open();
      script.hear({ resume: 1, epoch: "e" });
      if (sent === 0) void outbox.add(data, (one) => wire.acknowledge!(one));
      else outbox.waiting.forEach((one) => wire.acknowledge!(one));
      data[0] = 9;
      const [, said, message] = script.runtime.last.sent as [unknown, string, Uint8Array];
      const { nth, first, sent: isSent } = JSON.parse(said);
      shown.push([nth, first, isSent, ...message.subarray(3)]);
      script.end();
    }
    assertEquals(shown, [[1, 1, 0, 1], [2, 1, 1, 1]]);
  });

  it("has sent what it has sent, also where it is over in the middle of sending it again", async () => {
    const outbox = new Outbox(100);
    const answers = ["one", "two", "three"].map((data, n) =>
      kindOf(outbox.add(data, (one) => n < 2 && outbox.header(one)) as Promise<boolean>)
    );
    outbox.header(outbox.waiting[0]!); // on another connection
    assertEquals((outbox.introduction() as { sent: number }).sent, 2);
    outbox.end({});
    assertEquals(await Promise.all(answers), ["unacknowledged", "unacknowledged", "unsent"]);
  });
});
