/** The option `path`: at which paths of the port there is a WebSocket. Not part of the public API. */

import type { Rule } from "../internal/validate.ts";
import type { PathPattern } from "./config_types.ts";

/** The URL of a request. */
export interface Target {
  /** The whole URL. Its host is the one that the client named, or "localhost" where that is no host. */
  href: string;
  /** The path, as the URL parser leaves it. */
  pathname: string;
  /** The path and the query. */
  url: string;
}

export const PATH: Rule = [
  (value) => Array.isArray(value) ? value.length > 0 && value.every(isPath) : isPath(value),
  "must be a path that begins with '/' and has no query, a URLPattern where there is '*' or ':name' " +
  "in it, or an array of these",
];

/** A text, which is compared as it is: one that reads like a pattern would match nothing that is meant. */
const PLAIN_PATH = /^(?!.*\/:[a-z_$])\/[^?#*]*$/is;

function isPath(value: unknown): value is string | PathPattern {
  if (typeof value === "string") return PLAIN_PATH.test(value);
  const { test, pathname } = (value ?? {}) as Partial<PathPattern>;
  return typeof test === "function" && typeof pathname === "string";
}

/** An origin to parse paths with: they do not depend on it. */
const ANYWHERE = "http://localhost";

/**
 * Reads the URL of a request. Deno leaves it as it came, and Bun has parsed it (2.9.6, 1.4.5,
 * `tests/server/routes_test.ts`). Where the `Host` is no host, Deno gives no URL and Bun only a path.
 */
export function targetOf({ url: asked }: Request): Target {
  if (asked !== lastTarget?.asked) {
    lastTarget = { asked, target: PLAIN.test(asked) ? new PlainTarget(asked) : parsed(asked) };
  }
  return lastTarget.target;
}

/** Whether the URL of a request is one, whatever the type of a Request says. */
export function isUrl(asked: string): boolean {
  if (asked !== lastUrl?.asked) lastUrl = { asked, isUrl: URL.canParse(asked) };
  return lastUrl.isUrl;
}

/** What was read last: most requests of a server ask for the same, and to parse a URL takes a µs. */
let lastTarget: { asked: string; target: Target } | undefined;
let lastUrl: { asked: string; isUrl: boolean } | undefined;

/** A URL whose path and query the URL parser leaves as they are. */
const PLAIN = /^https?:\/\/[^/?#]+(?=\/)((?:\/[\w~-][\w.~-]*)*\/?)(\?[\w.~%&=+-]+)?$/i;

/** The URL of a request that needs no parsing, unless somebody asks for the whole. */
class PlainTarget implements Target {
  readonly pathname: string;
  readonly url: string;
  readonly #asked: string;

  constructor(asked: string) {
    const [, pathname, query = ""] = PLAIN.exec(asked)!;
    this.#asked = asked;
    this.pathname = pathname!;
    this.url = own(this.pathname + query);
  }

  get href(): string {
    return parsed(this.#asked).href;
  }
}

function parsed(asked: string): Target {
  const path = asked.replace(/^[a-z+]+:\/\/[^/?#]*/i, "");
  const origin = asked.slice(0, asked.length - path.length).replace(/^http\+unix:/, "http:");
  const { href, pathname, search } = new URL(
    URL.canParse(origin) ? origin + path : ANYWHERE + path,
  );
  return { href, pathname, url: own(pathname + search) };
}

/** Makes of the option `path` a function that says whether a request is for this server. */
export function readPaths(option: unknown): ((target: Target) => boolean) | undefined {
  if (option === undefined) return undefined;
  const paths = new Set<string>();
  const patterns: PathPattern[] = [];
  for (const path of [option].flat() as (string | PathPattern)[]) {
    if (typeof path === "string") paths.add(new URL(ANYWHERE + path).pathname);
    else patterns.push(path);
  }
  return ({ href, pathname }) =>
    paths.has(pathname) ||
    patterns.some((pattern) => pattern.test(href) || pattern.test(href.replace(/^http/, "ws")));
}

/**
 * A text that is no part of another: a part keeps the whole in memory. With 53 characters a connection has
 * 71 bytes of it on Deno and 65 on Bun, instead of 178 and 83.
 */
function own(text: string): string {
  return JSON.parse(JSON.stringify(text));
}
