import { type BusinessError, businessError } from "../errors.ts";
import { describe, describeSecret, publicUrl, quote } from "./describe.ts";
import { isObserver } from "./observer.ts";
import { isSchema } from "./schema.ts";

/**
 * A check of one option: whether a value passes, the rule that the error names where it does not, and
 * whether text that is given may be a secret, or a URL with one in it.
 */
export type Rule = readonly [
  passes: (value: unknown) => boolean,
  rule: string,
  secrecy?: "secret" | "url",
];

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const TEXT: Rule = [(value) => typeof value === "string", "must be text"];
export const FLAG: Rule = [(value) => typeof value === "boolean", "must be true or false"];
export const NUMBER: Rule = [(value) => typeof value === "number", "must be a number"];
export const OBJECT: Rule = [isObject, "must be an object"];
/** An object with functions of these names. */
export const withFunctions = (...names: string[]): Rule => [
  (value) =>
    isObject(value) &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === "function"),
  `must be an object with the functions ${names.join(", ")}`,
];
const TIMERS = withFunctions("now", "setTimer", "clearTimer");
/** Where time comes from. */
export const CLOCK: Rule = [
  (value) => {
    if (!TIMERS[0](value)) return false;
    const { wall } = value as { wall?: unknown };
    return wall === undefined || typeof wall === "function";
  },
  `${TIMERS[1]}, and maybe wall`,
];
export const COUNT: Rule = [
  (value) => Number.isSafeInteger(value) && (value as number) > 0,
  "must be an integer above 0",
];
/** The largest message there may be, in bytes: over 2 ** 31 - 1 no runtime has text or a buffer. */
export const MAX_PAYLOAD: Rule = [
  (value) => COUNT[0](value) && (value as number) < 2 ** 31,
  "must be an integer from 1 to 2147483647",
];
export const BYTES: Rule = [
  (value) => typeof value === "number" && value >= 0,
  "must be a number of bytes from 0 on",
];
export const DURATION: Rule = [
  (value) => typeof value === "number" && value >= 0 && value < Infinity,
  "must be a number of milliseconds from 0 on",
];
/** How many of something, which may be none. */
export const NUMBER_OF: Rule = [
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  "must be an integer from 0 on",
];
/** One of a few words. */
export const oneOf = (...words: readonly string[]): Rule => [
  (value) => words.includes(value as string),
  `must be ${words.map((word) => `'${word}'`).join(" or ")}`,
];
export const BINARY_TYPE: Rule = oneOf("arraybuffer", "uint8array");
export const FUNCTION: Rule = [(value) => typeof value === "function", "must be a function"];
export const SIGNAL: Rule = [(value) => value instanceof AbortSignal, "must be an AbortSignal"];
export const SCHEMA: Rule = [isSchema, "must be a Standard Schema, version 1"];
export const OBSERVER: Rule = [
  (value) => isObject(value) && isObserver(value),
  "must be an object of functions",
];
/** Any value. For options that are read elsewhere: by the heartbeat, which falls back, or later. */
export const ANY: Rule = [() => true, ""];

/**
 * Whether a value is an object of text values: all names of `must`, and none but those of `may`
 * besides.
 */
export function hasTexts(value: unknown, must: string[], may: string[]): boolean {
  if (!isObject(value)) return false;
  const there = Object.entries(value).filter(([, text]) => text !== undefined);
  return must.every((name) => there.some(([key]) => key === name)) &&
    there.every(([key, text]) => typeof text === "string" && [...must, ...may].includes(key));
}

/** Whether the paths of a certificate and its key are both '', which is none, as on HarmonyOS. */
export function isNone(value: unknown): boolean {
  const { certPath, keyPath } = (value ?? {}) as { certPath?: unknown; keyPath?: unknown };
  return certPath === "" && keyPath === "";
}

/**
 * Whether what an object holds is in its properties. In a promise that was not awaited, and in a Map or
 * Headers, nothing would be found, and what was asked for would be ignored.
 */
export function isRecord(value: unknown): value is object {
  return isObject(value) && !(Symbol.iterator in value) &&
    typeof (value as { then?: unknown }).then !== "function";
}

/**
 * The same, of an object whose names nobody knows before. What a class has a getter for, as Request has for its
 * headers, and text that is inherited, is not among them.
 */
