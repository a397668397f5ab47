/** What is below a socket that is one of a server's connections. Not part of the public API. */

import type { CloseResult, WebSocketData } from "../client/types.ts";
import { type BusinessError, businessError } from "../errors.ts";
import { ACCEPTED } from "../internal/result.ts";
import { byteLength, exceeds } from "../internal/payload.ts";
import type { ServerConnection } from "../server/connection.ts";
import { type ConnectionEars, listenTo, type ShapedServer } from "./server_hub.ts";
import { CLOSED, CLOSING, type Link, noRoom, OPEN, type SocketModel } from "./socket_model.ts";

/** A connection of a server, below a socket. */
export class ServerLink implements Link, ConnectionEars {
  readonly queues = false;
  /** What shows it. */
  readonly model: SocketModel;
  readonly #server: ShapedServer;
  readonly #connection: ServerConnection;

  constructor(model: SocketModel, server: ShapedServer, connection: ServerConnection) {
    this.model = model;
    this.#server = server;
    this.#connection = connection;
    listenTo(server, connection, this);
  }

  get readyState(): number {
    return STATES[this.#connection.state];
  }

  get bufferedAmount(): number {
    return this.#connection.bufferedAmount;
  }

  /** A server may close with the protocol's codes, too (RFC 6455 §7.4.1). */
  allows(code: number): boolean {
    const isOfProtocol = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
    return isOfProtocol || (code >= 3000 && code <= 4999);
  }

  send(data: WebSocketData): void {
    const { host: { maxPayload }, handle } = this.#connection;
    if (exceeds(data, maxPayload)) {
      throw noRoom(`'maxPayload' is ${maxPayload}: current value has ${byteLength(data)} bytes`);
    }
    const sent = this.#server.send(data, handle);
    if (sent !== ACCEPTED) sent.catch((error: BusinessError) => this.model.failed(error));
  }

  close(code: number | undefined, reason: string): void {
    // What is refused has begun to close already.
    this.#server.close(this.#connection.handle, { code: code ?? 1000, reason }).catch(() => {});
  }

  terminate(): void {
    this.#connection.drop();
  }

  ping(): void {
    const { host } = this.#connection;
    if (host.canPing) host.heartbeat.probe(this.#connection);
  }

  message(data: string | ArrayBuffer): void {
    this.model.message(data);
  }

  closed({ code, reason }: CloseResult): void {
    const wasClean = code !== 1006;
    const error = wasClean ? undefined : businessError("lost", "the connection was lost");
    this.model.ended({ code, reason: wasClean ? reason : "", wasClean, error }, true);
  }
}

const STATES = { admitted: OPEN, open: OPEN, closing: CLOSING, closed: CLOSED };
