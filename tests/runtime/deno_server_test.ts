/** What a server on Deno asks of `Deno.serve` and makes of what that tells, here of one that does what a test says. */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { FakeTime } from "@std/testing/time";
import { canPing } from "../../runtime/deno/internals.ts";
import { denoServer } from "../../runtime/deno/server.ts";
import type {
  Address,
  ListenOptions,
  PortEvents,
  ServerRuntime,
  TcpListener,
} from "../../runtime/contract.ts";

/** What `Deno.serve` is given. */
interface Given extends Record<string, unknown> {
  signal: AbortSignal;
  onListen(): void;
  onError(cause: unknown): Response;
}

/** What it hands its handler beside a request. */
interface Info {
  remoteAddr: Address;
  completed: Promise<void>;
}

class NotCapable extends Error {}
class AddrInUse extends Error {}
class PermissionDenied extends Error {}
class AddrNotAvailable extends Error {}
const ERRORS = { NotCapable, AddrInUse, PermissionDenied, AddrNotAvailable };

/** The runtime, where this is a Deno that has no more than this. */
function onScripted<T>(deno: object, task: (runtime: ServerRuntime) => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, "Deno");
  const value = { version: { deno: "0" }, errors: ERRORS, ...deno };
  Object.defineProperty(globalThis, "Deno", { value, configurable: true });
  try {
    return task(denoServer()!);
  } finally {
    delete (globalThis as { Deno?: unknown }).Deno;
    if (before !== undefined) Object.defineProperty(globalThis, "Deno", before);
  }
}

const REQUEST = new Request("http://localhost/");

/** A server on a `Deno.serve` that does what a test says, and what becomes of it. */
class World {
  readonly told: unknown[] = [];
  given!: Given;
  handler!: (request: Request, info: Info) => Response | Promise<Response>;
  readonly finished = Promise.withResolvers<void>();
  /** What a shutdown waits for. */
  shuts: Promise<void> = Promise.resolve();
  readonly listener: TcpListener;

  constructor(options: Partial<ListenOptions> = {}, answer: unknown = new Response("fine")) {
    const events = {
      request: (_: Request, { hostname, port }: Address) => {
        this.told.push(`${hostname} ${port}`);
        return answer;
      },
      failed: (cause: unknown) => void this.told.push(cause),
    } as unknown as PortEvents;
    const serve = (given: Given, handler: World["handler"]) => {
      this.given = given;
      this.handler = handler;
      given.signal.addEventListener("abort", () => this.told.push("abort"));
      return {
        addr: { hostname: "192.0.2.1", port: 8080 },
        finished: this.finished.promise,
        shutdown: () => (this.told.push("shutdown"), this.shuts),
      };
    };
    const upgradeWebSocket = () => ({
      socket: new EventTarget(),
      response: { status: 101, headers: new Headers() },
    });
    this.listener = onScripted({ serve, upgradeWebSocket }, (runtime) =>
      runtime.listen({
        ...{ hostname: "127.0.0.1", port: 80, maxPayload: 1000, deadAfter: 60 },
        ...{ path: undefined, identity: undefined, reusePort: undefined, ...options },
      }, events));
  }

  /** A request comes, whose answer is complete when that settles. */
  ask(completed: Promise<void> = Promise.resolve()): Response | Promise<Response> {
    return this.handler(REQUEST, { remoteAddr: { hostname: "192.0.2.9", port: 9 }, completed });
  }

  /** Closes in a time that stands still: how long that takes, and what is told of it. */
  async closing(ms: number, during: (at: number) => void = () => {}): Promise<[number, unknown[]]> {
    this.told.length = 0;
    using time = new FakeTime();
    let isOver = false;
    let at = 0;
    const { performance } = globalThis;
    globalThis.performance = { now: () => at } as Performance;
    try {
      void this.listener.close(ms).then(() => isOver = true);
      for (; !isOver && at < 10_000; at++) {
        during(at);
        await time.tickAsync(1);
      }
    } finally {
      globalThis.performance = performance;
    }
    assertEquals(time.next(), false); // no timer is left
    return [at, this.told];
  }
}

