/** What must be true at the end of a world of several servers. */

import { readEntry } from "../../cluster/entry.ts";
import type {
  Broker,
  BusinessError,
  WebSocketClient,
  WebSocketConnection,
  WebSocketServer,
} from "../../mod.ts";
import type { MemoryBrokerLink } from "../../testing.ts";

/** What is published to, and joined. */
export const TOPICS = ["0", "1", "2"];

/**
 * Stands in what a client was told of a topic where what follows need not follow from what was before. A
 * number after it says how much had been published to the topic when the client joined: it is not owed
 * that, also where a log that is read again from its start has some of it.
 */
export const GAP = "gap";
export const isGap = (text: string) => text.startsWith(GAP);

/** Whose entry something was in, and which of that server's. */
export interface Origin {
  node: string;
  counter: number;
}

/** What a server was not told, and knows of. A log that is read again from its start has it, as something old. */
export class Missed {
  #losses = 0;
  /** The newest of each server that was read, and how much had been lost by then. */
  readonly #read = new Map<string, { counter: number; losses: number }>();
  readonly #missed: { node: string; after: number; before: number }[] = [];

  lost(): void {
    this.#losses++;
  }

  read({ node, counter }: Origin): void {
    const last = this.#read.get(node) ?? { counter: 0, losses: 0 };
    if (counter <= last.counter) return;
    if (counter > last.counter + 1 && this.#losses > last.losses) {
      this.#missed.push({ node, after: last.counter, before: counter });
    }
    this.#read.set(node, { counter, losses: this.#losses });
  }

  has({ node, counter }: Origin): boolean {
    return this.#missed.some((one) =>
      one.node === node && counter > one.after && counter < one.before
    );
  }
}

/** A link of which it is noted what was not told by it. */
export function heard(link: MemoryBrokerLink, missed: Missed): Broker {
  return {
    append: (entry) => link.append(entry),
    read: (reader, signal) =>
      link.read({
        ...reader,
        lost(why) {
          missed.lost();
          reader.lost(why);
        },
        entry(position, entry) {
          missed.read(readEntry(entry)!);
          reader.entry(position, entry);
        },
      }, signal),
    close: () => link.close(),
  };
}

/** A client of a world. */
export interface Client {
  node: Node;
  /** Which of all clients it is. */
  id: number;
  ws: WebSocketClient;
  /** As its server knows it, while it is there. */
  connection: WebSocketConnection | undefined;
  told: Map<string, string[]>;
}

/** A server of a world. */
export interface Node {
  name: string;
  port: number;
  server: WebSocketServer;
  link: MemoryBrokerLink;
  /** Those who are there, or were there last. */
  clients: Map<number, Client>;
  /** `topic/id` of those who are in a topic. */
  members: Set<string>;
  /** The same as 'presence' has told it, of all nodes: `node topic/id`. */
  seen: Set<string>;
  missed: Missed;
}

/** What a server was told to publish. */
export interface Published {
  text: string;
  topic: string;
  except: Client | undefined;
  outcome: "waiting" | "told" | BusinessError["kind"];
}

/** What a program has reached. */
export interface WorldRecord {
  published: Published[];
  clients: Client[];
  /** What the clients' connections were closed with. */
  codes: number[];
  /** How many entries were in the log twice. */
  duplicates: number;
  /** How often something was lost between two messages of a topic. */
  gaps: number;
}

/** How a world ended. */
export interface WorldEnd {
  /** What was published to each topic, in the order of the log. */
  truth: ReadonlyMap<string, readonly string[]>;
  /** Where each of those was. */
  origins: ReadonlyMap<string, Origin>;
  published: readonly Published[];
  clients: readonly Client[];
  live: readonly Node[];
  /** What was cut off the log. */
  lost: ReadonlySet<string>;
  /** What was there and is there no more, for whatever reason. */
  dropped: ReadonlySet<string>;
  /** How many entries were in the log twice. */
  duplicates: number;
}

