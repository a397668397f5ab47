/** What a log in JetStream asks of a server, and what it makes of its answers. The server is in memory. */

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { natsBroker } from "../../nats.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { until } from "../helpers/until.ts";
import { natsLog } from "../helpers/scripted_log.ts";
import { ScriptedNats } from "../helpers/scripted_nats.ts";

const error = (err_code: number, description: string) => ({ error: { err_code, description } });
const NO_STREAM = error(10059, "stream not found");
const MADE = {
  created: "2026-01-01T00:00:00.5Z",
  state: { first_seq: 0, last_seq: 0, messages: 0 },
};
/** While another node makes it, it is of the year 1. */
const BEING_MADE = { ...MADE, created: "0001-01-01T00:00:00Z" };

/** A server and a log in it that is not read. */
function unread(answers: Record<string, object[]> = {}, maxBytes: number | undefined = undefined) {
  const nats = Object.assign(new ScriptedNats(), { answers });
  return { nats, broker: natsBroker({ connection: nats.connection, maxBytes }) };
}

/** What was asked for by a call: the requests. */
function requests({ asked }: ScriptedNats, call: string) {
  return asked.filter((text) => text.startsWith(`${call}.`))
    .map((text) => JSON.parse(text.slice(text.indexOf(" ") + 1)));
}

