/** Starts a server: on a port of its own, or in a host. Not part of the public API. */

import { type BusinessError, businessError, type ErrorKind } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import type { ListenFault } from "../runtime/contract.ts";
import { readIdentity } from "../runtime/pem.ts";
import { ListeningServer, type ListeningServerParts } from "./listening_server.ts";
import type { ServerConfig } from "./options.ts";
import type { WebSocketMount } from "./types.ts";

/** The kind of error for each reason why a runtime cannot listen. */
const FAULTS: Record<ListenFault, ErrorKind> = {
  denied: "permission",
  occupied: "portOccupied",
  notPermitted: "port",
  notHere: "nic",
  other: "listenFailed",
};

/** Listens where the config says. Returns an error where that fails. */
export function listen(
  config: ServerConfig,
  parts: ListeningServerParts,
): ListeningServer | BusinessError {
  const identity = config.serverCert && readIdentity("start: 'serverCert'", config.serverCert);
  if (identity instanceof Error) return identity;
  if (config.signal?.aborted) return aborted("start", config.signal);
  const missing = unsupported("start", config, parts);
  if (missing !== undefined) return missing;
  let error!: BusinessError;
  for (const hostname of config.hostnames) {
    const listening = new ListeningServer(config, parts);
    try {
      listening.listen(hostname, identity);
      return listening;
    } catch (cause) {
      const fault = parts.runtime.fault(cause);
      const why = fault === "other" ? `: ${describe(cause)}` : "";
      const where = config.unixPath ?? `${hostname} port ${config.port}`;
      const what = `start: ${where}${why}`;
      error = businessError(FAULTS[fault], what, { cause });
      if (fault !== "notHere") return error; // otherwise the next address family, if there is one
    }
  }
  return error;
}

/** Makes a server for the requests of a host. Returns an error where that fails. */
export function mount(
  config: ServerConfig,
  parts: ListeningServerParts,
): { listening: ListeningServer; mount: WebSocketMount } | BusinessError {
  if (config.signal?.aborted) return aborted("mount", config.signal);
  const missing = unsupported("mount", config, parts);
  if (missing !== undefined) return missing;
  const listening = new ListeningServer(config, parts);
  try {
    return { listening, mount: listening.mount() };
  } catch (cause) {
    return businessError("listenFailed", `mount: ${describe(cause)}`, { cause });
  }
}

/** What is asked for and cannot be had on this runtime. */
function unsupported(
  call: string,
  config: ServerConfig,
  { runtime }: ListeningServerParts,
): BusinessError | undefined {
  const fault = runtime.unsupported?.(config);
  if (fault === undefined) return undefined;
  const { option, why } = fault;
  return businessError(
    "unsupported",
    `${call}: '${option}' cannot be had on ${runtime.name}: ${why}`,
  );
}

/** Says that nothing is started, as its signal has aborted. */
export function aborted(call: string, { reason: cause }: AbortSignal): BusinessError {
  return businessError("aborted", `${call}: 'signal' has aborted already`, { cause });
}

/** Says that a server runs already, or is about to, where it is to be started once more. */
export function runningAlready(
  call: string,
  listening: ListeningServer | undefined,
  config: ServerConfig | undefined,
): BusinessError {
  const address = listening?.address;
  const { path, port } = address ?? {};
  const isSame = address !== undefined && config?.port === port && config?.unixPath === path;
  if (isSame) {
    return businessError("portOccupied", `start: this server listens on ${path ?? port} already`);
  }
  let where = path === undefined ? `on port ${port}` : `on ${path}`;
  if (address === undefined) where = listening === undefined ? "or is about to" : "in a host";
  return businessError("alreadyRunning", `${call}: this server is running already, ${where}`);
}
