/**
 * Who is in which topic, on which node: kept by what the nodes tell each other in the log. Not part of
 * the public API.
 */

import type { Clock } from "../internal/clock.ts";
import type { MemberRecord, Message } from "./entry.ts";

/** How often a node beats within a lease, and how often it looks who is dead. */
const BEATS = 3;
const LOOKS = 30;

/** How late a beat may come back, as a part of the time between two. */
const LATE = 0.2;

/** How long a node waits before it announces itself, in ms, so that all who have it do so get one answer. */
const ANNOUNCE_MS = 20;

/** How many characters of members are in one message at the most. */
const CHUNK = 64 * 1024;

/** Somebody who is in a topic. */
export interface Member {
  node: string;
  /** The number of the connection, on its node. */
  id: number;
  clientIP: string;
  member: Record<string, unknown> | undefined;
}

/** What changed in a topic at one position of the log. */
export interface PresenceChange {
  topic: string;
  joined: Member[];
  left: Member[];
  /** Whether those who left did not say so: others have taken their node for dead. */
  gone?: true;
}

/** Whom presence tells, and through whom. */
export interface PresenceOwner {
  /** Tells the others. Returns the number of what is told. */
  tell(message: Exclude<Message, { kind: "message" }>): number;
  /** Takes that back where nobody can be told for now. Returns whether it was taken back. */
  takeBack(told: number): boolean;
  changed(change: PresenceChange): void;
}

/** The members of a topic of one node's, by number. */
type Topics = Map<string, Map<number, Member>>;

/** Another node, or this one, as the log tells of it. */
interface Node {
  readonly topics: Topics;
  /** How long it may be silent, in ms, and for how long it has been that anybody was heard. */
  lease: number;
  silence: number;
  /** The parts of a snapshot that have come so far. */
  building: MemberRecord[] | undefined;
}

/** One of this node's own, and the number of what tells that it has come; 0 where a snapshot does. */
interface Own {
  readonly member: MemberRecord;
  told: number;
}

/** Who is there, on all nodes. */
export class Presence {
  readonly #node: string;
  readonly #leaseMs: number;
  readonly #clock: Clock;
  readonly #owner: PresenceOwner;
  /** Those of this node, before the log has told of them: by {@linkcode keyOf}. */
  readonly #own = new Map<string, Own>();
  /** Those that have announced themselves. */
  readonly #nodes = new Map<string, Node>();
  #announcing: unknown;
  /** The numbers of the last announcement's parts, and of the last beat. */
  #announced: number[] = [];
  #beaten = 0;
  #looking: unknown;
  #looks = 0;
  /** When a beat of this node's own came back, and when it was last looked. */
  #heardAt = -Infinity;
  #lookedAt = 0;

