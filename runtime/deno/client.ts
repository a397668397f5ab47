import type {
  ClientEvents,
  ClientRuntime,
  ClientSocket,
  DialRequest,
  End,
  Failure,
} from "../contract.ts";
import { readFailure } from "../failures.ts";
import {
  type Environment,
  environment,
  environmentNames,
  fullUrl,
  hasCredentials,
  type Proxy,
  PROXY_VARIABLES,
  proxyFault,
  proxyFor,
  withProxyEnvironment,
} from "../proxy.ts";
import { withUserAsHeader } from "../user_header.ts";
import { showsHeaders, withAnswer } from "./answer.ts";
import { canPing } from "./internals.ts";
import { type DenoNet, Relay, RELAY_HOST } from "./relay.ts";
import { DenoSocket, wasTooBig } from "./socket.ts";

/** Deno's own, taken as this is loaded: a program may put another in its place. */
const OwnWebSocket = globalThis.WebSocket as unknown as new (
  url: string,
  init: object,
) => WebSocket;

/**
 * Deno takes no such option yet and ignores it: a message of 1,025 B to 16 KiB waits for 40 ms (2.9.6,
 * `answer_quirks_test.ts`). A Deno that takes it will not.
 */
const NO_DELAY = { noDelay: true };

/** TLS 1.2, the oldest version Deno accepts (2.9.6, `tls_quirks_test.ts`), as a `TlsProtocol`. */
const TLS_1_2 = 2;

/** The parts of Deno the client uses, so that nothing global need be declared. */
interface DenoLike extends DenoNet {
  version: { deno: string };
  createHttpClient(options: object): { close(): void };
  permissions: {
    querySync(
      descriptor: { name: "net" | "env"; host?: string; variable?: string },
    ): { state: string };
    requestSync(descriptor: { name: "net"; host?: string }): { state: string };
  };
  errors: { NotCapable: new (message: string) => Error };
}

/** Deno as a client, where this is Deno. */
export function denoClient(): ClientRuntime | undefined {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  if (deno === undefined) return undefined;
  return {
    name: `Deno ${deno.version.deno}`,
    canPing,
    showsHeaders,
    denied: (url) => denied(deno, url),
    unsupported: (request) => unsupported(deno, request),
    dial: (request, events) => dial(deno, withUserAsHeader(request), events),
  };
}

/**
 * Asks for permission now. Deno asks only when it dials, but the order of our checks must not
 * depend on that.
 */
function denied(deno: DenoLike, url: string): unknown {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  if (hostname === "") return undefined;
  const host = `${hostname}:${port || (protocol === "wss:" ? 443 : 80)}`;
  if (isGranted(deno, host)) return undefined;
  return new deno.errors.NotCapable(`Requires net access to "${host}", run with --allow-net`);
}

/**
 * Whether a host may be connected to; has the user asked where Deno asks. Deno throws for a name that cannot stand
 * in its lists, such as `a..b`, unless all hosts are allowed (2.9.6, `client_quirks_test.ts`).
 */
function isGranted({ permissions }: DenoLike, host: string): boolean {
  const net = { name: "net", host } as const;
  try {
    const { state } = permissions.querySync(net);
    return (state === "prompt" ? permissions.requestSync(net).state : state) === "granted";
  } catch {
    return false;
  }
}

/** The environment's variables; none where the program may not read them: then only Deno does. */
function visible(deno: DenoLike): Environment {
  return seesEnvironment(deno) ? environment() : {};
}

/** Asks for each variable: some may be denied where all are allowed, or allowed where not all are. */
function seesEnvironment({ permissions }: DenoLike): boolean {
  return PROXY_VARIABLES.every((variable) =>
    permissions.querySync({ name: "env", variable }).state === "granted"
  );
}

/** Whether a connection needs an HttpClient of its own. */
function needsClient(deno: DenoLike, { url, tls, proxy }: DialRequest): boolean {
  if (tls.identity !== undefined) return true;
  const env = visible(deno);
  const target = new URL(url);
  // Without a proxy, Deno does the right thing unless the environment names one (2.9.6,
  // `proxy_environment_quirks_test.ts`).
  return proxyFor(target, proxy, env) !== undefined || environmentNames(env);
}

function unsupported(
  deno: DenoLike,
  request: DialRequest,
): { option: string; why: string } | undefined {
  const { compression, url, tls, proxy } = request;
  if (compression) return { option: "compression", why: "it has no permessage-deflate" };
  const secure = url.startsWith("wss:");
  if (secure && tls.minVersion > TLS_1_2) {
    return { option: "minSupportTlsProtocol", why: "it accepts TLS 1.2 whatever it is told" };
  }
  const way = proxyFor(new URL(url), proxy, visible(deno));
  const throughTls = way?.url.startsWith("https:") ?? false;
  if (tls.insecure && (secure ? tls.identity !== undefined || way !== undefined : throughTls)) {
    const why = "it does so only with no client certificate and no proxy";
    return { option: "skipServerCertVerification", why };
  }
  if (proxy === "no-proxy" && !seesEnvironment(deno)) {
    return { option: "proxy", why: "it needs --allow-env to leave the environment's proxy alone" };
  }
  const why = proxyFault(new URL(url), proxy, visible(deno));
  if (why !== undefined) return { option: "proxy", why };
  if (tellsTarget(url, way) && !seesEnvironment(deno)) {
    const why = "it needs --allow-env to keep the proxy's credentials from the server";
    return { option: "proxy", why };
  }
  const forbidden = way && hostsOf(url, way).find((host) => !isGranted(deno, host));
  if (forbidden === undefined) return undefined;
  return { option: "proxy", why: `it needs --allow-net=${forbidden} to CONNECT through a proxy` };
}

