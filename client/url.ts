import { type BusinessError, businessError } from "../errors.ts";
import { describeUrl } from "../internal/describe.ts";

/** The longest URL, in bytes. */
const MAX_BYTES = 8195;

/** The error for a URL that is wrong, if it is. */
export function urlError(url: string): BusinessError | undefined {
  const rule = brokenRule(url);
  if (rule === undefined) return undefined;
  return businessError("url", `connect: the URL ${rule}: current value is ${describeUrl(url)}`);
}

function brokenRule(url: string): string | undefined {
  if (url === "") return "must not be empty";
  if (!/^wss?:\/\//.test(url)) return "must begin with ws:// or wss://";
  if (url.length > MAX_BYTES || new TextEncoder().encode(url).byteLength > MAX_BYTES) {
    return `must be at most ${MAX_BYTES} bytes`;
  }
  if (hasNoHost(url)) return undefined; // refused later, with an error of its own
  if (url.includes("#")) return "must have no fragment";
  if (!URL.canParse(url)) return "must be one that can be parsed";
  if (new URL(url).port === "0") return "must have a port from 1 to 65535";
  return undefined;
}

/** Whether a URL has no host, as the guide's `ws://`. */
export function hasNoHost(url: string): boolean {
  const authority = /^wss?:\/\/([^/?#\\]*)/.exec(url)?.[1] ?? "";
  return /^(?::\d*)?$/.test(authority.slice(authority.lastIndexOf("@") + 1));
}

/** The error that 'error' tells of a URL without a host. */
export function noHostFailure(): BusinessError {
  const cause = new Error("the URL has no host");
  return businessError("connectFailed", cause.message, { data: "0", cause });
}

/** The error that refuses a URL without a host, if it has none. */
export function noHostRefusal(url: string): BusinessError | undefined {
  if (!hasNoHost(url)) return undefined;
  const cause = new Error("the URL has no host");
  return businessError("noHost", cause.message, { cause });
}
