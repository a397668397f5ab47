import { canPing, DenoSocket } from "./deno_socket.ts";
import { readFailure } from "./failures.ts";
import type { ClientEvents, ClientRuntime, ClientSocket, DialRequest, End } from "./mod.ts";

/** The parts of Deno the client uses, so that nothing global need be declared. */
interface DenoLike {
  version: { deno: string };
  permissions: {
    querySync(descriptor: { name: "net"; host?: string }): { state: string };
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
    denied: (url) => denied(deno, url),
    dial,
  };
}

/** Asks, as the runtime would only once it dials: the order of checks must not depend on that. */
function denied(deno: DenoLike, url: string): unknown {
  if (!URL.canParse(url)) return undefined;
  const { protocol, hostname, port } = new URL(url);
  if (hostname === "") return undefined;
  const host = `${hostname}:${port || (protocol === "wss:" ? 443 : 80)}`;
  const net = { name: "net", host } as const;
  const { state } = deno.permissions.querySync(net);
  if (state === "granted") return undefined;
  if (state === "prompt" && deno.permissions.requestSync(net).state === "granted") return undefined;
  return new deno.errors.NotCapable(`Requires net access to "${host}", run with --allow-net`);
}

function dial({ url, headers, protocols }: DialRequest, events: ClientEvents): ClientSocket {
  const Dial = WebSocket as unknown as new (url: string, init: object) => WebSocket;
  const ws = new Dial(url, { headers, protocols });
  const socket = new DenoSocket(ws, events, readEnd);
  ws.onopen = () => events.open();
  return socket;
}

function readEnd(end: End, failure: unknown): End {
  if (failure === undefined) return end;
  const { message, error } = failure as ErrorEvent;
  return { ...end, code: 0, failure: readFailure(message ?? "", error ?? message) };
}
