/** What the tests of messages that are acknowledged have in common. */

import type {
  StandardSchema,
  WebSocketClient,
  WebSocketConnection,
  WebSocketServer,
} from "../../mod.ts";
import { refusal } from "./client.ts";
import { kindOf, type NodesInMemory } from "./nodes_in_memory.ts";

export const ACK = { acknowledge: true } as const;

/** Comes back whatever has happened, after a second. */
export const ALWAYS = { minDelay: 1, factor: 1, random: () => 1, shouldReconnect: () => true };

/** What is no reason for which a message is refused, in JSON: text cannot be made of most of it. */
export const NO_REASONS = [
  { what: "no text", refused: '{"toString":1}' },
  { what: "nested too deeply", refused: "[".repeat(20_000) + "]".repeat(20_000) },
  { what: "a list of one", refused: '["failed"]' },
];

/** A promise that is settled by hand. */
export const deferred = () => Promise.withResolvers<void>();

/** The only connection of a server. */
export const only = (server: WebSocketServer) =>
  server.listAllConnections()[0] as WebSocketConnection;

/** A message of a call that is refused. */
export async function wordsOf(call: Promise<unknown>): Promise<string> {
  return (await refusal(call)).message;
}

/** Collects what messages have come to, in the order in which they do. */
export class Answers {
  readonly log: string[] = [];

  add(name: string, answer: Promise<unknown>): void {
    void kindOf(answer).then((what) => this.log.push(`${name} ${what}`));
  }
}

export const numbers: StandardSchema<number> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "number" ? { value } : { issues: [{ message: "is no number" }] },
  },
};

/** A client by hand: it says what it likes, and sees all frames. */
export async function rawClient(
  nodes: NodesInMemory,
): Promise<{ ws: WebSocketClient; log: string[] }> {
  const ws = await nodes.client({ resume: false, reconnect: false }, "resume.netkit.1");
  const log: string[] = [];
  ws.on("message", (_err, data) => void log.push(`${data}`));
  await ws.send('{"resume":1}\n');
  await nodes.settle();
  return { ws, log };
}
