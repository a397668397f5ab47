/** When a node is told its own entries by the answer to their append, and what comes of it when that was wrong. */

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { RedisReading } from "../../cluster/brokers/redis_reading.ts";
import type { Row } from "../../cluster/brokers/redis_rows.ts";
import { RedisStream } from "../../cluster/brokers/redis_stream.ts";
import { redisBroker } from "../../redis.ts";
import { insist } from "../helpers/broker_contract.ts";
import { RedisServer } from "../helpers/engines.ts";
import { LogReader } from "../helpers/log_reader.ts";
import { CLIENT, connectTo } from "../helpers/redis_clients.ts";
import { TcpGate } from "../helpers/tcp_gate.ts";

const urlOf = (port: number) => `redis://127.0.0.1:${port}`;

/** A node that reads by one port, and appends by another. */
class Node implements AsyncDisposable {
  /** Where new connections go to. */
  port: number;
  readonly broker = redisBroker({ open: () => CLIENT(urlOf(this.port)) });
  readonly reader: LogReader;

  private constructor(port: number) {
    this.port = port;
    this.reader = new LogReader(this.broker);
  }

  static async start(readPort: number, appendPort: number): Promise<Node> {
    const node = new Node(readPort);
    await node.reader.whenReady();
    node.port = appendPort;
    return node;
  }

  append(entry: string): Promise<void> {
    return this.broker.append(entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.end();
    await this.broker.close();
  }
}

/** The place of the newest row. */
async function newestOf(redis: RedisServer): Promise<[ms: number, offset: number]> {
  const [, ms, offset] = /(\d+)-(\d+)/.exec(await redis.say("XREVRANGE netkit:log + - COUNT 1"))!;
  return [Number(ms), Number(offset)];
}

/** A server and its replica, which has been promoted: both have the same, and go on apart. */
class Split implements AsyncDisposable {
  readonly first: RedisServer;
  readonly second: RedisServer;
  /** What reads the first, and appends to the second. */
  readonly node: Node;

  private constructor(first: RedisServer, second: RedisServer, node: Node) {
    this.first = first;
    this.second = second;
    this.node = node;
  }

