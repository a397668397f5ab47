/** What is given to the functions of the entries beside the main one: wrong, it is refused with 401. */

import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { memoryBroker } from "../../cluster.ts";
import { BusinessError, createWebSocket, createWebSocketServer } from "../../mod.ts";
import { duplexOf, wsServer } from "../../node.ts";
import { otelObserver } from "../../otel.ts";
import { socketOf, streamsOf, webSocketClass } from "../../standard.ts";
import { FakeClock, MemoryBroker, MemoryNetwork } from "../../testing.ts";
import { MemoryPair } from "../helpers/memory_pair.ts";
import { assertRefused } from "../helpers/watched_server.ts";

const SERVER = "the server must be one that createWebSocketServer has made";
const CLIENT = "the client must be one that createWebSocket has made";
const OBJECT = "an object (Object)";
const nobody = { clientIP: "127.0.0.1", clientPort: 1 };
const meter = {
  createCounter: () => ({ add() {} }),
  createUpDownCounter: () => ({ add() {} }),
  createHistogram: () => ({ record() {} }),
};

type Row = [call: (given: never) => unknown, given: unknown, what: string, shown: string];

const ROWS: Row[] = [
  [wsServer, undefined, `wsServer: ${SERVER}`, "undefined"],
  [wsServer, {}, `wsServer: ${SERVER}`, OBJECT],
  [wsServer, createWebSocket(), `wsServer: ${SERVER}`, OBJECT],
  [(given) => socketOf(given, nobody), null, `socketOf: ${SERVER}`, "null"],
  [
    (given) => socketOf(given, nobody),
    createWebSocket(),
    `socketOf: ${SERVER}`,
    OBJECT,
  ],
  [(given) => streamsOf(given, nobody), 5, `streamsOf: ${SERVER}`, "5"],
  [(given) => duplexOf(given, nobody), {}, `duplexOf: ${SERVER}`, OBJECT],
  [streamsOf, undefined, `streamsOf: ${CLIENT}`, "undefined"],
  [streamsOf, createWebSocketServer(), `streamsOf: ${CLIENT}`, OBJECT],
  [duplexOf, null, `duplexOf: ${CLIENT}`, "null"],
  [duplexOf, { connect() {} }, `duplexOf: ${CLIENT}`, OBJECT],
  [webSocketClass, undefined, "webSocketClass: options must be an object", "undefined"],
  [webSocketClass, 5, "webSocketClass: options must be an object", "5"],
  [memoryBroker, null, "memoryBroker: options must be an object", "null"],
  [memoryBroker, { maxBytes: -1 }, "memoryBroker: 'maxBytes' must be an integer above 0", "-1"],
  [memoryBroker, { latency: 1 }, "memoryBroker: 'latency' is no option", "1"],
  [
    (given) => new MemoryBroker(given),
    { latency: "1" },
    "MemoryBroker: 'latency' must be a number of milliseconds from 0 on",
    '"1"',
  ],
  [
    (given) => new MemoryNetwork(given),
    { latency: -1 },
    "MemoryNetwork: 'latency' must be a number of milliseconds from 0 on",
    "-1",
  ],
  [
    (given) => new MemoryNetwork(given),
    { latency: Infinity },
    "MemoryNetwork: 'latency' must be a number of milliseconds from 0 on",
    "Infinity",
  ],
  [
    (given) => new MemoryNetwork(given),
    { clock: {} },
    "MemoryNetwork: 'clock' must be an object with the functions now, setTimer, clearTimer, " +
    "and maybe wall",
    OBJECT,
  ],
  [otelObserver, undefined, "otelObserver: options must be an object", "undefined"],
  [otelObserver, {}, "otelObserver: options must have 'meter' or 'api'", OBJECT],
  [
    otelObserver,
    { meter: {} },
    "otelObserver: 'meter' must be an object with the functions createCounter, createHistogram, " +
    "createUpDownCounter",
    OBJECT,
  ],
  [
    otelObserver,
    { api: {} },
    "otelObserver: 'api' must be OpenTelemetry's API: an object with 'metrics' and 'trace'",
    OBJECT,
  ],
  [otelObserver, { meter, span: true }, "otelObserver: 'span' is no option", "true"],
  [otelObserver, { meter, tracer: 5 }, "otelObserver: 'tracer' must be an object", "5"],
];