describe("a stream of JetStream", () => {
  it("is read on where JetStream refuses an append, and looked at again where it is silent", async () => {
    const { nats, broker, reader, end } = await natsLog();
    nats.answers["NETKIT.log"] = Array(3).fill(error(10077, "maximum bytes exceeded"));
    for (let n = 0; n < 3; n++) {
      await assertRejects(() => broker.append("a"), Error, "maximum bytes exceeded");
    }
    await broker.append("b");
    await reader.told("b");
    assertEquals([reader.states, reader.log], [[true], ["<ready>", "b"]]);
    const { request } = nats.connection;
    nats.connection.request = (subject, ...rest) =>
      subject === "NETKIT.log" ? Promise.reject(new Error("timeout")) : request(subject, ...rest);
    await assertRejects(() => broker.append("c"), Error, "timeout");
    await until("it was looked at", () => reader.states.length === 3);
    await end();
  });

  for (const call of ["STREAM.INFO", "STREAM.MSG.GET", "CONSUMER.CREATE"]) {
    it(`is read no more at once, though ${call} is not answered, and leaves no consumer`, async () => {
      const { nats, broker } = unread();
      nats.entries = ["a"];
      const reader = await new LogReader(broker).whenReady();
      const { request } = nats.connection;
      const answered = Promise.withResolvers<void>();
      let asked = false;
      nats.connection.request = async (subject, ...rest) => {
        if (!subject.includes(call)) return await request(subject, ...rest);
        asked = true;
        await answered.promise;
        nats.created = "2027-01-01T00:00:00.000000001Z"; // which would be told to who still reads
        return await request(subject, ...rest);
      };
      nats.cut();
      await until("it is asked", () => asked);
      await reader.end();
      const { log, states } = reader;
      const told = structuredClone({ log, states });
      answered.resolve();
      const count = (what: string) => nats.asked.filter((text) => text.startsWith(what)).length;
      const left = () => count("CONSUMER.CREATE") - count("CONSUMER.DELETE");
      await until("no consumer is left", () => left() === 0, 5000, () => nats.asked);
      assertEquals({ log, states }, told);
      await broker.close();
    });
  }

  for (const [maxBytes, expected] of [[undefined, 67_108_864], [5000, 5000]] as const) {
    it(`is made where there is none, of ${expected} bytes`, async () => {
      const { nats, broker } = unread({
        "STREAM.INFO": [NO_STREAM],
        "STREAM.CREATE": [MADE],
      }, maxBytes);
      await broker.append("a");
      assertEquals(requests(nats, "STREAM.CREATE"), [{
        name: "NETKIT",
        subjects: ["NETKIT.log"],
        retention: "limits",
        discard: "old",
        storage: "file",
        max_bytes: expected,
      }]);
      assertEquals(nats.entries, ["a"]);
      await broker.close();
    });
  }

  it("is refused where it, or the server, takes no entry of 1 MiB, which would be tried again for ever", async () => {
    const MIB = 1024 * 1024;
    const cases: [number | undefined, number | undefined, string | undefined][] = [
      [undefined, undefined, undefined],
      [MIB, -1, undefined],
      [MIB, MIB, undefined],
      [MIB - 1, -1, `'max_payload' of the server is ${MIB - 1}, and must be at least ${MIB}`],
      [MIB, 0, undefined],
      [MIB, 1, `'max_msg_size' of the stream NETKIT is 1, and must be at least ${MIB}`],
      [
        MIB,
        MIB - 1,
        `'max_msg_size' of the stream NETKIT is ${MIB - 1}, and must be at least ${MIB}`,
      ],
    ];
    for (const [max_payload, max_msg_size, why] of cases) {
      const { nats, broker } = unread({ "STREAM.INFO": [{ ...MADE, config: { max_msg_size } }] });
      Object.assign(nats.connection, { info: max_payload && { max_payload } });
      const appended = broker.append("a").catch(({ message }) => message);
      assertEquals([await appended, nats.entries], [why, why === undefined ? ["a"] : []]);
      await broker.close();
    }
  });

  it("is that of another node which was first", async () => {
    const { nats, broker } = unread({
      "STREAM.INFO": [NO_STREAM],
      "STREAM.CREATE": [error(10058, "stream name already in use")],
    });
    await broker.append("a");
    assertEquals(nats.asked.map((asked) => asked.split(" ")[0]), [
      "STREAM.INFO.NETKIT",
      "STREAM.CREATE.NETKIT",
      "STREAM.INFO.NETKIT",
      "NETKIT.log",
    ]);
    await broker.close();
  });

  for (
    const [answers, why] of [
      [{ "STREAM.INFO": [error(10023, "insufficient resources")] }, "insufficient resources"],
      [{
        "STREAM.INFO": [NO_STREAM],
        "STREAM.CREATE": [error(10047, "insufficient storage")],
      }, "insufficient storage"],
    ] as const
  ) {
    it(`is not to be had for a reason that is told: ${why}`, async () => {
      const { nats, broker } = unread(Object.fromEntries(
        Object.entries(answers).map(([call, all]) => [call, [...all]]),
      ));
      await assertRejects(() => broker.append("a"), Error, why);
      assertEquals(nats.entries, []);
      await broker.close();
    });
  }

  it("is asked for again while another node is making it", async () => {
    const answers = { "STREAM.INFO": Array(3).fill(BEING_MADE) };
    const { nats, broker, reader, end } = await natsLog({ answers });
    await broker.append("a");
    await reader.told("a");
    assertEquals(reader.positions[0]!.epoch, "20260101000000000000001");
    assertEquals(nats.asked.filter((asked) => asked.startsWith("STREAM.INFO")).length, 4);
    assertEquals(reader.states, [true]);
    await end();
  });

  it("has taken nothing where another has answered, or none", async () => {
    const answers = [{ seq: 1, stream: "OTHER" }, { stream: "NETKIT" }, {
      seq: "1",
      stream: "NETKIT",
    }];
    for (const answer of answers) {
      const { broker } = unread({ "NETKIT.log": [answer] });
      const why = '"NETKIT.log" is no subject of the stream NETKIT';
      await assertRejects(() => broker.append("a"), Error, why);
      await broker.close();
    }
  });
});

