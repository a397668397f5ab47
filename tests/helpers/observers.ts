/** Observers that write down what they are told. */

import type { WebSocketObserver } from "../../mod.ts";
import { MemoryPair, type MemoryPairOptions } from "./memory_pair.ts";

/** The names of the functions an observer can have about a connection, and of refusals. */
export const FUNCTIONS = [
  "opened",
  "closed",
  "received",
  "sent",
  "pinged",
  "ponged",
  "unsent",
  "dropped",
  "refused",
] as const;

/** Those about handshakes and servers, which the recorder leaves out. */
export const MORE_FUNCTIONS = [
  "handling",
  "dialling",
  "gaveUp",
  "failed",
  "reconnecting",
  "asked",
  "abandoned",
  "started",
  "stopped",
  "delayed",
] as const;

/** What an observer was told, without whom of: `["closed", { code, reason }]`, `["refused", 429, why]`. */
export type Told = [name: string, ...args: unknown[]];

/** How many arguments are recorded, where one comes after them: the handshake, or how many bytes. */
const RECORDED: Record<string, number> = { opened: 0, received: 1, sent: 1 };

/** An observer with all these functions; who is told of goes to `whos`. */
export function recorder(
  log: unknown[],
  whos: Set<unknown> = new Set(),
): WebSocketObserver & Required<Pick<WebSocketObserver, (typeof FUNCTIONS)[number]>> {
  const note = (name: string) => (who: unknown, ...args: unknown[]) => {
    whos.add(who);
    // One that knows of nothing more is told with an `undefined`, which is left out.
    log.push([name, ...args.slice(0, RECORDED[name]).filter((arg) => arg !== undefined)]);
  };
  const functions = Object.fromEntries(FUNCTIONS.map((name) => [name, note(name)]));
  const refused = (status: number, why: string) => log.push(["refused", status, why]);
  return { ...functions, refused } as unknown as ReturnType<typeof recorder>;
}

/** A pair that is observed; of each side, what was told and of whom. */
export type ObservedPair = MemoryPair & {
  logs: { server: unknown[]; client: unknown[] };
  whos: { server: Set<unknown>; client: Set<unknown> };
};

/** A pair that is observed, and all that its observers and its listeners are told, in one log a side. */
export async function observed(options: MemoryPairOptions = {}): Promise<ObservedPair> {
  const logs = { server: [] as unknown[], client: [] as unknown[] };
  const whos = { server: new Set<unknown>(), client: new Set<unknown>() };
  const pair = await MemoryPair.start({
    server: { observer: recorder(logs.server, whos.server), ...options.server },
    client: { observer: recorder(logs.client, whos.client), ...options.client },
    ...(options.config && { config: options.config }),
  });
  const { server, ws } = pair;
  server.on("connect", () => logs.server.push("connect"));
  server.on("messageReceive", ({ data }) => logs.server.push(`message ${data}`));
  server.on("error", ({ code }) => logs.server.push(`error ${code}`));
  server.on("close", (_, { code }) => logs.server.push(`close ${code}`));
  ws.on("open", () => logs.client.push("open"));
  ws.on("message", (_, data) => logs.client.push(`message ${data}`));
  ws.on("error", ({ code }) => logs.client.push(`error ${code}`));
  ws.on("close", (_, { code }) => logs.client.push(`close ${code}`));
  return Object.assign(pair, { logs, whos });
}
