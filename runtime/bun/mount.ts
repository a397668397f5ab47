import type { WebSocketData } from "../../client/types.ts";
import { businessError } from "../../errors.ts";
import { TOO_BIG } from "../../internal/close_codes.ts";
import { exceeds } from "../../internal/payload.ts";
import type { HostWebSocketHandler } from "../../server/types.ts";
import type { Acceptor, AcceptorEvents, MountOptions } from "../contract.ts";
import { heard } from "../heard.ts";
import { UNIX } from "../unix.ts";
import { BunAcceptor, type BunHost } from "./acceptor.ts";
import { BunConnection, type BunServerSocket } from "./connection.ts";

/** What Bun has where a handler leaves it out (1.4.5, its documentation of `WebSocketHandler`). */
const BUN = { maxPayloadLength: 16 * 1024 * 1024, idleTimeout: 120 };

/** The largest number of bytes that Bun takes for sure: it serves with none of 2 ** 51 or more (1.4.5). */
const MOST_BYTES = 2 ** 32 - 1;

/** How finely Bun measures silence, in seconds. */
const TICK = 4;

/** A server in a server of Bun's. */
export class BunMount implements Acceptor {
  readonly websocket: HostWebSocketHandler;
  readonly publish: (topic: string, data: WebSocketData) => void;
  readonly #acceptor: BunAcceptor;
  readonly #handler: HostWebSocketHandler;
  readonly #options: MountOptions;
  readonly #events: AcceptorEvents;
  /** How many have come by a Unix socket of a host's: they have no address. */
  #nameless = 0;

