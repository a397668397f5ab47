import type { WebSocketData } from "../../client/types.ts";
import { TOO_BIG } from "../../internal/close_codes.ts";
import { hear } from "../../internal/payload.ts";
import type { HostWebSocketHandler } from "../../server/types.ts";
import type { AcceptOptions, End, ListenerEvents, RequestResult } from "../contract.ts";
import {
  BunConnection,
  type BunServerSocket,
  CompressingConnection,
  type Place,
} from "./connection.ts";

/** The parts of a server of Bun that connections use. */
export interface BunHost {
  /** Where it listens; nothing on a Unix socket. */
  readonly port: number | undefined;
  requestIP(request: Request): { address: string; port: number } | null;
  publish(topic: string, data: WebSocketData, compress?: boolean): number;
  upgrade(request: Request, options: { data: BunConnection; headers?: Headers }): boolean;
}

/** What a {@linkcode BunAcceptor} needs. */
export interface BunAcceptorParts {
  maxPayload: number;
  compression?: boolean | undefined;
  binaryType: AcceptOptions["binaryType"];
  events: ListenerEvents;
  /** Stands before the name of each topic: a host's topics are those of all who share it. */
  topicPrefix: string;
  /** The host was set up wrongly. */
  hostFault(why: string, cause?: unknown): void;
}

/** Turns requests to a server of Bun into connections. */
export class BunAcceptor {
  readonly topicPrefix: string;
  readonly compresses: boolean;
  /** What a host that this is mounted in calls. */
  mounted: HostWebSocketHandler | undefined;
  /** Whether all bytes are given as views. */
  readonly givesViews: boolean;
  /** The servers that there are connections of. */
  readonly places = new Set<Place>();
  /** The one that the last request came to. */
  #last: Place | undefined;
  readonly #parts: BunAcceptorParts;

  constructor(parts: BunAcceptorParts) {
    this.#parts = parts;
    this.topicPrefix = parts.topicPrefix;
    this.compresses = parts.compression === true;
    this.givesViews = parts.binaryType === "uint8array";
  }

  /** What Bun is to call for each connection. */
  handler(): HostWebSocketHandler & { perMessageDeflate: boolean } {
    const { binaryType = "arraybuffer" } = this.#parts;
    return {
      perMessageDeflate: this.compresses,
      maxPayloadLength: this.#parts.maxPayload,
      // Bun's own idle timer never takes a peer for dead while this side keeps sending to it
      // (oven-sh/bun#39255; 1.4.5, `server_socket_quirks_test.ts`), and its Pings come every 4 s at
      // the most.
      idleTimeout: 0,
      sendPings: false,
      // At its own limit Bun drops messages without a word (1.4.5, `server_quirks_test.ts`).
      backpressureLimit: 0,
      closeOnBackpressureLimit: false,
      open: (ws: BunServerSocket) => {
        ws.binaryType = binaryType; // else a Buffer (1.4.5, `server_socket_quirks_test.ts`)
        const connection = ws.data;
        connection.ws = ws;
        if (connection.place.connections++ === 0) this.places.add(connection.place);
        connection.admission.open(connection);
      },
      message: binaryType === "arraybuffer"
        ? (ws: BunServerSocket, data: string | ArrayBuffer) => {
          const { admission, buffers } = ws.data;
          if (buffers === undefined || typeof data === "string") admission.message(data);
          else buffers.buffer(data as unknown as Uint8Array<ArrayBuffer>);
        }
        : (ws: BunServerSocket, data: string | Uint8Array<ArrayBuffer>) =>
          hear(data, ws.data.admission),
      drain: (ws: BunServerSocket) => {
        ws.data.left = ws.getBufferedAmount();
        ws.data.closeOnceDrained();
        ws.data.admission.drained?.();
      },
      ping: (ws: BunServerSocket, data: Uint8Array<ArrayBuffer> | ArrayBuffer) =>
        ws.data.controls?.control("ping", data),
      pong: (ws: BunServerSocket, data: Uint8Array<ArrayBuffer> | ArrayBuffer) => {
        ws.data.admission.alive();
        ws.data.controls?.control("pong", data);
      },
      close: (ws: BunServerSocket, code: number, reason: string) => {
        const { acceptor, admission, held, left, place, tooBig } = ws.data;
        if (--place.connections === 0) acceptor.places.delete(place);
        // When Bun has closed with 1009 it tells 1006 and the reason that it sent (1.4.5,
        // `server_quirks_test.ts`). No Close frame of a peer can say 1006.
        const byBun = code === 1006 && reason === TOO_BIG.reason;
        // Bun tells 0 by now (1.4.5, `server_quirks_test.ts`). After a Close frame of the peer's it goes on
        // sending what is queued.
        const unsent = code === 1006 || held !== undefined ? left : 0;
        const end: End = { code, reason, unsent, tooBig: tooBig || byBun };
        // What broke the protocol Bun says with 1006, too; no Close frame of a peer can say that.
        if (code === 1006 && reason !== "" && !byBun) {
          end.failure = { what: "connection lost", status: "0", cause: new Error(reason) };
        }
        admission.closed(end);
      },
    };
  }

