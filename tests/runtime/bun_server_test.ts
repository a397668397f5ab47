/** What a server on Bun asks of `Bun.serve` and makes of what that tells, here of one that does what a test says. */

import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { HostWebSocketHandler } from "../../mod.ts";
import { bunServer } from "../../runtime/bun/server.ts";
import type { Address, ListenOptions, PortEvents, TcpListener } from "../../runtime/contract.ts";
import { until } from "../helpers/until.ts";

/** What `Bun.serve` is given. */
interface Given extends Record<string, unknown> {
  error(cause: unknown): Response;
  fetch(request: Request, server: unknown): unknown;
}

const REQUEST = new Request("http://localhost/");

/** A server on a `Bun.serve` that answers with `host`, and what becomes of it. */
class World {
  readonly told: unknown[] = [];
  given!: Given;
  readonly listener: TcpListener;
  readonly host = {
    hostname: "192.0.2.1",
    port: 8080,
    pendingRequests: 0,
    requestIP: () => ({ address: "192.0.2.9", port: 9 }),
    timeout: (_: unknown, seconds: number) => this.told.push(`timeout ${seconds}`),
    stop: (force: boolean) => {
      this.told.push(`stop ${force}`);
      return Promise.resolve();
    },
    upgrade: () => false,
  };

  constructor(options: Partial<ListenOptions> = {}, answer: unknown = new Response("fine")) {
    const events = {
      request: (_: Request, { hostname, port }: Address) => {
        this.told.push(`${hostname} ${port}`);
        return answer;
      },
      failed: (cause: unknown) => void this.told.push(cause),
    } as unknown as PortEvents;
    this.listener = withServe((given) => {
      this.given = given;
      return this.host;
    }, () =>
      bunServer()!.listen({
        ...{ hostname: "127.0.0.1", port: 80, maxPayload: 1000, deadAfter: 60 },
        ...{ path: undefined, identity: undefined, reusePort: undefined, ...options },
      } as ListenOptions, events));
  }
}

/** Runs a task while `Bun.serve` is another. */
function withServe<T>(serve: (given: Given) => unknown, task: () => T): T {
  const place = globalThis as { Bun?: { version: string; serve: unknown } };
  const { Bun: own } = place;
  const { serve: before } = own ?? {};
  if (own === undefined) place.Bun = { version: "0", serve };
  else own.serve = serve;
  try {
    return task();
  } finally {
    if (own === undefined) delete place.Bun;
    else own.serve = before;
  }
}

