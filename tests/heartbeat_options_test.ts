/** What a heartbeat is given: which times it makes of that, and what it refuses. */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { BusinessError } from "../errors.ts";
import { Heartbeat, heartbeatPolicy } from "../heartbeat.ts";
import { setUp } from "./heartbeat/fake_peer.ts";

describe("heartbeatPolicy()", () => {
  it("is 30 s and 30 s by default", () => {
    assertEquals(heartbeatPolicy(), { pingInterval: 30, pongTimeout: 30 });
    assertEquals(heartbeatPolicy({}), { pingInterval: 30, pongTimeout: 30 });
  });

  const impossible = [
    0,
    -0,
    -1,
    -1e-9,
    NaN,
    Infinity,
    -Infinity,
    30_000.001,
    30_001,
    1e308,
  ];
  const noNumbers = [
    "x",
    "5",
    "",
    null,
    undefined,
    true,
    {},
    [5],
    5n,
    () => 5,
    Symbol("5"),
  ];
  for (const value of [...impossible, ...noNumbers]) {
    it(`falls back to 30 s where an option is ${typeof value} ${String(value)}`, () => {
      const given = value as number;
      assertEquals(heartbeatPolicy({ pingInterval: given, pongTimeout: 7 }), {
        pingInterval: 30,
        pongTimeout: 7,
      });
      assertEquals(heartbeatPolicy({ pingInterval: 60, pongTimeout: given }), {
        pingInterval: 60,
        pongTimeout: 30,
      });
    });
  }

  it("takes fractions, and up to 30,000 s", () => {
    assertEquals(
      heartbeatPolicy({ pingInterval: 0.001, pongTimeout: 0.0005 }),
      {
        pingInterval: 0.001,
        pongTimeout: 0.0005,
      },
    );
    assertEquals(
      heartbeatPolicy({ pingInterval: 30_000, pongTimeout: 30_000 }),
      {
        pingInterval: 30_000,
        pongTimeout: 30_000,
      },
    );
  });

  it("cuts 'pongTimeout' to 'pingInterval'", () => {
    const least = { pingInterval: 0.5, pongTimeout: 0.5 };
    assertEquals(heartbeatPolicy({ ...least, pongTimeout: 0.6 }), least);
    assertEquals(heartbeatPolicy({ pingInterval: 5 }), {
      pingInterval: 5,
      pongTimeout: 5,
    });
    assertEquals(
      heartbeatPolicy({ pingInterval: 5, pongTimeout: 6 }).pongTimeout,
      5,
    );
    assertEquals(
      heartbeatPolicy({ pingInterval: 0, pongTimeout: 31 }).pongTimeout,
      30,
    );
  });
});

describe("Heartbeat", () => {
  for (const pongTimeout of [undefined, 6, 0]) {
    it(`takes a peer for dead 'pingInterval' after a Ping, with a 'pongTimeout' of ${pongTimeout}`, async () => {
      const { clock, peer } = setUp({ pingInterval: 5, pongTimeout });
      await clock.advance(60_000);
      assertEquals([peer.log, clock.pending], [["ping 5", "dead 10"], 0]);
    });
  }
});

describe("what is no argument of the heartbeat's", () => {
  it("is refused with 401, and named", () => {
    const { clock, heartbeat } = setUp({ pingInterval: 1, pongTimeout: 1 });
    const peer = { ping() {}, dead() {} };
    const no = (value: unknown) => value as never;
    const object = "must be an object: current value is";
    const functions = (names: string) => `must be an object with the functions ${names}:`;
    const cases: [call: () => unknown, message: string][] = [
      [() => heartbeatPolicy(no(null)), `heartbeatPolicy: options ${object} null`],
      [() => heartbeatPolicy(no(5)), `heartbeatPolicy: options ${object} 5`],
      [() => heartbeatPolicy(no([])), `heartbeatPolicy: options ${object}`],
      [() => new Heartbeat(no(null)), `Heartbeat: options ${object} null`],
      [() => new Heartbeat({}, no(null)), "Heartbeat: the clock must be an object with"],
      [() => new Heartbeat({}, no({ ...clock, now: 5 })), "Heartbeat: the clock must be"],
      [() => heartbeat.add(no(null)), `add: the peer ${functions("ping, dead")}`],
      [() => heartbeat.add(no({ ...peer, dead: 5 })), `add: the peer ${functions("ping, dead")}`],
      [() => heartbeat.probe(no({})), `probe: the peer ${functions("ping, dead")}`],
    ];
    for (const [call, message] of cases) {
      const error = assertThrows(call, BusinessError);
      assertEquals([error.code, error.kind], [401, "argument"]);
      assertStringIncludes(error.message, message);
    }
  });
});
