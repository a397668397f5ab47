/** What is measured of the connections of one side. Not part of the public API. */

import type { Clock } from "../heartbeat.ts";
import type { ClientHandshake, DropReason, ServerHandshake } from "../internal/observer.ts";
import { type Instruments, instruments } from "./instruments.ts";
import type {
  OtelApi,
  OtelAttributes,
  OtelLogger,
  OtelMeter,
  OtelSpan,
  OtelSpanContext,
  OtelTracer,
} from "./types.ts";

/** The kinds and the status of OpenTelemetry's API that are needed here. */
const SERVER = 1;
const CLIENT = 2;
const CONSUMER = 4;
const ERROR = 2;

/** The severities that are needed here. */
const INFO = 9;
const WARN = 13;

/** What is measured with, of the options. */
export interface Telemetry {
  meter: OtelMeter;
  tracer: OtelTracer | undefined;
  logger: OtelLogger | undefined;
  api: OtelApi | undefined;
  clock: Clock;
  connectionSpans: boolean;
  messageSpans: boolean;
  /** What everything has. */
  attributes: OtelAttributes;
}

/** A connection that is open. */
interface Open {
  since: number;
  span: OtelSpan | undefined;
  /** The span of its handshake, for links. */
  links: { context: OtelSpanContext }[];
  /** Who it is, for spans and events; never for metrics. */
  who: OtelAttributes;
  /** Why it was dropped, if it was. */
  error: OtelAttributes | undefined;
}

/** Measures the connections of one side. */
export class Side {
  readonly #telemetry: Telemetry;
  readonly #kind: number;
  readonly #instruments: Instruments;
  readonly #attributes: OtelAttributes;
  readonly #received: OtelAttributes;
  readonly #sent: OtelAttributes;
  readonly #open = new WeakMap<object, Open>();
  /** The spans of a server's handshakes that are not decided. */
  readonly #shaking = new WeakMap<object, OtelSpan>();

  constructor(name: "server" | "client", telemetry: Telemetry) {
    const { attributes, meter } = telemetry;
    this.#telemetry = telemetry;
    this.#kind = name === "server" ? SERVER : CLIENT;
    this.#instruments = instruments(name, meter);
    this.#attributes = attributes;
    this.#received = { ...attributes, "network.io.direction": "receive" };
    this.#sent = { ...attributes, "network.io.direction": "transmit" };
  }

  /** A server's handshake begins. */
  asked(handshake: ServerHandshake): void {
    const { api, attributes, tracer } = this.#telemetry;
    if (tracer === undefined) return;
    const options = { kind: SERVER, attributes: { ...attributes, ...clientOf(handshake) } };
    // The runtime's own span of the request is the parent, where there is one.
    const active = api?.context.active();
    const context = active !== undefined && api!.trace.getSpan(active) === undefined
      ? api!.propagation.extract(api!.ROOT_CONTEXT, handshake.trace ?? {})
      : active;
    this.#shaking.set(handshake, tracer.startSpan("websocket handshake", options, context));
  }

