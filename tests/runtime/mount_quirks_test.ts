/** What the runtimes' own servers do that matters to a server of ours that is mounted in one. */

import { assertEquals } from "@std/assert";
import { deadline } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { type HostHandler, TestHost } from "../helpers/test_host.ts";
import { until } from "../helpers/until.ts";
import { LIMIT_MS } from "../helpers/watched_server.ts";
import { openTcp, requestHead } from "../peers/raw.ts";
import { type BareBunServer, type BareInfo, deno } from "./bare.ts";

/** What is to be told, on Deno and on Bun. */
const of = <T>(what: { deno: T; bun: T }): T => onDeno ? what.deno : what.bun;

/** Runs a test against a host that writes down what befalls it. */
async function withHost(
  handlerOf: (log: string[]) => HostHandler,
  test: (peers: RawPeers, log: string[], host: TestHost) => Promise<void>,
  hasHandler = true,
): Promise<void> {
  const log: string[] = [];
  const websocket = {
    open: () => log.push("open"),
    message() {},
    close: (_: unknown, code: number, reason: string) => log.push(`close ${code} ${reason}`),
  };
  await using host = new TestHost(handlerOf(log), hasHandler ? { websocket } : {});
  await using peers = new RawPeers(host);
  await test(peers, log, host);
}

/** Upgrades, and writes down what comes of it. */
function upgrade(request: Request, info: unknown, log: string[]): Response {
  if (!onDeno) {
    log.push(String((info as BareBunServer).upgrade(request)));
    return new Response("ignored");
  }
  const { response, socket } = deno.upgradeWebSocket(request, { idleTimeout: 0 });
  socket.onopen = () => log.push("open");
  socket.onclose = ({ code, reason }) => log.push(`close ${code} ${reason}`);
  log.push("true");
  return response;
}

/** What a call throws, as text. */
function thrown(call: () => unknown): string {
  try {
    return String(call());
  } catch (error) {
    return String(error);
  }
}

describe("a bare server that upgrades", () => {
  it("tells of the connection within upgrade() on Bun, and later on Deno", () =>
    withHost(
      (log) => (request, info) => {
        const answer = upgrade(request, info, log);
        log.push("answered");
        return answer;
      },
      async (peers, log) => {
        await peers.connect();
        await until("all is told", () => log.length >= 3);
        assertEquals(
          log,
          of({ deno: ["true", "answered", "open"], bun: ["open", "true", "answered"] }),
        );
      },
    ));

  it("throws on Bun where it has no handler", () => {
    let said = "";
    return withHost(
      (log) => (request, info) => {
        said = thrown(() => upgrade(request, info, log));
        return onDeno ? undefined : new Response("", { status: 500 });
      },
      async (peers) => {
        if (onDeno) return; // where each connection has a handler
        assertEquals((await peers.handshake()).status, 500);
        assertEquals(/set the "websocket" object in Bun\.serve/.test(said), true, said);
      },
      false,
    );
  });

  it("reads nothing of the request afterwards on Deno, not even its headers", () => {
    const found: string[] = [];
    return withHost(
      (log) => (request, info) => {
        const answer = upgrade(request, info, log);
        found.push(thrown(() => request.headers.get("upgrade")));
        found.push(
          thrown(() =>
            onDeno ? (info as BareInfo).remoteAddr : (info as BareBunServer).requestIP(request)
          ),
        );
        return answer;
      },
      async (peers) => {
        await peers.connect();
        const closed = "TypeError: Request closed";
        assertEquals(found, of({ deno: [closed, closed], bun: ["websocket", "null"] }));
      },
    );
  });

  it("says on Bun some turns after it has forgotten the address that a client has left", () =>
    withHost(
      (log) => async (request, info) => {
        if (!onDeno && (info as BareBunServer).requestIP(request) === null) {
          const { signal } = request;
          log.push(`at first ${signal.aborted}`);
          await until("that is told", () => signal.aborted);
        }
        return new Response();
      },
      async (peers, log, { port }) => {
        for (let left = 0; left < 20; left++) {
          const socket = await openTcp(port);
          socket.write(requestHead(port), () => socket.resetAndDestroy());
        }
        await peers.handshake();
        assertEquals(log.includes("at first false"), !onDeno);
      },
    ));

  it("upgrades a copy of the request on Deno, and knows none on Bun", () =>
    withHost(
      (log) => (request, info) => upgrade(new Request(request), info, log),
      async (peers, log) => {
        assertEquals((await peers.handshake()).status, of({ deno: 101, bun: 200 }));
        assertEquals(log[0], of({ deno: "true", bun: "false" }));
      },
    ));

  it("tells 1005 on Deno when it is shut down, and 1001 on Bun by force", () =>
    withHost(
      (log) => (request, info) => upgrade(request, info, log),
      async (peers, log, host) => {
        await peers.connect();
        await until("it is open", () => log.includes("open"));
        await deadline(host.stop(!onDeno), LIMIT_MS);
        const closes = log.filter((line) => line.startsWith("close"));
        assertEquals(closes[0], of({ deno: "close 1005 ", bun: "close 1001 Server closed" }));
      },
    ));
});
