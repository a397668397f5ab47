/** The end of a server's connection: how long its peer has, and that its place is free when it is told. */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { WebSocketServerConfig } from "../../mod.ts";
import type { Admission } from "../../runtime/contract.ts";
import { answer } from "../helpers/answer.ts";
import { DialledClient } from "../helpers/dialled_client.ts";
import { schemaOf } from "../helpers/schemas.ts";
import { closed, ScriptedConnection } from "../helpers/scripted_connection.ts";

type Config = Partial<WebSocketServerConfig>;

/** What has a peer dropped, with which code, and what a server needs for that. */
const DROPS: [
  why: string,
  code: number,
  config: Config,
  play: (world: ScriptedConnection) => unknown,
][] = [
  ["tooBig", 1009, { maxPayload: 10 }, ({ admission }) => admission.message("12345678901")],
  ["tooSlow", 1013, { maxBufferedAmount: 10 }, ({ one, server }) => server.send("123456", one)],
  ["tooFast", 1008, { maxPendingAmount: 1 }, (world) => {
    world.server.on("messageReceive", () => new Promise(() => {}));
    for (const data of ["1", "2"]) world.admission.message(data);
  }],
  ["unacceptable", 1008, {}, ({ admission }) => admission.message('"no"')],
];

describe("a peer that is dropped", () => {
  for (const [kind, code, config, play] of DROPS) {
    it(`as ${kind} has five seconds, however much it reads of what is queued`, async () => {
      const schema = kind === "unacceptable" && { schema: schemaOf(() => ({ issues: [] })) };
      const options = { ...schema } as never;
      await using world = await ScriptedConnection.open({ config, options });
      const { clock, socket } = world;
      socket.bufferedAmount = 1_000_000;
      await play(world);
      await clock.advance(0);
      const [log, calls] = world.told;
      assertEquals(log.at(0), kind === "tooFast" ? "message 1" : `error ${kind} 0`);
      assertEquals([log.at(-1)!.split(" ")[1], calls.at(-1)], [`${code}`, `close ${code}`]);
      for (let s = 1; s < 5; s++) {
        socket.bufferedAmount -= 100_000;
        await clock.advance(1000);
        assertEquals(world.told, [[], []]);
      }
      await clock.advance(1000);
      // What was queued to it is lost, and the user hears of that.
      assertEquals(world.told, [["error unsent 600000"], ["terminate"]]);
    });

    it(`as ${kind} is closing when 'error' tells of it, and who it is`, async () => {
      const schema = kind === "unacceptable" && { schema: schemaOf(() => ({ issues: [] })) };
      await using world = await ScriptedConnection.open({
        config,
        options: { ...schema } as never,
      });
      const { one, server } = world;
      const answers: unknown[] = [];
      const hears = (call: Promise<unknown>) => void answer(call).then((how) => answers.push(how));
      server.on("error", ({ clientIP, clientPort }) => {
        answers.push(clientIP === one.clientIP && clientPort === one.clientPort);
        answers.push(server.listAllConnections().length);
        hears(server.send("late", one));
        hears(server.close(one, { code: 4000 }));
      });
      world.socket.bufferedAmount = 11;
      await play(world);
      await world.clock.advance(0);
      assertEquals(answers, [true, 1, "notOpen", "closing"]);
      const [log, calls] = world.told;
      assertEquals([log.at(-1)!.split(" ")[1], calls.at(-1)], [`${code}`, `close ${code}`]);
    });
  }
});

/** Limits that one connection fills. */
const LIMITS: Config[] = [
  { maxConnections: 1 },
  { maxConnectionsForOneClient: 1 },
  { maxConcurrentClientsNumber: 1, maxConnectionsForOneClient: 1 },
];

const ENDS: Record<string, (world: ScriptedConnection) => unknown> = {
  "server.close()": ({ one, server }) => server.close(one),
  "server.terminate()": ({ one, server }) => server.terminate(one),
  "the peer's Close frame": ({ admission }) => admission.closed(closed(1000)),
  "a loss": ({ admission }) => admission.closed(closed(1006)),
  "a peer that is dead": ({ clock }) => clock.advance(60_000),
  "a message that is too big": ({ admission }) => admission.message("x".repeat(101)),
};

describe("the place of a connection that ends", () => {
  for (const limit of LIMITS) {
    for (const [name, end] of Object.entries(ENDS)) {
      it(`by ${name} is free when that is told: ${Object.keys(limit).join(", ")}`, async () => {
        const answers: string[] = [];
        const others: Admission[] = [];
        const enter = (when: string) => {
          const answer = world.runtime.request({}, 50_000 + ++port);
          if (answer instanceof Response) return void answers.push(`${when} ${answer.status}`);
          answers.push(when);
          others.push(answer as Admission);
          (answer as Admission).closed(closed(1006)); // its place is free again
        };
        let port = 0;
        const observer = { closed: () => enter("closed") };
        const world: ScriptedConnection = await ScriptedConnection.open({
          config: { ...limit, maxPayload: 100 },
          options: { observer },
        });
        world.server.on("close", () => enter("close"));
        enter("before");
        assertEquals(answers.splice(0).length, 1);
        await end(world);
        await world.clock.advance(0);
        assertEquals([answers, others.length], [["closed", "close"], 2]);
        await world[Symbol.asyncDispose]();
      });
    }
  }
});

describe("what was queued and is lost", () => {
  for (const code of [1000, 1001, 1004, 1005, 1006, 1015, 4000]) {
    it(`is told after a close with ${code}, which is what 'close' tells`, async () => {
      await using world = await ScriptedConnection.open();
      world.socket.bufferedAmount = 7;
      assertEquals(await world.server.close(world.one, { code }), true);
      await world.clock.advance(0);
      world.admission.closed({ ...closed(1000), unsent: 7 });
      const wire = [1004, 1005, 1006, 1015].includes(code) ? 1000 : code;
      const log = [`close ${code} CLOSE_NORMAL`, "error unsent 7"];
      assertEquals(world.told, [log, [`close ${wire}`]]);
      assertEquals(world.server.stats()!.unsent, 7);
    });

    it(`is told by a client that closes with ${code}`, async () => {
      await using world = await DialledClient.open();
      assertEquals(await world.ws.close({ code }), true);
      world.runtime.events.closed({ ...closed(1000), unsent: 7 });
      assertEquals(world.told[0], ["error unsent 7", `close ${code} CLOSE_NORMAL`]);
      assertEquals(world.ws.stats()!.unsent, 7);
    });
  }

  it("is told by nobody where a peer is lost, dead, or terminated, and is counted", async () => {
    const ends: [told: string[], end: (world: ScriptedConnection) => unknown][] = [
      [
        ["error lost 0", "close 1006 The link is down"],
        ({ admission }) => admission.closed({ ...closed(1006), unsent: 7 }),
      ],
      [
        ["error heartbeatTimeout 0", "close 1006 The link is down"],
        ({ clock }) => clock.advance(60_000),
      ],
      [["close 1006 Terminated"], ({ one, server }) => server.terminate(one)],
    ];
    for (const [log, end] of ends) {
      await using world = await ScriptedConnection.open();
      world.socket.bufferedAmount = 7;
      await end(world);
      await world.clock.advance(0);
      assertEquals([world.told[0], world.server.stats()!.unsent], [log, 7]);
    }
  });
});
