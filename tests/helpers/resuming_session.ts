/** A session that resumes on a script: what its servers are told, and what it tells. */

import { Outbox } from "../../client/acknowledged.ts";
import { ResumeSession } from "../../client/resume.ts";
import type { RecoveredInfo } from "../../mod.ts";
import type { ClientEvents, ClientSocket, DialRequest, End } from "../../runtime/contract.ts";
import { FakeClock } from "../../testing.ts";
import { ScriptedClient, ScriptedSocket } from "./scripted_runtime.ts";

/** A socket that keeps what is sent. */
class KeepingSocket extends ScriptedSocket {
  readonly sent: unknown[] = [];

  override send(...[data]: unknown[]): void {
    this.sent.push(data);
  }
}

/** A runtime of such sockets. */
class KeepingClient extends ScriptedClient {
  readonly dialled: string[][] = [];
  last!: KeepingSocket;

  override dial(request: DialRequest, events: ClientEvents): ClientSocket {
    this.dialled.push(request.protocols);
    super.dial(request, events);
    return this.last = new KeepingSocket();
  }
}

/** A session, and what it tells. */
export class Script {
  readonly clock = new FakeClock();
  readonly runtime = new KeepingClient();
  readonly recovered: RecoveredInfo[] = [];
  readonly told: unknown[] = [];
  /** What whoever is told that a connection is open does. */
  opened = (): void => {};
  readonly session = new ResumeSession(this.runtime, this.clock, {
    recovered: (info) => void this.recovered.push(info),
  }, new Outbox(1000));

  dial(protocols: string[] = []): ClientSocket {
    const request: DialRequest = {
      ...{ url: "ws://localhost/", headers: {}, protocols, proxy: "system" },
      tls: { insecure: false, minVersion: 0 },
    };
    return this.session.dial(request, {
      open: () => {
        this.told.push("open");
        this.opened();
      },
      message: (data) => void this.told.push(data),
      alive: () => void this.told.push("alive"),
      closed: ({ failure }) => void this.told.push(failure?.what ?? "closed"),
    });
  }

  /** Dials, and is greeted. Returns what the server is told. */
  greet(epoch: string): unknown {
    this.dial();
    this.runtime.last.protocol = "resume.netkit.1";
    this.runtime.events.open();
    this.hear({ resume: 1, epoch });
    return JSON.parse(this.runtime.last.sent[0] as string);
  }

  hear(...controls: object[]): void {
    for (const one of controls) this.runtime.events.message(`${JSON.stringify(one)}\n`);
  }

  end(end: Partial<End> = {}): void {
    this.runtime.events.closed({ code: 1006, reason: "", ...end });
  }
}
