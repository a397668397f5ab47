/**
 * The text of an entry: `["<node>",<counter>]`, then a line for each message, `[kind, topic, data]`.
 * Not part of the public API.
 */

import type { WebSocketData } from "../client/types.ts";
import { byteLength } from "../internal/payload.ts";
import { MAX_ENTRY_BYTES } from "./broker.ts";

/** Somebody in a topic, as all nodes are told. */
export type MemberRecord = readonly [
  topic: string,
  id: number,
  clientIP: string,
  member?: Record<string, unknown> | undefined,
];

/** One message of an entry. A topic of `null` is everybody. */
export type Message =
  | { kind: "message"; topic: string | null; data: string | Uint8Array<ArrayBuffer> }
  | { kind: "join"; topic: string; member: MemberRecord }
  | { kind: "leave"; topic: string; id: number }
  | { kind: "alive"; lease: number }
  | { kind: "hello" }
  | { kind: "snapshot"; part: number; isLast: boolean; members: MemberRecord[] }
  | { kind: "dead"; node: string };

/** An entry that was read. */
export interface Entry {
  node: string;
  counter: number;
  messages: Message[];
}

/** The longest name of a node, in characters. */
const MAX_NODE_LENGTH = 256;

/** The line of a text or of bytes that are published; `topic` is `null` for everybody. */
export function messageLine(topic: string | null, data: WebSocketData): string {
  if (typeof data === "string") return `["message",${json(topic)},${json(data)}]`;
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return `["bytes",${json(topic)},"${bytes.toBase64()}"]`;
}

/** The line of any other message. */
export function line(message: Exclude<Message, { kind: "message" }>): string {
  const { kind } = message;
  switch (kind) {
    case "join":
      return json([kind, message.topic, trimmed(message.member).slice(1)]);
    case "leave":
      return json([kind, message.topic, message.id]);
    case "alive":
      return json([kind, null, message.lease]);
    case "hello":
      return json([kind]);
    case "snapshot":
      return json([kind, null, [message.part, message.isLast, message.members.map(trimmed)]]);
    case "dead":
      return json([kind, null, message.node]);
  }
}

/** A member with nothing at its end: JSON would make a null of it. */
function trimmed(member: MemberRecord): MemberRecord {
  return member[3] === undefined ? [member[0], member[1], member[2]] : member;
}

/** The first line of a node's entries, as far as the counter. */
export function beginning(node: string): string {
  return `[${json(node)},`;
}

/** What the first line says, or nothing where it is not one of ours. */
export function readHead(entry: string): Pick<Entry, "node" | "counter"> | undefined {
  if (entry.length > MAX_ENTRY_BYTES || !entry.startsWith('["')) return undefined;
  const end = entry.indexOf("\n");
  const parsed = parse(end === -1 ? entry : entry.slice(0, end));
  if (!Array.isArray(parsed) || parsed.length !== 2) return undefined;
  const [node, counter] = parsed;
  return isNode(node) && isCount(counter) && counter > 0 ? { node, counter } : undefined;
}

/** Reads an entry, or nothing where it is not one of ours in every line. */
export function readEntry(entry: string): Entry | undefined {
  const head = readHead(entry);
  if (head === undefined || byteLength(entry) > MAX_ENTRY_BYTES) return undefined;
  const messages: Message[] = [];
  for (let at = entry.indexOf("\n"); at !== -1;) {
    const end = entry.indexOf("\n", at + 1);
    const message = readLine(entry.slice(at + 1, end === -1 ? undefined : end));
    if (message === undefined) return undefined;
    messages.push(message);
    at = end;
  }
  return { ...head, messages };
}

function readLine(line: string): Message | undefined {
  const parsed = parse(line);
  if (!Array.isArray(parsed) || parsed.length > 3) return undefined;
  const [kind, topic, data] = parsed;
  const ofTopic = typeof topic === "string";
  switch (kind) {
    case "message":
      if (!(ofTopic || topic === null) || typeof data !== "string") return undefined;
      return { kind, topic, data };
    case "bytes": {
      const bytes = ofTopic || topic === null ? readBytes(data) : undefined;
      return bytes && { kind: "message", topic, data: bytes };
    }
    case "join": {
      if (!Array.isArray(data)) return undefined;
      const member = [topic, ...data];
      return isMember(member) ? { kind, topic, member } : undefined;
    }
    case "leave":
      return ofTopic && isCount(data) ? { kind, topic, id: data } : undefined;
    case "alive":
      return typeof data === "number" && data > 0 ? { kind, lease: data } : undefined;
    case "hello":
      return { kind };
    case "snapshot": {
      if (!Array.isArray(data) || data.length !== 3) return undefined;
      const [part, isLast, members] = data;
      const isRight = isCount(part) && typeof isLast === "boolean" && Array.isArray(members) &&
        members.every(isMember);
      return isRight ? { kind, part, isLast, members } : undefined;
    }
    case "dead":
      return isNode(data) ? { kind, node: data } : undefined;
    default:
      return undefined;
  }
}

function isMember(value: unknown): value is MemberRecord {
  if (!Array.isArray(value) || value.length < 3 || value.length > 4) return false;
  const [topic, id, clientIP, member] = value;
  return typeof topic === "string" && isCount(id) && typeof clientIP === "string" &&
    (member === undefined ||
      (typeof member === "object" && member !== null && !Array.isArray(member)));
}

function isNode(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= MAX_NODE_LENGTH;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function readBytes(data: unknown): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(data as string, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON with lone surrogates escaped, so that it goes through UTF-8 as it is. */
function json(value: unknown): string {
  return JSON.stringify(value);
}
