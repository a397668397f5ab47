/** One Response that answers twice, of `fetch` and of `authorize`. */

import { assertEquals, assertLess, assertMatch } from "@std/assert";
import { deadline, delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig } from "../../mod.ts";
import { ask, exchange } from "../helpers/http.ts";
import { onDeno } from "../helpers/programs.ts";
import { RawPeers } from "../helpers/raw_peers.ts";
import { assertInTime, Stopwatch } from "../helpers/stopwatch.ts";
import { LIMIT_MS, WatchedServer } from "../helpers/watched_server.ts";
import { openTcp, requestHead, TEXT } from "../peers/raw.ts";

type Fetch = NonNullable<WebSocketServerConfig["fetch"]>;
type Authorize = NonNullable<WebSocketServerConfig["authorize"]>;

/** What refuses, with a body that somebody has locked. */
function locked(): Response {
  const answer = new Response(new ReadableStream(), { status: 401 });
  answer.body!.getReader();
  return answer;
}

describe("createWebSocketServer().start({ fetch, authorize }) that answers with one Response twice", () => {
  const says = /its Response was used already: make one for each request/;

  it("answers 500 the second time and tells 'error', from fetch", async () => {
    const page = new Response("page");
    await using watched = await WatchedServer.start({ fetch: () => page });
    const first = await ask(watched.port);
    assertEquals([first.status, first.body], [200, "page"]);
    for (let n = 1; n <= 2; n++) assertEquals((await ask(watched.port)).status, 500);
    assertEquals(watched.log, Array(2).fill("error 2302999 undefined"));
    assertMatch(watched.errors[0]!.message, says);
    assertEquals(watched.errors[0]!.kind, "hookFailed");
  });

  it("answers 500 and tells 'error' where two are asked at once, and where it was read before", async () => {
    const page = new Response("page");
    const both = Promise.withResolvers<void>();
    let asked = 0;
    const fetch: Fetch = async () => {
      if (++asked === 2) both.resolve();
      await both.promise;
      return page;
    };
    await using watched = await WatchedServer.start({ fetch });
    const answers = await Promise.all([ask(watched.port), ask(watched.port)]);
    assertEquals(answers.map(({ status }) => status).sort(), [200, 500]);
    assertMatch(watched.errors[0]!.message, says);

    const read = new Response("read");
    await read.text();
    await using other = await WatchedServer.start({ fetch: () => read });
    assertEquals((await ask(other.port)).status, 500);
    assertMatch(other.errors[0]!.message, says);
  });

  it("answers 500 the second time, and everybody is told so, from authorize", async () => {
    const no = new Response("no", { status: 401 });
    const seen: number[] = [];
    await using watched = await WatchedServer.start({ authorize: () => no }, {
      observer: { refused: (status) => seen.push(status) },
      stats: true,
    });
    const statuses = [];
    for (let n = 1; n <= 3; n++) statuses.push((await exchange(watched.port)).status);
    assertEquals(statuses, [401, 500, 500]);
    assertEquals(watched.log, ["error 200 401", ...Array(2).fill("error 2302999 undefined")]);
    assertMatch(watched.errors[1]!.message, says);
    assertEquals(seen, statuses);
    assertEquals(watched.server.stats()?.refused, { 401: 1, 500: 2 });
  });

  it("answers as often as it likes with one that has no body", async () => {
    const no = new Response(null, { status: 403 });
    const page = new Response(null, { status: 204 });
    const authorize = (() => no) as Authorize;
    await using watched = await WatchedServer.start({ authorize, fetch: () => page });
    for (let n = 1; n <= 3; n++) {
      assertEquals((await exchange(watched.port)).status, 403);
      assertEquals((await ask(watched.port)).status, 204);
    }
    assertEquals(watched.log, Array(3).fill("error 200 403"));
  });

  it("lives on where somebody has locked the body of one that refuses, and tells 'error'", async () => {
    await using watched = await WatchedServer.start({
      authorize: ({ headers }) => headers.has("cookie") || locked(),
    });
    const friend = { headers: { cookie: "a=1" } };
    await using peers = new RawPeers(watched);
    const first = await peers.connect(friend);
    const connection = await watched.connected();
    const asked = await openTcp(watched.port);
    asked.write(requestHead(watched.port));
    await watched.until(() => watched.errors.length === 2);
    asked.destroy();
    const told = onDeno ? "listenFailed" : "hookFailed"; // one ends its server, which is started anew
    assertEquals(watched.errors.map(({ kind }) => kind), ["handshakeRefused", told]);
    let second;
    for (let tries = 0; second === undefined; tries++) {
      assertLess(tries, 500);
      second = await peers.connect(friend).catch(() => delay(20));
    }
    assertEquals(await watched.server.send("still here", connection), true);
    assertEquals((await first.next(TEXT)).payload, new TextEncoder().encode("still here"));
    const watch = new Stopwatch();
    await watched.server.stop();
    assertInTime(watch.ms, 1000, watch.short, "stop"); // it waits for no answer of the server that has ended
  });

  it("stops at once where 'error' tells of that and its listener calls stop", async () => {
    await using watched = await WatchedServer.start({ authorize: locked });
    const { server } = watched;
    const stopped = new Promise<Stopwatch>((resolve) =>
      server.on("error", ({ kind }) => {
        const watch = new Stopwatch();
        if (kind !== "handshakeRefused") void server.stop().then(() => resolve(watch));
      })
    );
    const asked = await openTcp(watched.port);
    asked.write(requestHead(watched.port));
    const watch = await deadline(stopped, LIMIT_MS);
    assertInTime(watch.ms, 1000, watch.short, "stop");
    asked.destroy();
  });
});
