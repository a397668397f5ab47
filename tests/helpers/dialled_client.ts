/** One connection of a client on a script: what its socket is told, and what the user is. */

import { assertEquals } from "@std/assert";
import {
  createWebSocket,
  type WebSocketClient,
  type WebSocketClientOptions,
  type WebSocketRequestOptions,
} from "../../mod.ts";
import type { End } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { countListeners, LONGEST_MS } from "./leftovers.ts";
import { ScriptedClient, type ScriptedSocket } from "./scripted_runtime.ts";

/** How a runtime tells of an end. */
export const closed = (code: number, reason = ""): End => ({ code, reason });

/** A client that has dialled, and all that is told of it. At the end all of it has passed. */
export class DialledClient implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly runtime = new ScriptedClient();
  readonly ws: WebSocketClient;
  readonly aborter = new AbortController();
  readonly listeners: () => number = countListeners(this.aborter.signal);
  readonly log: string[] = [];

  private constructor(options: WebSocketClientOptions) {
    const { clock, log, runtime } = this;
    const ws = this.ws = createWebSocket({ stats: true, ...options, clock, runtime });
    ws.on("open", () => log.push("open"));
    ws.on("message", (_, data) => log.push(`message ${data}`));
    ws.on("close", (_, { code, reason }) => log.push(`close ${code} ${reason}`));
    ws.on("error", ({ kind, data }) => log.push(`error ${kind} ${data}`));
  }

  static async dial(
    request: WebSocketRequestOptions = {},
    options: WebSocketClientOptions = {},
  ): Promise<DialledClient> {
    const world = new DialledClient(options);
    const { signal } = world.aborter;
    assertEquals(await world.ws.connect("ws://localhost/", { ...request, signal }), true);
    return world;
  }

  static async open(
    request: WebSocketRequestOptions = {},
    options: WebSocketClientOptions = {},
  ): Promise<DialledClient> {
    const world = await DialledClient.dial(request, options);
    world.runtime.events.open();
    assertEquals(world.told, [["open"], []]);
    return world;
  }

  get socket(): ScriptedSocket {
    return this.runtime.socket;
  }

  /** What was told since, and what the socket was. */
  get told(): [log: string[], calls: string[]] {
    return [this.log.splice(0), this.socket.calls.splice(0)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { clock, log, runtime, ws } = this;
    if (ws.state !== "idle" && ws.state !== "closing") await ws.close();
    await clock.advance(LONGEST_MS);
    log.length = 0;
    runtime.events.open();
    runtime.events.message("late");
    runtime.events.alive();
    runtime.events.closed(closed(1000));
    await clock.advance(LONGEST_MS);
    assertEquals(log, [], "something is told after the end");
    const { opened, closed: ended } = ws.stats()!;
    assertEquals([ws.state, ws.stats()!.connections, opened - ended], ["idle", 0, 0]);
    assertEquals([ws.bufferedAmount, ws.protocol, this.listeners(), clock.pending], [0, "", 0, 0]);
  }
}