describe("a server on Deno", () => {
  it("listens where it is told, with others only where that was asked for", () => {
    const { given, listener } = new World();
    const { signal, onListen, onError, ...where } = given;
    assertEquals(where, { hostname: "127.0.0.1", port: 80, reusePort: false });
    assertEquals([signal.aborted, onListen(), typeof onError], [false, undefined, "function"]);
    assertEquals(listener.address, { hostname: "192.0.2.1", port: 8080 });
    assertEquals(new World({ reusePort: true }).given["reusePort"], true);
    const { cert, key } = new World({ identity: { cert: "c", key: "k" } }).given;
    assertEquals([cert, key, listener.publish], ["c", "k", undefined]);
  });

  it("listens on a Unix socket, whose clients have a running number", () => {
    const world = new World({ path: "/tmp/x" });
    const { path, hostname, port, reusePort } = world.given;
    assertEquals([path, hostname, port, reusePort], ["/tmp/x", ...Array(3).fill(undefined)]);
    assertEquals(world.listener.address, { hostname: "unix", port: 0, path: "/tmp/x" });
    for (let i = 0; i < 2; i++) void world.ask();
    assertEquals(world.told, ["unix 1", "unix 2"]);
  });

  it("says where a client is, and gives the answer to Deno", async () => {
    const answer = new Response("fine");
    for (const given of [answer, Promise.resolve(answer)]) {
      const world = new World({}, given);
      assertEquals(await world.ask(), answer);
      assertEquals(world.told, ["192.0.2.9 9"]);
    }
  });

  it("tells what Deno's hook for errors gets, and answers 500", () => {
    const { given, told } = new World();
    const cause = new Error("the stream's");
    assertEquals(given.onError(cause).status, 500);
    assertEquals(told, [cause]);
  });

  it("is told by its name, and what it can do", () => {
    onScripted(
      {},
      ({ name, canPing: pings, checksPayload }) =>
        assertEquals([name, pings, checksPayload], ["Deno 0", canPing, false]),
    );
    const before = Object.getOwnPropertyDescriptor(globalThis, "Deno");
    delete (globalThis as { Deno?: unknown }).Deno;
    try {
      assertEquals(denoServer(), undefined);
    } finally {
      if (before !== undefined) Object.defineProperty(globalThis, "Deno", before);
    }
  });

  it("has no compression, and shares a port only with Deno's flag for that", () => {
    const [compression, flag] = [
      { option: "compression", why: "it has no permessage-deflate" },
      { option: "reusePort", why: "it needs --unstable-net" },
    ];
    for (const [deno, shared] of [[{}, flag], [{ listenDatagram() {} }, undefined]] as const) {
      onScripted(deno, ({ unsupported }) => {
        assertEquals(unsupported!({}), undefined);
        assertEquals(unsupported!({ compression: false, reusePort: false }), undefined);
        assertEquals(unsupported!({ reusePort: true }), shared);
        assertEquals(unsupported!({ compression: true, reusePort: true }), compression);
      });
    }
  });

  it("knows by class or words why it cannot listen", () => {
    const rows: [unknown, string][] = [
      [new NotCapable(), "denied"],
      [new AddrInUse(), "occupied"],
      [new PermissionDenied(), "notPermitted"],
      [new AddrNotAvailable(), "notHere"],
      [new Error("failed to lookup address information"), "notHere"],
      [new Error("Invalid argument (os error 22)"), "notHere"],
      [new Error("Address family (os error 97)"), "notHere"],
      [new Error("address family not supported by protocol"), "notHere"],
      [new Error("Too many open files (os error 24)"), "other"],
      [undefined, "other"],
    ];
    onScripted({}, ({ fault }) => {
      for (const [error, kind] of rows) assertEquals([error, fault(error)], [error, kind]);
    });
  });
});

describe("a server on Deno that stops", () => {
  const never = new Promise<void>(() => {});

  it("shuts down where nothing is under way, once a client here has heard of it", async () => {
    for (const completes of [() => Promise.resolve(), () => Promise.reject(new Error("gone"))]) {
      const world = new World();
      void world.ask(completes());
      await delay(0);
      assertEquals(await world.closing(1000), [5, ["shutdown"]]);
    }
  });

  it("does not wait for connections, which are no answers", async () => {
    const admission = { protocol: "", open() {}, closed() {} };
    const world = new World({}, admission);
    assertEquals((world.ask(never) as Response).status, 101);
    assertEquals(await world.closing(1000), [5, ["shutdown"]]);
    const later = new World({}, Promise.resolve(admission));
    assertEquals((await later.ask(never)).status, 101);
    assertEquals(await later.closing(1000), [5, ["shutdown"]]);
  });

  it("waits for each answer that is under way, and for those that begin meanwhile", async () => {
    for (const answer of [new Response(), Promise.resolve(new Response())]) {
      const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const world = new World({}, answer);
      void world.ask(first.promise);
      const [ms, told] = await world.closing(1000, (at) => {
        if (at === 100) void world.ask(second.promise);
        if (at === 200) first.resolve();
        if (at === 300) second.reject(new Error("gone"));
      });
      assertEquals([ms, told], [301, ["192.0.2.9 9", "shutdown"]]);
    }
  });

  it("ends answers after so long, and waits until Deno has done so", async () => {
    const world = new World();
    void world.ask(never);
    void world.ask();
    const [ms, told] = await world.closing(400, (at) => at === 500 && world.finished.resolve());
    assertEquals([ms, told], [501, ["abort"]]);
  });

  it("waits no longer than a second for a shutdown", async () => {
    const world = new World();
    world.shuts = never;
    assertEquals(await world.closing(5000), [1005, ["shutdown"]]);
    const other = new World();
    const { promise, resolve } = Promise.withResolvers<void>();
    other.shuts = promise;
    assertEquals(await other.closing(5000, (at) => at === 300 && resolve()), [301, ["shutdown"]]);
  });

  it("waits for it only as long as there is time, or a moment where there is none left", async () => {
    for (const [ms, took] of [[400, 401], [50, 105], [-1, 105]] as const) {
      const world = new World();
      world.shuts = never;
      assertEquals(await world.closing(ms), [took, ["shutdown"]]);
    }
    const answered = Promise.withResolvers<void>();
    const world = new World();
    world.shuts = never;
    void world.ask(answered.promise);
    const closing = world.closing(1000, (at) => at === 300 && answered.resolve());
    assertEquals(await closing, [1000, ["shutdown"]]);
  });
});
