/** Runs a program on nodes that share a log, and says what is wrong with what they were told. */

import { readEntry } from "../../cluster/entry.ts";
import type { BusinessError } from "../../mod.ts";
import { Cluster, type ClusterNode } from "../helpers/nodes.ts";
import type { ClusterProgram, ClusterStep } from "./cluster_program.ts";

const LEASE_MS = 3000;

/** At most so many nodes at a time. */
const MAX_NODES = 4;

/** What was published, and what its publisher was told. */
interface Published {
  text: string;
  from: ClusterNode;
  except: string | undefined;
  outcome: "waiting" | "told" | BusinessError["kind"];
}

/** What happened in a program, to see that it reaches what it is meant to. */
export interface ClusterRecord {
  published: Published[];
  nodes: ClusterNode[];
}

class Run {
  readonly #cluster = new Cluster(0);
  readonly #live: ClusterNode[] = [];
  readonly #all: ClusterNode[] = [];
  readonly #published: Published[] = [];
  /** Those who were not told some entries, which are in the log. */
  readonly #gapped = new Set<ClusterNode>();
  /** Who is in which topic, by the node's name: `topic/id`. */
  readonly #members = new Map<ClusterNode, Set<string>>();

  async run({ nodes, steps }: ClusterProgram): Promise<ClusterRecord> {
    for (let n = 0; n < nodes; n++) this.#start();
    await this.#cluster.settle();
    for (const step of steps) await this.#step(step);
    this.#cluster.broker.mend();
    await this.#cluster.settle(1500);
    await this.#cluster.settle(3 * LEASE_MS);
    return { published: this.#published, nodes: this.#all };
  }

  /** What is wrong, in words. */
  wrongs(): string[] {
    const wrongs: string[] = [];
    for (const one of this.#published) {
      if (one.outcome === "waiting") wrongs.push(`${one.text}: nobody was told what became of it`);
    }
    const byText = new Map(this.#published.map((one) => [one.text, one]));
    for (const node of this.#all) {
      const texts = node.told.map(({ data }) => textOf(data));
      wrongs.push(...this.#wrongsOf(node, texts, byText).map((wrong) => `${node.name}: ${wrong}`));
    }
    wrongs.push(...this.#missing(), ...this.#presence());
    return wrongs;
  }

  /** What a node was told that it should not have been, or otherwise. */
  #wrongsOf(node: ClusterNode, texts: string[], byText: Map<string, Published>): string[] {
    const wrongs: string[] = [];
    const last = new Map<string, number>();
    for (const [at, text] of texts.entries()) {
      const one = byText.get(text);
      if (one === undefined) return [`was told ${text}, which nobody published`];
      if (texts.indexOf(text) !== at) wrongs.push(`was told ${text} twice`);
      if (["brokerDown", "queueFull", "notRunning"].includes(one.outcome as string)) {
        wrongs.push(`was told ${text}, which was refused: ${one.outcome}`);
      }
      const [publisher = "", number] = text.split(":");
      if (Number(number) <= (last.get(publisher) ?? -1)) wrongs.push(`${text} is out of order`);
      last.set(publisher, Number(number));
      const { node: from, except } = node.told[at]!;
      if (from !== one.from.name) wrongs.push(`${text} is said to be ${from}'s`);
      if (except !== (one.from === node ? one.except : undefined)) {
        wrongs.push(`${text} is not for ${except}`);
      }
    }
    if (node.faults.length > 0) wrongs.push(`found what is not ours: ${node.faults[0]!.message}`);
    for (const one of this.#published) {
      if (one.from === node && one.outcome === "told" && !texts.includes(one.text)) {
        wrongs.push(`was not told its own ${one.text}`);
      }
    }
    return wrongs;
  }

  /** What is in the log in the end, and was not told to everybody; and places that differ. */
  #missing(): string[] {
    const wrongs: string[] = [];
    const counters = new Map<string, number>();
    const log = this.#cluster.broker.entries.flatMap((entry) => {
      const { node, counter, messages } = readEntry(entry)!;
      // What comes after its successor is a copy of what was there before it, and may be trimmed.
      if (counter <= (counters.get(node) ?? 0)) return [];
      counters.set(node, counter);
      return messages.flatMap((one) => one.kind === "message" ? [textOf(one.data)] : []);
    });
    const places = new Map<string, string>();
    // Of what is in the log twice, a node that came late may see the second, and count from there.
    const isOnce = this.#all.every(({ duplicates }) => duplicates === 0);
    for (const node of this.#live) {
      const texts = node.told.map(({ data }) => textOf(data));
      for (const text of log) {
        if (texts.includes(text)) continue;
        const isSaid = this.#gapped.has(node) && node.lost.some(({ why }) => why === "trimmed");
        if (!isSaid) wrongs.push(`${node.name} was never told ${text}`);
      }
      if (node.lost.length > 0) continue;
      // Nothing was lost to it: what it was told, and what is kept, stand in one order.
      const kept = texts.filter((text) => log.includes(text));
      if (isOnce && JSON.stringify(kept) !== JSON.stringify(log)) {
        wrongs.push(`${node.name} was told ${kept} where the log has ${log}`);
      }
      // And so it was told all that anybody was told since its first.
      for (const other of this.#live) {
        const others = other.told.map(({ data }) => textOf(data));
        const from = others.indexOf(texts[0]!);
        // What was in a log that is no more cannot be told to a node that came after.
        if (texts.length === 0 || from === -1 || other.lost.length > 0) continue;
        const missed = others.slice(from).filter((text) => !texts.includes(text));
        if (missed.length > 0) wrongs.push(`${node.name} missed ${missed}, with nothing said`);
      }
      for (const { data, position: { epoch, offset, index } } of isOnce ? node.told : []) {
        const place = `${epoch}-${offset}.${index}`;
        const known = places.get(textOf(data)) ?? place;
        if (place !== known) wrongs.push(`${textOf(data)} is at ${place} and at ${known}`);
        places.set(textOf(data), place);
      }
    }
    return wrongs;
  }

