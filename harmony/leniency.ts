/**
 * What the device makes of options that `mod.ts` refuses, as its own source reads them (OpenHarmony,
 * `communication_netstack`, `connect_context.cpp`, `close_context.cpp`, `server_start_context.cpp`): what
 * is of the wrong type, or not known, counts as left out. That is said once on the console, but never of
 * `null`, and never the value, which may be a secret.
 */

import { CONNECT_OPTIONS } from "../client/options.ts";
import { sayOnce } from "../internal/say_once.ts";
import { isOwnRecord, isRecord } from "../internal/validate.ts";
import { START_OPTIONS } from "../server/options.ts";

/** What a value is taken for; `undefined` leaves it out. It is given what to call the value. */
type Reading = (value: unknown, what: string) => unknown;

/** How each option is read; others are not known. */
type Readings = Readonly<Record<string, Reading>>;

/** The main entry decides. */
const asItIs: Reading = (value) => value;

const text: Reading = (value) => typeof value === "string" ? value : undefined;
const flag: Reading = (value) => typeof value === "boolean" ? value : undefined;
const number: Reading = (value) => typeof value === "number" ? value : undefined;

/** A path that is no text is '', which is none. */
const path: Reading = (value) => typeof value === "string" ? value : "";

/** An object, read by a table of its own; left out where it is none. */
const object = (readings: Readings): Reading => (value, what) =>
  isObject(value) ? read(value, what, readings) : undefined;

const header: Reading = (value, what) => {
  if (typeof value === "function") return value; // asked before each attempt
  if (typeof value !== "object" || value === null) return undefined;
  // What is in a Map, Headers, an array or a promise would have been lost on the device.
  if (!isOwnRecord(value)) return value;
  const names = Object.keys(value);
  return read(value as Fields, what, Object.fromEntries(names.map((name) => [name, text])));
};

const protocol: Reading = (value) => {
  if (value === null) return undefined;
  if (value !== undefined) return value;
  sayOnce("connect: 'protocol' must be left out rather than undefined, as on HarmonyOS");
  return null; // refused: the platform's suite wants a 401
};

const PROXY = object({
  host: asItIs,
  port: asItIs,
  username: text,
  password: text,
  exclusionList: asItIs,
});

const CONNECT: Readings = {
  ...all(CONNECT_OPTIONS),
  header,
  protocol,
  caPath: text,
  clientCert: object({ certPath: path, keyPath: path, keyPassword: text }),
  skipServerCertVerification: flag,
  minSupportTlsProtocol: (value) => [0, 1, 2, 3].includes(value as number) ? value : undefined,
  supportOriginPort: flag,
  proxy: (value, what) => value === null ? undefined : isObject(value) ? PROXY(value, what) : value,
};

const CLOSE: Readings = { code: number, reason: text };

const START: Readings = {
  ...all(START_OPTIONS),
  serverIP: text,
  serverCert: object({ certPath: path, keyPath: path }),
  protocol: (value) => value ?? undefined,
};

function all(names: readonly string[]): Readings {
  return Object.fromEntries(names.map((name) => [name, asItIs]));
}

/** The options of `connect` as `mod.ts` takes them. */
export function readAsConnect(options: unknown, url: unknown): unknown {
  const taken = take("connect", options, CONNECT);
  if (taken === options || !Object.hasOwn(taken as object, "supportOriginPort")) return taken;
  const { supportOriginPort, header = {}, ...others } = taken as Fields;
  const isGiven = !isObject(header) || Object.keys(header).some(isOrigin);
  const origin = supportOriginPort && !isGiven ? originOf(url) : {};
  return { ...others, header: isObject(header) ? { ...header, ...origin } : header };
}

/** The options of `close` as `mod.ts` takes them. */
export function readAsClose(options: unknown): unknown {
  return take("close", options, CLOSE);
}

/** The config of `start` as `mod.ts` takes it. */
export function readAsStart(config: unknown): unknown {
  return take("start", config, START);
}

const isOrigin = (name: string) => name.toLowerCase() === "origin";

/** The device's `Origin`: always of `http`, and with no port where it is the default one. */
function originOf(url: unknown): { origin?: string } {
  if (typeof url !== "string" || !URL.canParse(url)) return {};
  return { origin: `http://${new URL(url).host}` };
}

function take(call: string, options: unknown, readings: Readings): unknown {
  try {
    // What is no object is refused, `null` as well, and so is a promise or a Map, in which nothing would be
    // found.
    return !isObject(options) || !isRecord(options) ? options : read(options, `${call}:`, readings);
  } catch {
    return options; // `mod.ts` says that it cannot be read
  }
}

function read(given: Fields, what: string, readings: Readings): Fields {
  const taken: Fields = {};
  // The device asks for each by its name: one that a class has a getter for is there, too.
  const known = Object.keys(readings).filter((name) => name in given);
  for (const name of new Set([...Object.keys(given), ...known])) {
    const value = given[name];
    const path = `${what} '${name}'`;
    if (!Object.hasOwn(readings, name)) {
      if (value !== undefined) sayOnce(`${path} is no option, and is left out`);
      continue;
    }
    const result = readings[name]!(value, path);
    if (result !== undefined) taken[name] = result;
    else if (value !== undefined && value !== null) {
      sayOnce(`${path} is left out: HarmonyOS takes no such ${typeof value} there`);
    }
  }
  return taken;
}

type Fields = Record<string, unknown>;

/** An object of options; an array is none, and is refused. */
function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
