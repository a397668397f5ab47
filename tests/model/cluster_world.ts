/**
 * Runs a program on real servers that share a log in memory, with real clients on a network in memory,
 * and says what is wrong with what the clients were told.
 */

import { readEntry } from "../../cluster/entry.ts";
import {
  type Broker,
  type BusinessError,
  createWebSocket,
  createWebSocketServer,
  type PresenceEvent,
  type WebSocketConnection,
} from "../../mod.ts";
import { FakeClock, MemoryBroker, type MemoryBrokerLink, MemoryNetwork } from "../../testing.ts";
import {
  type Client,
  GAP,
  heard,
  idOf,
  isGap,
  Missed,
  type Node,
  type Origin,
  type Published,
  TOPICS,
  type WorldRecord,
  wrongsOf,
} from "./cluster_oracle.ts";
import type { ClusterProgram, ClusterStep } from "./cluster_program.ts";

const LEASE = 3;
const MAX_NODES = 4;
class World {
  readonly #clock = new FakeClock();
  readonly #network = new MemoryNetwork({ clock: this.#clock });
  readonly #broker = new MemoryBroker({ clock: this.#clock });
  readonly #end = {
    truth: new Map(TOPICS.map((topic): [string, string[]] => [topic, []])),
    origins: new Map<string, Origin>(),
    published: [] as Published[],
    clients: [] as Client[],
    /** The first is one that nothing befalls: what it was told is the truth. */
    live: [] as Node[],
    lost: new Set<string>(),
    dropped: new Set<string>(),
    /** The place of an entry that was in the log twice is not the same for all. */
    duplicates: 0,
  };
  readonly #all: Node[] = [];
  readonly #wrongs: string[] = [];
  readonly #codes: number[] = [];

  async run({ nodes, steps }: ClusterProgram): Promise<string[]> {
    await this.#start(true);
    for (const topic of TOPICS) {
      const truth = this.#end.truth.get(topic)!;
      this.#end.live[0]!.server.subscribe(topic, ({ data }) => void truth.push(textOf(data)));
    }
    for (let n = 0; n < nodes; n++) await this.#start();
    for (const step of steps) await this.#step(step);
    this.#broker.mend();
    await this.#settle(3 * LEASE * 1000);
    for (const topic of TOPICS) this.#publish(this.#end.live[0]!, topic, undefined, false);
    await this.#settle(200);
    this.#wrongs.push(...wrongsOf(this.#end));
    for (const { ws } of this.#end.clients) if (ws.state !== "idle") await ws.close();
    await this.#settle(20);
    for (const { server } of this.#all) {
      if (server.address !== undefined) await this.#clock.until(server.stop());
    }
    await this.#broker.close();
    await this.#settle(2000);
    for (const { text, outcome } of this.#end.published) {
      if (outcome === "waiting") this.#say(`${text}: nobody was told what became of it`);
    }
    if (this.#clock.pending > 0) this.#say(`${this.#clock.pending} timers are left`);
    return this.#wrongs;
  }

  get record(): WorldRecord {
    const { published, clients, duplicates } = this.#end;
    const told = clients.flatMap((client) => [...client.told.values()]);
    const isText = (text: string | undefined) => text !== undefined && !isGap(text);
    const gaps =
      told.flatMap((texts) =>
        texts.filter((text, at) => isGap(text) && isText(texts[at - 1]) && isText(texts[at + 1]))
      ).length;
    return { published, clients, codes: this.#codes, duplicates, gaps };
  }

  #say(wrong: string): void {
    this.#wrongs.push(wrong);
  }

  async #settle(ms: number): Promise<void> {
    await this.#clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) await this.#clock.advance(1);
  }

  async #start(isWitness = false): Promise<void> {
    if (this.#end.live.length > MAX_NODES) return;
    const link = this.#broker.link();
    const missed = new Missed();
    const [port, name] = [1 + this.#all.length, `n${this.#all.length}`];
    const server = createWebSocketServer({
      broker: isWitness ? this.#watched(link) : heard(link, missed),
      clock: this.#clock,
      runtime: this.#network.server,
      presence: { lease: LEASE, member: ({ url }) => ({ id: Number(url.slice(1)) }) },
      node: name,
    });
    const [clients, members, seen] = [new Map(), new Set<string>(), new Set<string>()];
    const node: Node = { name, port, server, link, clients, members, seen, missed };
    server.on("error", ({ kind, message }) => {
      if (kind === "foreignEntry") this.#say(`${name}: ${message}`);
    });
    server.on("connect", (connection) => {
      this.#end.clients[Number(connection.url.slice(1))]!.connection = connection;
    });
    server.on("close", ({ url }) => {
      const id = Number(url.slice(1));
      this.#end.clients[id]!.connection = undefined;
      for (const topic of TOPICS) members.delete(`${topic}/${id}`);
    });
    server.on("broker", ({ lost }) => {
      if (lost === undefined) return;
      for (const { connection } of node.clients.values()) {
        if (connection !== undefined) {
          for (const topic of TOPICS) this.#mark(node, connection, `${topic}/${GAP}`);
        }
      }
    });
    server.on("presence", (event) => this.#presence(node, event));
    this.#all.push(node);
    const starting = server.start({ serverPort: port });
    if (await this.#clock.until(starting.then(() => true, () => false))) this.#end.live.push(node);
  }

  /** A link of which it is noted whether an entry came twice. */
  #watched(link: MemoryBrokerLink): Broker {
    const places = new Set<string>();
    return {
      append: (entry) => link.append(entry),
      read: (reader, signal) =>
        link.read({
          ...reader,
          entry: (position, entry) => {
            const { node, counter } = readEntry(entry)!;
            for (const text of textsOf([entry])) this.#end.origins.set(text, { node, counter });
            const key = `${position.epoch} ${node} ${counter}`;
            if (places.has(key)) this.#end.duplicates++;
            places.add(key);
            reader.entry(position, entry);
          },
        }, signal),
      close: () => link.close(),
    };
  }

  /** Puts a mark into what a client is told. */
  #mark({ server }: Node, connection: WebSocketConnection, mark: string): void {
    void server.send(mark, connection).catch(() => {});
  }

  #presence({ name, seen }: Node, { topic, joined, left }: PresenceEvent): void {
    const keyOf = ({ node, context }: PresenceEvent["joined"][0]) =>
      `${node.split("~")[0]} ${topic}/${idOf(context)}`;
    for (const key of left.map(keyOf)) {
      if (!seen.delete(key)) this.#say(`${name}: ${key} left, who was not there`);
    }
    for (const key of joined.map(keyOf)) {
      if (seen.has(key)) this.#say(`${name}: ${key} joined, who was there`);
      seen.add(key);
    }
  }

  /** A client of a node, which connects where it is not there. */
  async #client(node: Node, place: number): Promise<Client> {
    let client = node.clients.get(place);
    // Whoever comes back is somebody else: what was not for the one before is for this one.
    if (client === undefined || client.ws.state === "idle") {
      const ws = createWebSocket({ clock: this.#clock, runtime: this.#network.client });
      const told = new Map(TOPICS.map((topic): [string, string[]] => [topic, []]));
      const id = this.#end.clients.length;
      client = { node, id, ws, connection: undefined, told };
      ws.on("message", (_, data) => {
        const text = textOf(data!);
        const [topic = "", what = ""] = text.split("/");
        told.get(topic)!.push(isGap(what) ? what : text);
      });
      ws.on("error", () => {});
      ws.on("close", (_, { code }) => this.#codes.push(code));
      node.clients.set(place, client);
      this.#end.clients.push(client);
      await this.#clock.until(client.ws.connect(`ws://localhost:${node.port}/${id}`));
      await this.#settle(5);
    }
    return client;
  }

  async #step(step: ClusterStep): Promise<void> {
    const broker = this.#broker;
    const others = this.#end.live.slice(1);
    const node = "node" in step ? others[step.node % Math.max(1, others.length)] : undefined;
    if ("node" in step && node === undefined) return;
    // What some server was told the first one was told, too, whatever befalls the log then.
    if (["down", "trim", "cut", "empty"].includes(step.op)) await this.#clock.advance(0);
    switch (step.op) {
      case "publish":
        for (let n = 0; n < step.count; n++) {
          const except = step.except ? [...node!.clients.values()][0] : undefined;
          this.#publish(node!, `${step.topic}`, except, step.bytes);
        }
        break;
      case "join": {
        const { connection, id } = await this.#client(node!, step.id);
        if (connection === undefined) break;
        const topic = `${step.topic}`;
        const published = this.#end.truth.get(topic)!.length;
        this.#mark(node!, connection, `${topic}/${GAP} ${published}`);
        void node!.server.join(connection, `${step.topic}`);
        node!.members.add(`${step.topic}/${id}`);
        break;
      }
      case "leave": {
        const { connection, id } = node!.clients.get(step.id) ?? {};
        if (connection === undefined) break;
        void node!.server.leave(connection, `${step.topic}`);
        node!.members.delete(`${step.topic}/${id}`);
        break;
      }
      case "wait":
        await this.#settle(step.ms);
        break;
      case "fail":
        broker.fail(...step.faults);
        break;
      case "release":
        broker.release(step.isIn);
        break;
      case "trim":
        for (const text of textsOf(broker.entries.slice(0, step.count))) {
          this.#end.dropped.add(text);
        }
        broker.trim(step.count);
        break;
      case "cut":
      case "empty": {
        const kept = step.op === "cut" ? Math.max(0, broker.entries.length - step.count) : 0;
        for (const text of textsOf(broker.entries.slice(kept))) {
          this.#end.lost.add(text);
          this.#end.dropped.add(text);
        }
        if (step.op === "cut") broker.cut(step.count);
        else broker.empty();
        break;
      }
      case "hold":
        node!.link.hold();
        break;
      case "free":
        node!.link.up();
        node!.link.release();
        break;
      case "unlink":
        node!.link.down();
        break;
      case "slow":
        node!.link.delay(step.count * 100);
        break;
      case "stale":
        node!.link.stale(step.count);
        break;
      case "gap":
        node!.link.gap(step.count);
        for (let n = 0; n < step.count; n++) {
          this.#publish(this.#end.live[0]!, "0", undefined, false);
          await this.#settle(0);
        }
        break;
      case "cut off": {
        const url = `ws://localhost:${node!.port}/${node!.clients.get(step.id)?.id}`;
        this.#network.links.find((link) => link.url === url)?.cut();
        await this.#settle(3);
        break;
      }
      case "crash":
        this.#end.live.splice(this.#end.live.indexOf(node!), 1);
        await node!.link.close();
        for (const link of this.#network.links) {
          if (link.url.startsWith(`ws://localhost:${node!.port}/`)) link.cut();
        }
        await this.#settle(3);
        break;
      case "goodbye":
        this.#end.live.splice(this.#end.live.indexOf(node!), 1);
        await this.#clock.until(node!.server.stop());
        break;
      case "start":
        await this.#start();
        break;
      default:
        broker[step.op]();
    }
  }

  #publish(
    { name, server }: Node,
    topic: string,
    except: Client | undefined,
    isBytes: boolean,
  ): void {
    const text = `${topic}/${name}:${this.#end.published.length}`;
    const there = except?.connection;
    const data = isBytes ? new TextEncoder().encode(text) : text;
    const one: Published = { text, topic, except: there && except, outcome: "waiting" };
    this.#end.published.push(one);
    server.publish(topic, data, there === undefined ? {} : { except: there }).then(
      () => one.outcome = "told",
      (error: BusinessError) => one.outcome = error.kind,
    );
  }
}

/** What was published in some entries. */
function textsOf(entries: readonly string[]): string[] {
  return entries.flatMap((entry) => readEntry(entry)!.messages).flatMap((one) =>
    one.kind === "message" ? [textOf(one.data)] : []
  );
}

function textOf(data: string | Uint8Array | ArrayBuffer): string {
  return typeof data === "string" ? data : new TextDecoder().decode(data);
}

/** Runs a program; resolves with what is wrong, which is nothing where all is well. */
export async function runWorld(
  program: ClusterProgram,
  look: (record: WorldRecord) => void = () => {},
): Promise<string[]> {
  const world = new World();
  const wrongs = await world.run(program);
  look(world.record);
  return wrongs;
}