/** Whether a connection goes through a relay of ours (2.9.6, `proxy_quirks_test.ts`). */
function relays(url: string, way: Proxy | undefined): way is Proxy {
  return way !== undefined && url.startsWith("ws:");
}

/**
 * The hosts that a proxy needs permission for: its own, which Deno does not ask for where it has it from the
 * environment; and a relay's with any port, as which one it gets is not known.
 */
function hostsOf(url: string, way: Proxy): string[] {
  if (tellsTarget(url, way)) return [];
  const { hostname, port, protocol } = new URL(way.url);
  const host = `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  return relays(url, way) ? [RELAY_HOST, host] : [host];
}

/**
 * Whether Deno would tell a proxy's credentials to the server as well, inside the tunnel (2.9.6,
 * `proxy_quirks_test.ts`).
 */
function tellsTarget(url: string, way: Proxy | undefined): boolean {
  return way !== undefined && hasCredentials(way) && url.startsWith("wss:");
}

function dial(deno: DenoLike, request: DialRequest, events: ClientEvents): ClientSocket {
  const { answer, url, headers, protocols, tls } = request;
  const init = { headers, protocols };
  const open = (more?: object) =>
    withAnswer(answer, () => new OwnWebSocket(url, { ...init, ...more }));
  const secure = url.startsWith("wss:");
  const way = proxyFor(new URL(url), request.proxy, visible(deno));
  if (relays(url, way)) return dialThrough(deno, request, way, events);
  let ws: WebSocket;
  if (tls.insecure && secure) {
    // Deno asks the environment for a proxy as this is made (2.9.6, `proxy_environment_quirks_test.ts`).
    const dial = () => open({ dispatcher: insecureDispatcher(tls.ca) });
    ws = withProxyEnvironment(visible(deno), {}, dial);
  } else if (tls.ca !== undefined || needsClient(deno, request)) {
    ws = withClient(makeClient(deno, request, way), (client) => open({ client }));
  } else {
    ws = open();
  }
  const socket = new DenoSocket(ws, events, readEnd, request);
  ws.addEventListener("open", () => events.open());
  return socket;
}

/** Dials a `ws://` server through a proxy. */
function dialThrough(
  deno: DenoLike,
  { answer, binaryType, url, headers, protocols, tls }: DialRequest,
  way: Proxy,
  events: ClientEvents,
): ClientSocket {
  const relay = new Relay(deno, new URL(url), way, tls.ca);
  const proxy = { transport: "tcp", hostname: RELAY_HOST, port: relay.port };
  const makeClient = () => deno.createHttpClient({ proxy, ...NO_DELAY });
  const init = { headers: { ...headers, [relay.pass]: "1" }, protocols };
  try {
    const ws = withClient(
      withProxyEnvironment(visible(deno), {}, makeClient),
      (client) => withAnswer(answer, () => new OwnWebSocket(url, { ...init, client })),
    );
    const socket = new DenoSocket(
      ws,
      {
        message: (data) => events.message(data),
        alive: () => events.alive(),
        closed: (end) =>
          void relay.end().then(() => {
            // What was sent meanwhile is lost.
            const unsent = end.unsent! + socket.late;
            events.closed({ ...withFailure(end, relay.failure), unsent });
          }),
      },
      readEnd,
      { binaryType, dropped: () => relay.close() },
    );
    ws.addEventListener("open", () => events.open());
    return socket;
  } catch (cause) {
    relay.close();
    throw cause;
  }
}

/** The relay knows better than Deno what went wrong. */
function withFailure(end: End, failure: Failure | undefined): End {
  return end.failure === undefined || failure === undefined ? end : { ...end, failure };
}

/**
 * Closes the client when the task is done. The connection that was started keeps it for itself
 * (2.9.6, `tls_quirks_test.ts`).
 */
function withClient<C extends { close(): void }, T>(client: C, task: (client: C) => T): T {
  try {
    return task(client);
  } finally {
    client.close();
  }
}

function makeClient(
  deno: DenoLike,
  { url, tls }: DialRequest,
  way: Proxy | undefined,
): { close(): void } {
  // Deno sends credentials to the proxy alone when they come from the environment (2.9.6,
  // `proxy_quirks_test.ts`). It reads that when the client is made (`proxy_environment_quirks_test.ts`).
  const hidden = way !== undefined && tellsTarget(url, way) ? { https_proxy: fullUrl(way) } : {};
  const shown = way === undefined || "https_proxy" in hidden ? {} : { proxy: { url: way.url } };
  return withProxyEnvironment(visible(deno), hidden, () =>
    deno.createHttpClient({
      ...NO_DELAY,
      ...(tls.ca === undefined ? {} : { caCerts: [tls.ca] }),
      ...tls.identity,
      ...shown,
    }));
}

/**
 * Deno accepts any certificate only by an option that it has for undici (2.9.6,
 * `tls_quirks_test.ts`).
 */
function insecureDispatcher(ca: string | undefined): object {
  return {
    [Symbol.for("Deno.internal.node.undici.dispatcherOptions")]: {
      unsafelyIgnoreCertificateErrors: true,
      ...(ca === undefined ? {} : { caCerts: [ca] }),
    },
  };
}

/**
 * How a connection ended. A failure gets the code 0, whatever Deno says (2.9.6,
 * `client_quirks_test.ts`).
 */
function readEnd(end: End, failure: unknown): End {
  if (failure === undefined) return end;
  const { message, error } = failure as ErrorEvent;
  return {
    ...end,
    code: 0,
    failure: readFailure(message ?? "", error ?? message),
    tooBig: wasTooBig(failure as ErrorEvent),
  };
}