  constructor(node: string, leaseMs: number, clock: Clock, owner: PresenceOwner) {
    this.#node = node;
    this.#leaseMs = leaseMs;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** The names of the nodes that are there. */
  get nodes(): string[] {
    return [...this.#nodes.keys()];
  }

  /** Asks who is there, and says that this node is. */
  open(): void {
    this.#owner.tell({ kind: "hello" });
    this.#announce();
    this.#lookedAt = this.#clock.now();
    const look = () => {
      this.#looking = this.#clock.setTimer(look, this.#leaseMs / LOOKS);
      this.#look();
    };
    this.#looking = this.#clock.setTimer(look, this.#leaseMs / LOOKS);
  }

  /** Says that this node leaves. Its members have left then. */
  close(): void {
    if (this.#looking === undefined) return;
    for (const timer of [this.#announcing, this.#looking]) this.#clock.clearTimer(timer);
    this.#announcing = this.#looking = undefined;
    this.#own.clear(); // so that nothing is told of each
    this.#owner.tell({ kind: "dead", node: this.#node });
  }

  /** Somebody of this node's is in a topic. */
  join(member: MemberRecord): void {
    const [topic, id] = member;
    const key = keyOf(topic, id);
    if (this.#own.has(key)) return;
    this.#own.set(key, { member, told: this.#owner.tell({ kind: "join", topic, member }) });
  }

  leave(topic: string, id: number): void {
    const key = keyOf(topic, id);
    const own = this.#own.get(key);
    if (own === undefined) return;
    this.#own.delete(key);
    if (!this.#owner.takeBack(own.told)) this.#owner.tell({ kind: "leave", topic, id });
  }

  /** Who is in a topic. */
  members(topic: string): Member[] {
    const members: Member[] = [];
    for (const { topics } of this.#nodes.values()) {
      topics.get(topic)?.forEach((member) => members.push(member));
    }
    return members;
  }

  /** What lay between two entries is unknown: asks again, and says who is here. */
  lost(): void {
    if (this.#looking === undefined) return;
    for (const node of this.#nodes.values()) node.building = undefined; // a part may be missing
    this.#owner.tell({ kind: "hello" });
    this.#announce();
  }

  /** Something that this node has told before a number never came in: who is here is not known from it. */
  unread(before: number): void {
    const [announced = before] = this.#announced;
    if (announced < before) this.lost();
  }

  /** A message of the log's, and whose it is. */
  read(message: Message, from: string): void {
    if (this.#looking === undefined) return; // the past, or this node has left
    const node = this.#nodes.get(from);
    if (node !== undefined) node.silence = 0;
    const isOwn = from === this.#node;
    switch (message.kind) {
      case "join":
        // Before a node has announced itself it is not known who else it has.
        if (node !== undefined) this.#join(node, from, message.member);
        break;
      case "leave":
        if (node !== undefined) this.#leave(node, message.topic, message.id);
        break;
      case "alive":
        if (node !== undefined) node.lease = message.lease * 1000;
        if (isOwn) this.#heardAt = this.#clock.now();
        break;
      case "hello":
        if (!isOwn) this.#announceSoon();
        break;
      case "dead":
        this.#remove(message.node, from !== message.node);
        // Somebody has taken this node for dead, which it is not: after a break, say.
        if (message.node === this.#node) this.#announceSoon();
        break;
      case "snapshot":
        this.#snapshot(from, message);
    }
  }

  #beat(): void {
    this.#owner.takeBack(this.#beaten);
    this.#beaten = this.#owner.tell({ kind: "alive", lease: this.#leaseMs / 1000 });
  }

  #look(): void {
    if (++this.#looks % (LOOKS / BEATS) === 0) this.#beat();
    const now = this.#clock.now();
    // No more is counted after a while in which this process was blocked: what the others have said
    // meanwhile may be read next. While nobody hears anybody, nothing is counted at all.
    const passed = Math.min(now - this.#lookedAt, 2 * this.#leaseMs / LOOKS);
    this.#lookedAt = now;
    const most = (this.#leaseMs / BEATS) * (1 + LATE);
    if (now - this.#heardAt > most) return;
    for (const [name, node] of this.#nodes) {
      node.silence += passed;
      if (node.silence <= node.lease) continue;
      node.silence = 0; // once: if it is not read, it is told again after another lease
      this.#owner.tell({ kind: "dead", node: name });
    }
  }

  #announceSoon(): void {
    this.#announcing ??= this.#clock.setTimer(() => this.#announce(), ANNOUNCE_MS);
  }

  /** Tells who is here, in parts that nothing of this node's comes between, and how long their lease is. */
  #announce(): void {
    this.#clock.clearTimer(this.#announcing);
    this.#announcing = undefined;
    const parts: MemberRecord[][] = [[]];
    let size = 0;
    for (const own of this.#own.values()) {
      const { member } = own;
      own.told = 0;
      const length = JSON.stringify(member).length + 1;
      size += length;
      if (size > CHUNK) {
        parts.push([]);
        size = length;
      }
      parts.at(-1)!.push(member);
    }
    for (const told of this.#announced) this.#owner.takeBack(told);
    this.#announced = parts.map((members, part) => {
      const isLast = part === parts.length - 1;
      return this.#owner.tell({ kind: "snapshot", part, isLast, members });
    });
    this.#beat(); // who has not heard one would count by a lease of its own
  }

  #snapshot(from: string, { part, isLast, members }: Message & { kind: "snapshot" }): void {
    let node = this.#nodes.get(from);
    if (node === undefined) {
      node = { topics: new Map(), lease: this.#leaseMs, silence: 0, building: undefined };
      this.#nodes.set(from, node);
    }
    if (part === 0) node.building = [];
    if (node.building === undefined) return; // its beginning was not read
    node.building.push(...members);
    if (!isLast) return;
    this.#replace(node, from, node.building);
    node.building = undefined;
  }

  #join(node: Node, name: string, record: MemberRecord): void {
    const [topic, id] = record;
    const there = node.topics.get(topic);
    if (there?.has(id)) return;
    const member = memberOf(name, record);
    if (there === undefined) node.topics.set(topic, new Map([[id, member]]));
    else there.set(id, member);
    this.#owner.changed({ topic, joined: [member], left: [] });
  }

  #leave(node: Node, topic: string, id: number): void {
    const there = node.topics.get(topic);
    const member = there?.get(id);
    if (member === undefined) return;
    there!.delete(id);
    if (there!.size === 0) node.topics.delete(topic);
    this.#owner.changed({ topic, joined: [], left: [member] });
  }

  #remove(name: string, isGone: boolean): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    this.#nodes.delete(name);
    const how = isGone ? { gone: true as const } : {};
    for (const [topic, members] of node.topics) {
      this.#owner.changed({ topic, joined: [], left: [...members.values()], ...how });
    }
  }

  /** Puts others in the place of a node's members, and tells who came and who went. */
  #replace(node: Node, name: string, records: readonly MemberRecord[]): void {
    const before = new Map(node.topics);
    node.topics.clear();
    for (const record of records) {
      const [topic, id] = record;
      const there = node.topics.get(topic) ?? new Map<number, Member>();
      node.topics.set(topic, there.set(id, memberOf(name, record)));
    }
    for (const topic of new Set([...before.keys(), ...node.topics.keys()])) {
      const [old, now] = [before.get(topic), node.topics.get(topic)];
      const joined = [...now?.values() ?? []].filter(({ id }) => !old?.has(id));
      const left = [...old?.values() ?? []].filter(({ id }) => !now?.has(id));
      if (joined.length + left.length > 0) this.#owner.changed({ topic, joined, left });
    }
  }
}

function keyOf(topic: string, id: number): string {
  return `${id} ${topic}`;
}

function memberOf(node: string, [, id, clientIP, member]: MemberRecord): Member {
  return { node, id, clientIP, member: frozen(member) };
}

/** Makes an object, and all in it, one that nobody can change: each who asks is shown the same one. */
function frozen<T>(value: T): T {
  const found: unknown[] = [value];
  for (const one of found) {
    if (typeof one !== "object" || one === null) continue;
    for (const inner of Object.values(Object.freeze(one))) found.push(inner);
  }
  return value;
}
