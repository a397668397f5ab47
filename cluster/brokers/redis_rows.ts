/** What Redis answers, whichever client asks. Not part of the public API. */

import { describe } from "../../internal/describe.ts";
import type { LostReason } from "../broker.ts";

/** The fields of ours: an entry, and the beginning of an epoch, with why there is one. */
export const ENTRY: string = "e";
export const EPOCH: string = "epoch";

/** One entry of the stream. */
export interface Row {
  readonly id: string;
  readonly epoch: number;
  readonly offset: number;
  readonly field: string;
  readonly text: string;
}

/** Redis refuses an id that is not above the newest. */
export function isOlder(cause: unknown): boolean {
  return cause instanceof Error && /equal or smaller than/.test(cause.message);
}

export function isReason(text: string): text is LostReason {
  return text === "trimmed" || text === "forked" || text === "gone";
}

export function isOurs({ field }: Row): boolean {
  return field === ENTRY || field === EPOCH;
}

export function isBefore(one: Row, other: Row): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.offset < other.offset);
}

/** Clients answer XREAD with `{ key: rows }`, `[[key, rows]]` or `[key, rows]`, and null for none. */
export function readReply(reply: unknown): Row[] {
  if (reply === null || reply === undefined) return [];
  if (reply instanceof Map) return readRows([...reply.values()][0] ?? []);
  if (!Array.isArray(reply)) return readRows(Object.values(reply as object)[0] ?? []);
  const [first, second] = reply;
  return readRows(Array.isArray(first) ? first[1] : second);
}

export function readRows(reply: unknown): Row[] {
  if (!Array.isArray(reply)) throw new Error(`no rows: ${describe(reply)}`);
  return reply.map((row): Row => {
    const [id, fields] = row as [string, string[]];
    const [epoch, offset] = String(id).split("-").map(Number);
    const [field, text] = fields.map(String);
    return { id, epoch: epoch!, offset: offset!, field: field ?? "", text: text ?? "" };
  });
}