  static async start(entries: string[]): Promise<Split> {
    const first = await RedisServer.run("--repl-diskless-sync-delay", "0");
    const second = await RedisServer.run("--replicaof", `127.0.0.1 ${first.port}`);
    const node = await Node.start(first.port, second.port);
    await appendTo(first, ...entries);
    for (const entry of entries) await node.reader.told(entry);
    const newest = String(await newestOf(first));
    while (!(await second.say("XLEN netkit:log")).includes(`:${entries.length + 1}`)) {
      await delay(20);
    }
    assertEquals(String(await newestOf(second)), newest);
    await second.say("REPLICAOF NO ONE");
    return new Split(first, second, node);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.first[Symbol.asyncDispose]();
    await this.second[Symbol.asyncDispose]();
  }
}

/** Has another node append. */
async function appendTo(redis: RedisServer, ...entries: string[]): Promise<void> {
  const broker = redisBroker({ open: () => CLIENT(redis.url) });
  for (const entry of entries) await insist(broker, entry);
  await broker.close();
}

describe("an entry of a node's own in Redis", () => {
  it("is told by the answer to its append, one at a time, and once", async () => {
    await using redis = await RedisServer.run();
    await using gate = await TcpGate.listen(redis.port);
    await using node = await Node.start(gate.port, redis.port);
    const { reader } = node;
    gate.state = "held";
    await node.append("a");
    assertEquals(reader.log, ["<ready>", "a"]);
    await node.append("b");
    await node.append("c");
    assertEquals(reader.log, ["<ready>", "a"], "what was told is not confirmed yet");
    gate.state = "open";
    await reader.told("c");
    for (let n = 0; n < 100; n++) await node.append(`${n}`);
    await appendTo(redis, "of another");
    await reader.told("of another");
    const own = Array.from({ length: 100 }, (_, n) => `${n}`);
    assertEquals(reader.log, ["<ready>", "a", "b", "c", ...own, "of another"]);
    assertEquals([reader.unsaid, reader.states], [undefined, [true]]);
  });

  it("is told to each who reads by the same broker", async () => {
    await using redis = await RedisServer.run();
    await using gate = await TcpGate.listen(redis.port);
    await using node = await Node.start(gate.port, redis.port);
    node.port = gate.port;
    await using second = await new LogReader(node.broker).whenReady();
    node.port = redis.port;
    gate.state = "held";
    await node.append("a");
    for (const reader of [node.reader, second]) assertEquals(reader.log, ["<ready>", "a"]);
    await second.end();
    await node.append("b");
    gate.state = "open";
    await node.reader.told("b");
    assertEquals([node.reader.log, second.log], [["<ready>", "a", "b"], ["<ready>", "a"]]);
  });

  it("is told in its place where others', a stranger's, or an epoch lie between", async () => {
    await using redis = await RedisServer.run();
    await using gate = await TcpGate.listen(redis.port);
    await using node = await Node.start(gate.port, redis.port);
    const { reader } = node;
    await appendTo(redis, "first");
    await reader.told("first");
    const told = ["<ready>", "first"];
    for (
      const between of [
        () => appendTo(redis, "other's"),
        () => redis.say("XADD netkit:log * hello stranger"),
        async () => {
          const [ms] = await newestOf(redis);
          await redis.say(`XADD netkit:log ${ms + 1000}-0 epoch forked`);
        },
      ]
    ) {
      await delay(60); // what is read next is looked at first
      gate.state = "held";
      await between();
      await node.append(`own ${told.length}`);
      assertEquals(reader.log, told);
      gate.state = "open";
      await reader.told(`own ${told.length}`);
      told.push(...reader.log.slice(told.length));
    }
    assertEquals(told, [
      ...["<ready>", "first", "other's", "own 2", "stranger", "own 4"],
      ...["<lost: forked>", "own 6"],
    ]);
  });

  for (
    const [kept, rest] of [
      [4, ["b", "c", "d"]], // the entry itself is the oldest then
      [2, ["<lost: trimmed>", "c", "d"]],
    ] as const
  ) {
    it(`is told once where ${kept} entries are left when reading goes on`, async () => {
      await using redis = await RedisServer.run();
      await using gate = await TcpGate.listen(redis.port);
      await using node = await Node.start(gate.port, redis.port);
      const { reader } = node;
      await appendTo(redis, "first");
      await reader.told("first");
      gate.state = "black hole";
      for (const entry of ["a", "b", "c", "d"]) await node.append(entry);
      assertEquals(reader.log, ["<ready>", "first", "a"]);
      await redis.say(`XTRIM netkit:log MAXLEN = ${kept}`);
      node.port = gate.port;
      gate.state = "open";
      gate.reset();
      await reader.told("d");
      assertEquals(reader.log, ["<ready>", "first", "a", ...rest]);
      assertEquals(reader.unsaid, undefined);
    });
  }

  it("hides no fork, where another server has answered than the one that is read", async () => {
    await using split = await Split.start(["common"]);
    const { first, second, node: { reader }, node } = split;
    await appendTo(first, "lost");
    await reader.told("lost");
    await appendTo(second, "other's");
    // By its number it follows what was read.
    await node.append("own");
    assertEquals(reader.log, ["<ready>", "common", "lost", "own"]);
    await first.kill();
    await reader.told("other's");
    await node.append("more");
    await reader.told("more");
    assertEquals(reader.log.slice(4), ["<lost: forked>", "common", "other's", "own", "more"]);
  });

  it("is lost in words where nothing comes in its place", async () => {
    await using split = await Split.start(["common"]);
    const { first, node: { reader }, node } = split;
    await node.append("own");
    node.port = first.port;
    assertEquals(reader.log, ["<ready>", "common", "own"]);
    await reader.whenLost("forked");
    await appendTo(first, "other's");
    await reader.told("other's");
    assertEquals(reader.log.slice(2), ["own", "<lost: forked>", "common", "other's"]);
  });

  it("is lost in words where another of its own comes in its place", async () => {
    await using split = await Split.start(["common"]);
    const { first, second, node: { reader }, node } = split;
    await node.append("own");
    node.port = first.port;
    await second.kill();
    await insist(node, "in its place");
    await reader.told("in its place");
    const told = ["<ready>", "common", "own", "<lost: forked>", "common", "in its place"];
    assertEquals([reader.log, reader.states], [told, [true]]);
  });

  for (const kept of [9, 1]) {
    it(`is lost in words where another comes in its place, and ${kept} are kept at the most`, async () => {
      await using split = await Split.start(["common"]);
      const { first, node: { reader }, node } = split;
      await node.append("own");
      node.port = first.port;
      const [epoch, offset] = await newestOf(first);
      const other = `XADD netkit:log ${epoch}-${offset + 1} e${epoch} others`;
      await first.say("MULTI", other, `XTRIM netkit:log MAXLEN = ${kept}`, "EXEC");
      await reader.told("others");
      const common = kept > 1 ? ["common"] : [];
      const told = ["<ready>", "common", "own", "<lost: forked>", ...common, "others"];
      assertEquals([reader.log, reader.states], [told, [true]]);
    });
  }

  it("is lost in words where the stream has begun again, be it the first", async () => {
    await using split = await Split.start([]);
    const { first, node: { reader }, node } = split;
    await node.append("own");
    node.port = first.port;
    assertEquals(reader.log, ["<ready>", "own"]);
    const [ms] = await newestOf(first);
    const begin = `XADD netkit:log ${ms + 1_000_000}-0 epoch gone`;
    await first.say("MULTI", "DEL netkit:log", begin, "EXEC");
    await reader.whenLost("gone");
    await appendTo(first, "other's");
    await reader.told("other's");
    assertEquals(reader.log, ["<ready>", "own", "<lost: gone>", "other's"]);
  });

  it("is not told while it is looked at what has become of the stream, nor after the end", async () => {
    await using redis = await RedisServer.run();
    const connection = connectTo(redis.url);
    const stream = new RedisStream("k", () => CLIENT(redis.url), 1_000_000);
    const ending = new AbortController();
    const ready = Promise.withResolvers<void>();
    const told: string[] = [];
    const reading = new RedisReading(stream, {
      entry: (_, entry) => told.push(entry),
      ready: ready.resolve,
      lost() {},
      state() {},
    }, ending.signal);
    const run = reading.run();
    await ready.promise;
    const newest = await stream.newest(connection);
    const next: Row = { ...newest, id: `${newest.ms}-1`, offset: 1, kind: "e", text: "a" };
    reading.doubt();
    reading.appended(next);
    await reading.seen;
    ending.abort();
    await run;
    reading.appended(next);
    assertEquals(told, []);
    stream.rest();
    connection.close();
  });
});
