/** What `DenoAcceptor` makes of requests and of what Deno does with them, with none of Deno's own. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import type { End, ListenerEvents } from "../../runtime/contract.ts";
import { DenoAcceptor } from "../../runtime/deno/acceptor.ts";
import { canPing } from "../../runtime/deno/internals.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 5 };

/** An acceptor on a Deno that does what `upgrade` does, where clients are let in, now or later. */
function accepting(
  { upgrade, isLate = true, headers, protocol = "", knowsStatus = true, answer }: {
    upgrade?: () => never;
    isLate?: boolean;
    headers?: Headers;
    protocol?: string;
    /** Whether it is said what is answered to what Deno does not upgrade. */
    knowsStatus?: boolean;
    /** What is answered, where nobody is let in. */
    answer?: Response;
  } = {},
) {
  const ends: End[] = [];
  const options: unknown[] = [];
  const told: unknown[] = [];
  const socket = new EventTarget() as WebSocket;
  const response = new Response(null);
  const admission = {
    protocol,
    headers,
    open: () => void told.push("open"),
    message: (data: unknown) => void told.push(data),
    closed(end: End) {
      ends.push(end);
      told.push([end.code, end.failure?.what, end.failure?.status]);
    },
  };
  const result = answer ?? admission;
  const acceptor = new DenoAcceptor(
    {
      upgradeWebSocket: (_, asked) => {
        told.push("upgrade");
        options.push(asked);
        return upgrade?.() ?? { socket, response };
      },
    },
    { maxPayload: 1000, deadAfter: 60, binaryType: "uint8array" },
    { request: () => isLate ? Promise.resolve(result) : result } as unknown as ListenerEvents,
    ...knowsStatus
      ? [(cause: unknown) => {
        told.push(String(cause));
        return 418;
      }]
      : [],
  );
  const accept = (signal?: AbortSignal) =>
    acceptor.accept(new Request("http://localhost/", { signal: signal ?? null }), ADDRESS);
  return { accept, ends, options, response, socket, told };
}

describe("DenoAcceptor", () => {
  for (const isLate of [false, true]) {
    it(`upgrades who is let in ${isLate ? "later" : "at once"}, and tells when it is open`, async () => {
      const { accept, options, response, socket, told } = accepting({ isLate });
      assertStrictEquals(await accept(), response);
      assertEquals(told, ["upgrade"]);
      socket.dispatchEvent(new Event("open"));
      assertEquals(told, ["upgrade", "open"]);
      // Deno's own idle timer is for a Deno with which we cannot ping alone.
      assertEquals(options, [{ idleTimeout: canPing ? 0 : 60 }]);
    });

    it(`gives Deno the answer to who is not let in, ${isLate ? "later" : "at once"}`, async () => {
      const answer = new Response(null, { status: 403 });
      const { accept, told } = accepting({ isLate, answer });
      assertStrictEquals(await accept(AbortSignal.abort()), answer);
      assertEquals(told, []);
    });

    it(`has a refusal of Deno's told and answered, ${isLate ? "later" : "at once"}`, async () => {
      const { accept, told } = accepting({
        isLate,
        upgrade: () => {
          throw new TypeError("used");
        },
      });
      assertEquals((await accept()).status, 418);
      assertEquals(told, ["upgrade", "TypeError: used", [0, "upgrade", "418"]]);
    });
  }

  it("answers 400 to what Deno does not upgrade, unless told otherwise", async () => {
    const cause = new TypeError("no upgrade");
    const upgrade = () => {
      throw cause;
    };
    const { accept, ends } = accepting({ upgrade, knowsStatus: false });
    assertEquals((await accept()).status, 400);
    const failure = { what: "upgrade", status: "400", cause };
    assertEquals(ends, [{ code: 0, reason: "", failure }]);
  });

  it("looks for 8 ms whether who had to wait has left, and no longer than until then", async () => {
    for (const [leaves, looks, upgrades] of [[7, 8, false], [9, 8, true], [1, 2, false]] as const) {
      using time = new FakeTime();
      const { accept, ends, told } = accepting();
      const aborter = new AbortController();
      let status: number | undefined;
      const answer = Promise.resolve(accept(aborter.signal)).then((got) => status = got.status);
      for (let ms = 0; ms < looks; ms++) {
        if (ms === leaves) aborter.abort();
        assertEquals([ms, told, status], [ms, [], undefined]);
        await time.tickAsync(1);
      }
      await answer;
      assertEquals(
        [told, status],
        upgrades ? [["upgrade"], 200] : [[[0, undefined, undefined]], 400],
      );
      assertEquals(ends, upgrades ? [] : [{ code: 0, reason: "" }]);
    }
  });

  it("tells how a connection ended, with what Deno said where it failed, and gives bytes as asked for", async () => {
    const error = new Error("reset");
    const rows = [
      [undefined, undefined],
      [{ message: "said", error }, error],
      [{ message: "said" }, "said"],
      [{ message: "Frame too large" }, "Frame too large"],
    ] as const;
    for (const [event, cause] of rows) {
      const { accept, ends, socket, told } = accepting();
      await accept();
      const { buffer } = Uint8Array.from([1, 2]);
      socket.dispatchEvent(new MessageEvent("message", { data: buffer }));
      assertEquals(told.at(-1), new Uint8Array(buffer));
      if (event !== undefined) socket.dispatchEvent(Object.assign(new Event("error"), event));
      socket.dispatchEvent(Object.assign(new Event("close"), { code: 1001, reason: "why" }));
      const failure = { what: "connection lost", status: "0", cause };
      const lost = { code: 0, reason: "", unsent: 0, tooBig: cause === "Frame too large", failure };
      assertEquals(ends, [event === undefined ? { code: 1001, reason: "why", unsent: 0 } : lost]);
    }
  });

  it("upgrades nobody who has left meanwhile, and gives the place back at once", async () => {
    const { accept, told } = accepting();
    assertEquals((await accept(AbortSignal.abort())).status, 400);
    assertEquals(told, [[0, undefined, undefined]]);
    const other = accepting();
    const aborter = new AbortController();
    const answer = other.accept(aborter.signal);
    aborter.abort();
    assertEquals([(await answer).status, other.told], [400, [[0, undefined, undefined]]]);
  });

  it("answers with the subprotocol, and with each header that `authorize` has set", async () => {
    const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-node", "n1"]]);
    const { accept } = accepting({ headers, protocol: "chat" });
    const answer = await accept();
    assertEquals(answer.headers.getSetCookie(), ["a=1", "b=2"]);
    assertEquals(answer.headers.get("x-node"), "n1");
    assertEquals(answer.headers.get("sec-websocket-protocol"), "chat");
    assertEquals((await accepting().accept()).headers.get("sec-websocket-protocol"), null);
  });
});
