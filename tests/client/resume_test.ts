import { assert, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { Script } from "../helpers/resuming_session.ts";

const REFUSED = { failure: { what: "the connection failed", status: "0" } };

describe("a session", () => {
  it("lists what it has seen: the topics' own places, and what the connection has reached", () => {
    const script = new Script();
    assertEquals(script.greet("e"), { resume: 1, at: {} });
    script.hear({ joined: "a", at: "1.0" }, { joined: "b", at: "1.0" });
    script.runtime.events.message("2.3\nto one of them");
    script.hear({ joined: "c", at: "3.0" }, { at: "2.9" });
    script.end();
    assertEquals(script.greet("e"), {
      resume: 1,
      epoch: "e",
      at: { c: "3.0", b: "3.0", a: "3.0" },
    });
    script.hear({ joined: "a", at: "3.0", recovered: true, missed: 2 });
    script.runtime.events.message("4.0\nmissed");
    script.end(); // the second has not come
    const list = script.greet("e") as { at: Record<string, string> };
    assertEquals(list.at, { a: "4.0", c: "3.0", b: "3.0" });
    script.hear({ joined: "c", at: "9.0" }, { joined: "c", at: "9.0" }); // said once
    assertEquals(script.recovered, [
      { topic: "a", recovered: true, missed: 2 },
      { topic: "c", recovered: false, missed: 0 },
    ]);
    script.end();
  });

  it("is where its connection is once all that was missed has come, also by what it is told", () => {
    const script = new Script();
    const listed = () => {
      script.end();
      return (script.greet("e") as { at: unknown }).at;
    };
    script.greet("e");
    script.hear({ joined: "a", at: "1.0" });
    assertEquals(listed(), { a: "1.0" });
    script.hear({ joined: "a", at: "5.0", recovered: true, missed: 2 });
    for (const place of ["2.0", "5.0"]) script.runtime.events.message(`${place}\nmissed`);
    assertEquals(listed(), { a: "5.0" });
    script.hear({ joined: "a", at: "5.0", recovered: true, missed: 0 });
    script.hear({ at: "7.0" }, { at: "junk" }, { at: 8 }, {}, { at: "6.0" });
    assertEquals(listed(), { a: "7.0" }); // and what says nothing changes nothing
    script.hear({ joined: "a", at: "8.0", recovered: false, missed: 2 });
    script.runtime.events.message("9.0\nnothing was filled");
    script.hear({ joined: "b", at: "8.0", missed: 2 });
    assertEquals(listed(), { b: "9.0", a: "9.0" });
    assertEquals(script.recovered.map(({ recovered, missed }) => [recovered, missed]), [
      ...[[true, 2], [true, 0], [false, 0]],
    ]);
    script.end();
  });

  it("is in the middle of what was missed until all of it has come, and then as all others", () => {
    const script = new Script();
    const message = (place: string) => script.runtime.events.message(`${place}\n`);
    const listed = () => {
      script.end();
      return (script.greet("e") as { at: unknown }).at;
    };
    script.greet("e");
    script.hear({ joined: "a", at: "1.0" });
    script.end();
    script.greet("e");
    script.hear({ joined: "a", at: "5.0", recovered: true, missed: 3 });
    message("2.0");
    assertEquals(listed(), { a: "2.0" }); // two have not come, and are awaited no longer
    script.hear({ joined: "a", at: "2.0" });
    message("3.0");
    assertEquals(listed(), { a: "3.0" });
    script.hear({ joined: "b", at: "5.0" });
    script.hear({ joined: "a", at: "5.0", recovered: true, missed: 2 });
    for (const place of ["3.0", "5.0", "9.0"]) message(place); // the last is b's
    assertEquals(listed(), { a: "9.0", b: "9.0" });
    script.hear({ joined: "a", at: "9.0", recovered: true, missed: 1 });
    script.hear({ lost: "gone" }); // the log, and with it what was to come
    assertEquals(script.recovered.length, 4);
    script.end();
    script.greet("f");
    script.hear({ joined: "a", at: "1.0", recovered: true, missed: 1 });
    message("1.0");
    script.hear({ lost: "gone" });
    assertEquals(script.recovered.slice(4), [
      { topic: "a", recovered: true, missed: 1 },
      { topic: "a", recovered: false, missed: 0 },
    ]);
    script.end();
  });

  it("does not ask for what is in a log that is no more, and says that it may be missing", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "1.0" }, { joined: "b", at: "1.0" });
    script.end();
    script.greet("f");
    script.hear({ joined: "b", at: "1.1", recovered: false, missed: 0 });
    script.end();
    assertEquals(script.greet("f"), { resume: 1, epoch: "f", at: { b: "1.1" } });
    script.hear({ lost: "gone" });
    script.end();
    assertEquals(script.greet("g"), { resume: 1, at: {} });
    script.hear({ joined: "b", at: "1.0" });
    assertEquals(script.recovered.map(({ topic, recovered }) => [topic, recovered]), [
      ["b", false],
      ["b", false],
    ]);
    script.hear({ lost: "gone" }, { epoch: "h", at: "0.0" });
    script.end();
    assertEquals((script.greet("h") as { at: unknown }).at, { b: "0.0" });
    script.end();
  });

  it("lists first what was joined last, also where it had been in there before", () => {
    const script = new Script();
    script.greet("e");
    for (const joined of ["a", "b", "c", "a"]) script.hear({ joined, at: "1.0" });
    script.hear({ left: "b" });
    script.end();
    assertEquals(Object.keys((script.greet("e") as { at: object }).at), ["a", "c"]);
    script.end();
  });

  it("says of all that they may be missing where the next server cannot resume, and forgets them", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "1.0" }, { joined: "b", at: "1.0" });
    script.end();
    script.dial();
    script.runtime.last.protocol = "";
    script.runtime.events.open();
    assertEquals(
      script.recovered,
      ["a", "b"].map((topic) => ({ topic, recovered: false, missed: 0 })),
    );
    script.runtime.events.message("plain");
    script.end();
    assertEquals(script.greet("e"), { resume: 1, at: {} });
    assertEquals(script.told.slice(-3), ["plain", "closed", "open"]);
    script.end();
  });

  it("hands on what its connection is told: each Ping, the close, and the end at once", () => {
    for (const end of ["close", "terminate"] as const) {
      const script = new Script();
      const socket = script.dial();
      script.runtime.last.protocol = "resume.netkit.1";
      script.runtime.events.open();
      script.hear({ resume: 1, epoch: "e" });
      script.runtime.last.bufferedAmount = 7;
      socket.ping();
      script.runtime.events.alive();
      assertEquals([socket.bufferedAmount, script.told.splice(1)], [7, ["alive"]]);
      if (end === "close") socket.close(4000, "bye");
      else socket.terminate();
      assertEquals(script.runtime.last.calls, ["ping", end === "close" ? "close 4000" : end]);
      assertEquals([script.told, script.clock.pending], [["open"], 0]);
      script.end();
      assertEquals(script.told, ["open", "closed"]);
    }
  });

  it("lists no more than a server takes, and keeps no more than it can", () => {
    const script = new Script();
    script.greet("e");
    for (let n = 0; n < 100_001; n++) script.session.told(`{"joined":"${n}","at":"1.0"}`);
    script.end();
    const { at } = script.greet("e") as { at: Record<string, string> };
    assertEquals(Object.keys(at).length, 1000);
    assert("99999" in at);
    script.session.told('{"joined":"100000","at":"1.0"}'); // it was not kept: nothing is known of it
    script.session.told('{"joined":"0","at":"1.0"}');
    assertEquals(script.recovered, [{ topic: "0", recovered: false, missed: 0 }]);
    for (let n = 0; n < 3; n++) {
      script.session.told(`{"joined":${JSON.stringify(`${n}`.repeat(30_000))},"at":"1.0"}`);
    }
    script.end();
    script.end();
  });

  it("lists names of 64 KiB together", () => {
    const script = new Script();
    script.greet("e");
    for (const name of ["a", "b", "c"]) script.hear({ joined: name.repeat(30_000), at: "1.0" });
    script.end();
    script.greet("e");
    assert((script.runtime.last.sent[0] as string).length <= 64 * 1024);
    assertEquals(Object.keys(JSON.parse(script.runtime.last.sent[0] as string).at).length, 2);
    script.end();
  });

  it("lists what there is room for beside a name that is too long", () => {
    const script = new Script();
    script.greet("e");
    for (const name of ["a", "b".repeat(65_536), "c"]) script.hear({ joined: name, at: "1.0" });
    script.end();
    const { at } = script.greet("e") as { at: object };
    assertEquals(Object.keys(at), ["c", "a"]);
    script.end();
  });

  it("knows names that are those of objects", () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "constructor", at: "1.0" });
    script.session.told('{"joined":"__proto__","at":"1.0"}');
    script.end();
    script.greet("e");
    const at = '{"__proto__":"1.0","constructor":"1.0"}';
    assertEquals(script.runtime.last.sent, [`{"resume":1,"epoch":"e","at":${at}}\n`]);
    script.end();
  });

  it("leaves alone what it does not understand, and what comes after its end", () => {
    const script = new Script();
    script.greet("e");
    script.runtime.events.message("{no JSON\n");
    script.hear({ joined: "a", at: "1.0" });
    const socket = script.dial();
    script.runtime.last.protocol = "resume.netkit.1";
    socket.terminate();
    script.runtime.events.open(); // too late
    script.runtime.events.message("9.0\nof a connection that is closing");
    assertEquals(script.told, ["open", "alive", "alive", "9.0\nof a connection that is closing"]);
    script.end();
    assertEquals((script.greet("e") as { at: unknown }).at, { a: "1.0" });
    script.end();
    assertEquals(script.clock.pending, 0);
  });

  it("waits 2 s for a greeting; one that comes later ends the connection", async () => {
    const script = new Script();
    script.dial();
    script.runtime.last.protocol = "resume.netkit.1";
    script.runtime.events.open();
    await script.clock.advance(1999);
    assertEquals(script.told, []);
    await script.clock.advance(1);
    assertEquals(script.told, ["open"]);
    script.hear({ resume: 1, epoch: "e" });
    assertEquals(script.told, ["open", "the server's greeting came too late"]);
    assertEquals([script.runtime.last.calls, script.clock.pending], [["terminate"], 0]);
  });

  it("waits 10 s where a server has greeted before: it may be busy, as all come back at once", async () => {
    const script = new Script();
    script.greet("e");
    script.hear({ joined: "a", at: "1.0" });
    script.end();
    script.dial();
    script.runtime.last.protocol = "resume.netkit.1";
    script.runtime.events.open();
    await script.clock.advance(9999);
    script.hear({ resume: 1, epoch: "e" }, { joined: "a", at: "1.0", recovered: true, missed: 0 });
    assertEquals(script.recovered, [{ topic: "a", recovered: true, missed: 0 }]);
    script.end();
    script.dial();
    script.runtime.last.protocol = "resume.netkit.1";
    script.runtime.events.open();
    await script.clock.advance(10_000);
    assertEquals(script.recovered[1], { topic: "a", recovered: false, missed: 0 });
    script.end();
    assertEquals(script.clock.pending, 0);
  });

  it("leaves a server that sends bytes with no header", () => {
    const script = new Script();
    script.greet("e");
    script.runtime.events.message(new Uint8Array(100).fill(7).buffer);
    assertEquals(script.told, ["open", "a message without a header came in"]);
    assertEquals(script.runtime.last.calls, ["terminate"]);
  });
});

