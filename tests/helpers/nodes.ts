/** Nodes that share a log in memory, on a clock that stands still. */

import type { Broker, LostReason } from "../../cluster.ts";
import { Log, type MessagePosition } from "../../cluster/log.ts";
import type { Message } from "../../cluster/entry.ts";
import { type Member, Presence, type PresenceChange } from "../../cluster/presence.ts";
import type { BusinessError, WebSocketData } from "../../mod.ts";
import { FakeClock, MemoryBroker, type MemoryBrokerLink } from "../../testing.ts";

/** What a node was told. */
export interface Told {
  topic: string | null;
  data: string | Uint8Array;
  position: MessagePosition;
  node: string;
  except: string | undefined;
}

/** One node, with nobody connected. */
export class ClusterNode {
  readonly name: string;
  readonly log: Log<string, number>;
  readonly presence: Presence;
  readonly told: Told[] = [];
  /** Up to where the log has again what was told before something was lost. */
  readonly again: MessagePosition[] = [];
  /** How many messages were told before each of these. */
  readonly lost: { why: LostReason; at: number }[] = [];
  readonly states: boolean[] = [];
  readonly faults: BusinessError[] = [];
  readonly changes: PresenceChange[] = [];
  isReady = false;
  /** How many entries came a second time, and were not told. */
  duplicates = 0;
  /** How many milliseconds the last entry of its own took. */
  lag: number | undefined;
  /** What befalls it alone. */
  readonly link: MemoryBrokerLink;
  #entries = 0;

  constructor(link: MemoryBrokerLink, clock: FakeClock, name: string, leaseMs = 15_000) {
    this.name = name;
    this.link = link;
    const broker: Broker = {
      append: (entry) => link.append(entry),
      read: (reader, signal) =>
        link.read({
          ...reader,
          entry: (position, text) => {
            const before = this.#entries + this.faults.length;
            reader.entry(position, text);
            if (!signal.aborted && this.#entries + this.faults.length === before) this.duplicates++;
          },
        }, signal),
      close: () => link.close(),
    };
    this.log = new Log<string, number>(broker, name, clock, {
      message: (message, position, node, own) => this.#message(message, position, node, own),
      ready: () => {
        this.isReady = true;
        this.presence.open();
      },
      lost: (why) => {
        this.lost.push({ why, at: this.told.length });
        this.presence.lost();
      },
      unread: (before) => this.presence.unread(before),
      again: (position) => this.again.push(position),
      state: (up) => this.states.push(up),
      entry: (_, lag) => {
        this.#entries++;
        this.lag = lag ?? this.lag;
      },
      fault: (error) => this.faults.push(error),
    });
    this.presence = new Presence(name, leaseMs, clock, {
      tell: (message) => this.log.tell(message),
      takeBack: (told) => this.log.takeBack(told),
      changed: (change) => this.changes.push(change),
    });
    this.log.open();
  }

  /** The texts it was told. */
  get texts(): string[] {
    return this.told.map(({ data }) => data as string);
  }

  publish(data: WebSocketData, topic?: string | null, except?: string): Promise<number> {
    return this.log.publish("publish", topic === undefined ? "t" : topic, data, except);
  }

  /** Who is in a topic, as far as this node knows: `node/id`, in order. */
  members(topic = "t"): string[] {
    return this.presence.members(topic).map(({ node, id }: Member) => `${node}/${id}`).sort();
  }

  /** It says goodbye and goes. */
  async leave(clock: FakeClock): Promise<void> {
    this.presence.close();
    await clock.until(this.log.flushed(1000));
    await this.log.close();
  }

  /** It is gone, and nobody was told. */
  crash(): void {
    this.presence.close();
    void this.log.close();
  }

  #message(
    message: Message,
    position: MessagePosition,
    node: string,
    own: { except: string | undefined } | undefined,
  ): number {
    this.presence.read(message, node);
    if (message.kind !== "message") return -1;
    const { topic, data } = message;
    return this.told.push({ topic, data, position, node, except: own?.except });
  }
}

/** Some nodes and their log. */
export class Cluster {
  readonly clock = new FakeClock();
  readonly broker: MemoryBroker;
  readonly nodes: ClusterNode[] = [];

  constructor(count: number, broker?: MemoryBroker) {
    this.broker = broker ?? new MemoryBroker({ clock: this.clock });
    for (let n = 0; n < count; n++) this.start(`n${n}`);
  }

  start(name: string, leaseMs?: number): ClusterNode {
    const node = new ClusterNode(this.broker.link(), this.clock, name, leaseMs);
    this.nodes.push(node);
    return node;
  }

  /** Lets everything happen that takes no time. */
  async settle(ms = 0): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await this.clock.advance(0);
    if (ms > 0) await this.clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) await this.clock.advance(0);
  }

  /**
   * Member 0 of the first node leaves `t`, and somebody joins. The second node never reads of it, as the
   * log was trimmed meanwhile. Returns the second.
   */
  async trimUnread(joined: Parameters<Presence["join"]>[0]): Promise<ClusterNode> {
    const one = this.nodes[0]!;
    const slow = this.nodes[1]!;
    slow.link.hold("entries");
    one.presence.join(joined);
    one.presence.leave("t", 0);
    await this.settle();
    this.broker.trim(this.broker.entries.length);
    await one.publish("a");
    slow.link.release();
    await this.settle(200);
    return slow;
  }
}