  /** Presence that is not what it should be in the end. */
  #presence(): string[] {
    const wrongs: string[] = [];
    const truth = this.#live.flatMap((node) =>
      Array.from(this.#members.get(node)!, (member) => `${node.name} ${member}`)
    ).sort();
    for (const node of this.#live) {
      const seen = ["0", "1", "2"].flatMap((topic) =>
        node.presence.members(topic).map(({ node, id }) => `${node} ${topic}/${id}`)
      ).sort();
      if (JSON.stringify(seen) !== JSON.stringify(truth)) {
        wrongs.push(`${node.name} has ${seen} where ${truth} are there`);
      }
      const counted = new Set<string>();
      for (const { topic, joined, left } of node.changes) {
        const nameOf = (one: { node: string; id: number }) => `${one.node} ${topic}/${one.id}`;
        for (const one of left.map(nameOf)) {
          if (!counted.delete(one)) wrongs.push(`${node.name}: ${one} left, who was not there`);
        }
        for (const one of joined.map(nameOf)) {
          if (counted.has(one)) wrongs.push(`${node.name}: ${one} joined, who was there`);
          counted.add(one);
        }
      }
      const told = [...counted].sort();
      if (JSON.stringify(told) !== JSON.stringify(seen)) {
        wrongs.push(`${node.name} has told of ${told} and has ${seen}`);
      }
    }
    return wrongs;
  }

  #start(): void {
    if (this.#live.length === MAX_NODES) return;
    const node = this.#cluster.start(`n${this.#all.length}`, LEASE_MS);
    this.#all.push(node);
    this.#live.push(node);
    this.#members.set(node, new Set());
  }

  async #step(step: ClusterStep): Promise<void> {
    const { broker, clock } = this.#cluster;
    const node = "node" in step
      ? this.#live[step.node % Math.max(1, this.#live.length)]
      : undefined;
    if ("node" in step && node === undefined) return;
    switch (step.op) {
      case "publish":
        for (let n = 0; n < step.count; n++) this.#publish(node!, step);
        break;
      case "join":
        node!.presence.join([`${step.topic}`, step.id, "::1"]);
        this.#members.get(node!)!.add(`${step.topic}/${step.id}`);
        break;
      case "leave":
        node!.presence.leave(`${step.topic}`, step.id);
        this.#members.get(node!)!.delete(`${step.topic}/${step.id}`);
        break;
      case "cut off": // here are no clients, but who leaves all topics
        for (const topic of ["0", "1", "2"]) {
          node!.presence.leave(topic, step.id);
          this.#members.get(node!)!.delete(`${topic}/${step.id}`);
        }
        break;
      case "wait":
        await this.#cluster.settle(step.ms);
        break;
      case "fail":
        broker.fail(...step.faults);
        break;
      case "release":
        broker.release(step.isIn);
        break;
      case "trim":
      case "cut":
        broker[step.op](step.count);
        break;
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
        this.#gapped.add(node!);
        break;
      case "crash":
        this.#live.splice(this.#live.indexOf(node!), 1);
        node!.crash();
        break;
      case "goodbye":
        this.#live.splice(this.#live.indexOf(node!), 1);
        await node!.leave(clock);
        break;
      case "start":
        this.#start();
        break;
      default:
        broker[step.op]();
    }
  }

  #publish(from: ClusterNode, step: ClusterStep & { op: "publish" }): void {
    const text = `${from.name}:${this.#published.length}`;
    const except = step.except ? `e${this.#published.length}` : undefined;
    const one: Published = { text, from, except, outcome: "waiting" };
    this.#published.push(one);
    from.publish(step.bytes ? new TextEncoder().encode(text) : text, `${step.topic}`, except).then(
      () => one.outcome = "told",
      (error: BusinessError) => one.outcome = error.kind,
    );
  }
}

function textOf(data: string | Uint8Array): string {
  return typeof data === "string" ? data : new TextDecoder().decode(data);
}

/** Runs a program; resolves with what is wrong, which is nothing where all is well. */
export async function runCluster(
  program: ClusterProgram,
  look: (record: ClusterRecord) => void = () => {},
): Promise<string[]> {
  const run = new Run();
  const record = await run.run(program);
  look(record);
  const wrongs = run.wrongs();
  for (const node of record.nodes) node.crash();
  return wrongs;
}