  /** A handshake has ended, well or not. Gives its span. */
  decided(handshake: ClientHandshake | ServerHandshake): OtelSpan | undefined {
    const { status, reason, duration } = handshake;
    // Where a client was answered with an HTTP status, that is the error's type, as for HTTP.
    const type = reason === "http_status" ? String(status) : reason;
    const result = {
      ...(status !== undefined && { "http.response.status_code": status }),
      ...(type !== undefined && { "error.type": type }),
    };
    const target = isClients(handshake) ? serverOf(handshake) : {};
    const attributes = { ...this.#attributes, ...target, ...result };
    this.#instruments.handshake.record(duration / 1000, attributes);
    const span = this.#shaking.get(handshake) ?? this.#dialled(handshake, target);
    if (span === undefined) return undefined;
    span.setAttributes(result);
    // A server that refuses has done what it should, unless the fault is its own.
    const isFault = isClients(handshake) || status === 500;
    if (type !== undefined && isFault) span.setStatus({ code: ERROR, message: type });
    span.end();
    return span;
  }

  opened(who: object, handshake: ClientHandshake | ServerHandshake): void {
    const { clock, connectionSpans, tracer } = this.#telemetry;
    const target = isClients(handshake) ? serverOf(handshake) : clientOf(handshake);
    // Counted first: a tracer may throw.
    const links: Open["links"] = [];
    const open: Open = {
      ...{ since: clock.now(), span: undefined, links, who: target, error: undefined },
    };
    this.#open.set(who, open);
    this.#instruments.active.add(1, this.#attributes);
    const context = this.decided(handshake)?.spanContext?.();
    if (context !== undefined) links.push({ context });
    this.#log("opened", INFO, target);
    if (!connectionSpans) return;
    open.span = tracer?.startSpan("websocket connection", {
      kind: this.#kind,
      attributes: { ...this.#attributes, ...target },
      root: true,
      links,
    });
  }

  /** Calls the listeners of a message, in a trace of their own. */
  handling(who: object, api: OtelApi, run: () => Promise<unknown> | undefined): void {
    const { attributes, messageSpans, tracer } = this.#telemetry;
    if (!messageSpans) return void api.context.with(api.ROOT_CONTEXT, run);
    const { links, who: client } = this.#open.get(who)!;
    const span = tracer!.startSpan("websocket message", {
      kind: CONSUMER,
      attributes: { ...attributes, ...client },
      root: true,
      links,
    });
    const atWork = api.context.with(api.trace.setSpan(api.ROOT_CONTEXT, span), run);
    if (atWork === undefined) span.end();
    else void atWork.then(() => span.end());
  }

  dropped(who: object, why: DropReason): void {
    const error = { "error.type": why.replace(" ", "_") };
    const open = this.#open.get(who);
    if (open !== undefined) open.error = error;
    open?.span?.setStatus({ code: ERROR, message: why });
    this.#instruments.dropped.add(1, { ...this.#attributes, ...error });
    this.#log("dropped", WARN, { ...open?.who, ...error });
  }

  closed(who: object, { code, reason }: { code: number; reason: string }): void {
    const open = this.#open.get(who)!;
    this.#open.delete(who);
    const { since, span, error } = open;
    this.#instruments.active.add(-1, this.#attributes);
    const seconds = (this.#telemetry.clock.now() - since) / 1000;
    this.#instruments.duration.record(seconds, {
      ...this.#attributes,
      "websocket.close.code": bounded(code),
      ...error,
    });
    const end = { "websocket.close.code": code, "websocket.close.reason": reason, ...error };
    this.#log("closed", INFO, { ...open.who, ...end });
    span?.setAttributes(end);
    span?.end();
  }

  received(bytes: number): void {
    this.#instruments.messages.add(1, this.#received);
    this.#instruments.io.add(bytes, this.#received);
  }

  sent(bytes: number): void {
    this.#instruments.messages.add(1, this.#sent);
    this.#instruments.io.add(bytes, this.#sent);
  }

  ponged(ms: number): void {
    this.#instruments.ping.record(ms / 1000, this.#attributes);
  }

  unsent(bytes: number): void {
    this.#instruments.unsent.add(bytes, this.#attributes);
  }

  /** The span of a client's attempt, which is told of when it is over. */
  #dialled(
    handshake: ClientHandshake | ServerHandshake,
    target: OtelAttributes,
  ): OtelSpan | undefined {
    if (!isClients(handshake)) return undefined;
    return this.#telemetry.tracer?.startSpan("websocket handshake", {
      kind: CLIENT,
      attributes: { ...this.#attributes, ...target },
      startTime: Date.now() - handshake.duration,
    });
  }

  #log(what: string, severityNumber: number, attributes: OtelAttributes): void {
    this.#telemetry.logger?.emit({
      eventName: `websocket.connection.${what}`,
      severityNumber,
      attributes: { ...this.#attributes, ...attributes },
    });
  }
}

/** Where a client has connected to. */
function serverOf({ scheme, host, port }: ClientHandshake): OtelAttributes {
  if (scheme === undefined) return {};
  return { "url.scheme": scheme, "server.address": host!, "server.port": port! };
}

/** Who has connected to a server, and by which proxy. */
function clientOf({ clientIP, clientPort, peerIP }: ServerHandshake): OtelAttributes {
  return {
    "client.address": clientIP,
    // Behind a proxy the port is the proxy's.
    ...(clientIP === peerIP && { "client.port": clientPort }),
    "network.peer.address": peerIP,
    "network.peer.port": clientPort,
  };
}

function isClients(handshake: ClientHandshake | ServerHandshake): handshake is ClientHandshake {
  return !("peerIP" in handshake);
}

/** A close code of so few values that metrics can have it: a peer may choose any from 3000 to 4999. */
function bounded(code: number): number {
  return code < 1016 ? code : Math.floor(code / 1000) * 1000;
}