describe("a consumer of JetStream", () => {
  it("is told from behind what was read, and lives by signs of life", async () => {
    const { nats, broker, reader } = await natsLog({ entries: ["a", "b"] });
    nats.cut();
    await until("it is back", () => reader.states.length === 3);
    const [first, second, ...more] = requests(nats, "CONSUMER.CREATE");
    assertEquals(more, []);
    const { deliver_subject, ...rest } = first.config;
    assertMatch(deliver_subject, /^_INBOX\.[0-9a-f]{32}$/);
    assertEquals([first.stream_name, rest], ["NETKIT", {
      deliver_policy: "by_start_sequence",
      opt_start_seq: 1,
      ack_policy: "none",
      max_deliver: 1,
      flow_control: true,
      idle_heartbeat: 500_000_000,
      inactive_threshold: 5_000_000_000,
      mem_storage: true,
      num_replicas: 1,
    }]);
    assertEquals(second.config.opt_start_seq, 3);
    await until("one is let go", () => nats.asked.includes("CONSUMER.DELETE.NETKIT.c1 "));
    await reader.end();
    await until("both are", () => nats.asked.includes("CONSUMER.DELETE.NETKIT.c2 "));
    await broker.close();
  });

  it("has read what there was at first, however much comes meanwhile", async () => {
    const { reader, end } = await natsLog({ entries: ["a", "b"], more: 5 });
    assertEquals(reader.log, ["a", "b", "<ready>"]);
    await end();
  });

  it("is answered where it is asked whether all has come, and is made anew where it has not", async () => {
    const { nats, broker, reader, end } = await natsLog({ entries: ["a"] });
    nats.status({}, "flow.1");
    nats.status({ "Nats-Consumer-Stalled": "flow.2" });
    nats.status({ "Nats-Last-Consumer": "1" });
    nats.status({});
    assertEquals([nats.published, reader.states], [["flow.1", "flow.2"], [true]]);
    nats.status({ "Nats-Last-Consumer": "2" });
    await until("it is back", () => reader.states.length === 3);
    assertEquals([reader.states, reader.causes], [[true, false, true], ["some were not told"]]);
    await broker.append("b");
    await reader.told("b");
    assertEquals([reader.log, reader.unsaid], [["a", "<ready>", "b"], undefined]);
    await end();
  });

  it("is made anew where it is asked that and cannot answer, and whoever hands that on is thrown nothing", async () => {
    const { nats, reader, end } = await natsLog({ entries: ["a"] });
    const { publish } = nats.connection;
    nats.connection.publish = (subject) => {
      if (subject.includes(" ")) throw new Error("illegal subject");
      publish(subject);
    };
    nats.status({ "Nats-Consumer-Stalled": "no subject" });
    await until("it is back", () => reader.states.length === 3);
    assertEquals([reader.states, reader.causes], [[true, false, true], ["illegal subject"]]);
    await end();
  });
});

describe("what a node has appended to JetStream", () => {
  it("waits for nothing more once the first was read, be it before the consumer's answer", async () => {
    const nats = new ScriptedNats();
    nats.entries = ["a"];
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const broker = natsBroker({
      connection: {
        ...nats.connection,
        async request(subject, payload, options) {
          const answer = await nats.connection.request(subject, payload, options);
          if (subject.includes("CONSUMER.CREATE")) await held;
          return answer;
        },
      },
    });
    await using reader = await new LogReader(broker).whenReady();
    await broker.append("b");
    assertEquals([reader.log, reader.unsaid], [["a", "<ready>", "b"], undefined]);
    release();
    await broker.append("c");
    await reader.told("c");
    assertEquals([reader.states, reader.unsaid], [[true], undefined]);
    await broker.close();
  });

  it("is told by the answer, one at a time, and once", async () => {
    const { nats, broker, reader, end } = await natsLog();
    nats.isHeld = true;
    await broker.append("a");
    assertEquals(reader.entries, ["a"]);
    await broker.append("b");
    assertEquals(reader.entries, ["a"]);
    nats.release();
    await reader.told("b");
    assertEquals([reader.entries, reader.unsaid], [["a", "b"], undefined]);
    assertEquals(reader.positions.map(({ offset }) => offset), [1, 2]);
    await end();
  });

  it("is said to be lost where another comes in its place", async () => {
    const { nats, broker, reader, end } = await natsLog();
    nats.isHeld = true;
    await broker.append("a");
    nats.entries = ["other"];
    nats.release();
    await until("it is back", () => reader.states.length === 3);
    await reader.told("other");
    assertEquals(reader.log, ["<ready>", "a", "<lost: forked>", "other"]);
    assertEquals(reader.causes, ["what was appended is not there"]);
    await end();
  });

  it("is said to be lost where the same text comes in a later place", async () => {
    const { nats, broker, reader, end } = await natsLog();
    nats.isHeld = true;
    await broker.append("a");
    nats.first = 2; // the first was dropped, and another node has appended the same
    nats.release();
    await until("it is back", () => reader.states.length === 3);
    await reader.told("a");
    assertEquals(reader.causes, ["what was appended is not there"]);
    assertEquals(reader.positions.at(-1)!.offset, 2);
    await end();
  });
});
