/**
 * A server that is mounted in a host: its options, and what the host gets. Not part of the public
 * API.
 */

import type { BusinessError } from "../errors.ts";
import { describe } from "../internal/describe.ts";
import { argumentError, OBJECT, readOptions, type Rule } from "../internal/validate.ts";
import type { Acceptor } from "../runtime/contract.ts";
import { readServerConfig, RULES, type ServerConfig } from "./options.ts";
import type { HostWebSocketHandler, WebSocketMount } from "./types.ts";

const HOSTS: Rule = [() => false, "is the host's affair and must be left out"];

const MOUNT_RULES: Readonly<Record<string, Rule>> = {
  ...RULES,
  serverPort: HOSTS,
  serverIP: HOSTS,
  serverCert: HOSTS,
  unixPath: HOSTS,
  reusePort: HOSTS,
};

/** Reads the config of `mount`; a wrong one is returned as the error it deserves. */
export function readMountConfig(config: unknown = {}): ServerConfig | BusinessError {
  const given = readOptions("mount", config, MOUNT_RULES);
  return given instanceof Error ? given : readServerConfig({ ...given, serverPort: 0 }, "mount");
}

/** The server that is mounted. */
export interface MountOwner {
  /** Whether a request is one of this server's. */
  isOurs(request: Request): boolean;
  hostFault(why: string): void;
}

/** Makes the object that the host gets. */
export function toMount(acceptor: Acceptor, owner: MountOwner): WebSocketMount {
  return {
    fetch(request, info) {
      let why;
      try {
        if (request instanceof Request) {
          return owner.isOurs(request) ? acceptor.accept(request, info) : undefined;
        }
        why = `'fetch' was not given a Request: current value is ${describe(request)}`;
      } catch (cause) {
        why = `the request was answered already or is a Proxy, and cannot be read: ${
          describe(cause)
        }`;
      }
      owner.hostFault(why);
      return new Response(null, { status: 500 });
    },
    websocket: acceptor.websocket,
    websocketWith(other): HostWebSocketHandler {
      const [passes, rule] = OBJECT;
      if (!passes(other)) throw argumentError("websocketWith: the other's handler", rule, other);
      return acceptor.websocketWith(other);
    },
    address: undefined,
  };
}
