/** One connection of a server on a runtime that does what the test says. */

import { assertEquals } from "@std/assert";
import {
  createWebSocketServer,
  type WebSocketConnection,
  type WebSocketServer,
  type WebSocketServerConfig,
  type WebSocketServerOptions,
} from "../../mod.ts";
import type { Admission, End } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { assertNothingLeft, LONGEST_MS } from "./leftovers.ts";
import { ScriptedServer, ScriptedSocket } from "./scripted_runtime.ts";

/** The end of a connection whose peer answers, or sends, a Close frame. */
export const closed = (code: number, reason = ""): End => ({ code, reason });

/** What a {@linkcode ScriptedConnection} is made of. */
export interface ScriptedConnectionOptions {
  config?: Partial<WebSocketServerConfig>;
  options?: WebSocketServerOptions;
  socket?: ScriptedSocket;
  /** What the runtime cannot do. */
  runtime?: Partial<ScriptedServer>;
}

/** A server with one connection, and all that is told of it. At the end all of it has passed. */
export class ScriptedConnection implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly runtime = new ScriptedServer();
  readonly server: WebSocketServer;
  readonly socket: ScriptedSocket;
  readonly log: string[] = [];
  admission!: Admission;
  one!: WebSocketConnection;

  private constructor(
    { options, runtime, socket = new ScriptedSocket() }: ScriptedConnectionOptions,
  ) {
    const { clock } = this;
    Object.assign(this.runtime, runtime);
    this.socket = socket;
    const server = createWebSocketServer({ stats: true, ...options, clock, runtime: this.runtime });
    this.server = server as WebSocketServer;
    server.on("connect", () => this.log.push("connect"));
    server.on("messageReceive", ({ data }) => {
      this.log.push(`message ${data}`);
    });
    server.on("close", (_, { code, reason }) => this.log.push(`close ${code} ${reason}`));
    server.on("error", ({ kind, data }) => this.log.push(`error ${kind} ${data}`));
  }

  static async open(options: ScriptedConnectionOptions = {}): Promise<ScriptedConnection> {
    const world = new ScriptedConnection(options);
    await world.server.start({ serverPort: 80, ...options.config });
    world.admission = world.runtime.enter();
    world.admission.open(world.socket);
    world.one = world.server.listAllConnections()[0]!;
    assertEquals(world.log.splice(0), ["connect"]);
    return world;
  }

  /** What was told since, and what the socket was. */
  get told(): [log: string[], calls: string[]] {
    return [this.log.splice(0), this.socket.calls.splice(0)];
  }

  get dropped(): unknown {
    return this.server.stats()!.dropped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.clock.advance(LONGEST_MS);
    this.admission.closed(closed(1006));
    this.log.length = 0;
    await this.clock.advance(LONGEST_MS);
    assertEquals(this.log, [], "something is told after the end");
    assertEquals(this.server.stats()?.connections ?? 0, 0);
    assertEquals(this.server.listAllConnections(), []);
    assertNothingLeft();
    if (this.server.address !== undefined) await this.clock.until(this.server.stop());
    assertEquals(this.clock.pending, 0);
    assertNothingLeft();
  }
}
