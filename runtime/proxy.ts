/**
 * Which HTTP proxy a connection goes through: that of the option `proxy`, that of the environment,
 * or none.
 */

import type { ProxyConfiguration } from "../client/types.ts";

/** A proxy to go through. */
export interface Proxy {
  /** Its URL, without credentials. */
  url: string;
  username: string;
  password: string;
}

/** The environment's variables that name a proxy, and those that name exceptions. */
const NAMING = ["http_proxy", "https_proxy", "all_proxy"];
const EXCEPTING = "no_proxy";

/** All of them, in either case. */
export const PROXY_VARIABLES: readonly string[] = [...NAMING, EXCEPTING]
  .flatMap((name) => [name, name.toUpperCase()]);

/** An environment: the program's, or an empty one where the program may not see it. */
export type Environment = Record<string, string | undefined>;

/** The proxy for a URL, if it goes through one. */
export function proxyFor(
  url: URL,
  option: ProxyConfiguration,
  env: Environment,
): Proxy | undefined {
  if (option === "no-proxy") return undefined;
  if (option === "system") return excepted(url, read(env, EXCEPTING)) ? undefined : named(url, env);
  const { host, port, username = "", password = "", exclusionList = [] } = option;
  if (excepted(url, exclusionList.join(","))) return undefined;
  const name = host.replace(/^\[|\]$/g, "");
  // Deno takes a name in ASCII alone.
  const { hostname } = new URL(`http://${name.includes(":") ? `[${name}]` : name}`);
  return { url: `http://${hostname}:${port}`, username, password };
}

/** A variable of the environment. The name in lower case goes first, as in curl. */
function read(env: Environment, name: string): string {
  return env[name] || env[name.toUpperCase()] || "";
}

/** The variable that names a proxy for a URL, if there is one. */
function variable(url: URL, env: Environment): string | undefined {
  const [http = "", https = "", all = ""] = NAMING;
  return [url.protocol === "wss:" ? https : http, all]
    .flatMap((name) => [name, name.toUpperCase()])
    .find((name) => env[name]);
}

/**
 * The URL that a variable holds. In `http:/proxy:80`, or in a password with a slash in it, the host that
 * a URL has is not the one that was meant: such text is none.
 */
function urlOf(text: string): URL | undefined {
  const full = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(full)) return undefined;
  const url = new URL(full);
  const rest = url.pathname + url.search + url.hash;
  const isMeant = text === full ? !rest.includes("@") : rest === "/";
  return isMeant && /^(?:[\w.-]+|\[[\da-f:.]+\])$/i.test(url.hostname) ? url : undefined;
}

function named(url: URL, env: Environment): Proxy | undefined {
  const name = variable(url, env);
  const found = name === undefined ? undefined : urlOf(env[name]!);
  if (found === undefined) return undefined;
  const { protocol, host, username, password } = found;
  return {
    url: `${protocol}//${host}`,
    username: decode(username),
    password: decode(password),
  };
}

/** Decodes text of a URL. Text with a plain percent sign is not encoded and stays as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether a proxy gets a user and a password. */
export function hasCredentials({ username, password }: Proxy): boolean {
  return username !== "" || password !== "";
}

/**
 * A proxy's URL with its credentials. A user without a password has a colon behind it: without one Deno takes it
 * for no proxy and goes directly (2.9.6, `tests/client/proxy_test.ts`).
 */
export function fullUrl(proxy: Proxy): string {
  const full = new URL(proxy.url);
  full.username = encodeURIComponent(proxy.username.toWellFormed());
  full.password = encodeURIComponent(proxy.password.toWellFormed());
  return full.password === "" ? full.href.replace("@", ":@") : full.href;
}

/** Why no runtime can go through the proxy for a URL, if so. */
export function proxyFault(
  url: URL,
  option: ProxyConfiguration,
  env: Environment,
): string | undefined {
  const name = option === "system" && !excepted(url, read(env, EXCEPTING))
    ? variable(url, env)
    : undefined;
  // Nothing that is asked for is ignored: it must not go directly instead.
  if (name !== undefined && urlOf(env[name]!) === undefined) {
    return `the environment's ${name} is no URL of a proxy`;
  }
  const proxy = proxyFor(url, option, env);
  if (proxy === undefined || /^https?:/.test(proxy.url)) return undefined;
  return `it speaks to HTTP proxies only, not to ${proxy.url}`;
}

