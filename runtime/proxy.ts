/** Which HTTP proxy a connection goes through: the user's words, the environment's, or none. */

import type { ProxyOption } from "../internal/connect_options.ts";

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
const ALL = [...NAMING, EXCEPTING].flatMap((name) => [name, name.toUpperCase()]);

/** An environment: the program's, or an empty one where the program may not see it. */
export type Environment = Record<string, string | undefined>;

/** The proxy for a URL, if it goes through one. */
export function proxyFor(url: URL, option: ProxyOption, env: Environment): Proxy | undefined {
  if (option === "no-proxy") return undefined;
  if (option === "system") return excepted(url, read(env, EXCEPTING)) ? undefined : named(url, env);
  const { host, port, username = "", password = "", exclusionList = [] } = option;
  if (excepted(url, exclusionList.join(","))) return undefined;
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, username, password };
}

/** Lower case goes first, as with curl and everybody after it. */
function read(env: Environment, name: string): string {
  return env[name] || env[name.toUpperCase()] || "";
}

function named(url: URL, env: Environment): Proxy | undefined {
  const [http = "", https = "", all = ""] = NAMING;
  const text = read(env, url.protocol === "wss:" ? https : http) || read(env, all);
  if (text === "") return undefined;
  const full = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(full)) return undefined;
  const { protocol, host, username, password } = new URL(full);
  return {
    url: `${protocol}//${host}`,
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
}

/** Whether a host is in a list such as NO_PROXY: `*`, hosts with or without port, domains, CIDR. */
function excepted(url: URL, list: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port || (url.protocol === "wss:" ? "443" : "80");
  return list.split(/[\s,]+/).filter((item) => item !== "").some((item) =>
    matches(item.toLowerCase(), host, port)
  );
}

function matches(item: string, host: string, port: string): boolean {
  if (item === "*") return true;
  const [, bare = item, itsPort] = /^([^:]+|\[[^\]]+\]):(\d+)$/.exec(item) ?? [];
  if (itsPort !== undefined && itsPort !== port) return false;
  const name = bare.replace(/^\*?\./, "").replace(/^\[|\]$/g, "");
  if (/^[\d.]+\/\d+$/.test(name)) return inNetwork(name, host);
  return host === name || (!/^[\d.]+$/.test(host) && host.endsWith(`.${name}`));
}

/** Whether an IPv4 address is in a network. */
function inNetwork(cidr: string, host: string): boolean {
  const [network = "", bits = "0"] = cidr.split("/");
  const [a, b] = [number(network), number(host)];
  if (a === undefined || b === undefined) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(a / size) === Math.floor(b / size);
}

function number(quad: string): number | undefined {
  if (!/^\d+\.\d+\.\d+\.\d+$/.test(quad)) return undefined;
  return quad.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The program's environment, to be read and changed. */
export function environment(): Environment {
  return (globalThis as unknown as { process: { env: Environment } }).process.env;
}

/** Whether the environment names a proxy or an exception at all. */
export function environmentSpeaks(env: Environment): boolean {
  return ALL.some((name) => env[name]);
}

/**
 * Does something while the environment says nothing of proxies. Both runtimes obey it even where
 * they are told otherwise: its exceptions go before a proxy that is named to them.
 */
export function withoutProxyEnvironment<T>(env: Environment, task: () => T): T {
  if (!environmentSpeaks(env)) return task();
  const kept = ALL.map((name) => [name, env[name]] as const);
  for (const name of ALL) delete env[name];
  try {
    return task();
  } finally {
    for (const [name, value] of kept) if (value !== undefined) env[name] = value;
  }
}