const clock = () => new FakeClock();
const MS = "must be a number of milliseconds from 0 on";
const NUMBER_OF = "must be an integer from 0 on";
const FAULT = "fail: the fault must be 'refused' or 'lost answer' or 'held'";

ROWS.push(
  [
    (given) => duplexOf(createWebSocket(), given),
    null,
    "duplexOf: options must be an object",
    "null",
  ],
  [
    (given) => duplexOf(createWebSocket(), given),
    "x",
    "duplexOf: options must be an object",
    '"x"',
  ],
  [(given) => clock().tick(given), NaN, `tick: ms ${MS}`, "NaN"],
  [(given) => clock().block(given), -1, `block: ms ${MS}`, "-1"],
  [(given) => clock().sleep(given), Infinity, `sleep: ms ${MS}`, "Infinity"],
  [(given) => new MemoryBroker().fail(given), "refuse", FAULT, '"refuse"'],
  [(given) => new MemoryBroker().link().fail("held", given), undefined, FAULT, "undefined"],
  [(given) => new MemoryBroker().trim(given), -1, `trim: count ${NUMBER_OF}`, "-1"],
  [(given) => new MemoryBroker().cut(given), undefined, `cut: count ${NUMBER_OF}`, "undefined"],
  [(given) => new MemoryBroker().link().gap(given), 0.5, `gap: count ${NUMBER_OF}`, "0.5"],
  [(given) => new MemoryBroker().link().stale(given), "1", `stale: count ${NUMBER_OF}`, '"1"'],
  [(given) => new MemoryBroker().link().delay(given), NaN, `delay: ms ${MS}`, "NaN"],
  [
    (given) => new MemoryBroker().link().hold(given),
    "reads",
    "hold: what must be 'appends' or 'entries' or 'both'",
    '"reads"',
  ],
);

describe("what the other entries are given", () => {
  for (const [call, given, what, shown] of ROWS) {
    it(`is refused with 401: ${what}, for ${shown}`, () => {
      const error = assertThrows(() => call(given as never), BusinessError);
      assertEquals([error.code, error.kind], [401, "argument"]);
      const [begin, end] = [`Parameter error: ${what}`, `: current value is ${shown}`];
      assertEquals(error.message.slice(0, begin.length), begin);
      assertEquals(error.message.slice(-end.length), end);
    });
  }

  it("is refused by a promise of a clock's, too", async () => {
    const time = clock();
    await assertRefused(() => time.advance("5" as never), 401, `advance: ms ${MS}`);
    await assertRefused(() => time.until(Promise.resolve(), -1), 401, `until: ms ${MS}`);
    await assertRefused(() => time.until(5 as never), 401, "until: the promise must be a promise");
    assertEquals(time.now(), clock().now());
  });

  it("is refused by a link of the network's, too", async () => {
    await using pair = await MemoryPair.start();
    await pair.open();
    const [link] = pair.network.links;
    const rule = "link: direction must be 'toServer' or 'toClient' or 'both'";
    for (const call of [link!.hold, link!.release]) {
      const error = assertThrows(() => call.call(link, "up" as never), BusinessError);
      assertEquals(error.message, `Parameter error: ${rule}: current value is "up"`);
    }
  });

  it("is taken where it is right", () => {
    for (const options of [undefined, {}, { maxBytes: 1 }, { maxBytes: undefined }]) {
      memoryBroker(options);
    }
    new MemoryNetwork({ latency: 0 });
    otelObserver({ meter });
    webSocketClass({});
    wsServer(createWebSocketServer());
  });
});
