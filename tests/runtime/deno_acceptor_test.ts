/** What `DenoAcceptor` makes of requests and of what Deno does with them, with none of Deno's own. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { End, ListenerEvents } from "../../runtime/contract.ts";
import { DenoAcceptor } from "../../runtime/deno/acceptor.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 5 };

/** An acceptor on a Deno that does what `upgrade` does, where clients are let in, now or later. */
function accepting(
  { upgrade, isLate = true, headers, protocol = "" }: {
    upgrade?: () => never;
    isLate?: boolean;
    headers?: Headers;
    protocol?: string;
  } = {},
) {
  const told: unknown[] = [];
  const socket = new EventTarget() as WebSocket;
  const response = new Response(null);
  const admission = {
    protocol,
    headers,
    open: () => void told.push("open"),
    closed: ({ code, failure }: End) => void told.push([code, failure?.what, failure?.status]),
  };
  const acceptor = new DenoAcceptor(
    {
      upgradeWebSocket: () => {
        told.push("upgrade");
        return upgrade?.() ?? { socket, response };
      },
    },
    { maxPayload: 1000, deadAfter: 60 },
    { request: () => isLate ? Promise.resolve(admission) : admission } as unknown as ListenerEvents,
    (cause) => {
      told.push(String(cause));
      return 418;
    },
  );
  const accept = (signal?: AbortSignal) =>
    acceptor.accept(new Request("http://localhost/", { signal: signal ?? null }), ADDRESS);
  return { accept, response, socket, told };
}

describe("DenoAcceptor", () => {
  for (const isLate of [false, true]) {
    it(`upgrades who is let in ${isLate ? "later" : "at once"}, and tells when it is open`, async () => {
      const { accept, response, socket, told } = accepting({ isLate });
      assertStrictEquals(await accept(), response);
      socket.dispatchEvent(new Event("open"));
      assertEquals(told, ["upgrade", "open"]);
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
