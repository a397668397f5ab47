/**
 * A message goes one way to the listeners where nothing need be looked at, and another where the
 * runtime, a schema or an observer asks for it: both must come to the same.
 */

import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { createWebSocketServer, type WebSocketServerOptions } from "../../mod.ts";
import { FakeClock } from "../../testing.ts";
import { PausableSocket, ScriptedServer } from "../helpers/scripted_runtime.ts";

/** As long as the limit on what may wait for the listeners. */
const LONG = "x".repeat(100);

const ways: Record<string, { checksPayload: boolean; options?: WebSocketServerOptions }> = {
  "as the runtime tells it": { checksPayload: true },
  "on a runtime that lets any size in": { checksPayload: false },
  "with an observer": { checksPayload: true, options: { observer: { closed: () => {} } } },
};

/** What becomes of a message that several listeners fail at, and one is at work on. */
async function run(checksPayload: boolean, options: WebSocketServerOptions = {}) {
  const clock = new FakeClock();
  const runtime = new ScriptedServer();
  runtime.checksPayload = checksPayload;
  const server = createWebSocketServer({ ...options, clock, runtime });
  const log: string[] = [];
  const working: (() => void)[] = [];
  server.on("error", (error) => log.push(error.message));
  const listeners: ((data: unknown) => unknown)[] = [
    () => {
      throw new Error("thrown");
    },
    () => 7,
    () => null,
    () => Promise.reject(new Error("rejected")),
    () => new Promise<void>((resolve) => working.push(resolve)),
    () => new Promise<void>((resolve) => working.push(resolve)),
    (data) => log.push(`heard ${String(data).length}`),
  ];
  for (const listener of listeners) {
    server.on("messageReceive", ({ data }) => listener(data) as void);
  }
  await server.start({ serverPort: 80, maxPendingAmount: LONG.length });
  const admission = runtime.enter();
  const socket = new PausableSocket();
  admission.open(socket);
  admission.message(LONG);
  await clock.advance(0);
  log.push(...socket.calls);
  working[0]!();
  await clock.advance(0);
  log.push(...socket.calls);
  working[1]!();
  await clock.advance(0);
  log.push(...socket.calls);
  return log;
}

describe("a message and its listeners", () => {
  for (const [way, { checksPayload, options }] of Object.entries(ways)) {
    it(`${way}: each is called, failures are told, reading waits for the last`, async () => {
      assertEquals(await run(checksPayload, options), [
        "Websocket Unknown Other Error: a listener of 'messageReceive' failed: Error: thrown",
        `heard ${LONG.length}`,
        "Websocket Unknown Other Error: a listener of 'messageReceive' failed: Error: rejected",
        "pause",
        "pause",
        "pause",
        "resume",
      ]);
    });
  }
});