  constructor(options: MountOptions, events: AcceptorEvents) {
    this.#options = options;
    this.#events = events;
    this.#acceptor = new BunAcceptor({
      maxPayload: options.maxPayload,
      compression: options.compression,
      binaryType: options.binaryType,
      events,
      topicPrefix: `netkit ${crypto.randomUUID()} `,
      hostFault: (why, cause) => events.hostFault(why, cause),
    });
    this.publish = this.#acceptor.publish;
    const ours = this.#handler = this.#acceptor.mounted = this.#acceptor.handler();
    // Whoever comes to this handler and is not ours has nobody to talk to. It may have been another's when it opened:
    // Bun gives the connections there are to the handler of a `reload` (1.4.5, `server/mount_stop_test.ts`).
    const stranger = (ws: unknown) => {
      events.hostFault(STRANGER);
      (ws as BunServerSocket).close(1011, "");
    };
    this.websocket = {
      ...ours,
      open: (ws) => {
        if (this.#owns(ws)) return ours.open!(ws);
        if (!isOurs(ws)) stranger(ws);
        else (ws as BunServerSocket).close(1011, "");
      },
      message: (ws, data) => isOurs(ws) ? ours.message(ws, data) : stranger(ws),
      drain: (ws) => isOurs(ws) ? ours.drain!(ws) : undefined,
      ping: (ws, data) => isOurs(ws) ? ours.ping!(ws, data) : stranger(ws),
      pong: (ws, data) => isOurs(ws) ? ours.pong!(ws, data) : stranger(ws),
      close: (ws, code, reason) => {
        // Another server's, too, which had the host before this one. Not of one that was not taken above.
        if (isOurs(ws) && ws.data.ws) ours.close!(ws, code, reason);
      },
    };
  }

  accept(request: Request, info: unknown): Response | Promise<Response> {
    const host = hostOf(request, info);
    if (host === undefined) {
      this.#events.hostFault(NO_SERVER);
      return new Response(null, { status: 500 });
    }
    const peer = host.port === undefined ? { address: UNIX, port: ++this.#nameless } : undefined;
    const answer = this.#acceptor.accept(request, host, peer);
    return answer instanceof Promise ? answer.then(answered) : answered(answer);
  }

  websocketWith(other: object): HostWebSocketHandler {
    const theirs = other as HostWebSocketHandler & { perMessageDeflate?: unknown };
    const ours = this.#handler;
    const { compression, maxBufferedAmount, maxPayload, pingInterval } = this.#options;
    const theirMax = theirs.maxPayloadLength ?? BUN.maxPayloadLength;
    const idleTimeout = theirs.idleTimeout ?? BUN.idleTimeout;
    const sendPings = theirs.sendPings ?? true;
    if (idleTimeout > 0 && !sendPings && idleTimeout < pingInterval + TICK) {
      throw businessError(
        "unsupported",
        `websocketWith: the other has Bun drop all peers that are silent for ${idleTimeout} s ` +
          `('idleTimeout') and sends no Pings ('sendPings'), and a Ping of this server's goes out ` +
          `each ${pingInterval} s only ('pingInterval')`,
      );
    }
    const limit = theirs.backpressureLimit ?? BUN.maxPayloadLength;
    const needed = Math.min(2 * maxBufferedAmount + maxPayload, MOST_BYTES);
    // Bun hands over the connections there are where a host is reloaded (1.4.5, `server/mount_stop_test.ts`):
    // the other of then may have been another, which knows nothing of this module's.
    const of = (ws: unknown): HostWebSocketHandler => {
      if (this.#owns(ws)) return ours;
      if (!isOurs(ws) || ws.data.openedBy === both) return theirs;
      return ws.data.acceptor.mounted!;
    };
    const both: HostWebSocketHandler = {
      ...theirs,
      ...(compression && !theirs.perMessageDeflate ? { perMessageDeflate: true } : {}),
      maxPayloadLength: Math.max(maxPayload, theirMax),
      idleTimeout,
      sendPings,
      // Bun drops messages at it, and says nothing; of ours none may be dropped. A topic's queues are
      // looked at when a quarter more may have gone to them, and one message more is on its way.
      backpressureLimit: limit === 0 ? 0 : Math.max(limit, needed),
      open: (ws) => {
        if (this.#owns(ws)) return ours.open!(ws);
        if (isOurs(ws)) ws.data.openedBy = both;
        return theirs.open?.(ws);
      },
      message: (ws, data) => {
        const to = of(ws);
        const most = to === theirs ? theirMax : to.maxPayloadLength!;
        // Bun holds the larger of the two.
        if (exceeds(data as string | ArrayBuffer, most)) return tooBig(ws as BunServerSocket);
        return to.message?.(ws, data); // Bun takes a handler with none, too
      },
      drain: (ws) => of(ws).drain?.(ws),
      close: (ws, code, reason) => of(ws).close?.(ws, code, reason),
      ping: (ws, data) => of(ws).ping?.(ws, data),
      pong: (ws, data) => of(ws).pong?.(ws, data),
    };
    return both;
  }

  close(): Promise<void> {
    return heard();
  }

  #owns(ws: unknown): boolean {
    const { data } = ws as { data: unknown };
    return data instanceof BunConnection && data.acceptor === this.#acceptor;
  }
}

const isOurs = (ws: unknown): ws is BunServerSocket =>
  (ws as { data: unknown }).data instanceof BunConnection;

/** Whatever is answered after an upgrade, Bun ignores; a host may want to see a Response. */
const answered = (answer: Response | undefined) => answer ?? new Response(null, { status: 101 });

/** Closes a connection as Bun does for a message that is too big. */
function tooBig(ws: BunServerSocket): void {
  if (isOurs(ws)) ws.data.tooBig = true;
  ws.close(TOO_BIG.code, TOO_BIG.reason);
}

/** The server that a request came to: what Bun hands to `fetch`, wherever a framework has put it. */
function hostOf(request: Request, info: unknown): BunHost | undefined {
  if (isHost(info)) return info;
  const { runtime } = request as { runtime?: { bun?: { server?: unknown } } };
  const given = info ?? runtime;
  const { bun, server } = (given ?? {}) as { bun?: { server?: unknown }; server?: unknown };
  return [given, server, bun?.server].find(isHost);
}

function isHost(found: unknown): found is BunHost {
  const { requestIP, upgrade } = (found ?? {}) as Partial<BunHost>;
  return typeof upgrade === "function" && typeof requestIP === "function";
}

const NO_SERVER =
  "'fetch' was not given Bun's server, which knows where a client is. Pass on what " +
  "the host was given beside the request: mount.fetch(request, server), or mount.fetch(c.req.raw, " +
  "c.env) in Hono";

const STRANGER = "a connection of another's came to the WebSocket handler of this server alone. " +
  "Change this line in the options of Bun.serve: websocket: mount.websocketWith(other), where " +
  "'other' is the other's handler";
