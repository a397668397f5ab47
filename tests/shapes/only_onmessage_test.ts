/** A socket with `onmessage` and no other listener, and the events that it keeps. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { socketOf } from "../../standard.ts";
import { shaped } from "../helpers/shaped_server.ts";
import { nextTask } from "../helpers/sockets.ts";
import { TEXT } from "../peers/raw.ts";

/** A socket, and how its peer sends it texts, one after the other. */
async function make() {
  const { one: ws, peer, server } = await shaped(socketOf);
  return { ws, send: (text: string) => peer.send(TEXT, text), end: () => server.stop() };
}

/** What is printed until a socket hears "last". */
async function printed(
  { ws, send }: Awaited<ReturnType<typeof make>>,
  listener: (event: MessageEvent) => unknown,
  texts: string[],
): Promise<string[]> {
  const { error } = console;
  const lines: string[] = [];
  console.error = ({ message }: Error) => void lines.push(message);
  try {
    await new Promise<void>((resolve) => {
      ws.onmessage = function (this: unknown, event) {
        if (event.data === "last") return resolve();
        return listener.call(this, event);
      };
      for (const text of [...texts, "last"]) send(text);
    });
    await nextTask();
  } finally {
    console.error = error;
  }
  return lines;
}

describe("onmessage alone", () => {
  it("is called on the socket, with what came", async () => {
    const given = await make();
    const seen: unknown[] = [];
    const lines = await printed(given, function (this: unknown, { data, target }) {
      seen.push(data, this === given.ws, target === given.ws);
    }, ["one", "two"]);
    assertEquals([seen, lines], [["one", true, true, "two", true, true], []]);
    await given.end();
  });

  it("that throws or rejects is printed, and hears the next message", async () => {
    const given = await make();
    const lines = await printed(given, ({ data }) => {
      if (data === "throws") throw new Error("thrown");
      return data === "rejects" ? Promise.reject(new Error("rejected")) : data;
    }, ["throws", "rejects", "neither"]);
    const how = lines.map((line) => /a listener of 'message' failed.*(thrown|rejected)/.exec(line));
    assertEquals(how.map((found) => found?.[1]), ["thrown", "rejected"]);
    await given.end();
  });
});

describe("onmessage", () => {
  it("is nobody's any more where it is set to what is no object", async () => {
    const given = await make();
    const heard: unknown[] = [];
    for (const none of [5, "text", undefined, null] as never[]) {
      given.ws.onmessage = ({ data }) => heard.push(data);
      given.ws.onmessage = none;
      assertEquals(given.ws.onmessage, null);
    }
    assertEquals(await printed(given, () => {}, []), []);
    assertEquals(heard, []);
    await given.end();
  });
});

describe("a passive listener", () => {
  it("that throws or rejects is printed, and the next ones hear the message", async () => {
    const given = await make();
    const heard: unknown[] = [];
    const passive = { passive: true };
    given.ws.addEventListener("message", () => {
      throw new Error("thrown");
    }, passive);
    given.ws.addEventListener("message", () => Promise.reject(new Error("rejected")), passive);
    given.ws.addEventListener("message", ({ data }) => heard.push(data));
    const lines = await printed(given, () => {}, []);
    assertEquals(lines.map((line) => /thrown|rejected/.exec(line)?.[0]), ["thrown", "rejected"]);
    assertEquals(heard, ["last"]);
    await given.end();
  });
});

describe("a listener that is to be called once", () => {
  for (const passive of [false, true]) {
    it(`is, also where the event is told again within it: passive ${passive}`, async () => {
      const { ws, end } = await make();
      let called = 0;
      ws.addEventListener("x", () => {
        if (++called < 3) ws.dispatchEvent(new Event("x"));
      }, { once: true, passive });
      ws.dispatchEvent(new Event("x"));
      assertEquals(called, 1);
      await end();
    });
  }
});

describe("the event of a message that was told", () => {
  it("has no current target, whatever it was asked for, while the next one has", async () => {
    const given = await make();
    const asked: MessageEvent[] = [];
    const shown: unknown[] = [];
    const show = (event: MessageEvent) =>
      shown.push([
        event.currentTarget === given.ws,
        event.eventPhase,
        event.composedPath().length,
      ]);
    await printed(given, (event) => {
      if (event.data === "early") {
        assertEquals([event.timeStamp > 0, event.cancelBubble], [true, false]);
      }
      show(event);
      asked.forEach(show);
      asked.push(event);
    }, ["early", "late"]);
    const [early, late] = asked as [MessageEvent, MessageEvent];
    assertEquals(late.timeStamp >= early.timeStamp, true);
    show(late);
    const [told, telling] = [[false, Event.NONE, 0], [true, Event.AT_TARGET, 1]];
    assertEquals(shown, [telling, telling, told, told]);
    assertEquals([late.isTrusted, late.data, late.target === given.ws], [true, "late", true]);
    await given.end();
  });

  it("is stopped no longer when it is dispatched again", async () => {
    const given = await make();
    let kept: MessageEvent | undefined;
    await printed(given, (event) => {
      kept = event;
      event.stopImmediatePropagation();
    }, ["stopped"]);
    given.ws.onmessage = null;
    const heard: number[] = [];
    for (const one of [1, 2]) given.ws.addEventListener("message", () => heard.push(one));
    given.ws.dispatchEvent(kept!);
    assertEquals(heard, [1, 2]);
    await given.end();
  });
});
