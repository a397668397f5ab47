/** What is behind a socket that is one of a server's connections. Not part of the public API. */

import type { CloseResult, WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { isSendable } from "../internal/close_frame.ts";
import { isAllowed } from "../internal/close_options.ts";
import { byteLength, exceeds } from "../internal/payload.ts";
import { ACCEPTED } from "../internal/result.ts";
import type { ServerConnection } from "../server/connection.ts";
import type { ConnectionEars } from "../server/connection_ears.ts";
import { dispatchOn } from "./dispatch.ts";
import type { Link } from "./link.ts";
import { listenTo, type ShapedServer, shut } from "./server_hub.ts";
import { CLOSED, CLOSING, OPEN, SocketModel, tooBig } from "./socket_model.ts";

/** The state of a server's socket, and what is below it, in one: there is one for each connection. */
export class ServerModel extends SocketModel implements Link, ConnectionEars {
  readonly #server: ShapedServer;
  readonly #connection: ServerConnection;

  constructor(target: EventTarget, server: ShapedServer, connection: ServerConnection) {
    super(target);
    this.#server = server;
    this.#connection = connection;
    listenTo(server, connection, this);
  }

  get url(): string {
    return this.#connection.url;
  }

  get protocol(): string {
    return this.#connection.protocol;
  }

  /** No runtime tells a server what it has agreed on. */
  get extensions(): string {
    return "";
  }

  get origin(): string {
    return "";
  }

  get queues(): boolean {
    return false;
  }

  protected override get link(): Link | undefined {
    return this.isOver ? undefined : this;
  }

  get state(): number {
    const { state } = this.#connection;
    return state === "open" ? OPEN : STATES[state];
  }

  get queued(): number {
    return this.#connection.bufferedAmount;
  }

  /** A server may close with the protocol's codes, too (RFC 6455 §7.4.1). */
  override allows(code: number): boolean {
    return isAllowed(code) && isSendable(code);
  }

  /** For what finds no room the peer is dropped, or 'error' is told. */
  admit(bytes: number): void {
    const { maxPayload } = this.#connection.host;
    if (bytes > maxPayload) throw tooBig(maxPayload, bytes);
  }

  transmit(data: WebSocketData): void {
    if (this.#connection.sendAtOnce(data)) return;
    const { host: { maxPayload }, handle } = this.#connection;
    if (exceeds(data, maxPayload)) throw tooBig(maxPayload, byteLength(data));
    const sent = this.#server.send(data, handle);
    if (sent !== ACCEPTED) sent.catch((error: BusinessError) => this.failed(error));
  }

  ask(data: WebSocketData): Promise<boolean> {
    return this.#server.send(data, this.#connection.handle, { acknowledge: true });
  }

  shut(code: number | undefined, reason: string): void {
    shut(this.#connection, code, reason);
  }

  /** Also one whose 'close' was told as this side closed, while the peer has not answered. */
  override terminate(): void {
    this.#connection.terminate();
  }

  probe(): void {
    const { host } = this.#connection;
    if (host.canPing) host.heartbeat.probe(this.#connection);
  }

  closed({ code, reason }: CloseResult): void {
    const wasClean = code !== 1006;
    const error = wasClean ? undefined : businessError("lost", "the connection was lost");
    this.ended({ code, reason: wasClean ? reason : "", wasClean, error }, true);
  }

  ponged(): void {
    // Nothing of the standard tells it.
  }

  override dispatch(event: Event): boolean {
    return dispatchOn(this.target, event, (event) => this.handleEvent(event));
  }
}

const STATES = { admitted: OPEN, closing: CLOSING, closed: CLOSED };
