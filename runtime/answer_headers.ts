/** The headers of a server's answer, as 'headerReceive' tells them. Not part of the public API. */

import type { ResponseHeaders } from "../client/types.ts";

/** Between two values of a header that was there twice, where a runtime has joined them. */
const JOINT = ", ";

/**
 * Before the next cookie where a runtime has joined them: a comma that a name and "=" follow. A cookie's value has
 * no comma (RFC 6265 §4.1.1), and what follows that of a date is no name.
 */
const NEXT_COOKIE = /, (?=[!#$%&'*+\-.^_`|~0-9A-Za-z]+=)/;

/**
 * Puts headers together: names in lower case, the values of one name joined by a comma (RFC 9110 §5.3), but each
 * 'set-cookie' by itself, in an array.
 */
export function responseHeaders(pairs: Iterable<readonly [string, string]>): ResponseHeaders {
  const headers = new Map<string, string | string[]>();
  for (const [given, value] of pairs) {
    const name = given.toLowerCase();
    const before = headers.get(name);
    if (Array.isArray(before)) {
      before.push(value);
    } else if (name === "set-cookie") {
      headers.set(name, [value]);
    } else {
      headers.set(name, before === undefined ? value : `${before}${JOINT}${value}`);
    }
  }
  return Object.fromEntries(headers);
}

/** The pairs of headers that a runtime has joined by their names, with each cookie apart. */
export function apart(joined: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(joined).flatMap(([name, value]) =>
    (name === "set-cookie" ? value.split(NEXT_COOKIE) : [value])
      .map((one): [string, string] => [name, one])
  );
}