export function isOwnRecord(value: unknown): value is object {
  if (!isRecord(value)) return false;
  let prototype = Object.getPrototypeOf(value);
  while (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    const inherited = Object.values(Object.getOwnPropertyDescriptors(prototype));
    if (inherited.some(({ get, value }) => get !== undefined || typeof value === "string")) {
      return false;
    }
    prototype = Object.getPrototypeOf(prototype);
  }
  return true;
}

/** The error for a wrong argument whose text may be a secret, such as the value of a header. */
export function secretArgumentError(what: string, rule: string, value: unknown): BusinessError {
  return businessError("argument", `${what} ${rule}: current value is ${describeSecret(value)}`);
}

/** The error for a wrong argument. All of them have this form. */
export function argumentError(what: string, rule: string, value: unknown): BusinessError {
  return businessError("argument", `${what} ${rule}: current value is ${describe(value)}`);
}

/** The error for a function after all that a call takes: as a callback it would wait for ever. */
export function surplusError(call: string, value: unknown): BusinessError | undefined {
  if (typeof value !== "function") return undefined;
  return argumentError(`${call}: a callback`, "must be left out: it returns a promise", value);
}

/** Throws where an argument is wrong, for calls that answer nothing. */
export function checkArgument(what: string, [passes, rule]: Rule, value: unknown): void {
  if (!passes(value)) throw argumentError(what, rule, value);
}

/** Options as they were at the call. Each was read once. */
export type Given = Readonly<Record<string, unknown>>;

/**
 * Reads an object of options and checks it against a table of rules. An option that is `undefined`
 * counts as not given. An option that is not in the table is an error: nothing that a user asks for is
 * ignored. Arrays inside are copied, and plain objects unless `depth` is 1.
 */
export function readOptions(
  call: string,
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
  depth = 2,
): Given | BusinessError {
  try {
    if (!isRecord(options)) return argumentError(`${call}: ${nameOf(call)}`, OBJECT[1], options);
    const given = copy(options, depth);
    for (const name of Object.keys(rules)) { // one that a class has a getter for is there, too
      if (!Object.hasOwn(given, name) && name in options) given[name] = Reflect.get(options, name);
    }
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      if (!Object.hasOwn(rules, name)) {
        // Where one option may be a secret, so may one that is misspelt, or a header's name.
        const error = mayBeSecret(rules) ? secretArgumentError : argumentError;
        const there = Object.keys(rules).join(", ");
        return error(`${call}: '${quote(name)}'`, `is no option; there are ${there}`, value);
      }
      const [passes, rule, secrecy] = rules[name]!;
      if (passes(value)) continue;
      const error = secrecy === "secret" ? secretArgumentError : argumentError;
      const isUrl = secrecy === "url" && typeof value === "string";
      return error(`${call}: '${name}'`, rule, isUrl ? publicUrl(value) : value);
    }
    return given;
  } catch (cause) {
    return businessError(
      "argument",
      `${call}: ${nameOf(call)} cannot be read: ${describe(cause)}`,
      {
        cause,
      },
    );
  }
}

/** What a call names its options. */
function nameOf(call: string): string {
  return call === "start" || call === "mount" ? "config" : "options";
}

function mayBeSecret(rules: Readonly<Record<string, Rule>>): boolean {
  return Object.values(rules).some(([, , secrecy]) => secrecy !== undefined);
}

/** Copies plain objects down to a depth, and arrays, and keeps all other values as they are. */
function copy(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      if (Array.isArray(item)) return [name, Array.from(item)];
      return [name, depth > 1 && isPlain(item) ? copy(item, depth - 1) : item];
    }),
  );
}

function isPlain(value: unknown): value is object {
  if (!isObject(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether text is a token (RFC 9110 §5.6.2), as names of headers and of subprotocols must be. */
export function isToken(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** Whether text can be a header's value: visible characters, blanks and Latin-1 (RFC 9110 §5.5). `Headers` take more. */
export function isHeaderValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

/** Splits a list of subprotocols at its commas. `undefined` where it is not such a list. */
export function readProtocols(text: string): string[] | undefined {
  if (text.trim() === "") return [];
  const protocols = text.split(",").map((protocol) => protocol.trim());
  const wellFormed = protocols.every(isToken) && new Set(protocols).size === protocols.length;
  return wellFormed ? protocols : undefined;
}
