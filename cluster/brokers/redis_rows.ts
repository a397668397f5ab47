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
  return reply.map((row): Row => {
    const [id, fields] = row as [string, string[]];
    const place = readId(id);
    const [field = "", text = ""] = fields.map(String);
    return { ...place, ...readField(field, place.ms), text };
  });
}

const FIELD = /^(e|on)(\d+)$/;

function readField(field: string, ms: number): Pick<Row, "kind" | "epoch"> {
  const [, kind, epoch] = FIELD.exec(field) ?? [];
  if (kind !== undefined) return { kind: kind as "e" | "on", epoch: Number(epoch) };
  return { kind: field === "epoch" ? field : "foreign", epoch: ms };
}
