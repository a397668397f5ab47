/** A Deno, as the client on it knows Deno, that does what a test says. */

import type { ClientRuntime, DialRequest, End } from "../../runtime/contract.ts";
import { environment } from "../../runtime/proxy.ts";

/** Deno's WebSocket, as a test wants it. */
export class Scripted extends EventTarget {
  static made: { url: string; init: Record<string, unknown>; ws: Scripted }[] = [];
  static refuses = false;
  readonly OPEN = 1;
  readonly protocol = "chat";
  readonly extensions = "x";
  readonly readyState = 1;
  readonly bufferedAmount = 0;
  binaryType = "blob";

  constructor(url: string, init: Record<string, unknown>) {
    super();
    if (Scripted.refuses) throw new SyntaxError("not this");
    Scripted.made.push({ url, init, ws: this });
  }

  close(): void {}

  tell(type: string, more: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), more));
  }
}

/** The permission that is asked for. */
interface Asked {
  name: string;
  host?: string;
  variable?: string;
}

export class NotCapable extends Error {}

/** A Deno that grants what its test says, and writes down what it is asked for. */
export class World {
  readonly told: unknown[] = [];
  readonly runtime: ClientRuntime;
  /** What it says of each permission: granted where nothing stands here. */
  states: Record<string, string> = {};
  answers = "denied";
  /** Whether it makes no HttpClient. */
  refusesClients = false;
  /** Has a client come to where it listens. */
  comes!: (client: object) => void;
  /** What comes of writing to a proxy. */
  written = (): Promise<number> => new Promise(() => {});

  constructor(states: Record<string, string> = {}) {
    this.states = states;
    const tell = (...what: unknown[]) => void this.told.push(what);
    const state = ({ name, host, variable }: Asked) => ({
      state: this.states[host ?? variable!] ?? this.states[name] ?? "granted",
    });
    const env = environment();
    const connect = ({ signal: _, ...where }: { signal: AbortSignal }) => {
      tell("tcp", where);
      return Promise.resolve({ close() {}, write: () => this.written() });
    };
    const startTls = (_: object, how: object) => {
      tell("tls", how);
      return new Promise(() => {});
    };
    const deno = {
      connect,
      startTls,
      version: { deno: "0" },
      errors: { NotCapable },
      permissions: {
        querySync: state,
        requestSync: ({ name, host }: { name: string; host: string }) => {
          tell("asks", name, host);
          return { state: this.answers };
        },
      },
      createHttpClient: (options: object) => {
        const seen = ["http_proxy", "https_proxy", "all_proxy"].flatMap((name) => env[name] ?? []);
        tell("client", options, ...seen);
        if (this.refusesClients) throw new NotCapable("no client");
        return { close: () => tell("closed") };
      },
      listen: (where: object) => {
        let end: (why: Error) => void;
        tell("listen", where);
        return {
          addr: { port: 1234 },
          accept: () =>
            new Promise((resolve, reject) => {
              end = reject;
              this.comes = resolve;
            }),
          close: () => (tell("relay closed"), end(new Error("closed"))),
        };
      },
    };
    this.runtime = withGlobals({ Deno: deno }, () => denoClient()!);
  }

  /** Dials; what is told of the connection. */
  dial(request: DialRequest) {
    const events: unknown[] = [];
    const socket = this.runtime.dial(request, {
      open: () => void events.push("open"),
      message: (data) => void events.push(data),
      alive: () => void events.push("alive"),
      closed: (end: End) => void events.push(end),
    });
    return { events, socket, ...Scripted.made.at(-1)! };
  }
}

/** Runs a task where the global object has these. */
export function withGlobals<T>(given: Record<string, unknown>, task: () => T): T {
  const before = Object.keys(given).map((name) =>
    [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const
  );
  for (const [name, value] of Object.entries(given)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  try {
    return task();
  } finally {
    for (const [name, was] of before) {
      delete (globalThis as Record<string, unknown>)[name];
      if (was !== undefined) Object.defineProperty(globalThis, name, was);
    }
  }
}

/** The module, loaded where Deno's WebSocket is the scripted one. */
async function load(): Promise<() => ClientRuntime | undefined> {
  const place = globalThis as { WebSocket: unknown };
  const { WebSocket: own } = place;
  const name: string = "../../runtime/deno/client.ts?scripted";
  try {
    place.WebSocket = Scripted;
    const { denoClient } = await import(name) as { denoClient(): ClientRuntime | undefined };
    return denoClient;
  } finally {
    place.WebSocket = own;
  }
}

/** The client, on a WebSocket that is scripted, and on whichever Deno there is. */
export const denoClient: () => ClientRuntime | undefined = await load();
