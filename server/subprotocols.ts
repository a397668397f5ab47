/** The option `protocol`: which subprotocol a connection has. Not part of the public API. */

import { describe } from "../internal/describe.ts";
import { ordinary } from "../internal/resume_frame.ts";
import { isToken, type Rule } from "../internal/validate.ts";

/**
 * The option `protocol`, read: the subprotocols of the server in its order, or a function that
 * chooses.
 */
export type Protocols =
  | readonly string[]
  | ((offered: string[], request: Request) => string | undefined);

export const PROTOCOL: Rule = [
  (value) =>
    value === "" || typeof value === "function" || (typeof value === "string" && isToken(value)) ||
    (Array.isArray(value) && value.length > 0 && new Set(value).size === value.length &&
      value.every((one) => typeof one === "string" && isToken(one))),
  "must be one token, an array of different ones, or a function",
];

/** Reads `protocol`, which has passed its rule. */
export function readServerProtocols(option: unknown): Protocols {
  if (typeof option === "function") return option as Protocols;
  return option === undefined || option === "" ? [] : [option].flat() as string[];
}

/** The subprotocols that a client offers, in its order, but for those with which it can resume. */
export function offeredBy(request: Request): string[] {
  const offered = request.headers.get("sec-websocket-protocol");
  if (offered === null) return [];
  return offered.split(",").map((name) => name.trim())
    .filter((name) => name !== "" && ordinary(name) === undefined);
}

/**
 * Chooses a subprotocol, "" for none.
 *
 * @returns `undefined` where the server has subprotocols and the client offers none of them.
 */
export function choose(protocols: Protocols, request: Request): string | undefined {
  if (protocols.length === 0 && typeof protocols !== "function") return "";
  const offered = offeredBy(request);
  if (typeof protocols !== "function") return protocols.find((name) => offered.includes(name));
  const chosen: unknown = protocols([...offered], request);
  if (chosen === undefined) return "";
  if (offered.includes(chosen as string)) return chosen as string;
  const rule = "it must answer with a subprotocol that was offered, or undefined";
  throw new TypeError(`${rule}: current value is ${describe(chosen)}`);
}
