import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { disposable, Session, within } from "./helpers/client.ts";
import { FakeClock } from "./helpers/fake_clock.ts";
import { RawServer, TEXT } from "./peers/raw.ts";

describe("createWebSocket().connect() inside a listener", () => {
  it("works in the final 'close', after the peer closed and after a loss", async () => {
    await using session = await Session.start();
    const answers: Promise<boolean>[] = [];
    session.ws.on("close", () => {
      if (answers.length < 2) answers.push(session.ws.connect(session.url));
    });
    (await session.open()).close(4000);
    await session.log.next("openInfo", 2);
    (await within(session.server.accept())).reset();
    await session.log.next("openInfo", 3);
    (await within(session.server.accept())).close(4001);
    await session.log.next("close", 3);
    assertEquals(await within(Promise.all(answers)), [true, true]);
    assertEquals(session.log.names, [
      ...["open", "openInfo", "close"],
      ...["open", "openInfo", "error", "close"],
      ...["open", "openInfo", "close"],
    ]);
  });

  it("works in the final 'close' of a close of one's own and of an aborted attempt", async () => {
    await using session = await Session.start();
    const answers: Promise<boolean>[] = [];
    session.ws.on("close", () => {
      if (answers.length < 2) answers.push(session.ws.connect(session.url));
    });
    void session.ws.connect(session.url);
    void session.ws.close();
    await session.log.next("openInfo");
    void session.ws.close();
    await session.log.next("openInfo", 2);
    assertEquals(await within(Promise.all(answers)), [true, true]);
    assertEquals(session.log.names, ["close", "open", "openInfo", "close", "open", "openInfo"]);
  });

  it("works in the final 'error' of a failed attempt", async () => {
    await using refuser = await RawServer.listen({ answer: () => "HTTP/1.1 503 Busy\r\n\r\n" })
      .then(disposable);
    await using session = await Session.start();
    const answers: Promise<boolean>[] = [];
    session.ws.on("error", () => {
      const url = answers.length < 2 ? refuser.url : session.url;
      if (answers.length < 3) answers.push(session.ws.connect(url));
    });
    await within(session.ws.connect(refuser.url));
    await session.log.next("openInfo");
    assertEquals(await within(Promise.all(answers)), [true, true, true]);
    assertEquals(session.log.names, ["error", "error", "error", "open", "openInfo"]);
  });

  it("is too early in the 'error' before a 'close', and tells what follows once", async () => {
    await using session = await Session.start();
    const codes: unknown[] = [];
    session.ws.on("error", () => {
      session.ws.connect(session.url, (error) => codes.push(error?.code));
    });
    (await session.open()).reset();
    await session.log.next("close");
    await session.assertEvents("open", "openInfo", "error", "close");
    assertEquals(codes, [2302003]);
  });

  it("forgets the last connection: what that still says is not told", async () => {
    const clock = new FakeClock();
    await using session = await Session.start({
      client: { clock },
      server: { answerClose: false },
    });
    const old = await session.open();
    await within(session.ws.close());
    clock.tick(5000);
    await session.log.next("close");
    const peer = await session.open();
    old.send(TEXT, "from the past");
    old.close(4000);
    old.end();
    await within(old.ended);
    peer.send(TEXT, "from now");
    await session.log.next("dataEnd");
    assertEquals(session.log.messages, ["from now"]);
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
  });
});