/**
 * Whether a URL's host is in a list such as NO_PROXY: `*`, hosts with or without a port, domains,
 * networks.
 */
function excepted(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\.?\]?$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "wss:" ? "443" : "80");
  return list.split(/[\s,]+/).filter((item) => item !== "").some((item) =>
    matches(item.toLowerCase(), host, port)
  );
}

function matches(item: string, host: string, port: string): boolean {
  if (item === "*") return true;
  const [, bare = item, itsPort] = /^([^:]+|\[[^\]]+\]):(\d+)$/.exec(item) ?? [];
  if (itsPort !== undefined && itsPort !== port) return false;
  const name = inAscii(bare.replace(/^\*?\./, "").replace(/^\[|\.?\]?$/g, ""));
  if (/^[\da-f:.]+\/\d+$/.test(name)) return inNetwork(name, host);
  if (name.includes(":")) return hasBits(name, host); // such an address is spelled in many ways
  return host === name || (!/^[\d.]+$/.test(host) && host.endsWith(`.${name}`));
}

/** A name of another alphabet as the host of a URL is spelled; anything else as it is. */
function inAscii(name: string): string {
  const url = `http://${name}`;
  return /[^\0-\x7f]/.test(name) && URL.canParse(url) ? new URL(url).hostname : name;
}

/** Whether two addresses are the same. */
function hasBits(a: string, b: string): boolean {
  const bits = toBits(a);
  return bits !== undefined && bits === toBits(b);
}

/** Whether an address is in a network, such as `10.0.0.0/8` or `fd00::/8`. */
function inNetwork(cidr: string, host: string): boolean {
  const [network = "", bits = "0"] = cidr.split("/");
  const [a, b] = [toBits(network), toBits(host)];
  return a !== undefined && a.length === b?.length &&
    a.slice(0, Number(bits)) === b.slice(0, Number(bits));
}

/** The bits of an address, 32 or 128 of them. */
function toBits(ip: string): string | undefined {
  const binary = (value: string, radix: number, width: number) =>
    parseInt(value, radix).toString(2).padStart(width, "0");
  if (/^\d+\.\d+\.\d+\.\d+$/.test(ip)) {
    return ip.split(".").map((part) => binary(part, 10, 8)).join("");
  }
  if (!ip.includes(":") || !URL.canParse(`http://[${ip}]`)) return undefined;
  const [head = "", tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split("::");
  const groups = (text = "") => text === "" ? [] : text.split(":");
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array<string>(8 - left.length - right.length).fill("0");
  return [...left, ...zeros, ...right].map((group) => binary(group, 16, 16)).join("");
}

/** The environment of this process, to read and to change. */
export function environment(): Environment {
  return (globalThis as unknown as { process: { env: Environment } }).process.env;
}

/** Whether the environment names a proxy. */
export function environmentNames(env: Environment): boolean {
  return NAMING.some((name) => read(env, name) !== "");
}

/** Whether the environment names a proxy or an exception at all. */
function environmentSpeaks(env: Environment): boolean {
  return PROXY_VARIABLES.some((name) => env[name]);
}

/**
 * Runs a task while the environment has no variables for proxies but those in `names`. Both runtimes
 * obey the environment even when they are given a proxy: its exceptions go first (Deno 2.9.6, Bun
 * 1.4.5,
 * `proxy_environment_quirks_test.ts`).
 */
export function withProxyEnvironment<T>(env: Environment, names: Environment, task: () => T): T {
  if (!environmentSpeaks(env) && Object.keys(names).length === 0) return task();
  const kept = PROXY_VARIABLES.map((name) => [name, env[name]] as const);
  for (const name of PROXY_VARIABLES) delete env[name];
  Object.assign(env, names);
  try {
    return task();
  } finally {
    for (const [name, value] of kept) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
  }
}
