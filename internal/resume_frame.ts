/**
 * The lines that messages begin with where a client can resume: written and read. Not part of the
 * public API.
 */

import type { WebSocketData } from "../client/types.ts";
import { DEFAULT_MAX_PAYLOAD, type Incoming } from "./payload.ts";

/** What is negotiated: the subprotocol, or the end of one. */
const RESUME = "resume.netkit.1";

/** How long the client's list may be: topics, and characters of the whole line. */
export const MAX_LIST = { topics: 1000, characters: 64 * 1024 } as const;

/** The longest header of a message with data, in bytes. */
export const MAX_HEADER = 64;

/** A place in a log. */
export interface Place {
  offset: number;
  index: number;
}

/** The subprotocol that says the same and that messages have headers. */
export function resumable(protocol: string): string {
  return protocol === "" ? RESUME : `${protocol}+${RESUME}`;
}

/** What {@linkcode resumable} was made of; nothing where the subprotocol is an ordinary one. */
export function ordinary(protocol: string): string | undefined {
  if (protocol === RESUME) return "";
  return protocol.endsWith(`+${RESUME}`) ? protocol.slice(0, -RESUME.length - 1) : undefined;
}

/** Puts a header before a message. */
export function frame(header: string, data: WebSocketData): string | Uint8Array<ArrayBuffer> {
  if (typeof data === "string") return `${header}\n${data}`;
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  const framed = new Uint8Array(header.length + 1 + bytes.length);
  for (let i = 0; i < header.length; i++) framed[i] = header.charCodeAt(i);
  framed[header.length] = LINE_END;
  framed.set(bytes, header.length + 1);
  return framed;
}

const LINE_END = 10;

/** A message of the module's own: a line, and nothing after it. */
export function control(value: object): string {
  return `${JSON.stringify(value)}\n`;
}

/** Takes the header from a message; nothing where it has none. */
export function unframe(
  data: Incoming,
): { header: string; data: Incoming } | undefined {
  if (typeof data === "string") {
    const end = data.indexOf("\n");
    return end === -1 ? undefined : { header: data.slice(0, end), data: data.slice(end + 1) };
  }
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : data;
  const end = bytes.subarray(0, MAX_HEADER).indexOf(LINE_END);
  if (end === -1) return undefined;
  let header = "";
  for (let i = 0; i < end; i++) header += String.fromCharCode(bytes[i]!);
  return { header, data: data.slice(end + 1) };
}

/** Reads a header that is an object, or a whole message that is one. */
export function readObject(text: unknown): Record<string, unknown> | undefined {
  if (typeof text !== "string" || !text.startsWith("{")) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The first message of either side. */
export interface Hello {
  /** The log that is read. */
  epoch: string | undefined;
  /** Where a client was in it. */
  at: Map<string, Place>;
  /** The largest message that a server acknowledges, in bytes. */
  max: number;
}

/** Reads the first message of either side; nothing where it is another one. */
export function readHello(data: Incoming): Hello | undefined {
  if (typeof data !== "string" || data.length > MAX_LIST.characters) return undefined;
  const hello = readObject(data.endsWith("\n") ? data : undefined);
  if (hello?.resume !== 1) return undefined;
  const { epoch, at = {}, max } = hello;
  if (!(epoch === undefined || typeof epoch === "string")) return undefined;
  if (typeof at !== "object" || at === null) return undefined;
  const list = new Map<string, Place>();
  for (const [topic, text] of Object.entries(at)) {
    const place = readPlace(text);
    if (place === undefined || list.size === MAX_LIST.topics) return undefined;
    list.set(topic, place);
  }
  return {
    epoch: epoch as string | undefined,
    at: list,
    max: typeof max === "number" ? max : DEFAULT_MAX_PAYLOAD,
  };
}

/** A place as text: `57.2`. */
export function placeText({ offset, index }: Place): string {
  return `${offset}.${index}`;
}

/** Reads a place; nothing where it is none. */
export function readPlace(text: unknown): Place | undefined {
  return typeof text === "string" ? placeBefore(text, text.length) : undefined;
}

/**
 * Reads the place that stands before `end` in a text, and nothing else does; nothing where it is none. This is on
 * the way of each message of a client that resumes: it makes no text of it, and needs no regular expression.
 */
export function placeBefore(text: string, end: number): Place | undefined {
  let dot = 0;
  while (dot < end && text.charCodeAt(dot) !== DOT) dot++;
  const index = readDigits(text, dot + 1, end, 10);
  const isBeforeAll = dot === 2 && text.startsWith("-1");
  const offset = isBeforeAll ? -1 : readDigits(text, 0, dot, 16);
  return index === -1 || (offset === -1 && !isBeforeAll) ? undefined : { offset, index };
}

/** Reads the header of a message that is to be acknowledged; nothing where it is another one. */
export function readNumber(header: string): number | undefined {
  const number = header.startsWith("#") ? readDigits(header, 1, header.length, 15) : -1;
  return number === -1 ? undefined : number;
}

/** Reads a number of one to so many digits, which is all there is from `from` to `end`; -1 where it is none. */
function readDigits(text: string, from: number, end: number, most: number): number {
  if (end <= from || end - from > most) return -1;
  let number = 0;
  for (let i = from; i < end; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    number = number * 10 + digit;
  }
  return number;
}

const DOT = 46;
const ZERO = 48;

/** Whether a place is before another. */
export function isBefore(place: Place, other: Place): boolean {
  return place.offset < other.offset ||
    (place.offset === other.offset && place.index < other.index);
}
