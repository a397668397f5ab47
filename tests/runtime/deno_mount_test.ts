/** What `DenoMount` makes of what it is given, with a Deno that does what a test tells it to. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { AcceptorEvents, Address, Admission } from "../../runtime/contract.ts";
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
const UNIX = { remoteAddr: { transport: "unix", path: "/tmp/host.sock" } };

describe("DenoMount", () => {
  it("answers 500 to what Deno does not upgrade, and says why that may be", () => {
    const { mount, told } = mounted();
    assertEquals((mount.accept(REQUEST, TCP) as Response).status, 500);
    assertEquals(told, ["127.0.0.1:5", "the request is none, not now", "closed 0 500"]);
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
    for (const info of [undefined, null, 5, {}, { remoteAddr: {} }, { deno: {} }]) {
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
