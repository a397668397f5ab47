/** Three nodes under load, of which one is drained: what its clients do, and what the others miss. */

import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { describe, it } from "@std/testing/bdd";
import { createWebSocket, type WebSocketClient } from "../../mod.ts";
import { RedisServer } from "../helpers/engines.ts";
import { until } from "../helpers/until.ts";
import { NodeProgram, readLog, THREE } from "../helpers/node_program.ts";

const CLIENTS = 300;
const TOPICS = 20;
/** Messages a second of each node. */
const RATE = 60;
/** Over so many seconds the clients of the drained node are spread. */
const SPREAD = 4;

interface Client {
  ws: WebSocketClient;
  /** The node it is at, or goes to. */
  node: number;
  topic: string;
  /** Whether it is sent what it missed. */
  resumes: boolean;
  got: string[];
  closes: { code: number; reason: string }[];
  /** In how many seconds it said that it would connect again. */
  delays: number[];
  /** When it lost its connection, and when it had another. */
  leftAt: number;
  backAt: number;
  /** How many messages it had then. */
  had: number;
  recovered: boolean[];
}

async function connect(nodes: NodeProgram[], n: number): Promise<Client> {
  const resumes = n % 2 === 0;
  const ws = createWebSocket({
    reconnect: { minDelay: 0.05, maxDelay: 0.2 },
    ...(resumes ? { resume: true } : {}),
  });
  const client: Client = {
    ...{ ws, node: n % 3, topic: `t${n % TOPICS}`, resumes, got: [], closes: [], delays: [] },
    ...{ leftAt: NaN, backAt: NaN, had: 0, recovered: [] },
  };
  ws.on("error", () => {});
  ws.on("message", (_, data) => void client.got.push(data as string));
  ws.on("recovered", ({ recovered }) => void client.recovered.push(recovered));
  ws.on("close", (_, close) => {
    client.closes.push(close);
    client.leftAt = performance.now();
    client.had = client.got.length;
    client.node = (client.node + 1 + Math.floor(n / 3) % 2) % 3; // one of the two others
  });
  ws.on("reconnecting", ({ delay }) => void client.delays.push(delay));
  ws.on("open", () => void (client.backAt = performance.now()));
  await ws.connect(() => `ws://127.0.0.1:${nodes[client.node]!.port}/?topics=${client.topic}`);
  return client;
}

describe("three nodes on both runtimes, of which one is drained while all publish", () => {
  it("have its clients come back to the others at their own second, and nobody miss anything", async () => {
    await using redis = await RedisServer.run("--appendfsync", "everysec");
    const started = await Promise.all(
      THREE.map((parts, n) =>
        NodeProgram.start({ ...parts, name: `n${n}`, url: redis.url, lease: 5, history: true })
      ),
    );
    await using all = new AsyncDisposableStack();
    for (const node of started) all.use(node);
    const [drained, ...others] = started as [NodeProgram, NodeProgram, NodeProgram];
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, (_, n) => connect(started, n)),
    );
    all.defer(async () => {
      for (const { ws } of clients) if (ws.state !== "idle") await ws.close();
    });
    await Promise.all(clients.map(({ ws }) => ws.opened));
    for (const node of started) await node.ask(`/publish?rate=${RATE}&topics=${TOPICS}`);
    await until("all have some", () => clients.every(({ got }) => got.length > 2));

    const gone = clients.filter(({ node }) => node === 0);
    const stayed = clients.filter(({ node }) => node !== 0);
    await drained.ask(`/stop?after=${SPREAD}`);
    const isBack = ({ backAt, leftAt }: Client) => backAt > leftAt;
    await until("all are back", () => gone.every(isBack), 20_000, () => gone.filter(isBack).length);
    await until("they are told what comes", () => gone.every(({ got, had }) => got.length > had));
    // The drained node has left at once, and its clients are present elsewhere.
    let present: string[][] = [];
    for (const end = performance.now() + 5000; performance.now() < end;) {
      present = await Promise.all(others.map((node) => node.presence(TOPICS)));
      if (present.every(({ length }) => length === CLIENTS)) break;
      await delay(50);
    }
    assertEquals(present.map(({ length }) => length), [CLIENTS, CLIENTS]);
    assertEquals(present[0], present[1]);
    assert(drained.printed.includes("stopped"), drained.printed);

    await Promise.all(others.map((node) => node.quiet()));
    const { texts } = await readLog(redis);
    const truth = ({ topic }: Client) => texts.get(topic)!;
    const hasLast = (client: Client) => client.got.at(-1) === truth(client).at(-1);
    await until("all have the last message", () => clients.every(hasLast));

    // Who stayed has noticed nothing.
    for (const client of stayed) {
      assertEquals(client.closes, []);
      assertEquals(client.got, truth(client));
    }
    // Each of the others was told a second of its own, and as many as any other.
    assertEquals(gone.length, CLIENTS / 3);
    const seconds = gone.map(({ closes }) => {
      assertEquals(closes.map(({ code }) => code), [1012]);
      return Number(/^retry after (\d+)$/.exec(closes[0]!.reason)![1]);
    });
    for (let second = 1; second <= SPREAD; second++) {
      assertEquals(seconds.filter((one) => one === second).length, gone.length / SPREAD);
    }
    // They came at that second, half of them to each of the other nodes.
    for (const [n, { delays, leftAt, backAt }] of gone.entries()) {
      const second = seconds[n]!;
      assert(delays[0]! >= second && delays[0]! <= second + 0.2, `${second}: ${delays}`);
      assert(backAt - leftAt >= second * 1000 - 5, `${second}: ${backAt - leftAt}`);
    }
    assertEquals([1, 2].map((at) => gone.filter(({ node }) => node === at).length), [50, 50]);
    // Who can resume has missed nothing, and the others no more than while they were away.
    for (const client of gone) {
      const { got, had, resumes, recovered } = client;
      assertEquals(new Set(got).size, got.length, "told twice");
      if (resumes) {
        assertEquals(recovered, [true]);
        assertEquals(got, truth(client));
        continue;
      }
      assertEquals(got.slice(0, had), truth(client).slice(0, had));
      assertEquals(got.slice(had), truth(client).slice(had - got.length));
      assert(got.length < truth(client).length, "it was away, and has missed nothing");
    }
    const outcomes = await Promise.all(others.map((node) => node.figures()));
    for (const { outcomes: one } of outcomes) assertEquals(Object.keys(one), ["told"]);
  });
});
