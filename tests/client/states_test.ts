import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { BusinessError } from "../../mod.ts";
import {
  answerOf,
  refusal,
  Session,
  type SessionOptions,
  untyped,
  within,
} from "../helpers/client.ts";
import { acceptHead, CLOSE, readClose, TEXT, textOf } from "../peers/raw.ts";

type State = "idle" | "connecting" | "open" | "closing";
type Call = "connect" | "send" | "close";

/** What each call answers in each state: the table of the contract. */
const TABLE: Record<Call, Record<State, true | [code: number, opening: string]>> = {
  connect: {
    idle: true,
    connecting: [2302003, "Websocket connection already exist"],
    open: [2302003, "Websocket connection already exist"],
    closing: [2302003, "Websocket connection already exist"],
  },
  send: {
    idle: [-1, "Websocket Unknown Other Error"],
    connecting: true,
    open: true,
    closing: [-1, "Websocket Unknown Other Error"],
  },
  close: {
    idle: [2302999, "Websocket Unknown Other Error"],
    connecting: true,
    open: true,
    closing: [2302999, "Websocket Unknown Other Error"],
  },
};

/** The server that leaves a client in a state. */
const SERVERS: Record<State, SessionOptions["server"] & object> = {
  idle: {},
  connecting: { answer: () => undefined },
  open: {},
  closing: { answerClose: false },
};