/** What is wrong with what the clients were told, and with who is where. */
export function wrongsOf(end: WorldEnd): string[] {
  const wrongs: string[] = [];
  const say = (wrong: string) => void wrongs.push(wrong);
  const truths = [...end.truth.values()].flat();
  for (const { text, outcome } of end.published) {
    const isThere = truths.includes(text);
    if (outcome === "told" && !isThere) say(`${text} was told, and is not in the log`);
    if (isThere && ["brokerDown", "queueFull", "notRunning"].includes(outcome as string)) {
      say(`${text} is in the log, and was refused: ${outcome}`);
    }
  }
  for (const client of end.clients) {
    for (const [topic, told] of client.told) {
      const wrong = wrongOf(end, client, topic, told);
      const who = `${client.node.name} ${topic}/${client.id}`;
      if (wrong) say(`${who} ${wrong}: ${told} where it is ${end.truth.get(topic)}`);
    }
  }
  const truth = end.live.flatMap(({ name, members }) =>
    Array.from(members, (member) => `${name} ${member}`)
  ).sort();
  for (const { name, server, seen } of end.live) {
    const there = TOPICS.flatMap((topic) =>
      server.presence(topic).map(({ node, context }) =>
        `${node.split("~")[0]} ${topic}/${idOf(context)}`
      )
    ).sort();
    if (String(there) !== String(truth)) {
      say(`${name} has ${there} where ${truth} are there`);
    }
    const told = [...seen].sort();
    if (String(told) !== String(truth)) say(`${name} was told of ${told}, not of ${truth}`);
  }
  return wrongs;
}

/** What is wrong with what a client was told of a topic. */
function wrongOf(
  end: WorldEnd,
  client: Client,
  topic: string,
  told: string[],
): string | undefined {
  const texts = told.filter((text) => !isGap(text));
  if (new Set(texts).size !== texts.length) return "was told something twice";
  const except = new Set(
    end.published.filter((one) => one.except === client).map(
      ({ text }) => text,
    ),
  );
  if (texts.some((text) => except.has(text))) return "was told what is not for it";
  const truth = end.truth.get(topic)!.filter((text) => !except.has(text));
  const { id, node } = client;
  const isIn = end.live.includes(node) && node.members.has(`${topic}/${id}`);
  if (isIn && texts.at(-1) !== truth.at(-1)) return "was not told the last message";
  let at: number | undefined;
  let joined = 0;
  const newest = new Map<string, number>();
  for (const text of told) {
    if (isGap(text)) {
      at = undefined;
      joined = Number(text.slice(GAP.length) || joined);
      continue;
    }
    const place = truth.indexOf(text);
    if (place === -1) return `was told ${text}, which is not in the log`;
    const [publisher, number] = readText(text);
    // What was dropped may have been appended again, after others, for those who had not been told.
    if (end.dropped.has(text)) {
      newest.set(publisher, number);
      continue;
    }
    if (at !== undefined && end.duplicates === 0) {
      if (place < at) return `was told ${text} out of order`;
      const missed = truth.slice(at + 1, place).filter((text) => {
        const [publisher, number] = readText(text);
        // Behind a gap that was told of.
        const isPast = number < (newest.get(publisher) ?? -1);
        const isOld = end.truth.get(topic)!.indexOf(text) < joined;
        const isMissed = node.missed.has(end.origins.get(text)!);
        return !end.lost.has(text) && !texts.includes(text) && !isPast && !isOld && !isMissed;
      });
      if (missed.length > 0) return `missed ${missed}, with nothing said`;
    }
    newest.set(publisher, number);
    at = place;
  }
  return undefined;
}

/** Who published a text, and which of all texts it is. */
function readText(text: string): [publisher: string, number: number] {
  const [publisher = "", number] = text.split("/")[1]!.split(":");
  return [publisher, Number(number)];
}

/** The number of a client, which its server shows the others. */
export function idOf(context: object | undefined): number {
  return (context as { id: number }).id;
}