  /** Sends one message to everybody in a topic. */
  readonly publish = (topic: string, data: WebSocketData): void => {
    for (const { host } of this.places) {
      host.publish(this.topicPrefix + topic, data, this.compresses);
    }
  };

  /** Answers a request; `undefined` where it has become a connection. */
  accept(
    request: Request,
    host: BunHost,
    // The address must be read before the upgrade: afterwards Bun has forgotten it (1.4.5,
    // `server_quirks_test.ts`).
    peer: { address: string; port: number } | null = host.requestIP(request),
  ): Response | undefined | Promise<Response | undefined> {
    if (peer === null) return this.#withoutPeer(request);
    const answer = this.#parts.events.request(request, {
      hostname: peer.address,
      port: peer.port,
    });
    return answer instanceof Promise
      ? answer.then(this.#respond.bind(this, host, request)) // no closure: all requests would pay for it
      : this.#respond(host, request, answer);
  }

  #withoutPeer({ signal }: Request): Response | Promise<Response> {
    if (signal.aborted) return new Response(null, { status: 400 }); // gone already
    return aborts(signal).then((hasLeft) => {
      if (!hasLeft) this.#parts.hostFault(USED_UP);
      return new Response(null, { status: hasLeft ? 400 : 500 });
    });
  }

  #respond(host: BunHost, request: Request, answer: RequestResult): Response | undefined {
    if (answer instanceof Response) return answer;
    // Without this header Bun answers with the first subprotocol offered (1.4.5,
    // `server_quirks_test.ts`). With an empty one it sends none (`server_socket_quirks_test.ts`).
    const offers = answer.offers ?? request.headers.has("sec-websocket-protocol");
    const headers = answer.headers ?? (offers ? new Headers() : undefined);
    if (offers) headers!.set("sec-websocket-protocol", answer.protocol);
    const Connection = this.compresses ? CompressingConnection : BunConnection;
    const data = new Connection(this, answer, this.#placeOf(host));
    const options = headers === undefined ? { data } : { data, headers };
    try {
      // Bun calls the handler's `open` within this call (1.4.5, `server_quirks_test.ts`).
      if (host.upgrade(request, options)) {
        if (data.ws === undefined) this.#failed(data, NOT_OURS);
        return undefined;
      }
    } catch (cause) {
      this.#failed(data, NO_HANDLER, cause);
      return new Response(null, { status: 500 });
    }
    if (request.signal.aborted) { // gone meanwhile
      answer.closed({ code: 0, reason: "", failure: { what: "upgrade", status: "400" } });
      return new Response(null, { status: 400 });
    }
    this.#failed(data, USED_UP);
    return new Response(null, { status: 500 });
  }

  #placeOf(host: BunHost): Place {
    if (this.#last?.host === host) return this.#last;
    for (const place of this.places) if (place.host === host) return this.#last = place;
    return this.#last = { host, connections: 0 };
  }

  /** There is no connection, for a fault of the host's. */
  #failed({ admission }: BunConnection, why: string, cause?: unknown): void {
    admission.closed({ code: 0, reason: "", failure: { what: "upgrade", status: "500", cause } });
    this.#parts.hostFault(why, cause);
  }
}

/**
 * Whether a client has left whose address is not known any more: Bun says so a turn or two later (1.4.5,
 * `mount_quirks_test.ts`).
 */
async function aborts(signal: AbortSignal): Promise<boolean> {
  for (let turns = 0; turns < 10 && !signal.aborted; turns++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return signal.aborted;
}

const USED_UP = "the request is none that waits for an answer: it was answered or upgraded " +
  "already, or it is a copy. Pass it to 'fetch' as the host was given it, once";

const NO_HANDLER =
  "the host has no WebSocket handler. Add this line to the options of Bun.serve: " +
  "websocket: mount.websocket";

const NOT_OURS = "the host has another's WebSocket handler. Change this line in the options of " +
  "Bun.serve: websocket: mount.websocketWith(other), where 'other' is what stands there now";