async function sessionIn(state: State): Promise<Session> {
  const session = await Session.start({ server: SERVERS[state] });
  try {
    if (state === "connecting") await within(session.ws.connect(session.url));
    if (state === "open" || state === "closing") await session.open();
    if (state === "closing") await within(session.ws.close());
    assertEquals(session.ws.state, state);
    return session;
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

for (const [call, row] of Object.entries(TABLE) as [Call, typeof TABLE[Call]][]) {
  describe(`createWebSocket().${call}()`, () => {
    for (const [state, expected] of Object.entries(row) as [State, typeof row[State]][]) {
      const answer = expected === true ? "true" : expected[0];
      const args = (session: Session) =>
        call === "connect" ? [session.url] : call === "send" ? ["hello"] : [];

      it(`answers ${answer} when ${state}, with a promise`, async () => {
        await using session = await sessionIn(state);
        const events = session.log.names;
        const result: unknown = untyped(session.ws)[call](...args(session));
        if (!(result instanceof Promise)) throw new Error("no promise was returned");
        if (expected === true) return assertEquals(await within(result), true);
        assertRefused(await refusal(result), expected);
        assertEquals(session.ws.state, state);
        assertEquals(session.log.names, events);
      });

      it(`answers ${answer} when ${state}, to a callback`, async () => {
        await using session = await sessionIn(state);
        const [error, value] = await answerOf((callback) =>
          untyped(session.ws)[call](...args(session), callback)
        );
        if (expected !== true) return assertRefused(error as BusinessError, expected);
        assertEquals([error, value], [undefined, true]);
      });
    }
  });
}

function assertRefused(error: BusinessError, [code, opening]: [number, string]): void {
  assertEquals(error.code, code);
  assertEquals(error.message.startsWith(`${opening}: `), true, error.message);
  const { code: shownCode, message } = JSON.parse(JSON.stringify(error));
  assertEquals([shownCode, message], [code, error.message]);
}

describe("createWebSocket().state", () => {
  it("goes from idle to connecting, open, closing and back within one connection", async () => {
    await using session = await Session.start();
    const { ws, log } = session;
    const seen = [ws.state];
    const connected = ws.connect(session.url);
    seen.push(ws.state);
    await within(connected);
    await log.next("open");
    seen.push(ws.state);
    const closed = ws.close();
    seen.push(ws.state);
    await within(closed);
    await log.next("close");
    seen.push(ws.state);
    assertEquals(seen, ["idle", "connecting", "open", "closing", "idle"]);
    assertEquals(log.entries.map(({ event, state }) => `${event} ${state}`), [
      "open open",
      "openInfo open",
      "close idle",
    ]);
  });

  it("is idle before a final 'error' listener runs", async () => {
    await using session = await Session.start({
      server: { answer: () => "HTTP/1.1 404 Not Found\r\n\r\n" },
    });
    await within(session.ws.connect(session.url));
    await session.log.next("error");
    assertEquals(session.log.entries.map(({ state }) => state), ["idle"]);
  });
});

describe("createWebSocket().close() while connecting", () => {
  it("tells one 'close', no 'open' and no 'error', and ends the TCP connection", async () => {
    const requested = Promise.withResolvers<void>();
    await using session = await Session.start({
      server: {
        answer() {
          requested.resolve();
          return undefined;
        },
      },
    });
    const { ws, log } = session;
    await within(ws.connect(session.url));
    await within(requested.promise);
    assertEquals(await within(ws.close({ code: 4001, reason: "never mind" })), true);
    await log.next("close");
    assertEquals(log.closes, [{ code: 4001, reason: "never mind" }]);
    await session.assertEvents("close");
  });

  it("tells no 'open' though the server's answer is on its way", async () => {
    await using session: Session = await Session.start({
      server: {
        answer(request) {
          void session.ws.close();
          return acceptHead(request);
        },
      },
    });
    const accepted = session.server.accept();
    await within(session.ws.connect(session.url));
    const peer = await within(accepted);
    await within(peer.ended);
    await session.log.next("close");
    assertEquals(session.log.closes, [{ code: 1000, reason: "CLOSE_NORMAL" }]);
    await session.assertEvents("close");
  });

  it("works in the very turn of connect, and drops what was sent", async () => {
    await using session = await Session.start();
    const { ws, log } = session;
    const answers = [ws.connect(session.url), ws.send("dropped"), ws.close()];
    assertEquals(await within(Promise.all(answers)), [true, true, true]);
    await log.next("close");
    await session.assertEvents("close");
  });
});

describe("createWebSocket().send() while connecting", () => {
  it("sends right after open, in order, before what 'open' listeners send", async () => {
    await using session = await Session.start();
    const { ws } = session;
    ws.on("open", () => void ws.send("3"));
    const accepted = session.server.accept();
    const answers = [ws.connect(session.url), ws.send("1"), ws.send("2")];
    assertEquals(await within(Promise.all(answers)), [true, true, true]);
    const peer = await within(accepted);
    await session.log.next("openInfo");
    await within(ws.close({ code: 4000 }));
    await within(peer.next(CLOSE));
    assertEquals(peer.texts(), ["1", "2", "3"]);
  });

  it("sends nothing when the attempt fails, nor over the next connection", async () => {
    let attempts = 0;
    await using session = await Session.start({
      server: {
        answer: (request) => ++attempts === 1 ? "HTTP/1.1 503 Busy\r\n\r\n" : acceptHead(request),
      },
    });
    await within(Promise.all([session.ws.connect(session.url), session.ws.send("lost")]));
    await session.log.next("error");
    const peer = await session.open();
    await within(session.ws.send("kept"));
    assertEquals(textOf((await within(peer.next(TEXT))).payload), "kept");
    await within(session.ws.close());
    await within(peer.next(CLOSE));
    assertEquals(peer.texts(), ["kept"]);
  });
});

describe("createWebSocket()", () => {
  it("makes clients that know nothing of each other", async () => {
    await using one = await Session.start();
    await using other = await Session.start();
    const [peer, otherPeer] = [await one.open(), await other.open()];
    await within(one.ws.close({ code: 4002 }));
    assertEquals(readClose(await within(peer.next(CLOSE))).code, 4002);
    await one.log.next("close");
    assertEquals(other.ws.state, "open");
    await within(other.ws.send("still here"));
    assertStringIncludes(textOf((await within(otherPeer.next(TEXT))).payload), "still here");
    assertEquals(other.log.names, ["open", "openInfo"]);
  });

  it("connects again and again with the same object and listeners", async () => {
    await using session = await Session.start();
    for (let round = 1; round <= 3; round++) {
      const peer = await session.open();
      await within(session.ws.send(`round ${round}`));
      await within(peer.next(TEXT));
      assertEquals(peer.texts(), [`round ${round}`]);
      await within(session.ws.close({ code: 4000 + round }));
      await session.log.next("close", round);
    }
    assertEquals(session.log.names, Array(3).fill(["open", "openInfo", "close"]).flat());
    assertEquals(
      session.log.closes,
      [1, 2, 3].map((round) => ({
        code: 4000 + round,
        reason: "CLOSE_NORMAL",
      })),
    );
  });
});
