import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerConfig } from "../../mod.ts";
import { ConnectionLimits } from "../../server/limits.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedServer } from "../helpers/scripted_runtime.ts";

describe("ConnectionLimits", () => {
  it("lets everybody in with no limits", () => {
    const admissions = new ConnectionLimits(Infinity, Infinity);
    for (let i = 0; i < 5000; i++) assertEquals(admissions.enter(`ip${i % 50}`)?.status, undefined);
  });

  it("counts clients by address: 503 for one too many", () => {
    const admissions = new ConnectionLimits(2, Infinity);
    assertEquals(["a", "b", "a", "c", "b"].map((ip) => admissions.enter(ip)?.status), [
      undefined,
      undefined,
      undefined,
      503,
      undefined,
    ]);
  });

  it("counts connections of each address: 429 for one too many", () => {
    const admissions = new ConnectionLimits(Infinity, 2);
    assertEquals(["a", "a", "a", "b", "b", "b"].map((ip) => admissions.enter(ip)?.status), [
      undefined,
      undefined,
      429,
      undefined,
      undefined,
      429,
    ]);
  });

  it("answers a new address 503 and a known one 429 where both limits are reached", () => {
    const admissions = new ConnectionLimits(1, 1);
    assertEquals(["a", "b", "a"].map((ip) => admissions.enter(ip)?.status), [undefined, 503, 429]);
  });

  it("has room at once for who comes after one that has left", () => {
    const admissions = new ConnectionLimits(1, 2);
    admissions.enter("a");
    admissions.enter("a");
    admissions.release("a");
    assertEquals(admissions.enter("b")?.status, 503);
    assertEquals(admissions.enter("a")?.status, undefined);
    admissions.release("a");
    admissions.release("a");
    assertEquals(admissions.enter("b")?.status, undefined);
    assertEquals(admissions.enter("a")?.status, 503);
  });

  it("does not count who was refused", () => {
    const admissions = new ConnectionLimits(1, 1);
    admissions.enter("a");
    for (let i = 0; i < 10; i++) admissions.enter(i % 2 ? "a" : "b");
    admissions.release("a");
    assertEquals(admissions.enter("b")?.status, undefined);
  });
});

describe("ConnectionLimits with a limit on all connections", () => {
  it("refuses whoever comes when there are so many, until one leaves", () => {
    const limits = new ConnectionLimits(Infinity, Infinity, 2);
    assertEquals([limits.enter("a"), limits.enter("a")], [undefined, undefined]);
    for (const ip of ["a", "b"]) assertEquals(limits.enter(ip)?.reason, "max_connections");
    limits.release("a");
    assertEquals(limits.enter("b"), undefined);
  });

  it("does not count whom another limit refused", () => {
    const limits = new ConnectionLimits(1, 1, 2);
    limits.enter("a");
    for (let i = 0; i < 10; i++) limits.enter(i % 2 ? "a" : "b");
    limits.release("a");
    assertEquals(["b", "c", "b"].map((ip) => limits.enter(ip)?.reason), [
      undefined,
      "max_clients",
      "max_connections_per_client",
    ]);
  });
});

describe("who gets no place", () => {
  const ROWS: [Partial<WebSocketServerConfig>, status: number, why: string][] = [
    [{ maxConnections: 1 }, 503, "too many connections"],
    [{ maxConcurrentClientsNumber: 1 }, 503, "too many clients"],
    [{ maxConnectionsForOneClient: 1 }, 429, "too many connections of this client"],
  ];
  for (const [config, status, why] of ROWS) {
    it(`for ${Object.keys(config)} is told ${status}, why, and when to come back`, async () => {
      const runtime = new ScriptedServer();
      const server = createWebSocketServer({ clock: new FakeClock(), runtime });
      const told: string[] = [];
      server.on("error", ({ message }) => told.push(message));
      const addresses = ["192.0.2.1", "192.0.2.2"];
      const clientAddress = () => status === 429 ? addresses[0]! : addresses.shift() ?? "192.0.2.3";
      await server.start({ serverPort: 80, clientAddress, ...config });
      const admission = runtime.enter(1);
      const answer = runtime.request({}, 2) as Response;
      assertEquals([answer.status, answer.headers.get("retry-after")], [status, "1"]);
      assertEquals(await answer.text(), `${why}\n`);
      assertEquals(told.map((line) => line.split(": ").slice(1).join(": ")), [
        `192.0.2.${status === 429 ? 1 : 2}:2 was refused with ${status}: ${why}`,
      ]);
      admission.closed({ code: 1006, reason: "" });
      await server.stop();
    });
  }
});