describe("a server on Bun", () => {
  const where = ({ hostname, port, reusePort, tls, unix }: Given) => [
    ...[hostname, port, reusePort],
    ...[tls, unix],
  ];

  it("listens where it is told, with others only where that was asked for", () => {
    const { given, listener } = new World();
    assertEquals(where(given), ["127.0.0.1", 80, false, undefined, undefined]);
    assertEquals(listener.address, { hostname: "192.0.2.1", port: 8080 });
    assertEquals(where(new World({ reusePort: true }).given)[2], true);
    const identity = { cert: "c", key: "k" };
    assertEquals(where(new World({ identity }).given)[3], identity);
  });

  it("takes in nobody any more as it begins to stop only where others listen there, too", () => {
    for (const options of [{}, { reusePort: false }, { path: "/tmp/x" }, { reusePort: true }]) {
      const { listener, told } = new World(options);
      listener.retire?.();
      assertEquals(told, "reusePort" in options && options.reusePort ? ["stop false"] : []);
    }
  });

  it("listens on a Unix socket, whose clients have a running number", () => {
    const { given, host, listener, told } = new World({ path: "/tmp/x" });
    assertEquals(where(given), [...Array(4).fill(undefined), "/tmp/x"]);
    assertEquals(listener.address, { hostname: "unix", port: 0, path: "/tmp/x" });
    for (let i = 0; i < 2; i++) void given.fetch(REQUEST, host);
    assertEquals(told.filter((line) => line !== "timeout 0"), ["unix 1", "unix 2"]);
  });

  it("has no limit for what a request may bring, nor for how long an answer may be silent", () => {
    const { given, host, told } = new World();
    assertEquals(given.maxRequestBodySize, Number.MAX_SAFE_INTEGER);
    assertEquals((given.fetch(REQUEST, host) as Response).status, 200);
    assertEquals(told, ["192.0.2.9 9", "timeout 0"]);
  });

  it("sets no time for a connection, which is no answer", () => {
    const admission = { protocol: "", closed() {} };
    const world = new World({}, admission);
    world.host.upgrade = () => true;
    assertEquals(world.given.fetch(REQUEST, world.host), undefined);
    assertEquals(world.told, ["192.0.2.9 9"]);
  });

  it("compresses, and gives bytes, as it is told, and publishes to all at once", () => {
    const handlerOf = (options: Partial<ListenOptions>) => {
      const { perMessageDeflate, maxPayloadLength } = new World(options).given["websocket"] as {
        perMessageDeflate: boolean;
        maxPayloadLength: number;
      };
      return [perMessageDeflate, maxPayloadLength];
    };
    assertEquals(handlerOf({}), [false, 1000]);
    assertEquals(handlerOf({ compression: true, maxPayload: 5 }), [true, 5]);
    for (
      const [options, kind] of [[{}, "arraybuffer"], [
        { binaryType: "uint8array" },
        "uint8array",
      ]] as const
    ) {
      const admission = { protocol: "", open() {}, closed() {} };
      const { given, host, listener, told } = new World(options, admission);
      const handler = given["websocket"] as HostWebSocketHandler;
      const ws = { binaryType: "", data: undefined as unknown };
      Object.assign(host, {
        upgrade(_: Request, { data }: { data: unknown }) {
          ws.data = data;
          void handler.open!(ws);
          return true;
        },
        publish: (...args: unknown[]) => void told.push(args),
      });
      assertEquals([given.fetch(REQUEST, host), ws.binaryType], [undefined, kind]);
      listener.publish!("t", "x");
      assertEquals(told, ["192.0.2.9 9", ["t", "x", false]]);
    }
  });

  it("is told by its name, and what it can do", () => {
    const { listen: _, mount: _mount, fault: _fault, ...what } = withServe(() => undefined, () => {
      return bunServer()!;
    });
    assertEquals({ ...what, name: what.name.slice(0, 4) }, {
      ...{ name: "Bun ", canPing: true, checksPayload: true, tellsDrain: true, opensAtOnce: true },
    });
  });

  it("tells what Bun's hook for errors gets, and answers 500", () => {
    const { given, told } = new World();
    const cause = new Error("the stream's");
    assertEquals(given.error(cause).status, 500);
    assertEquals(told, [cause]);
  });

  it("stops at once where nothing is under way, but lets a client here hear of it", async () => {
    const { listener, told } = new World();
    const began = performance.now();
    const closed = listener.close(1000);
    await undefined;
    assertEquals(told, []);
    await closed;
    assertGreaterOrEqual(performance.now() - began, 4); // a timer may be a little early
    assertEquals(told, ["stop true"]);
  });

  it("takes no more requests while it waits for answers, and ends them after so long", async () => {
    const { host, listener, told } = new World();
    host.pendingRequests = 1;
    const began = performance.now();
    await listener.close(60);
    assertGreaterOrEqual(performance.now() - began, 60);
    assertEquals(told, ["stop false", "stop true"]);
  });

  it("waits no longer than until the last answer is complete", async () => {
    const { host, listener, told } = new World();
    host.pendingRequests = 1;
    const closed = listener.close(3_600_000);
    await until("it is told", () => told.length > 0);
    host.pendingRequests = 0;
    await closed;
    assertEquals(told, ["stop false", "stop true"]);
  });

  it("knows by the system's codes why it cannot listen", () => {
    const codes = {
      EADDRINUSE: "occupied",
      EACCES: "notPermitted",
      EADDRNOTAVAIL: "notHere",
      EAFNOSUPPORT: "notHere",
      EINVAL: "notHere",
      ENOTFOUND: "notHere",
      EMFILE: "other",
    };
    const { fault } = withServe(() => undefined, () => bunServer()!);
    const known = Object.keys(codes).map((code) => [code, fault({ code })]);
    assertEquals(Object.fromEntries(known), codes);
    for (const error of [null, undefined, new Error("why")]) assertEquals(fault(error), "other");
  });
});
