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

/** The subprotocols of an offer, in its order, but for those with which a client can resume. */
export function readOffer(offer: string | null): string[] {
  if (offer === null) return [];
  return offer.split(",").map((name) => name.trim())
    .filter((name) => name !== "" && ordinary(name) === undefined);
}

/**
 * Chooses a subprotocol, "" for none.
 *
 * @param offer The header `Sec-WebSocket-Protocol` of the request.
 * @returns `undefined` where the server has subprotocols and the client offers none of them.
 */
export function choose(
  protocols: Protocols,
  offer: string | null,
  request: Request,
): string | undefined {
  if (protocols.length === 0 && typeof protocols !== "function") return "";
  const offered = readOffer(offer);
  if (typeof protocols !== "function") return protocols.find((name) => offered.includes(name));
  const chosen: unknown = protocols([...offered], request);
  if (chosen === undefined) return "";
  if (offered.includes(chosen as string)) return chosen as string;
  if (chosen instanceof Promise) chosen.catch(() => {}); // nobody waits for it
  const rule = "it must answer with a subprotocol that was offered, or undefined";
  throw new TypeError(`${rule}: current value is ${describe(chosen)}`);
}
