/** Which web pages may connect, and by which names a server may be called. Not part of the public API. */

import { isAddress } from "./address.ts";

/** The pages of a list: their origins, and those of all subdomains of a host. */
export interface OriginList {
  readonly origins: ReadonlySet<string>;
  readonly domains: readonly URL[];
}

/** Which pages may connect. */
export type AllowedOrigins = "same-host" | "*" | OriginList;

/** The hosts that may be called: names and addresses, and domains with a dot before them. */
export type AllowedHosts = readonly string[];

/** The one spelling of an entry of a list: an origin, or the URL that stands for subdomains. */
export function readOrigin(entry: unknown): string | URL | undefined {
  if (typeof entry !== "string") return undefined;
  if (entry === "null") return entry; // a page of no origin: of a file, or in a sandbox
  const [, scheme, star = "", rest] = /^(https?:\/\/)(\*\.)?([^*]+)$/i.exec(entry) ?? [];
  if (rest === undefined) {
    // What is no page of the web's, such as an extension, has an origin of the same form. No page comes from a WebSocket.
    return /^(?!(?:wss?|ftp|file):)[a-z][a-z0-9+.-]*:\/\/[^/?#@*\s]+$/.test(entry)
      ? entry
      : undefined;
  }
  if (!URL.canParse(scheme + rest)) return undefined;
  const url = new URL(scheme + rest);
  if (url.href !== `${url.origin}/`) return undefined;
  if (star === "") return url.origin;
  return isAddress(url.hostname) || url.hostname.startsWith("[") ? undefined : url;
}

/** The list of origins that an option is, each of which can be read. */
export function readOrigins(entries: readonly string[]): OriginList {
  const read = entries.map(readOrigin);
  return {
    origins: new Set(read.filter((one) => typeof one === "string")),
    domains: read.filter((one) => one instanceof URL),
  };
}

/** Whether a web page may connect, by the `Origin` its browser sends (RFC 6455 §10.2). */
export function originAllowed(request: Request, allowed: AllowedOrigins): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || allowed === "*") return true; // not a browser, or any page
  if (allowed === "same-host") {
    const page = URL.canParse(origin) ? hostname(new URL(origin).host) : undefined;
    return page !== undefined && page === hostname(hostOf(request));
  }
  if (allowed.origins.has(origin)) return true;
  if (allowed.domains.length === 0 || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  return page.origin === origin &&
    allowed.domains.some((domain) =>
      page.protocol === domain.protocol && page.port === domain.port &&
      page.hostname.endsWith(`.${domain.hostname}`)
    );
}

/** The one spelling of a name that may stand in `Host`. */
export function readHost(entry: unknown): string | undefined {
  if (typeof entry !== "string") return undefined;
  if (isAddress(entry)) return hostname(entry.includes(":") ? `[${entry}]` : entry);
  if (/^\[[^\]]*\]$/.test(entry)) return hostname(entry);
  // No port, and nothing else that belongs to a URL.
  if (!/^\.?[^\s:/?#@*.[\]][^\s:/?#@*[\]]*$/.test(entry)) return undefined;
  const host = hostname(entry.replace(/^\./, ""));
  if (host === undefined || !entry.startsWith(".")) return host;
  return isAddress(host) ? undefined : `.${host}`;
}

/** Whether a server may be called what a request's `Host` says. */
export function hostAllowed(request: Request, allowed: AllowedHosts): boolean {
  const host = hostname(hostOf(request));
  return host !== undefined &&
    allowed.some((one) => one.startsWith(".") ? host.endsWith(one) : host === one);
}

function hostOf(request: Request): string {
  return request.headers.get("host") ?? new URL(request.url).host;
}

/** A host without its port, spelled as the URL parser does. */
function hostname(host: string): string | undefined {
  return URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`).hostname : undefined;
}