describe("what a client offers", () => {
  it("is its own subprotocols, each with and without", () => {
    const script = new Script();
    script.dial(["chat", "v2"]);
    script.end(REFUSED); // it did not fail for what was offered
    const both = ["chat+resume.netkit.1", "v2+resume.netkit.1", "chat", "v2"];
    assertEquals(script.runtime.dialled, [both]);
    assertEquals(script.told, ["the connection failed"]);
  });

  it("is nothing the second time, where nothing of it was chosen", () => {
    const script = new Script();
    const socket = script.dial();
    script.end(REFUSED);
    assertEquals(script.runtime.dialled, [["resume.netkit.1"], []]);
    script.runtime.events.open();
    script.runtime.events.message('{"resume":1}\n'); // it is the user's own
    socket.send("hello");
    assertEquals(script.runtime.last.sent, ["hello"]);
    assertEquals(script.told, ["open", '{"resume":1}\n']);
    script.end();
  });

  it("is left out only after a second failure, where a server could resume before", () => {
    const script = new Script();
    script.greet("e");
    script.end();
    const offered = () => script.runtime.dialled.splice(0).map(({ length }) => length);
    offered();
    script.dial();
    script.end(REFUSED); // it may have been cut off
    assertEquals(offered(), [1]);
    script.dial();
    script.end(REFUSED);
    assertEquals(offered(), [1, 0]);
    script.end(REFUSED);
    script.greet("e");
    script.end();
    offered();
    script.dial();
    script.end(REFUSED);
    assertEquals(offered(), [1]);
  });

  it("is left in where an attempt had no answer at all", () => {
    for (const what of ["connection refused", "the connection was reset"]) {
      const script = new Script();
      script.dial();
      script.end({ failure: { what, status: "0" } });
      assertEquals(script.runtime.dialled.length, 1);
      assertEquals(script.told, [what]);
    }
  });

  it("is asked for once where that fails as well, or cannot be dialled", () => {
    const script = new Script();
    script.dial();
    script.end(REFUSED);
    script.end(REFUSED);
    script.dial();
    script.runtime.fault = new Error("refused");
    script.end(REFUSED);
    script.runtime.fault = undefined;
    script.dial();
    script.end(); // no failure at all
    assertEquals(script.told, ["the connection failed", "the connection failed", "closed"]);
  });
});
