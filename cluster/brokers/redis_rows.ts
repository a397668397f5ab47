/** What Redis answers, whichever client asks. Not part of the public API. */

import { describe } from "../../internal/describe.ts";
import type { LostReason } from "../broker.ts";

/**
 * What a row is: an entry, the beginning of an epoch, with why there is one, or a place where an epoch goes
 * on behind what a stranger has put there, with the id of the row before it. The field of a row is its
 * kind; where the id does not say it, the epoch follows. Anything else is a stranger's.
 */
export type RowKind = "e" | "epoch" | "on" | "foreign";

/** One row of the stream, whose id is `<ms>-<offset>`. */
export interface Row {
  readonly id: string;
  readonly ms: number;
  readonly offset: number;
  /** The first part of the id that its epoch began with. */
  readonly epoch: number;
  readonly kind: RowKind;
  readonly text: string;
}

/** Where a row stands. */
export type Place = Pick<Row, "epoch" | "ms" | "offset">;

/** Redis refuses an id that is not above the newest. */
export function isOlder(cause: unknown): boolean {
  return cause instanceof Error && /equal or smaller than/.test(cause.message);
}

export function isReason(text: string): text is LostReason {
  return text === "trimmed" || text === "forked" || text === "gone";
}

export function isBefore(one: Pick<Row, "ms" | "offset">, other: typeof one): boolean {
  return one.ms < other.ms || (one.ms === other.ms && one.offset < other.offset);
}

/** Clients answer XREAD with `{ key: rows }`, `[[key, rows]]` or `[key, rows]`, and null for none. */
export function readReply(reply: unknown): Row[] {
  if (reply === null || reply === undefined) return [];
  if (reply instanceof Map) return readRows([...reply.values()][0] ?? []);
  if (!Array.isArray(reply)) return readRows(Object.values(reply as object)[0] ?? []);
  const [first, second] = reply;
  return readRows(Array.isArray(first) ? first[1] : second);
}

export function readId(reply: unknown): Pick<Row, "id" | "ms" | "offset"> {
  const id = String(reply);
  const at = id.indexOf("-");
  return { id, ms: Number(id.slice(0, at)), offset: Number(id.slice(at + 1)) };
}

export function readRows(reply: unknown): Row[] {
  if (!Array.isArray(reply)) throw new Error(`no rows: ${describe(reply)}`);
  return reply.map(readRow);
}

function readRow(row: [id: unknown, fields: unknown[]]): Row {
  const { id, ms, offset } = readId(row[0]);
  const [field, text] = [String(row[1][0]), String(row[1][1])];
  const kind = field.startsWith("e") ? "e" : "on";
  const epoch = field.startsWith(kind) ? field.slice(kind.length) : "";
  if (isDigits(epoch)) return { id, ms, offset, epoch: Number(epoch), kind, text };
  return { id, ms, offset, epoch: ms, kind: field === "epoch" ? field : "foreign", text };
}

function isDigits(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return text !== "";
}
