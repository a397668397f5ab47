/** The most characters of a value that a message shows. */
const MAX_SHOWN = 100;

/** The most characters that a message takes of a text which others wrote, and the most such texts. */
const MAX_QUOTED = 200;
const MAX_QUOTES = 3;

/** The most characters of a subprotocol that a message shows: pages send tokens in longer ones. */
const MAX_SUBPROTOCOL = 32;

/** Says in a few words what a value is, for error messages. Never throws, and is never more than a line. */
export function describe(value: unknown): string {
  try {
    if (typeof value === "string") return escape(JSON.stringify(cut(value, MAX_SHOWN)));
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "function") return "a function";
    if (value instanceof Error) return quote(`${value.name}: ${value.message}`);
    if (Array.isArray(value)) return `an array of ${value.length}`;
    if (typeof value === "object" && value !== null) {
      const name = Object.prototype.toString.call(value).slice(8, -1);
      return `an object (${escape(cut(name, MAX_SHOWN))})`;
    }
    return escape(cut(String(value), MAX_SHOWN));
  } catch {
    return `a ${typeof value}`;
  }
}

/** A value that may be a secret, be it text, a number or what an error says: no more than what it is. */
export function describeSecret(value: unknown): string {
  if (typeof value === "string") return "text, which is not shown";
  if (value instanceof Error) return "an error, which is not shown";
  const isShown = ["object", "function", "boolean", "undefined"].includes(typeof value);
  return isShown ? describe(value) : `a ${typeof value}, which is not shown`;
}

/** A subprotocol that a peer offers, without what may be a token in it. */
export function describeSubprotocol(name: string): string {
  return describe(cut(name, MAX_SUBPROTOCOL));
}

/** A URL, or what was meant to be one: without user, password, query and fragment. */
export function describeUrl(value: unknown): string {
  return describe(typeof value === "string" ? publicUrl(value) : value);
}

/** The parts of a URL that are no secret, also of one that cannot be parsed. */
export function publicUrl(url: string): string {
  const end = url.search(/[?#]/);
  const base = end === -1 ? url : url.slice(0, end);
  const rest = end === -1 ? "" : `${url[end]}…`;
  const at = base.lastIndexOf("@");
  const [scheme = ""] = /^[a-z]{1,10}:\/{1,2}/i.exec(base) ?? [];
  // A password may hold what should be escaped in it, so what comes before the last "@" counts as one.
  if (at !== -1) return `${scheme}…@${base.slice(at + 1)}${rest}`;
  // What is escaped nowhere may be a "?" or a "#": then all that comes before it is the start of a password.
  const hasPath = base.includes("/", scheme.length) && URL.canParse(url);
  return end !== -1 && url.includes("@", end) && !hasPath ? `${scheme}…` : base + rest;
}

/** Text that others wrote – a validator, a peer, an error of the user's – as part of a message. */
export function quote(text: string): string {
  return escape(cut(text, MAX_QUOTED));
}

/** The first of several such texts, and how many there are. */
export function quoteAll(texts: readonly string[]): string {
  const more = texts.length - MAX_QUOTES;
  const shown = texts.slice(0, MAX_QUOTES).map(quote).join("; ");
  return more > 0 ? `${shown}; and ${more} more` : shown;
}

/**
 * What a runtime threw, with no more of a URL in it than may be seen, and in one line: Bun names the
 * whole URL that it could not reach (1.4.5).
 */
export function withoutSecrets(cause: unknown): unknown {
  if (typeof cause === "string") return publicText(cause);
  if (!(cause instanceof Error) || publicText(cause.message) === cause.message) return cause;
  const { name, code } = cause as Error & { code?: unknown };
  const shown = new Error(publicText(cause.message));
  Object.defineProperty(shown, "name", { value: name, configurable: true, writable: true });
  return code === undefined ? shown : Object.assign(shown, { code });
}

function publicText(text: string): string {
  // A path may have quotes in it; one at the end of what is found is the runtime's own.
  return escape(text.replace(/\bwss?:\/\/[^\s"]*[^\s"']/gi, publicUrl));
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

/** Line ends and whatever else a terminal or a reader of logs takes for a command, as escapes. */
function escape(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
