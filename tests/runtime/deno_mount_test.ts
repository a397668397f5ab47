/** What `DenoMount` makes of what it is given, with a Deno that does what a test tells it to. */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import type { AcceptorEvents, Address, Admission } from "../../runtime/contract.ts";
import type { DenoUpgrades } from "../../runtime/deno/acceptor.ts";
import { DenoMount } from "../../runtime/deno/mount.ts";

const OPTIONS = { maxPayload: 1000, maxBufferedAmount: 5000, deadAfter: 60, pingInterval: 30 };

/** A mount on a Deno that refuses to upgrade, and what it tells. */
function mounted() {
  const told: string[] = [];
  const admission: Admission = {
    protocol: "",
    open() {},
    message() {},
    alive() {},
    closed: ({ code, failure }) => void told.push(`closed ${code} ${failure?.status}`),
  };
  const events = {
    request(_: Request, { hostname, port }: Address) {
      told.push(`${hostname}:${port}`);
      return admission;
    },
    hostFault: (why: string, cause: Error) =>
      void told.push(`${why.slice(0, 19)}, ${cause?.message}`),
  } as unknown as AcceptorEvents;
  const deno = {
    upgradeWebSocket(): never {
      throw new TypeError("not now");
    },
  };
  return { mount: new DenoMount(deno, OPTIONS, events), told };
}

const REQUEST = new Request("http://localhost/");
const TCP = { remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 5 } };
const PORTLESS = { remoteAddr: { hostname: "127.0.0.1", port: "5" } };
/** What Deno gives beside a request that is over. */
const USED = {
  get remoteAddr(): never {
    throw new TypeError("used up");
  },
};
const UNIX = { remoteAddr: { transport: "unix", path: "/tmp/host.sock" } };

describe("DenoMount", () => {
  it("answers 500 to what Deno does not upgrade, and says why that may be", () => {
    const { mount, told } = mounted();
    assertEquals((mount.accept(REQUEST, TCP) as Response).status, 500);
    assertEquals(told, ["127.0.0.1:5", "the request is none, not now", "closed 0 500"]);
  });

  it("answers 500 where Deno does not say any more where a client is, with what it said", () => {
    const { mount, told } = mounted();
    assertEquals((mount.accept(REQUEST, USED) as Response).status, 500);
    assertEquals((mount.accept(REQUEST, {}) as Response).status, 500);
    assertEquals(told, ["the request is none, used up", "'fetch' was not giv, undefined"]);
  });

  it("says what to do about it", () => {
    const whys: string[] = [];
    const hostFault = (why: string) => void whys.push(why);
    const deno = { upgradeWebSocket: () => ({}) } as unknown as DenoUpgrades;
    const mount = new DenoMount(deno, OPTIONS, { hostFault } as unknown as AcceptorEvents);
    void mount.accept(REQUEST, {});
    void mount.accept(REQUEST, USED);
    assertEquals(whys, [
      "'fetch' was not given Deno's info, which knows where a client is. Pass on what the host was " +
      "given beside the request: mount.fetch(request, info), or mount.fetch(c.req.raw, c.env) in Hono",
      "the request is none that waits for an answer: it was answered or upgraded already. Pass it " +
      "to 'fetch' as the host was given it, once",
    ]);
  });

  it("has a handler that does nothing, and leaves another's as it is", () => {
    const { mount } = mounted();
    assertEquals(mount.websocket.message({}, "text"), undefined);
    const other = { message() {} };
    assertStrictEquals(mount.websocketWith(other), other);
  });

  it("lets a client here hear of the end before it lets go", async () => {
    using time = new FakeTime();
    let isOver = false;
    void mounted().mount.close().then(() => isOver = true);
    await time.tickAsync(4);
    assertEquals(isOver, false);
    await time.tickAsync(1);
    assertEquals([isOver, time.next()], [true, false]);
  });

  it("numbers those who come by a Unix socket", () => {
    const { mount, told } = mounted();
    for (let i = 0; i < 2; i++) mount.accept(REQUEST, UNIX);
    assertEquals(told.filter((line) => line.startsWith("unix")), ["unix:1", "unix:2"]);
  });

  it("looks for the address where frameworks have put it, and says where there is none", () => {
    const places = [TCP, { deno: { info: TCP } }];
    for (const info of places) assertEquals(addressFrom(REQUEST.clone(), info), ["127.0.0.1:5"]);
    const asked = Object.assign(REQUEST.clone(), { runtime: { deno: { info: TCP } } });
    assertEquals(addressFrom(asked, undefined), ["127.0.0.1:5"]);
    for (const info of [undefined, null, 5, {}, { remoteAddr: {} }, { deno: {} }, PORTLESS]) {
      assertEquals(addressFrom(REQUEST.clone(), info), ["'fetch' was not giv, undefined"]);
    }
  });
});

/** The first thing that is told of a request. */
function addressFrom(request: Request, info: unknown): string[] {
  const { mount, told } = mounted();
  mount.accept(request, info);
  return told.slice(0, 1);
}
